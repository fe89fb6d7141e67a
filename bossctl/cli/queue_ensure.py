"""`bossctl queue ensure`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bossctl.cli.options import settings_of
from bossctl.cli.output import Format, OutputOption, Printer
from bossctl.errors import Exit, UsageError

if TYPE_CHECKING:
    from bossctl.cli import ensuring
    from bossctl.cli.settings import Settings
    from bossctl.models.operations import QueueSpec
    from bossctl.models.queues import OptionValue

Text = str | None
Flag = bool | None


@dataclass(frozen=True)
class Modes:
    """How to go about it."""

    check: bool
    dry_run: bool
    show_sql: bool
    prune: bool

    @property
    def apply(self) -> bool:
        """Whether anything may be written."""
        return not (self.check or self.dry_run)


def _option(flags: str, metavar: str | None, text: str) -> Any:
    return typer.Option(*flags.split(), metavar=metavar, help=text, show_default=False)


def ensure_queues(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Queues that must exist.", show_default=False)
    ] = None,
    policy: Annotated[Text, _option("--policy", "P", "standard, short, singleton, stately, exclusive …")] = None,
    retry_limit: Annotated[Text, _option("--retry-limit", "N", "How often a failed job is tried again.")] = None,
    retry_delay: Annotated[Text, _option("--retry-delay", "D", "The pause before it is: 90, 90s, 15m, 2h, 7d.")] = None,
    retry_backoff: Annotated[Flag, _option("--retry-backoff/--no-retry-backoff", None, "The pause doubles.")] = None,
    retry_delay_max: Annotated[Text, _option("--retry-delay-max", "D", "The longest pause; needs backoff.")] = None,
    expire_in: Annotated[Text, _option("--expire-in", "D", "How long a job may run, 24h at most.")] = None,
    retention: Annotated[Text, _option("--retention", "D", "How long a job may wait before it is removed.")] = None,
    delete_after: Annotated[Text, _option("--delete-after", "D", "How long a finished job is kept.")] = None,
    dead_letter: Annotated[Text, _option("--dead-letter", "Q", "Where jobs go that failed for good; or none.")] = None,
    warning_queued: Annotated[Text, _option("--warning-queued", "N", "Warn when more jobs wait; 0 never.")] = None,
    heartbeat: Annotated[Text, _option("--heartbeat", "D", "How long a worker may be silent, from 10s on.")] = None,
    notify: Annotated[Flag, _option("--notify/--no-notify", None, "A new job wakes its worker at once.")] = None,
    partition: Annotated[bool, _option("--partition", None, "Give the queue a table of its own.")] = False,
    file: Annotated[Text, _option("--file -f", "FILE", "TOML or JSON with many queues; - is stdin.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 when something would.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; print what would be done.")] = False,
    show_sql: Annotated[bool, typer.Option("--show-sql", help="Also print the statements.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Also list queues that are not in the file.")] = False,
    output: OutputOption = Format.TABLE,
) -> int:
    """Make sure that queues exist and have these options.

    What is absent is created through the schema's own create_queue; where a queue exists, only options given that
    differ are changed. Never asks; any number may run at once.

    \b
    Example:
      bossctl queue ensure email --retry-limit 5 --retry-delay 30s --dead-letter email-dead
    """
    given: dict[str, Text | Flag] = {
        "policy": policy,
        "retry_limit": retry_limit,
        "retry_delay": retry_delay,
        "retry_backoff": retry_backoff,
        "retry_delay_max": retry_delay_max,
        "expire_in": expire_in,
        "retention": retention,
        "delete_after": delete_after,
        "dead_letter": dead_letter,
        "warning_queued": warning_queued,
        "heartbeat": heartbeat,
        "notify": notify,
        "partition": partition or None,
    }
    modes = Modes(check, dry_run, show_sql, prune)
    specs = _specs(names or [], file, {name: value for name, value in given.items() if value is not None}, prune)
    return _ensure(settings_of(ctx), specs, Printer(settings_of(ctx), output), modes)


def _specs(names: Sequence[str], file: str | None, given: Mapping[str, str | bool], prune: bool) -> list[QueueSpec]:
    from bossctl.models.operations import QueueSpec

    if file is None:
        if not names:
            raise UsageError(
                "Missing argument 'NAME': name queues, or a file of them with -f", "bossctl queue ensure --help"
            )
        if prune:
            raise UsageError("--prune compares the database with a file", "name the file with -f")
        options = {name: _value(name, value) for name, value in given.items()}
        return [QueueSpec(name, options) for name in dict.fromkeys(names)]
    if names or given:
        what = "names of queues" if names else f"--{next(iter(given)).replace('_', '-')}"
        raise UsageError(f"{what} and --file exclude each other", "write them into the file")
    return _read(file)


def _value(name: str, given: str | bool) -> OptionValue:
    from bossctl.models.options import OPTIONS, from_text

    if isinstance(given, bool):
        return given
    try:
        return from_text(name, given)
    except UsageError as error:
        raise UsageError(f"{OPTIONS[name].flag}: {error}", error.hint) from None


def _read(file: str) -> list[QueueSpec]:
    from bossctl.files import read_stream, read_whole
    from bossctl.models.queuefile import load

    try:
        content = read_stream(sys.stdin.buffer, "stdin") if file == "-" else read_whole(Path(file))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {file}: {getattr(error, 'strerror', None) or 'it is no file name'}") from None
    return list(load(content, "stdin" if file == "-" else file))


def _ensure(settings: Settings, specs: list[QueueSpec], printer: Printer, modes: Modes) -> int:
    from bossctl.cli import bridge, ensuring, talk

    if modes.apply and settings.spec().read_only:
        raise UsageError("queue ensure may write, and this connection is read-only", "--check and --dry-run only look")
    outcome = ensuring.Outcome()
    try:
        bridge.read(settings, lambda store: ensuring.ensure_all(store, specs, outcome, modes.apply, prune=modes.prune))
    except KeyboardInterrupt:
        if outcome.applied:
            _print(printer, outcome, modes)
            talk.say(f"note: interrupted; {ensuring.left_undone(outcome, specs)}")
        raise
    if outcome.results or outcome.failure is None:
        _print(printer, outcome, modes)
    if not modes.apply:
        talk.say(f"note: nothing was changed in {outcome.target} (from {outcome.target.source})")
    if outcome.failure is None:
        return ensuring.exit_code(outcome.results, check=modes.check, surplus=bool(outcome.surplus))
    if not outcome.applied:
        raise outcome.failure
    talk.error(str(outcome.failure), outcome.failure.hint)
    talk.say(f"note: {ensuring.left_undone(outcome, specs)}")
    return Exit.PARTLY


def _print(printer: Printer, outcome: ensuring.Outcome, modes: Modes) -> None:
    from bossctl.cli import shapes, talk
    from bossctl.cli.views import ensuring as views

    if printer.human:
        views.ensured(printer, outcome.results, show_sql=modes.show_sql)
    else:
        body = {"queues": [shapes.ensured(one, statements=modes.show_sql) for one in outcome.results]}
        extra = {"surplus": outcome.surplus} if modes.prune else {}
        printer.rows(body | extra, "queues", shapes.ENSURED_KEYS)
    views.hints(outcome.results)
    if modes.prune:
        views.surplus(printer, outcome.surplus)
    if not outcome.results and not outcome.surplus:
        talk.say("note: the file names no queues")

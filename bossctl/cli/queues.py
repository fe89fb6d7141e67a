"""`bossctl queue list`, `show` and `ensure`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bossctl.cli.options import settings_of
from bossctl.cli.output import Format, OutputOption, Printer
from bossctl.errors import UsageError

if TYPE_CHECKING:
    from bossctl.cli.settings import Settings
    from bossctl.models.operations import QueueSpec


def list_queues(ctx: typer.Context, output: OutputOption = Format.TABLE) -> None:
    """List the queues with their counts per state.

    Also the age of the oldest due job, the failures of the last hour, the policy and the dead-letter queue.

    \b
    Example:
      bossctl queue list -o json
    """
    from bossctl.cli import bridge, shapes
    from bossctl.cli.views import queues as views

    printer = Printer(settings_of(ctx), output)
    overview = bridge.read(settings_of(ctx), lambda store: store.overview())
    if not printer.human:
        printer.rows({"queues": [shapes.queue(one) for one in overview.queues]}, "queues", ("queue",))
    else:
        views.queue_list(printer, overview)


def show_queue(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The queue's name.", show_default=False)],
    output: OutputOption = Format.TABLE,
) -> None:
    """Show everything about one queue.

    \b
    Example:
      bossctl queue show email
    """
    from bossctl.cli import bridge, shapes
    from bossctl.cli.views import queues as views

    printer = Printer(settings_of(ctx), output)
    detail = bridge.read(settings_of(ctx), lambda store: store.queue(name))
    if not printer.human:
        printer.rows({"queues": [shapes.queue_detail(detail)]}, "queues")
    else:
        views.queue_detail(printer, detail)


def ensure_queues(
    ctx: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Queues that must exist.", show_default=False)],
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 when something would.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; print what would be done.")] = False,
    show_sql: Annotated[bool, typer.Option("--show-sql", help="Also print the statements.")] = False,
    output: OutputOption = Format.TABLE,
) -> int:
    """Make sure that queues exist.

    What is absent is created through the schema's own create_queue. Never asks; any number may run at once.

    \b
    Example:
      bossctl queue ensure email email-dead
    """
    from bossctl.models.operations import QueueSpec

    specs = [QueueSpec(name) for name in dict.fromkeys(names)]
    return _ensure(settings_of(ctx), specs, Printer(settings_of(ctx), output), (check, dry_run, show_sql))


def _ensure(settings: Settings, specs: list[QueueSpec], printer: Printer, modes: tuple[bool, bool, bool]) -> int:
    from bossctl.cli import bridge, ensuring, shapes, talk
    from bossctl.cli.views import queues as views

    check, dry_run, show_sql = modes
    apply = not (check or dry_run)
    if apply and settings.spec().read_only:
        raise UsageError("queue ensure may write, and this connection is read-only", "--check and --dry-run only look")
    target, results, failure = bridge.read(settings, lambda store: ensuring.ensure_all(store, specs, apply=apply))
    if results or failure is None:
        if not printer.human:
            body = [shapes.ensured(one, statements=show_sql) for one in results]
            printer.rows({"queues": body}, "queues")
        else:
            views.ensured(printer, results, show_sql=show_sql)
    if not apply:
        talk.say(f"note: nothing was changed in {target} (from {target.source})")
    if failure is not None:
        raise failure
    return ensuring.exit_code(results, check=check)

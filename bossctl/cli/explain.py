"""`bossctl job explain` and `bossctl job errors`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bossctl.cli.options import settings_of
from bossctl.cli.output import Format, OutputOption, Printer

if TYPE_CHECKING:
    from bossctl.models.common import Target
    from bossctl.models.explanation import Explanation
    from bossctl.models.job_errors import JobErrors

ERROR_KEYS = (
    *("fingerprint", "message", "queue", "count", "last_hour", "last_day", "last_week", "sample_id", "selector"),
)


def explain_job(
    ctx: typer.Context,
    job_id: Annotated[str, typer.Argument(metavar="ID", help="The job's id.", show_default=False)],
    output: OutputOption = Format.TABLE,
) -> None:
    """Say why a job has not run, or what is known of its runs.

    Each reason says how sure it is: certain (the rows prove it), likely, possible, or unknown to the database.

    \b
    Example:
      bossctl job explain 7a9d2c1e-0b7e-4e52-9d0e-0d4a2b1c3d4e
    """
    from bossctl.cli import bridge, talk
    from bossctl.cli.views import explain as views
    from bossctl.explain import explain

    printer = Printer(settings_of(ctx), output)

    async def work(store: Any) -> tuple[tuple[Explanation, ...], Target]:
        return await explain(store, job_id, full=not printer.human), store.target

    found, target = bridge.read(settings_of(ctx), work)
    if printer.human:
        views.explanations(printer, found)
        for hint in dict.fromkeys(typed(one.next, target) for one in found):
            talk.say(f"hint: {hint}")
        return
    shapes = [_explained(one, target) for one in found]
    if printer.format is Format.JSON:
        printer.single({**shapes[0], "others": shapes[1:]})
    else:
        printer.rows({"explanations": shapes}, "explanations")


def job_errors(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="SELECTOR", help="Which jobs: queue:email, newer:1d, key:a.", show_default=False),
    ] = None,
    queue: Annotated[
        list[str] | None,
        typer.Option("--queue", "-q", metavar="GLOB", help="The same as queue:GLOB.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", help="Groups to show.", show_default=True)] = 20,
    output: OutputOption = Format.TABLE,
) -> None:
    """Group failed jobs by what they failed of.

    Ids, numbers, paths and quoted values count as equal. Each group comes with a selector to paste; with no state
    asked for, jobs that failed for good are meant.

    \b
    Example:
      bossctl job errors queue:email newer:1d
    """
    from bossctl.cli import bridge
    from bossctl.cli.jobs import selector_of
    from bossctl.cli.views import explain as views

    settings = settings_of(ctx)
    selector = selector_of(words or [], queue or [], [])
    printer = Printer(settings, output)
    found = bridge.read(settings, lambda store: store.job_errors(selector, limit=limit))
    if printer.human:
        views.error_groups(printer, found)
    else:
        printer.rows(_errors(found), "errors", ERROR_KEYS)
    views.error_notes(printer, found)


def typed(words: Sequence[str], target: Target) -> str:
    """The words as a command line that reaches the same schema from the same shell."""
    where = ["--context", target.context] if target.context else []
    if target.schema != "pgboss":
        where += ["--schema", target.schema]
    return shlex.join(("bossctl", *where, *words))


def _explained(one: Explanation, target: Target) -> dict[str, Any]:
    from bossctl.cli import shapes

    return {
        "job": shapes.job(one.job),
        "verdict": one.verdict,
        "reasons": [_fields(reason, "code", "holds", "text", "ids", "until") for reason in one.reasons],
        "attempts": [
            _fields(attempt, "attempt", "through", "outcome", "holds", "text", "started_on", "ended_on")
            for attempt in one.attempts
        ],
        "unknown": [_fields(unknown, "code", "text") for unknown in one.unknown],
        "hint": typed(one.next, target),
    }


def _errors(found: JobErrors) -> dict[str, Any]:
    return {"errors": [_fields(one, *ERROR_KEYS) for one in found.groups], "groups": found.total, "jobs": found.jobs}


def _fields(value: object, *names: str) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}

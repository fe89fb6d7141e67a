"""`bossctl job list` and `show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bossctl.cli.options import settings_of
from bossctl.cli.output import Format, OutputOption, Printer

if TYPE_CHECKING:
    from bossctl.selector import Selector


def list_jobs(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SELECTOR", help="Which jobs: ids, queue:email, state:failed, is:due.", show_default=False
        ),
    ] = None,
    queue: Annotated[
        list[str] | None,
        typer.Option("--queue", "-q", metavar="GLOB", help="The same as queue:GLOB.", show_default=False),
    ] = None,
    state: Annotated[
        list[str] | None, typer.Option("--state", metavar="STATE", help="The same as state:STATE.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", help="Jobs on a page.", show_default=True)] = 50,
    after: Annotated[
        str | None, typer.Option("--after", metavar="CURSOR", help="Go on after the page that ended with CURSOR.")
    ] = None,
    output: OutputOption = Format.TABLE,
) -> None:
    """List jobs, newest first.

    Several words of a selector must all hold; OR, NOT and parentheses combine them.

    \b
    Example:
      bossctl job list queue:email state:failed --limit 20
    """
    from bossctl.cli import bridge, shapes
    from bossctl.cli.views import jobs as views

    settings = settings_of(ctx)
    selector = selector_of(words or [], queue or [], state or [])
    printer = Printer(settings, output)
    page = bridge.read(settings, lambda store: store.jobs(selector, limit=limit, after=after))
    if not printer.human:
        body = {"jobs": [shapes.job_row(row) for row in page.jobs], "next": page.next}
        printer.rows(body, "jobs", shapes.JOB_KEYS)
    else:
        views.job_list(printer, page)
    views.page_notes(printer, page)


def show_job(
    ctx: typer.Context,
    job_id: Annotated[str, typer.Argument(metavar="ID", help="The job's id.", show_default=False)],
    full: Annotated[
        bool, typer.Option("--full", help="Print big payloads whole; json, jsonl and csv always do.")
    ] = False,
    output: OutputOption = Format.TABLE,
) -> None:
    """Show one job: its fields, history, payload and output.

    \b
    Example:
      bossctl job show 7a9d2c1e-0b7e-4e52-9d0e-0d4a2b1c3d4e
    """
    from bossctl.cli import bridge, shapes
    from bossctl.cli.views import jobs as views

    printer = Printer(settings_of(ctx), output)
    whole = full or not printer.human
    found = bridge.read(settings_of(ctx), lambda store: store.jobs_with_id(job_id, full=whole))
    if not printer.human:
        printer.rows({"jobs": [shapes.job(one) for one in found]}, "jobs")
    else:
        views.jobs_in_detail(printer, found)


def selector_of(words: list[str], queues: list[str], states: list[str]) -> Selector | None:
    """The words as one expression, and each option's values as alternatives, all of which must hold."""
    from bossctl.selector import And, Expr, Or, QueueGlob, parse

    parts: list[Expr] = [parse(" ".join(words))] if words else []
    globs = tuple(QueueGlob(pattern) for pattern in queues)
    if globs:
        parts.append(globs[0] if len(globs) == 1 else Or(globs))
    if states:
        parts.append(parse(f"state:{','.join(states)}"))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else And(tuple(parts))

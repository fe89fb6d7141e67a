"""`bossctl log` and `bossctl undo`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bossctl.cli.job_actions import DryRun, ShowSql, Yes
from bossctl.cli.options import settings_of
from bossctl.cli.output import Format, OutputOption, Printer
from bossctl.errors import Exit, UsageError

if TYPE_CHECKING:
    from bossctl.cli.settings import Settings
    from bossctl.models.common import Target
    from bossctl.models.jobactions import ActionOutcome, Operation
    from bossctl.models.undo import UndoPlan
    from bossctl.store import Store


def log(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", help="How many.", show_default=True)] = 50,
    prune: Annotated[
        str | None, typer.Option("--prune", metavar="D", help="Forget operations older than D instead: no undo then.")
    ] = None,
    yes: Yes = False,
    output: OutputOption = Format.TABLE,
) -> int:
    """List what was done to jobs with bossctl, newest first.

    From the schema bossctl of the database where there is one, and from this machine's own files. Nothing is forgotten
    until --prune says so; archived jobs stay in any case.

    \b
    Example:
      bossctl log -o json
    """
    from bossctl.cli import bridge, shapes, talk
    from bossctl.cli.views import records as views

    if limit < 1:
        raise UsageError("--limit must be at least 1")
    printer = Printer(settings_of(ctx), output)
    if prune is not None:
        return _prune(settings_of(ctx), printer, prune, yes=yes)
    found, hidden = bridge.read(settings_of(ctx), lambda store: _operations(store, limit))
    if hidden:
        talk.say(f"note: {hidden}")
    if not printer.human:
        rows = [shapes.operation(one) for one in found]
        printer.rows({"operations": rows}, "operations", shapes.OPERATION_KEYS)
    else:
        views.operations(printer, found)
    return Exit.OK


def _prune(settings: Settings, printer: Printer, age: str, *, yes: bool) -> int:
    """Forget what is older, after a yes."""
    from bossctl.actions import Operator
    from bossctl.cli import asking, bridge, talk
    from bossctl.cli.settings import seconds

    if settings.spec().read_only:
        raise UsageError("log --prune writes, and this connection is read-only")
    asking.need_somebody(yes, "log --prune")
    older = seconds(age, "--prune")
    old = bridge.read(settings, lambda store: Operator(store).prunable(older))
    done = 0
    if old.hidden:
        talk.say(f"note: {old.hidden}")
    if old.count:
        if not yes:
            asking.agreed(
                f"forget {old.count:,} operations before {old.before:%Y-%m-%d %H:%M} UTC: no undo of them then"
            )
        done = bridge.read(settings, lambda store: Operator(store).prune(old))
    if printer.human:
        printer.text(f"{done:,} operations forgotten\n")
    else:
        printer.single({"pruned": done})
    return Exit.OK


def undo(
    ctx: typer.Context,
    operation: Annotated[
        str | None,
        typer.Argument(metavar="OPERATION", help="Which one, as bossctl log names it; yours last.", show_default=False),
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    show_sql: ShowSql = False,
    output: OutputOption = Format.TABLE,
) -> int:
    """Take back an operation as far as its jobs are as it left them.

    What has changed since stays as it is, with the reason; a cancelled job that was active is not made active again.

    \b
    Example:
      bossctl undo --dry-run
    """
    from bossctl.cli import asking, bridge, talk
    from bossctl.cli.acting import exit_code
    from bossctl.cli.views import actions as views
    from bossctl.models.jobwords import free

    settings = settings_of(ctx)
    printer = Printer(settings, output)
    if not dry_run:
        if settings.spec().read_only:
            raise UsageError("undo writes, and this connection is read-only", "--dry-run only looks")
        asking.need_somebody(yes, "undo")
    target, planned = bridge.read(
        settings, lambda store: _plan(store, operation, statements=show_sql, writes=not dry_run)
    )
    if dry_run or not free(planned.plan):
        views.planned(printer, target, planned.plan, show_sql=show_sql)
        return Exit.OK if free(planned.plan) else Exit.NOTHING
    if yes:
        talk.say(f"undo: {planned.plan.effect}")
        views.warned(planned.plan)
    else:
        views.announced(planned.plan, show_sql=show_sql)
        asking.agreed(views.question(planned.plan, target))
    target, outcome = _applied(settings, planned)
    views.done(printer, target, outcome, show_sql=show_sql)
    return exit_code(outcome)


async def _operations(store: Store, limit: int) -> tuple[tuple[Operation, ...], str | None]:
    """The operations, and that some may be hidden from this role."""
    from bossctl.actions import Operator
    from bossctl.store.grants import own_note

    return await Operator(store).operations(limit=limit), own_note(store.catalog)


async def _plan(store: Store, operation: str | None, *, statements: bool, writes: bool) -> tuple[Target, UndoPlan]:
    from bossctl.actions import Operator

    if writes:
        store.session.must_take_writes()
    return store.target, await Operator(store).plan_undo(operation, statements=statements)


def _applied(settings: Settings, planned: UndoPlan) -> tuple[Target, ActionOutcome]:
    from bossctl.actions import Operator
    from bossctl.cli import bridge, talk
    from bossctl.cli.acting import CUT_SHORT
    from bossctl.models.jobwords import progress_line

    progress = talk.Progress(colourless=settings.colourless)

    async def work(store: Store) -> tuple[Target, ActionOutcome]:
        with bridge.stopping() as stop:
            outcome = await Operator(store).undo(
                planned, progress=lambda so_far: progress(progress_line(planned.plan.request, so_far)), stop=stop
            )
        return store.target, outcome

    try:
        return bridge.read(settings, work)
    except KeyboardInterrupt:
        progress.done()
        talk.say(CUT_SHORT)
        raise
    finally:
        progress.done()

"""The way of every action on jobs: plan, say it, ask, do it, tell what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from bossctl.cli.options import settings_of
from bossctl.cli.output import Printer
from bossctl.errors import Exit, UsageError

if TYPE_CHECKING:
    from bossctl.cli.settings import Settings
    from bossctl.models.common import Target
    from bossctl.models.jobactions import ActionOutcome, ActionPlan, ActionRequest
    from bossctl.store import Store


CUT_SHORT = "note: interrupted within a batch; bossctl log tells what was committed"


def act(
    ctx: typer.Context,
    action: str,
    words: Sequence[str] | None,
    output: str,
    *,
    yes: bool,
    dry_run: bool,
    show_sql: bool,
    **options: Any,
) -> int:
    """Run one action from its command line; `options` as in ActionRequest. The exit code."""
    from bossctl.cli import asking, bridge
    from bossctl.cli.views import actions as views
    from bossctl.models.jobwords import TYPED_ABOVE, free

    settings = settings_of(ctx)
    asked = request(action, words, **options)
    printer = Printer(settings, output)
    if not dry_run:
        if settings.spec().read_only:
            raise UsageError(f"job {action} writes, and this connection is read-only", "--dry-run only looks")
        asking.need_somebody(yes, f"job {action}")
    target, plan = bridge.read(settings, lambda store: _plan(store, asked, statements=show_sql, writes=not dry_run))
    if dry_run or not free(plan):
        views.planned(printer, target, plan, show_sql=show_sql)
        return Exit.OK if free(plan) else Exit.NOTHING
    if yes:
        views.warned(plan)
    else:
        views.announced(plan, show_sql=show_sql)
        asking.agreed(views.question(plan, target), count=free(plan) if free(plan) > TYPED_ABOVE else None)
    target, outcome = _applied(settings, asked, plan)
    views.done(printer, target, outcome, show_sql=show_sql)
    return exit_code(outcome)


def request(action: str, words: Sequence[str] | None, **options: Any) -> ActionRequest:
    """What the command line asks for. Raises UsageError where there is no selector: an action never means all."""
    from bossctl.models.jobactions import ActionRequest, JobAction
    from bossctl.selector import parse

    text = " ".join(words or ())
    if not text.strip():
        raise UsageError(f"job {action} needs a selector that says which jobs", f"bossctl job {action} --help")
    return ActionRequest(JobAction(action), parse(text), text, **options)


def exit_code(outcome: ActionOutcome) -> Exit:
    """What the outcome is to a script."""
    if outcome.interrupted:
        return Exit.INTERRUPTED
    if outcome.stopped is not None or "locked" in outcome.skipped:
        return Exit.PARTLY
    return Exit.OK if outcome.changed else Exit.NOTHING


async def _plan(store: Store, asked: ActionRequest, *, statements: bool, writes: bool) -> tuple[Target, ActionPlan]:
    from bossctl.actions import Operator

    if writes:
        store.session.must_take_writes()
    return store.target, await Operator(store).plan_jobs(asked, statements=statements)


def _applied(settings: Settings, asked: ActionRequest, plan: ActionPlan) -> tuple[Target, ActionOutcome]:
    """Do it; the first Ctrl-C ends it after the batch at hand, the second at once."""
    from bossctl.actions import Operator
    from bossctl.cli import bridge, talk
    from bossctl.models.jobwords import progress_line

    progress = talk.Progress(colourless=settings.colourless)

    async def work(store: Store) -> tuple[Target, ActionOutcome]:
        with bridge.stopping() as stop:
            outcome = await Operator(store).apply_jobs(
                asked,
                plan,
                progress=lambda so_far: progress(progress_line(asked, so_far)),
                stop=stop,
                own_schema=True,
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

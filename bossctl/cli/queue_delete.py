"""`bossctl queue delete`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bossctl.cli.options import settings_of
from bossctl.cli.output import Format, OutputOption, Printer
from bossctl.errors import Exit, UsageError

if TYPE_CHECKING:
    from bossctl.models.common import Target
    from bossctl.models.operations import QueueDeletion
    from bossctl.store import Store


def delete_queue(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The queue's name.", show_default=False)],
    with_jobs: Annotated[bool, typer.Option("--with-jobs", help="Delete its jobs too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; print what would be done.")] = False,
    show_sql: Annotated[bool, typer.Option("--show-sql", help="Also print the statements.")] = False,
    output: OutputOption = Format.TABLE,
) -> int:
    """Delete a queue: an empty one, or one with its jobs.

    Refused while other queues or their jobs name it as their dead letter, or wait for its jobs.

    \b
    Example:
      bossctl queue delete email-old --with-jobs
    """
    from bossctl.cli import asking, bridge, shapes, talk
    from bossctl.cli.views import ensuring as views

    settings = settings_of(ctx)
    printer = Printer(settings, output)
    if not dry_run:
        if settings.spec().read_only:
            raise UsageError("queue delete writes, and this connection is read-only", "--dry-run only looks")
        asking.need_somebody(yes, "queue delete")
    target, done = bridge.read(settings, lambda store: _plan(store, name, with_jobs=with_jobs))
    if done.reason is None and not dry_run:
        for notice in done.notices:
            talk.say(f"note: {notice}")
        if not yes:
            asking.typed(name, _question(done, target))
        try:
            target, done = bridge.read(settings, lambda store: _delete(store, name, with_jobs=with_jobs))
        except KeyboardInterrupt:
            talk.say("note: interrupted; jobs that are deleted stay so, running it again finishes it")
            raise
    if printer.human:
        views.deleted(printer, done, show_sql=show_sql)
    else:
        printer.rows({"queues": [shapes.deleted(done, statements=show_sql)]}, "queues")
    if done.hint:
        talk.say(f"hint: {done.hint}")
    if done.gone and not done.applied:
        talk.say(f"note: {done.gone:,} jobs were deleted, the queue was not")
        return Exit.PARTLY
    if not done.applied:
        talk.say(f"note: nothing was changed in {target} (from {target.source})")
    return Exit.NOTHING if done.reason else Exit.OK


def _question(planned: QueueDeletion, target: Target) -> str:
    jobs = "no jobs" if not planned.jobs else f"{planned.jobs:,} job{'' if planned.jobs == 1 else 's'}"
    return (
        f'delete the queue "{planned.queue}" with {jobs} from {target} (from {target.source})?\n'
        "there is no undo; type its name to go on:"
    )


async def _plan(store: Store, name: str, *, with_jobs: bool) -> tuple[Target, QueueDeletion]:
    from bossctl.actions import Operator

    return store.target, await Operator(store).plan_delete(name, with_jobs=with_jobs)


async def _delete(store: Store, name: str, *, with_jobs: bool) -> tuple[Target, QueueDeletion]:
    from bossctl.actions import Operator

    return store.target, await Operator(store).delete_queue(name, with_jobs=with_jobs)

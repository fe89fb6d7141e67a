"""Operations on rows that are not found by one selection in one table: those of the log, and those of files.

They come in groups of one queue, each compiled for the same engine that acts on live jobs.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from bossctl.actions.jobs.batches import Batches
from bossctl.actions.jobs.engine import Lane, Work
from bossctl.actions.jobs.kind import Counted
from bossctl.actions.jobs.planning import Found, counts, statements_of
from bossctl.actions.jobs.record import Record
from bossctl.actions.jobs.selected import Selected
from bossctl.actions.jobs.slots import Slots
from bossctl.actions.jobs.tally import Tally
from bossctl.errors import BossctlError
from bossctl.models.jobactions import ActionOutcome, ActionPlan, ActionRequest, Progress
from bossctl.store import Store


@dataclass(frozen=True)
class Group:
    """Rows of one queue. `rows` is how many there should be, None where those that are there are all."""

    queue: str
    selected: Selected
    rows: int | None = None


Groups = Callable[[], AsyncIterator[Group]]


@dataclass(frozen=True)
class Tallied:
    """What was counted in all groups, and how many rows were gone."""

    found: Found
    gone: int
    statements: tuple[str, ...] = ()

    @property
    def skipped(self) -> dict[str, int]:
        """Reason → rows."""
        return dict(sorted((self.found.unfit + self.found.taken + Counter(gone=self.gone)).items()))

    @property
    def matched(self) -> int:
        """All rows."""
        return self.found.queues.total() + self.found.unfit.total() + self.gone

    @property
    def eligible(self) -> int:
        """Those that can be acted on, as far as they themselves go."""
        return self.found.queues.total()

    def counted(self, limit: int | None = None) -> Counted:
        """For the words."""
        return self.found.counted(limit)


async def count(store: Store, groups: Groups, *, statements: bool = False) -> Tallied:
    """Count all groups, each in a snapshot of its own; `statements` shows those of the first batch."""
    found, gone = Found(), 0
    shown: tuple[str, ...] = ()
    async for group in groups():
        async with store.snapshot() as transaction:
            before = found.queues.total() + found.unfit.total()
            fit = found.queues[group.queue]
            for row in await counts(transaction, group.selected):
                found.add(row)
            if found.queues[group.queue] > fit:
                slots = await Slots.read(transaction, group.selected, [group.queue])
                found.take(await slots.counted(transaction))
        if statements and not shown and found.queues[group.queue]:
            shown = statements_of(_shortened(group.selected), found)
        if group.rows is not None:
            gone += max(0, group.rows - (found.queues.total() + found.unfit.total() - before))
    return Tallied(found, gone, shown)


def _shortened(selected: Selected) -> Selected:
    """With one row where rows are bound, to be shown."""
    values = {name: value[:1] if isinstance(value, list) else value for name, value in selected.values.items()}
    return replace(selected, values=values)


def planned(
    request: ActionRequest,
    tallied: Tallied,
    effect: str,
    consequences: tuple[str, ...],
    warnings: tuple[str, ...],
    log: str,
) -> ActionPlan:
    """The plan of what was counted."""
    found = tallied.found
    return ActionPlan(
        request=request,
        matched=tallied.matched,
        eligible=tallied.eligible,
        skipped=tallied.skipped,
        samples={word: tuple(ids) for word, ids in found.samples.items()},
        queues={queue: rows for queue, rows in sorted(found.queues.items()) if rows},
        effect=effect,
        consequences=consequences,
        warnings=warnings,
        log=log,
        statements=tallied.statements,
    )


async def apply(
    store: Store,
    groups: Groups,
    plan: ActionPlan,
    record: Record,
    *,
    progress: Callable[[Progress], None] | None = None,
    stop: asyncio.Event | None = None,
) -> ActionOutcome:
    """Act on all groups in batches, as on live jobs."""
    tally = Tally(plan)
    stopped: str | None = None
    complete = True
    try:
        async for group in groups():
            lane = Lane(store, Batches(store, group.selected, tally, record))
            complete = await Work([lane], group.selected, None, tally, progress, stop).all([group.queue])
            if not complete:
                break
    except BossctlError as error:
        if not tally.changed and not tally.notes:
            await record.finish(tally.outcome(record.operation, stopped=str(error), complete=False))
            raise
        stopped, complete = str(error), False
    interrupted = stopped is None and not complete and stop is not None and stop.is_set()
    outcome = tally.outcome(record.operation, stopped=stopped, interrupted=interrupted, complete=complete)
    await record.finish(outcome)
    return outcome

"""Doing it: queue by queue, in batches of a thousand rows that are a transaction each, two of them at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from bossctl.actions.jobs import records
from bossctl.actions.jobs.at_once import AtOnce, steps_of
from bossctl.actions.jobs.batches import Batches
from bossctl.actions.jobs.chosen import Chosen
from bossctl.actions.jobs.kind import Ending
from bossctl.actions.jobs.kinds import kind_of
from bossctl.actions.jobs.selected import Selected
from bossctl.actions.jobs.slices import BATCH_ROWS, Slices
from bossctl.actions.jobs.tally import Tally
from bossctl.errors import BossctlError
from bossctl.models.jobactions import ActionOutcome, ActionPlan, ActionRequest, Progress
from bossctl.store import Store

MANY_ROWS = 3_000
"""From so many jobs on a second connection is worth its making."""
LOCKED_PAUSES = (0.2, 0.5, 1.0)
"""How long to wait before each further go at jobs that others had locked."""


async def apply_jobs(
    store: Store,
    request: ActionRequest,
    plan: ActionPlan,
    *,
    progress: Callable[[Progress], None] | None = None,
    stop: asyncio.Event | None = None,
    own_schema: bool = False,
) -> ActionOutcome:
    """Change the jobs. `stop` ends it after the batch at hand; `own_schema` allows to create the schema bossctl."""
    kind = await kind_of(store, request)
    if kind.prepare:
        await kind.prepare(store, own_schema)
    selected = Selected.of(request, kind, store.session.queries)
    tally = Tally(plan)
    record = await records.open_record(store, request, plan)
    steps = await steps_of(store, selected, record) if plan.queues else None
    at_once = AtOnce(selected, steps) if steps else None
    stopped: str | None = None
    complete = False
    ending = Ending(changed=True, complete=False)  # so it is where a batch is cut short
    try:
        async with _stores(store, tally, at_once) as stores:
            lanes = [Lane(one, Batches(one, selected, tally, record, at_once)) for one in stores]
            complete = await Work(lanes, selected, at_once, tally, progress, stop).all(plan.queues)
        ending = Ending(tally.touched, complete=tally.over(complete=complete))
    except BossctlError as error:
        ending = Ending(tally.touched, complete=False)
        if not tally.touched:
            await record.finish(tally.outcome(record.operation, stopped=str(error), complete=False))
            raise
        stopped = str(error)
    finally:
        if kind.finish:
            await kind.finish(ending)
    interrupted = stopped is None and not complete and stop is not None and stop.is_set()
    outcome = tally.outcome(record.operation, stopped=stopped, interrupted=interrupted, complete=complete)
    await record.finish(outcome)
    return outcome


@dataclass(frozen=True)
class Lane:
    """A connection, and the batches that go over it one after the other."""

    store: Store
    batches: Batches


@asynccontextmanager
async def _stores(store: Store, tally: Tally, at_once: AtOnce | None) -> AsyncIterator[Sequence[Store]]:
    """The store, and another one over a connection of its own where there is much to do and the server has one."""
    beside: Store | None = None
    if at_once and tally.left is None and tally.wanted >= MANY_ROWS:
        with suppress(BossctlError):
            beside = Store(await store.session.beside())
    try:
        yield (store, beside) if beside else (store,)
    finally:
        if beside:
            await beside.close()


class Work:
    """Handing the jobs to the batches."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        selected: Selected,
        at_once: AtOnce | None,
        tally: Tally,
        progress: Callable[[Progress], None] | None,
        stop: asyncio.Event | None,
    ) -> None:
        self._lanes = lanes
        self._selected = selected
        self._at_once = at_once
        self._tally = tally
        self._progress = progress
        self._stop = stop
        self._halted = False

    async def all(self, queues: Iterable[str]) -> bool:
        """Do it; whether every job was looked at. Raises what ended it early, once no batch is under way any more."""
        for queue in queues:
            if not await self._side_by_side(Slices(self._selected, queue, self._tally.left, lanes=len(self._lanes))):
                return False
        return await self._again()

    async def _side_by_side(self, slices: Slices) -> bool:
        """A queue's jobs in all lanes at once. No lane is cut short for another's sake: its commit may be under way."""
        ends = await asyncio.gather(*(self._lane(lane, slices) for lane in self._lanes), return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return all(ends)

    async def _lane(self, lane: Lane, slices: Slices) -> bool:
        if lane is not self._lanes[0] and not await self._answers(lane):
            return True
        try:
            while rows := self._allowed(lane):
                if lane is not self._lanes[0] and self._by_steps(slices.queue):
                    return True
                chosen = await slices.part(lane.store, rows)
                if chosen is None:
                    return True
                await self._batch(lane, chosen)
        except BaseException:
            self._halted = True
            raise
        return False

    async def _answers(self, lane: Lane) -> bool:
        """Whether its connection still stands: one that was idle while the others worked may have been ended for it."""
        with suppress(BossctlError):
            async with lane.store.snapshot():
                return True
        return False

    def _by_steps(self, queue: str) -> bool:
        """Whether jobs of this queue may stand in each other's way: no two batches of it then at a time."""
        return self._at_once is not None and self._at_once.barred(queue)

    async def _again(self) -> bool:
        """The jobs that others had locked, some time later."""
        first = self._lanes[0]
        for place, pause in enumerate(LOCKED_PAUSES, 1):
            held = [item for lane in self._lanes for item in lane.batches.held_back()]
            if held:
                await asyncio.sleep(pause)
            for queue, ids in held:
                if not await self._listed(first, Chosen(queue, ids), last=place == len(LOCKED_PAUSES)):
                    return False
        return True

    async def _listed(self, lane: Lane, chosen: Chosen, *, last: bool) -> bool:
        start = 0
        while start < len(chosen.ids):
            rows = self._allowed(lane)
            if not rows:
                return False
            await self._batch(lane, chosen.part(start, start + rows), last=last)
            start += rows
        return True

    async def _batch(self, lane: Lane, chosen: Chosen, *, last: bool = False) -> None:
        await lane.batches.run(chosen, last=last)
        if self._progress:
            self._progress(self._tally.progress)

    def _allowed(self, lane: Lane) -> int:
        """How many rows the next batch may have; none once it is to end."""
        left = self._tally.left
        if self._halted or (self._stop is not None and self._stop.is_set()):
            return 0
        return min(lane.batches.rows, BATCH_ROWS if left is None else left)

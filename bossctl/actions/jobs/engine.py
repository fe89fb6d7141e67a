"""Doing it: queue by queue, in slices by age, in batches of a thousand rows that are a transaction each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

from bossctl.actions.jobs import records
from bossctl.actions.jobs.at_once import steps_of
from bossctl.actions.jobs.batches import BATCH_ROWS, Batches
from bossctl.actions.jobs.chosen import Chosen
from bossctl.actions.jobs.kinds import kind_of
from bossctl.actions.jobs.selected import Selected
from bossctl.actions.jobs.tally import Tally
from bossctl.errors import BossctlError
from bossctl.models.jobactions import ActionOutcome, ActionPlan, ActionRequest, Progress
from bossctl.sql.changes import AFTER_SLICE
from bossctl.sql.selection import ALWAYS
from bossctl.sql.text import id_list, place_list
from bossctl.store import Store

SLICE_ROWS = 50_000
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
    batches = Batches(store, selected, tally, record, steps)
    work = Work(store, selected, batches, tally, progress, stop)
    stopped: str | None = None
    complete = False
    try:
        complete = await work.all(plan.queues)
    except BossctlError as error:
        if not tally.changed and not tally.notes:
            await record.finish(tally.outcome(record.operation, stopped=str(error), complete=False))
            raise
        stopped = str(error)
    finally:
        if kind.finish:
            await kind.finish()
    interrupted = stopped is None and not complete and stop is not None and stop.is_set()
    outcome = tally.outcome(record.operation, stopped=stopped, interrupted=interrupted, complete=complete)
    await record.finish(outcome)
    return outcome


class Work:
    """Handing the jobs to the batches."""

    def __init__(
        self,
        store: Store,
        selected: Selected,
        batches: Batches,
        tally: Tally,
        progress: Callable[[Progress], None] | None,
        stop: asyncio.Event | None,
    ) -> None:
        self._store = store
        self._selected = selected
        self._batches = batches
        self._tally = tally
        self._progress = progress
        self._stop = stop

    async def all(self, queues: Iterable[str]) -> bool:
        """Do it; whether every job was looked at."""
        for queue in queues:
            async for chosen in self._slices(queue):
                if not await self._in_batches(chosen):
                    return False
        for place, pause in enumerate(LOCKED_PAUSES, 1):
            locked, self._batches.locked = self._batches.locked, {}
            if locked:
                await asyncio.sleep(pause)
            for queue, ids in locked.items():
                if not await self._in_batches(Chosen(queue, ids), last=place == len(LOCKED_PAUSES)):
                    return False
        return True

    async def _in_batches(self, chosen: Chosen, *, last: bool = False) -> bool:
        start = 0
        while start < len(chosen.ids):
            left = self._tally.left
            if left == 0 or (self._stop is not None and self._stop.is_set()):
                return False
            rows = min(self._batches.rows, BATCH_ROWS if left is None else left)
            await self._batches.run(chosen.part(start, start + rows), last=last)
            start += rows
            if self._progress:
                self._progress(self._tally.progress)
        return True

    async def _slices(self, queue: str) -> AsyncIterator[Chosen]:
        """The eligible jobs of a queue, oldest first; each slice in its own short transaction."""
        selected = self._selected
        left = self._tally.left
        rows = SLICE_ROWS if left is None else min(SLICE_ROWS, max(BATCH_ROWS, 2 * left))
        values = {**selected.values, "queue": queue, "limit": rows}
        after = ALWAYS
        while True:
            async with self._store.snapshot() as transaction:
                row = await transaction.row(
                    "action_slice",
                    values,
                    acted=selected.source,
                    place=selected.place,
                    where=selected.selection.where,
                    eligible=selected.eligible,
                    after=after,
                )
            ids = id_list(row["ids"]) if row else []
            if row is None or not ids:
                return
            yield Chosen(queue, ids, place_list(row["places"]))
            if len(ids) < rows:
                return
            after = AFTER_SLICE
            values |= {"after_on": row["last_created_on"], "after_id": ids[-1]}

"""Doing it: queue by queue, in slices by age, in batches of a thousand rows that are a transaction each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from bossctl.actions.jobs import records
from bossctl.actions.jobs.batches import Batches
from bossctl.actions.jobs.kinds import kind_of
from bossctl.actions.jobs.selected import Selected
from bossctl.models.jobactions import ActionOutcome, ActionPlan, ActionRequest, Progress
from bossctl.sql.changes import AFTER_SLICE
from bossctl.sql.selection import ALWAYS
from bossctl.store import Store

SLICE_ROWS = 50_000
BATCH_ROWS = 1_000


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
    batches = Batches(store, Selected.of(request, kind, store.session.queries), plan)
    batches.record = await records.open_record(store, request, plan)
    try:
        for queue in plan.queues:
            async for ids in _slices(store, batches.selected, queue):
                for start in range(0, len(ids), BATCH_ROWS):
                    if batches.full or (stop is not None and stop.is_set()):
                        return batches.outcome(interrupted=not batches.full)
                    await batches.run(queue, ids[start : start + BATCH_ROWS])
                    if progress:
                        progress(batches.progress)
    finally:
        if kind.finish:
            await kind.finish()
    outcome = batches.outcome()
    await batches.record.finish(outcome)
    return outcome


async def _slices(store: Store, selected: Selected, queue: str) -> AsyncIterator[Sequence[str]]:
    """The eligible jobs of a queue, oldest first; each slice in its own short transaction."""
    values = {**selected.values, "queue": queue, "limit": SLICE_ROWS}
    after = ALWAYS
    while True:
        async with store.snapshot() as transaction:
            rows = await transaction.rows(
                "action_slice",
                values,
                source=selected.source,
                where=selected.selection.where,
                eligible=selected.eligible,
                after=after,
            )
        if rows:
            yield [row["id"] for row in rows]
        if len(rows) < SLICE_ROWS:
            return
        after = AFTER_SLICE
        values |= {"after_on": rows[-1]["created_on"], "after_id": rows[-1]["id"]}

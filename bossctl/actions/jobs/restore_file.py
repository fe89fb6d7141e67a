"""restore --from FILE: jobs that `archive --to` has written, put back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

from bossctl.actions.jobs import groups, putback, records
from bossctl.actions.jobs.exportlines import Chunk, chunks
from bossctl.actions.jobs.groups import Group
from bossctl.actions.jobs.kind import Batch, Done, Kind
from bossctl.actions.jobs.restore import words
from bossctl.actions.jobs.selected import Selected
from bossctl.actions.jobs.undogroups import Rows, line_rows
from bossctl.models.jobactions import ActionOutcome, ActionPlan, ActionRequest, Progress
from bossctl.sql.undoing import filed
from bossctl.store import Store


async def plan(store: Store, request: ActionRequest, *, statements: bool = False) -> ActionPlan:
    """Count what is in the file. Raises UsageError where it cannot be read."""
    tallied = await groups.count(store, _groups(store, request), statements=statements)
    said = words(store.catalog, request, tallied.counted(request.limit))
    log = await records.describe(store)
    return groups.planned(request, tallied, said.effect, said.consequences, said.warnings, log)


async def apply(
    store: Store,
    request: ActionRequest,
    planned: ActionPlan,
    *,
    progress: Callable[[Progress], None] | None = None,
    stop: asyncio.Event | None = None,
) -> ActionOutcome:
    """Put them back; the file stays as it is."""
    record = await records.open_record(store, request, planned)
    return await groups.apply(store, _groups(store, request), planned, record, progress=progress, stop=stop)


def _groups(store: Store, request: ActionRequest) -> groups.Groups:
    async def made() -> AsyncIterator[Group]:
        for chunk in chunks(Path(request.path or "")):
            yield _group(store, request, chunk)

    return made


def _group(store: Store, request: ActionRequest, chunk: Chunk) -> Group:
    rows = line_rows(store, chunk.queue, chunk.columns, chunk.lines, 0)
    queries = store.session.queries
    change = filed(queries, rows.source, rows.columns, request.keep_seconds)
    kind = Kind(
        change,
        partial(words, store.catalog, request),
        image=(),
        deed=partial(_put, rows, chunk),
        wakes=True,
        statements=(putback.shown(queries.catalog, rows.source, rows.columns, change),),
    )
    selected = Selected.of(request, kind, queries)
    selected.values.update(rows.values)
    return Group(chunk.queue, selected)


async def _put(rows: Rows, chunk: Chunk, batch: Batch) -> Done:
    ids = await putback.insert(batch, batch.ids, rows.source, rows.columns, rows.values)
    await putback.settle(batch.transaction, batch.queue, ids, chunk.links)
    await batch.record.made(batch.transaction, batch.queue, dict(zip(ids, ids, strict=True)))
    return Done(ids)

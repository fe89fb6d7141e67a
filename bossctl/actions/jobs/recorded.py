"""All that the log keeps of one operation."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from bossctl.actions.jobs import filelog, records
from bossctl.models.oplog import KeptRows, OperationRecord
from bossctl.store import Store

LOOKED_THROUGH = 1000
"""So many operations are looked through for those that took another back."""


async def read_record(store: Store, operation: str) -> OperationRecord:
    """The record of an operation. Raises NotFound."""
    logged = await records.find(store, operation)
    rows = await (_in_schema(store, operation) if logged.path is None else _in_file(store, logged.path))
    others = await records.operations(store, limit=LOOKED_THROUGH)
    return OperationRecord(
        operation=logged.operation,
        options=logged.entry.details,
        rows=rows,
        path=None if logged.path is None else str(logged.path),
        undone_by=tuple(one.operation for one in others if one.undoes == logged.operation.operation),
    )


async def _in_schema(store: Store, operation: str) -> tuple[KeptRows, ...]:
    async with store.snapshot() as transaction:
        rows = await transaction.rows("operation_rows", {"operation": operation})
    return tuple(KeptRows(**row) for row in rows)


async def _in_file(store: Store, path: Path) -> tuple[KeptRows, ...]:
    """Rows of transactions that were committed; the server knows which were."""
    found = await asyncio.to_thread(_counted, path)
    async with store.snapshot() as transaction:
        ended = await transaction.rows("transactions_ended", {"xids": list({xid for _, _, xid in found})})
    undone = {row["xid"] for row in ended if row["status"] == "aborted"}
    total: Counter[tuple[str, str]] = Counter()
    for (queue, kind, xid), rows in found.items():
        if xid not in undone:
            total[queue, kind] += rows
    return tuple(KeptRows(queue, kind, rows) for (queue, kind), rows in sorted(total.items()))


def _counted(path: Path) -> Counter[tuple[str, str, int]]:
    found: Counter[tuple[str, str, int]] = Counter()
    for batches in filelog.transactions(path):
        for batch in batches:
            found[batch.queue, batch.kind, batch.xid] += len(batch.lines)
    return found

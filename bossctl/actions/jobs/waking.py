"""Telling the workers of a queue that listens, as pg-boss does when it inserts a job that is due."""

from __future__ import annotations

from collections.abc import Sequence

from bossctl.sql.text import id_array
from bossctl.sql.writes import configured
from bossctl.store.session import Transaction


async def listens(transaction: Transaction, queue: str) -> bool:
    """Whether the queue wants to be told."""
    if not transaction.queries.supports("queue_listens"):
        return False
    row = await transaction.row("queue_listens", {"queue": queue})
    return row is not None and row["listens"] is True


async def wake(transaction: Transaction, queue: str, ids: Sequence[str]) -> None:
    """Notify with the commit, where the queue wants it and one of these jobs is due."""
    if transaction.queries.supports("wake_queue"):
        schema = configured(transaction.queries.catalog.schema)
        await transaction.rows("wake_queue", {"schema": schema, "queue": queue, "ids": id_array(ids)})

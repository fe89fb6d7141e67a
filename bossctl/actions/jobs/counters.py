"""The counters a queue keeps of its jobs from schema 46 on (FACTS §3.1)."""

from __future__ import annotations

from bossctl.sql import Queries
from bossctl.sql.at_once import CHANGED_ROWS, GIVEN, RETAINED_ROWS
from bossctl.sql.text import Composable
from bossctl.store.session import Transaction


async def reduce(transaction: Transaction, queue: str, *, retained: int, total: int) -> None:
    """Take so many off the finished jobs and off all of them; where nothing is counted this does nothing."""
    if (retained or total) and transaction.queries.supports("reduce_counters"):
        values = {"queue": queue, "retained": retained, "total": total}
        slots = {"retained_rows": GIVEN["retained"], "total_rows": GIVEN["total"]}
        await transaction.rows("reduce_counters", values, **slots)


def reducing(queries: Queries) -> dict[str, Composable]:
    """The same for the rows that one statement locks and removes, as a statement in it; none in older schemas."""
    if not queries.supports("reduce_counters"):
        return {}
    return {"reduced": queries.get("reduce_counters", retained_rows=RETAINED_ROWS, total_rows=CHANGED_ROWS).text}

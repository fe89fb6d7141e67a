"""A light look at running work: what is active now and what ended since the last look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from psycopg import sql

from bossctl.models.watch import JobSeen, Sample
from bossctl.store.session import Transaction

SAMPLE_ROWS = 20_000


async def take_sample(
    transaction: Transaction, since: datetime, names: Sequence[str] | None = None, limit: int = SAMPLE_ROWS
) -> Sample:
    """Active jobs first, then the newest of those that ended since then; `names` None means every queue."""
    values = {"names": None if names is None else list(names), "limit": limit + 1}
    rows = await transaction.rows("watch_sample", values, since=sql.Literal(since))
    seen = tuple(JobSeen(**row, at=transaction.now) for row in rows[:limit])
    return Sample(transaction.now, seen, limit if len(rows) > limit else None)

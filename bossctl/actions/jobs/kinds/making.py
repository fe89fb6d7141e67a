"""Making new jobs from those of a batch."""

from __future__ import annotations

from collections import defaultdict
from uuid import uuid4

from bossctl.actions.jobs.kind import Batch
from bossctl.actions.jobs.putback import add_to_counters
from bossctl.actions.jobs.waking import wake
from bossctl.sql import Queries
from bossctl.sql.changes import NOT_JOINED, Change, inserted
from bossctl.sql.text import Composable, id_array


async def make_jobs(batch: Batch) -> list[str]:
    """A new job for each, recorded with its origin; the ids of those that were made one from."""
    new = {str(uuid4()): id for id in batch.ids}
    transaction = batch.transaction
    values = {**batch.values, "queue": batch.queue, "ids": id_array(new.values()), "new_ids": id_array(new)}
    rows = await transaction.rows("action_insert", values, **slots(batch.kind.change, transaction.queries))
    origins: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        origins[row["queue"]][row["id"]] = new[row["id"]]
    for queue, made in origins.items():
        await batch.record.made(transaction, queue, made)
        await add_to_counters(transaction, queue, list(made), total=len(made))
        await wake(transaction, queue, list(made))
    return [new[row["id"]] for row in rows]


def slots(change: Change, queries: Queries) -> dict[str, Composable]:
    """What the statement is filled with."""
    columns, values = inserted(change, queries.catalog)
    acted = change.source or queries.relation("job")
    return {"new_columns": columns, "new_values": values, "acted": acted, "joined": change.joined or NOT_JOINED}

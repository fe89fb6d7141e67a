"""The passes over all jobs that several of the doctor's readings are made of. Each is made once a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import IntEnum

from psycopg import sql

from bossctl.errors import StatementTimeout, Unsupported
from bossctl.models.readings_stuck import Pace
from bossctl.store.connections import Row
from bossctl.store.queues import unhurried
from bossctl.store.scope import SAMPLES, Scope, pass_grace
from bossctl.store.session import Transaction

LONG_SECONDS = 600.0
"""A run of ten minutes is one that a heartbeat would help."""


class Mark(IntEnum):
    """What a suspect shows besides its symptoms; the numbers are those of the statement `suspects`."""

    COUNTED = 1
    """Ended in the window, or waits to be retried."""
    HASTY = 2
    """Counted, and was retried with neither delay nor backoff."""
    LOST = 4
    """Counted, and failed for good without a dead letter."""
    OVERRAN = 8
    """Counted, and failed because its handler outlived its expiry."""
    DEAD_LETTER = 16
    """Was fetched and has a dead-letter queue."""
    KEYED = 32
    """Has a singleton key that no throttle made."""


async def suspects(transaction: Transaction, scope: Scope) -> list[Row]:
    """Jobs that are not plainly completed, counted by queue, state and what they show."""
    values = {"names": scope.bound_names, "grace": await pass_grace(transaction)}
    return await _once(transaction, scope, "suspects", values, since=scope.since)


async def completed_runs(transaction: Transaction, scope: Scope, *, paced: bool = False) -> list[Row]:
    """What completed in the window, counted by queue; `paced` with its mean wait, if the first who asks wants that."""
    values = {"names": scope.bound_names, "long": LONG_SECONDS, "paced": paced}
    return await _once(transaction, scope, "completed_runs", values, since=scope.since)


async def paces(transaction: Transaction, scope: Scope, names: Sequence[str]) -> Mapping[str, Pace]:
    """How these queues were worked in the window; those of which nothing completed in it, as far back as rows tell."""
    completed = {row["queue"]: row for row in await completed_runs(transaction, scope, paced=True)}
    started: dict[str, datetime] = {}
    for row in (*completed.values(), *await suspects(transaction, scope)):
        if row["last_started"] is not None:
            started[row["queue"]] = max(row["last_started"], started.get(row["queue"], row["last_started"]))
    waits = {name: row["mean_wait_seconds"] for name, row in completed.items()}
    found = {name: Pace(started[name], waits[name]) for name in names if waits.get(name) is not None}
    rest = [name for name in names if name not in found]
    rows = await transaction.rows("queue_pace", {"names": rest}) if rest else []
    return found | {row["queue"]: Pace(row["last_started"], row["mean_wait_seconds"]) for row in rows}


async def dead_letters(transaction: Transaction, scope: Scope) -> set[str]:
    """The queues named as their dead-letter queue by jobs that are not plainly completed."""
    rows = [row for row in await suspects(transaction, scope) if row["dead_letter"] is not None]
    several = sorted({row["queue"] for row in rows if row["dead_letter"] != row["other_dead_letter"]})
    more = await transaction.rows("dead_letters_of", {"names": several}) if several else []
    return {row["dead_letter"] for row in rows} | {row["name"] for row in more}


async def marked(transaction: Transaction, scope: Scope, mark: Mark) -> set[str]:
    """The queues with such suspects."""
    return {row["queue"] for row in await suspects(transaction, scope) if row["marks"] & mark}


async def merged(rows: Iterable[Row], mask: str) -> list[Row]:
    """Rows of `suspects` that show anything of that mask, one for each queue, state and value of the mask, in order."""
    groups: dict[tuple[str, str, int], list[Row]] = defaultdict(list)
    for row in rows:
        if row[mask]:
            groups[row["queue"], row["state"], row[mask]].append(row)
    return [_merged(groups[key]) async for key in unhurried(sorted(groups))]


def _merged(rows: Sequence[Row]) -> Row:
    samples = sorted({job_id for row in rows for job_id in row["samples"] or ()})
    return {
        **rows[0],
        "jobs": sum(row["jobs"] for row in rows),
        "retry_count": max(row["retry_count"] for row in rows),
        "last_on": _best(max, rows, "last_on"),
        **{name: _best(min, rows, name) for name in ("first_on", "oldest_due", "first_keep_until", "oldest_heartbeat")},
        "samples": tuple(samples[:SAMPLES]),
    }


def _best(choose: Callable[[Sequence[datetime]], datetime], rows: Sequence[Row], name: str) -> datetime | None:
    known = [row[name] for row in rows if row[name] is not None]
    return choose(known) if known else None


async def _once(
    transaction: Transaction, scope: Scope, name: str, values: Mapping[str, object], **slots: sql.Composable
) -> list[Row]:
    """The rows of a statement, read by the first who asks; what refused it once refuses it to all."""
    if name not in scope.passes:
        try:
            scope.passes[name] = await transaction.rows(name, values, **slots)
        except (Unsupported, StatementTimeout) as error:
            scope.passes[name] = error
    found = scope.passes[name]
    if isinstance(found, list):
        return found
    raise found

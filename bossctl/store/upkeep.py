"""Readings of how a schema is kept. Each stands alone, so that what one may not see does not hide the others."""

from __future__ import annotations

from bossctl.models.readings_storage import HorizonHolder
from bossctl.models.upkeep import (
    CounterAges,
    Duties,
    Horizon,
    IndexHealth,
    IndexRoom,
    MigrationWork,
    StoredWarning,
    StoredWarnings,
    TableRoom,
    TableRooms,
)
from bossctl.store.connections import Row
from bossctl.store.readings_schema import take_job_indexes, take_migrations
from bossctl.store.scope import Scope
from bossctl.store.session import Transaction
from bossctl.store.system import duty_ages

SHOWN = 50
OWN_NAME = "bossctl"
BRIEF_SECONDS, OWN_SECONDS = 1.0, 60.0
"""Younger transactions come and go; one of bossctl's is only a look, for as long as doctor may take."""


async def read_duties(transaction: Transaction) -> Duties:
    """When each background duty ran last, and how old the cached counts are."""
    queries = transaction.queries
    version = await transaction.row("version") or {}
    supervisor = await transaction.row("supervisor") or {}
    counted = await transaction.row("counter_ages") if queries.supports("counter_ages") else None
    return Duties(
        ages=duty_ages(queries.catalog, {**version, **supervisor}, transaction.now),
        counters=CounterAges(**counted) if counted else None,
        backoff_until=version.get("monitor_backoff_on"),
        taken_at=transaction.now,
        elapsed_ms=transaction.elapsed_ms,
    )


async def read_warnings(transaction: Transaction) -> StoredWarnings:
    """The newest stored warnings. Raises Unsupported where the schema keeps none."""
    rows = await transaction.rows("stored_warnings", {"limit": SHOWN + 1})
    registry = transaction.queries.catalog.tables.get("instance")
    told = await transaction.row("warning_keepers") if registry and registry.readable else None
    return StoredWarnings(
        rows=tuple(StoredWarning(**row) for row in rows[:SHOWN]),
        more=len(rows) > SHOWN,
        live=told["live"] if told else None,
        keepers=told["keepers"] if told else None,
        taken_at=transaction.now,
        elapsed_ms=transaction.elapsed_ms,
    )


async def read_migrations(transaction: Transaction) -> MigrationWork:
    """Background migrations. Raises Unsupported where the schema has none."""
    left = await take_migrations(transaction, Scope(transaction.now, 0, None))
    done = await transaction.row("finished_migrations") or {}
    return MigrationWork(
        unfinished=left.unfinished,
        completed=done.get("completed", 0),
        completed_on=done.get("completed_on"),
        worked_on=left.worked_on,
        taken_at=transaction.now,
        elapsed_ms=transaction.elapsed_ms,
    )


async def read_index_health(transaction: Transaction) -> IndexHealth:
    """The indexes of the job tables as doctor reads them, and the room the largest take."""
    catalog = transaction.queries.catalog
    indexes = await take_job_indexes(transaction, Scope(transaction.now, 0, None))
    rows = await transaction.rows("index_rooms", {"schema": catalog.schema, "limit": SHOWN})
    return IndexHealth(
        indexes=indexes,
        largest=tuple(
            IndexRoom(row["name"], row["table_name"], row["valid"], row["total_bytes"], row["scans"]) for row in rows
        ),
        total=rows[0]["total"] if rows else 0,
        generation=catalog.generation,
        taken_at=transaction.now,
        elapsed_ms=transaction.elapsed_ms,
    )


async def read_table_rooms(transaction: Transaction) -> TableRooms:
    """The largest tables with their dead rows and last vacuums; whose they are where this role may see that."""
    catalog = transaction.queries.catalog
    rows = await transaction.rows("table_rooms", {"schema": catalog.schema, "limit": SHOWN})
    queues = catalog.tables.get("queue")
    owners: dict[str, str] = {}
    if queues is not None and queues.readable:
        own = await transaction.rows("table_owners", {"names": [row["name"] for row in rows]})
        owners = {row["table_name"]: row["name"] for row in own}
    return TableRooms(
        tables=tuple(_room(row, owners.get(row["name"])) for row in rows),
        total=rows[0]["total"] if rows else 0,
        total_bytes=rows[0]["sum_bytes"] if rows else 0,
        taken_at=transaction.now,
        elapsed_ms=transaction.elapsed_ms,
    )


def _room(row: Row, queue: str | None) -> TableRoom:
    told = {name: value for name, value in row.items() if name not in ("total", "sum_bytes")}
    if row["rows"] and not row["live"] and not row["dead"]:
        told |= {"live": None, "dead": None}  # the statistics were reset, or lost in a crash
    return TableRoom(queue=queue, **told)


async def read_horizon(transaction: Transaction) -> Horizon:
    """What holds vacuum's horizon back; what is only passing, and bossctl's own looks, are left out."""
    found = [HorizonHolder(**row) for row in await transaction.rows("horizon_holders")]
    holders = tuple(one for one in found if not _is_passing(one, transaction))
    return Horizon(
        holders=holders,
        hidden=any(one.kind == "session" and one.began is None for one in holders),
        taken_at=transaction.now,
        elapsed_ms=transaction.elapsed_ms,
    )


def _is_passing(one: HorizonHolder, transaction: Transaction) -> bool:
    if one.began is None:
        return False
    return (transaction.now - one.began).total_seconds() < (OWN_SECONDS if one.name == OWN_NAME else BRIEF_SECONDS)

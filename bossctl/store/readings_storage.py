"""The doctor's readings of what takes much room: loose tables and indexes, long payloads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bossctl.models.readings_storage import (
    HorizonHolder,
    LongPayloads,
    LooseIndex,
    LooseTable,
    Storage,
    StorageWarning,
)
from bossctl.store.connections import Row
from bossctl.store.readings_duplicates import LONGEST_PAYLOAD
from bossctl.store.scope import Scope
from bossctl.store.session import Transaction

DEAD_ROWS = 10_000
"""Fewer dead rows slow nothing down."""

TABLE_PAGES = 1280
"""10 MB: what a smaller table wastes is not worth a word."""

INDEX_PAGES = 128
"""1 MB, as pg-boss has it."""


async def take_storage(transaction: Transaction, scope: Scope) -> Storage:
    """What the catalog's statistics say; no job is read."""
    schema = transaction.queries.catalog.schema
    limits = {"schema": schema, "most_dead": DEAD_ROWS, "pages": TABLE_PAGES}
    tables = await transaction.rows("loose_tables", limits)
    indexes = await transaction.rows("loose_indexes", {"schema": schema, "index_pages": INDEX_PAGES})
    owners = await _owners(transaction, scope) if tables or indexes else _Owners({}, None)
    dirty = any(row["dirty"] for row in tables)
    return Storage(
        schema=schema,
        tables=tuple(_table(row, owners) for row in tables if owners.asked(row["table_name"])),
        indexes=tuple(_index(row, owners) for row in indexes if owners.asked(row["table_name"])),
        holders=tuple(HorizonHolder(**row) for row in await transaction.rows("horizon_holders")) if dirty else (),
        warnings=await _warnings(transaction, scope),
    )


async def take_long_payloads(transaction: Transaction, scope: Scope) -> LongPayloads:
    """The payloads that the search for identical jobs leaves out; jobs are only read where long values are stored."""
    stored = await transaction.row("has_long_values", {"schema": transaction.queries.catalog.schema})
    rows: list[Row] = []
    if stored and stored["any"]:
        values = {"names": scope.bound_names, "largest": LONGEST_PAYLOAD}
        rows = await transaction.rows("long_payloads", values, since=scope.identical_since)
    return LongPayloads({row["queue"]: row["jobs"] for row in rows}, LONGEST_PAYLOAD)


@dataclass(frozen=True)
class _Owners:
    """The queues that have tables of their own, by table, and the names the run is about."""

    queues: Mapping[str, str]
    names: tuple[str, ...] | None

    def asked(self, table: str) -> bool:
        """A shared table concerns every queue."""
        return self.names is None or table not in self.queues or self.queues[table] in self.names


async def _owners(transaction: Transaction, scope: Scope) -> _Owners:
    if not transaction.queries.supports("queue_policies"):
        return _Owners({}, scope.names)
    rows = await transaction.rows("queue_policies", {"names": None})
    own = {row["table_name"]: row["name"] for row in rows if row["table_name"] not in ("job", "job_common")}
    return _Owners(own, scope.names)


def _table(row: Row, owners: _Owners) -> LooseTable:
    return LooseTable(
        table=row["table_name"],
        queue=owners.queues.get(row["table_name"]),
        pages=row["pages"],
        rows=row["rows"],
        live=row["live"],
        dead=row["dead"],
        budget=row["budget"],
        vacuumed_on=row["vacuumed_on"],
        autovacuum=row["autovacuum"],
        dirty=row["dirty"],
        needed=None if row["needed"] is None else float(row["needed"]),
    )


def _index(row: Row, owners: _Owners) -> LooseIndex:
    return LooseIndex(
        index=row["index_name"],
        table=row["table_name"],
        queue=owners.queues.get(row["table_name"]),
        pages=row["pages"],
        entries=row["entries"],
        needed=float(row["needed"]),
    )


async def _warnings(transaction: Transaction, scope: Scope) -> tuple[StorageWarning, ...]:
    table = transaction.queries.catalog.tables.get("warning")
    if table is None or not table.readable:
        return ()
    rows = await transaction.rows("storage_warnings", since=scope.since)
    return tuple(StorageWarning(**row) for row in rows)

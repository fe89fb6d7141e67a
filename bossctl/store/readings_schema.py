"""The doctor's readings about the schema itself."""

from __future__ import annotations

import re
from collections import defaultdict

from bossctl.models.readings_schema import Clock, JobIndex, JobIndexes, JobTable, Migration, Migrations
from bossctl.store.connections import Row
from bossctl.store.scope import Scope
from bossctl.store.session import Transaction

_BUILDS = re.compile(
    r'^\s*CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?:CONCURRENTLY\s+)?(?:IF\s+NOT\s+EXISTS\s+)?"?(\w+)"?\s', re.IGNORECASE
)


async def take_job_indexes(transaction: Transaction, scope: Scope) -> JobIndexes:
    """The indexes of every job table in the snapshot, and what a background migration may still build."""
    schema = transaction.queries.catalog.schema
    tables: dict[str, list[Row]] = defaultdict(list)
    for row in await transaction.rows("job_indexes", {"schema": schema}):
        tables[row["table_name"]].append(row)
    unfinished = await _unfinished(transaction) if transaction.queries.supports("unfinished_migrations") else ()
    version = await transaction.row("version") or {}
    return JobIndexes(
        schema=schema,
        number=version.get("version"),
        tables=tuple(_table(name, rows) for name, rows in tables.items()),
        building={one.builds: one for one in unfinished if one.builds},
    )


async def take_migrations(transaction: Transaction, scope: Scope) -> Migrations:
    """What is left of the background migrations. Raises Unsupported where the schema has none."""
    unfinished = await _unfinished(transaction)
    version = await transaction.row("version") or {}
    return Migrations(version.get("version"), unfinished, version.get("bam_on"))


async def take_clock(transaction: Transaction, scope: Scope) -> Clock:
    """The schema's clock function. Raises Unsupported where it has none."""
    row = await transaction.row("clock_source", {"schema": transaction.queries.catalog.schema})
    return Clock(bool(row and row["overridden"]))


async def _unfinished(transaction: Transaction) -> tuple[Migration, ...]:
    rows = await transaction.rows("unfinished_migrations", {"schema": transaction.queries.catalog.schema})
    return tuple(map(_migration, rows))


def _migration(row: Row) -> Migration:
    found = _BUILDS.match(row["command"] or "")
    return Migration(
        name=row["name"],
        version=row["version"],
        status=row["status"],
        queue=row["queue"],
        table=row["table_name"],
        builds=found[1] if found else None,
        command=" ".join((row["command"] or "").split()),
        error=row["error"],
        created_on=row["created_on"],
        started_on=row["started_on"],
        locked=row["locked"],
    )


def _table(name: str, rows: list[Row]) -> JobTable:
    first = rows[0]
    indexes = tuple(
        JobIndex(row["index_name"], row["is_unique"], row["valid"], tuple(row["keys"]))
        for row in rows
        if row["index_name"] is not None
    )
    return JobTable(name, first["queue"], first["policy"], first["locked"], indexes)

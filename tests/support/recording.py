"""What the operator's log can be asked in tests, and where a job is."""

from __future__ import annotations

import psycopg

from bossctl.actions import Operator
from bossctl.models.jobactions import ActionOutcome, Operation
from bossctl.sql import Queries
from bossctl.sql.ownschema import creation
from tests.support.acting import request
from tests.support.database import Database
from tests.support.stores import open_store


async def do(database: Database, action: str, selector: str, **options: object) -> ActionOutcome:
    """Plan and do it; the schema bossctl may be made."""
    async with await open_store(database) as store:
        operator, asked = Operator(store), request(action, selector, **options)
        return await operator.apply_jobs(asked, await operator.plan_jobs(asked), own_schema=True)


async def undo(database: Database, operation: str | None = None) -> ActionOutcome:
    """Plan and take it back; None is the last one."""
    async with await open_store(database) as store:
        operator = Operator(store)
        return await operator.undo(await operator.plan_undo(operation))


async def log(database: Database) -> tuple[Operation, ...]:
    """The log, newest first."""
    async with await open_store(database) as store:
        return await Operator(store).operations()


async def make_own_schema(database: Database) -> None:
    """As the first archiving on 11 and newer does."""
    async with await open_store(database) as store:
        catalog = store.catalog
    with psycopg.connect(database.dsn) as connection:
        for write in creation(catalog, schema=True):
            connection.execute(Queries(catalog).get(write.name, **write.slots).text, write.values)


def rows(database: Database, table: str = "job", where: str = "true") -> dict[str, str]:
    """Id → the whole row as PostgreSQL writes it, where SQL NULL is not the JSON word."""
    return {str(id): row for id, row in database.execute(f"SELECT t.id, t::text FROM {table} AS t WHERE {where}")}


def places(database: Database) -> dict[str, list[str]]:
    """Id → the tables it is in."""
    known = "SELECT to_regclass('archive') IS NOT NULL, to_regclass('bossctl.archive') IS NOT NULL"
    [(native, own)] = database.execute(known)
    found: dict[str, list[str]] = {}
    for table in ("job", *(("archive",) if native else ()), *(("bossctl.archive",) if own else ())):
        for (id,) in database.execute(f"SELECT id FROM {table}"):
            found.setdefault(str(id), []).append(table)
    return found

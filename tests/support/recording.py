"""What the operator's log can be asked in tests, and where a job is."""

from __future__ import annotations

from typing import Any

import psycopg

from bossctl.actions import Operator
from bossctl.models.jobactions import ActionOutcome, ActionPlan, Operation
from bossctl.sql import Queries
from bossctl.sql.ownschema import creation
from tests.support.acting import plan, request
from tests.support.aging import job_column
from tests.support.database import Database
from tests.support.stores import open_store


async def do(database: Database, action: str, selector: str, **options: Any) -> ActionOutcome:
    """Plan and do it; the schema bossctl may be made."""
    async with await open_store(database) as store:
        operator, asked = Operator(store), request(action, selector, **options)
        return await operator.apply_jobs(asked, await operator.plan_jobs(asked), own_schema=True)


async def planned(database: Database, action: str, selector: str, **options: Any) -> ActionPlan:
    """Only plan it."""
    async with await open_store(database) as store:
        return await plan(store, action, selector, **options)


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


def copies(database: Database, count: int, where: str, **values: str) -> list[str]:
    """More jobs like one there is; `values` are expressions for the columns that differ. Their ids."""
    named = {job_column(database, name): value for name, value in values.items()}
    changes = ", ".join(f"'{name}', {value}" for name, value in {"id": "gen_random_uuid()", **named}.items())
    made = database.execute(
        f"INSERT INTO job SELECT (jsonb_populate_record(j, jsonb_build_object({changes}))).* "
        f"FROM job AS j, generate_series(1, {count}) AS number "
        f"WHERE j.id = (SELECT id FROM job WHERE {where} LIMIT 1) RETURNING id"
    )
    return [str(id) for (id,) in made]

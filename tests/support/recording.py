"""What the operator's log can be asked in tests, and where a job is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from bossctl.actions import Operator
from bossctl.models.jobactions import ActionOutcome, ActionPlan, Operation
from bossctl.sql import Queries
from bossctl.sql.ownschema import creation
from bossctl.store import Store
from tests.support.acting import plan, request
from tests.support.aging import job_column
from tests.support.database import Database
from tests.support.stores import open_store


@asynccontextmanager
async def _opened(where: Database | Store) -> AsyncIterator[Store]:
    if isinstance(where, Store):
        yield where
    else:
        async with await open_store(where) as store:
            yield store


async def do(where: Database | Store, action: str, selector: str, **options: Any) -> ActionOutcome:
    """Plan and do it; the schema bossctl may be made."""
    async with _opened(where) as store:
        operator, asked = Operator(store), request(action, selector, **options)
        return await operator.apply_jobs(asked, await operator.plan_jobs(asked), own_schema=True)


async def planned(where: Database | Store, action: str, selector: str, **options: Any) -> ActionPlan:
    """Only plan it."""
    async with _opened(where) as store:
        return await plan(store, action, selector, **options)


async def undo(where: Database | Store, operation: str | None = None) -> ActionOutcome:
    """Plan and take it back; None is the last one."""
    async with _opened(where) as store:
        operator = Operator(store)
        return await operator.undo(await operator.plan_undo(operation))


async def log(where: Database | Store) -> tuple[Operation, ...]:
    """The log, newest first."""
    async with _opened(where) as store:
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

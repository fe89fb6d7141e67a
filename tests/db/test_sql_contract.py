"""Every statement on every release: it composes, PostgreSQL accepts it, and somebody uses it."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

import bossctl
from bossctl.errors import Unsupported
from bossctl.sql import Queries, bare, statements
from bossctl.sql.catalog import Catalog
from bossctl.sql.columns import chosen_fields, details, listed, raw
from bossctl.sql.job_orders import JobOrder
from bossctl.sql.ownschema import creation
from bossctl.sql.relations import relations
from bossctl.sql.selection import ABOVE_CUTOFF, ALWAYS
from tests.conftest import DatabaseFactory
from tests.support.action_slots import VALUES, action_slots
from tests.support.database import Database
from tests.support.record_slots import RECORD_VALUES, record_slots
from tests.support.releases import ALL_RELEASES, ONE_PER_GENERATION, SCHEMA_NUMBERS, THIN, every

CONTROL = {name for name, variants in statements().items() if variants[0].file == "session.sql"}
PLANNED = sorted(set(statements()) - CONTROL)
OUTRIGHT = ("LOCK", "TRUNCATE", "CREATE", "ALTER", "DO ")
"""What cannot be explained is run."""

PACKAGE = Path(bossctl.__file__).parent

SAMPLES: Mapping[str, object] = {
    **VALUES,
    **RECORD_VALUES,
    "names": ["a", "b"],
    "ids": ["7a9d2c1e-0b7e-4e52-9d0e-0d4a2b1c3d4e"],
    "id": "7a9d2c1e-0b7e-4e52-9d0e-0d4a2b1c3d4e",
    "after_id": "7a9d2c1e-0b7e-4e52-9d0e-0d4a2b1c3d4e",
    "after_on": "2026-01-01T00:00:00Z",
    "cutoff": "2026-01-01T00:00:00Z",
    "percent": 1.0,
    "keys": ["a", "b"],
    "without_key": True,
    "measured": True,
    "strict": True,
    "priority": 0,
    "created_on": "2026-01-01T00:00:00Z",
    "root": "7a9d2c1e-0b7e-4e52-9d0e-0d4a2b1c3d4e",
    "limit": 50,
    "cut": 100,
    "grace": 60,
    "patience": 60,
    "resolver": True,
    "old_seconds": 60,
    "shown": 20,
    "window": 60,
    "long": 600,
    "hashes": [1, 2],
    "paced": True,
    "far": 3600,
    "most_dead": 10_000,
    "pages": 1280,
    "index_pages": 128,
    "policies": ["singleton", "stately"],
    "hidden_names": ["a"],
    "hidden_keys": ["k"],
    "keyless": ["a"],
    "closed": ["b"],
    "refused": False,
    "headed": ["a"],
    "largest": 8192,
    "minutes": 15,
    "path_1": ["user", "id"],
    "options": '{"policy": "standard"}',
    "step": 60,
    "heads": 8,
    "whats": ["TABLE"],
    "schemas": ["pgboss"],
    "objects": ["job"],
    "rights": ["UPDATE"],
}


def read_catalog(database: Database) -> Catalog:
    with psycopg.connect(database.dsn) as connection:
        cursor = connection.cursor(row_factory=dict_row)
        row = cursor.execute(bare("catalog").text, {"schema": database.schema}).fetchone()
        assert row is not None
        return Catalog.from_row(database.schema, row)


def slots(catalog: Catalog) -> dict[str, sql.Composable]:
    return {
        **action_slots(catalog),
        **record_slots(catalog),
        "columns": listed(),
        "raw": raw(),
        "details": details(catalog, full=False),
        "source": relations(catalog)["job"],
        "where": ALWAYS,
        "after": JobOrder("newest").after,
        "within": ALWAYS,
        "order": JobOrder("newest").by,
        "each_by": JobOrder("newest").by_start,
        "lead": JobOrder("newest").lead,
        "way": JobOrder("newest").way,
        "sorted_by": JobOrder("newest").sorted_by,
        "fields": chosen_fields(["retry_delay", "data.user.id"], catalog)[0],
        "cutoff": ABOVE_CUTOFF,
        "queues": ALWAYS,
        "assignments": sql.SQL("name = 'x'"),
        "own_table": relations(catalog)["job_table"],
        "other_version": sql.Identifier(catalog.schema, "version"),
        "other_schedule": sql.Identifier(catalog.schema, "schedule"),
        "since": sql.Literal(datetime(2026, 1, 1, tzinfo=UTC)),
        "until": sql.Literal(datetime(2026, 1, 2, tzinfo=UTC)),
    }


def make_own_schema(database: Database) -> None:
    """As archiving on 11 and newer does after a yes."""
    catalog = read_catalog(database)
    with psycopg.connect(database.dsn) as connection:
        for write in creation(catalog, schema=True):
            connection.execute(Queries(catalog).get(write.name, **write.slots).text, write.values)


@pytest.mark.parametrize("release", every(ALL_RELEASES, (*THIN, "11.0.0", "12.19.1", "12.35.0")))
def test_every_statement_is_planned_on_every_release(database: DatabaseFactory, release: str) -> None:
    db = database(release)
    if release in ONE_PER_GENERATION:
        make_own_schema(db)
    catalog = read_catalog(db)
    queries = Queries(catalog)
    planned = 0
    with psycopg.connect(db.dsn) as connection:
        for name in PLANNED:
            try:
                statement = queries.choose(name)
            except Unsupported:
                continue
            if not catalog.own and (statement.file == "records.sql" or "{own_" in statement.text):
                continue
            wanted = statement.placeholders - set(relations(catalog))
            query = queries.get(name, **{slot: slots(catalog)[slot] for slot in wanted})
            values = {key: SAMPLES.get(key, "x") for key in _parameters(query.text.as_string(connection))}
            if query.text.as_string(connection).lstrip().upper().startswith(OUTRIGHT):
                connection.execute(query.text)
            else:
                connection.execute(sql.SQL("EXPLAIN ") + query.text, values)
            planned += 1
    assert planned >= 20, f"only {planned} statements apply to pg-boss {release}"


def _parameters(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)s", text))


def test_every_statement_is_used() -> None:
    used = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                used.add(node.value)
    assert set(statements()) - used == set()


def test_every_fact_named_in_a_header_exists_on_some_release(database: DatabaseFactory) -> None:
    databases = [database(release) for release in ("9.0.3", "10.4.2", "11.1.2", "12.38.0")]
    make_own_schema(databases[-1])
    catalogs = [read_catalog(one) for one in databases]
    facts = {
        fact.removeprefix("!")
        for variants in statements().values()
        for statement in variants
        for fact in (*statement.needs, *statement.when)
    }
    assert {fact for fact in facts if not any(catalog.has(fact) for catalog in catalogs)} == set()


@pytest.mark.parametrize("release", ALL_RELEASES)
def test_the_catalog_tells_the_generation(database: DatabaseFactory, release: str) -> None:
    catalog = read_catalog(database(release))
    number = SCHEMA_NUMBERS[release]
    assert catalog.generation == ("8-9" if number == 20 else "10" if number < 25 else "11-12")
    assert catalog.layout == ("plain" if number == 20 else "queues" if number < 25 else "common")
    assert catalog.has("index:i14") == (number >= 46)
    assert catalog.has("instance") == (number >= 44)
    assert catalog.has("archive") == (number < 25)


def test_a_name_means_statements_of_one_file() -> None:
    """Variants of a name are chosen among: two files that use one name would choose among each other's."""
    assert not [name for name, variants in statements().items() if len({one.file for one in variants}) > 1]

"""The hot readings go by the index they should, on each era, on enough rows to make it matter."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from bossctl.selector import parse
from bossctl.sql import Queries
from bossctl.sql.columns import details, listed, raw
from bossctl.sql.job_orders import JobOrder
from bossctl.sql.selection import ALWAYS, select
from tests.bench.data import QUEUES, fill
from tests.conftest import DatabaseFactory
from tests.db.test_sql_contract import read_catalog
from tests.support.database import Database

JOBS = 30_000
FETCH_INDEX = {
    "9.0.3": "job_fetch",
    "10.4.2": "_i5",
    "11.1.2": "job_i5",
    "12.27.0": "job_common_i5",
    "12.38.0": "job_common_i",
}

NEWEST_FIRST: dict[str, sql.Composable] = {
    "columns": listed(),
    "raw": raw(),
    "sorted_by": JobOrder("newest").sorted_by,
    "order": JobOrder("newest").by,
    "within": ALWAYS,
    "after": ALWAYS,
}


@pytest.fixture
def filled(request: pytest.FixtureRequest, database: DatabaseFactory) -> Database:
    """A database of one release with JOBS jobs, few of them waiting, as a healthy one is."""
    db = database(request.param)
    with psycopg.connect(db.dsn) as connection:
        fill(connection, db.schema, JOBS)
    db.execute("DELETE FROM job WHERE state < 'active' AND left(id::text, 1) <> '0'")
    db.execute("ANALYZE job")
    return db


def plan(db: Database, name: str, values: dict[str, object], **slots: sql.Composable) -> str:
    query = Queries(read_catalog(db)).get(name, **slots)
    with psycopg.connect(db.dsn) as connection:
        return "\n".join(row[0] for row in connection.execute(sql.SQL("EXPLAIN ") + query.text, values))


@pytest.mark.parametrize("filled", list(FETCH_INDEX), indirect=True)
def test_readings_use_the_indexes_of_their_era(filled: Database) -> None:
    waiting = plan(filled, "waiting_counts", {"names": None})
    assert FETCH_INDEX[filled.release] in waiting, waiting

    catalog = read_catalog(filled)
    due = select(parse("is:due"), catalog)
    source = Queries(catalog).relation("job")
    slots = {**NEWEST_FIRST, "source": source, "where": due.where, "cutoff": ALWAYS}
    page = plan(filled, "jobs_page", {**due.values, "limit": 50}, **slots)
    assert FETCH_INDEX[filled.release] in page, page

    failed = select(parse("state:failed"), catalog)
    narrow = plan(filled, "jobs_page_narrow", {**failed.values, "limit": 50}, **{**slots, "where": failed.where})
    assert "pkey" in narrow, narrow

    if not catalog.has("queue"):
        names = plan(filled, "queue_names", {})
        assert names.count("Index Only Scan using job_name on job") == 2, names
        assert "Seq Scan on job" not in names, names

    job_id, queue = filled.execute("SELECT id, name FROM job LIMIT 1")[0]
    values = {"id": job_id, "cut": 9, "names": [queue]}
    shown = {"columns": listed(), "details": details(catalog, full=False)}
    one = plan(filled, "job_by_id", values, **shown)
    assert "pkey" in one, one
    if not catalog.has("layout:queues"):
        assert "Seq Scan on j" not in one, one
    else:
        assert one.count("_pkey on j") > QUEUES / 2, one  # the others' tables are a page or none
        assert "archive_pkey" in one, one
        one = plan(filled, "job_of_queues", values, **shown)
        assert one.count("Index Scan using") == 2, one  # of its own table and of the archive
        assert "archive_pkey" in one, one
        name = plan(filled, "queues_of_id", {"id": job_id})
        large = name.count("_pkey on j")
        assert large > QUEUES / 2, name
        assert name.count("Index Cond: ((name = q.name) AND (id =") == large, name


@pytest.mark.parametrize("filled", ["12.38.0"], indirect=True)
def test_the_newest_schema_counts_and_lists_by_its_own_indexes(filled: Database) -> None:
    counts = plan(filled, "open_counts", {"names": None})
    assert counts.count("Scan using job_common_i14") >= 2, counts
    assert counts.count("job_common_i14") == 3, counts
    assert "Index Cond: ((name = q.name) AND (state = " in counts, counts
    assert "Seq Scan on job" not in counts, counts
    assert "job_common_i16" in plan(filled, "failed_recently", {"names": None})
    newest = JobOrder("newest")
    walk = {**NEWEST_FIRST, "queues": ALWAYS, "where": ALWAYS, "each_by": newest.by}
    assert "job_common_i15" in plan(filled, "jobs_page_by_queue", {"limit": 50}, **{**walk, "cutoff": ALWAYS})
    cutoff: dict[str, object] = {"limit": 50, "cutoff": filled.value("SELECT max(created_on) FROM job")}
    assert "job_common_i15" in plan(filled, "jobs_page_by_queue", cutoff, **{**walk, "cutoff": newest.until})
    heads: dict[str, object] = {"limit": 50, "heads": 8}
    ends = {**walk, "lead": newest.lead, "way": newest.way}
    assert "job_common_i15" in plan(filled, "walk_cutoff", heads, **ends)
    every = {**ends, "where": select(parse("state:failed"), read_catalog(filled)).where, "each_by": newest.by_start}
    assert "Index Scan Backward using job_common_i14" in plan(filled, "walk_cutoff", heads, **every)
    failed = select(parse("queue:queue-01 state:failed"), read_catalog(filled))
    source = Queries(read_catalog(filled)).relation("job")
    slots = {**NEWEST_FIRST, "source": source, "cutoff": ALWAYS}
    assert "Index" in plan(filled, "jobs_page", {**failed.values, "limit": 50}, where=failed.where, **slots)

"""What went through a queue lately, beside plain SQL on the same rows."""

from __future__ import annotations

from datetime import datetime, timedelta

import psycopg
import pytest
from psycopg import sql

from bossctl.errors import StatementTimeout
from bossctl.models.activity import SPANS, Percentiles, Span
from bossctl.models.jobs import JobRow
from bossctl.selector import parse
from bossctl.sql import Queries
from bossctl.store import Store
from bossctl.store import activity as readings
from tests.conftest import SeededFactory
from tests.db.test_sql_contract import read_catalog
from tests.seed.plan import BUSY, SCHEDULED, plan
from tests.support.aging import age, job_column
from tests.support.database import Database
from tests.support.releases import ALL_RELEASES, NEWEST, RELEASES_WITH_ARCHIVE, every
from tests.support.stores import open_store

USUAL = ("9.0.3", "10.4.2", NEWEST)
FAILURES = ("failed", "expired")

Kept = tuple[str, datetime, datetime, datetime | None, datetime]
"""State, created, due, started, ended."""


def kept(db: Database, queue: str) -> list[Kept]:
    """The times of a queue's jobs, of those in the archive too."""
    columns = ", ".join(job_column(db, name) for name in ("created_on", "start_after", "started_on", "completed_on"))
    tables = ["job", "archive"] if db.release in RELEASES_WITH_ARCHIVE else ["job"]
    return [
        row
        for table in tables
        for row in db.execute(f"SELECT state::text, {columns} FROM {table} WHERE name = %s", [queue])
    ]


def per_step(moments: list[datetime], begin: datetime, span: Span) -> tuple[int, ...]:
    places = [(moment - begin) // timedelta(seconds=span.step) for moment in moments]
    return tuple(places.count(step) for step in range(span.steps))


def percentiles(db: Database, durations: list[float]) -> Percentiles:
    found = db.value(
        "SELECT percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY one) FROM unnest(%s::float8[]) AS one",
        [durations],
    )
    return Percentiles(len(durations), *found)


@pytest.mark.parametrize("release", every(ALL_RELEASES, USUAL))
async def test_a_queue_lately_is_what_its_rows_say(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    rows = kept(db, BUSY)
    failures = [row for row in rows if row[0] in FAILURES]
    async with await open_store(db) as store:
        for span in SPANS.values():
            found = await store.queue_activity(BUSY, span)
            now = db.value("SELECT now()")
            assert found.begin.timestamp() % span.step == 0
            assert found.start_of(span.steps - 1) <= now < found.start_of(span.steps) + timedelta(seconds=5)
            assert found.created == per_step([row[1] for row in rows], found.begin, span)
            assert found.completed == per_step([row[4] for row in rows if row[0] == "completed"], found.begin, span)
            assert found.failed == per_step([row[4] for row in failures], found.begin, span)
        week = await store.queue_activity(BUSY, SPANS["7d"])
        assert sum(week.failed) == len(failures) == plan(release).counts[BUSY]["failed"]
        latency = await store.queue_latency(BUSY, SPANS["7d"])
        ran = [row for row in rows if row[0] in ("completed", *FAILURES) and row[3] is not None]
        assert latency.wait == percentiles(db, [lasted(max(row[1], row[2]), row[3]) for row in ran])
        assert latency.run == percentiles(db, [lasted(row[3], row[4]) for row in ran])
        await check_errors(store, failures, db.value("SELECT now()"))
        await check_schedules(store, db)
        nothing = await store.queue_latency("nobody", SPANS["1h"])
        assert nothing.wait == nothing.run == Percentiles(0)


def lasted(since: datetime | None, until: datetime | None) -> float:
    assert since is not None
    assert until is not None
    return max(0.0, (until - since).total_seconds())


async def check_errors(store: Store, failures: list[Kept], now: datetime) -> None:
    """Each failure is in one group, and a group's selection finds its jobs."""
    found = await store.queue_errors(BUSY)
    assert found.jobs == sum(one.count for one in found.groups) == len(failures)
    within = [sum(row[4] > now - timedelta(hours=hours) for row in failures) for hours in (1, 24, 168)]
    groups = found.groups
    assert [
        sum(times) for times in zip(*((g.last_hour, g.last_day, g.last_week) for g in groups), strict=True)
    ] == within
    for group in groups:
        page = await store.jobs(parse(group.selector), limit=100)
        assert len(page.jobs) >= group.count
        assert group.sample_id in ids(page.jobs)


def ids(jobs: tuple[JobRow, ...]) -> set[str]:
    return {job.id for job in jobs}


async def check_schedules(store: Store, db: Database) -> None:
    """Those of the queue alone, each with a run to come."""
    now = db.value("SELECT now()")
    expected = {one.key for one in plan(db.release).schedules if one.name == SCHEDULED}
    found = await store.queue_schedules(SCHEDULED)
    assert {one.schedule.key for one in found} == expected
    assert await store.queue_schedules(BUSY) == ()
    for one in found:
        assert one.reason is None
        assert one.at is not None
        assert one.at > now


async def test_a_job_is_found_in_the_step_and_the_time_it_took(seeded: SeededFactory) -> None:
    """Durations known beforehand, stamps of two clocks the wrong way round, and what never ran."""
    db = seeded(NEWEST)
    db.execute("DELETE FROM job WHERE name = %s", [SCHEDULED])
    for wait, run in ((1, 10), (2, 20), (3, 30), (-5, -5)):
        db.execute(
            "INSERT INTO job (name, state, created_on, start_after, started_on, completed_on) SELECT %s, 'completed',"
            " at - interval '1 hour', at, at + %s * interval '1 second', at + %s * interval '1 second'"
            " FROM (SELECT now() - interval '10 minutes' AS at) AS one",
            [SCHEDULED, wait, wait + run],
        )
    db.execute("INSERT INTO job (name, state, completed_on) VALUES (%s, 'cancelled', now())", [SCHEDULED])
    db.execute("INSERT INTO job (name, state, completed_on) VALUES (%s, 'failed', now())", [SCHEDULED])
    async with await open_store(db) as store:
        hour = await store.queue_activity(SCHEDULED, SPANS["1h"])
        assert (sum(hour.created), sum(hour.completed), sum(hour.failed)) == (2, 4, 1)
        assert hour.created[-1] == 2
        assert hour.failed[-1] == 1
        assert sum(hour.completed[-13:-8]) == 4
        latency = await store.queue_latency(SCHEDULED, SPANS["1h"])
        assert (latency.wait.jobs, latency.wait.p50, latency.run.p50) == (4, 1.5, 15.0)
        age(db, 3600, "completed_on", where=f"name = '{SCHEDULED}' AND state = 'completed'")
        assert (await store.queue_latency(SCHEDULED, SPANS["1h"])).run == Percentiles(0)


async def test_the_newest_schema_goes_by_its_indexes(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    db.execute(
        "INSERT INTO job (name, state, created_on, started_on, completed_on) SELECT %s, 'completed', at, at, at"
        " FROM generate_series(now() - interval '20 days', now() - interval '10 days', interval '3 minutes') AS at",
        [BUSY],
    )
    db.execute("ANALYZE job")
    queries = Queries(read_catalog(db))
    since, until = (
        sql.Literal(db.value(f"SELECT now() {more}")) for more in ("- interval '1 hour'", "+ interval '1 h'")
    )
    with psycopg.connect(db.dsn) as connection:
        connection.execute("SET enable_seqscan = off")
        for name, indexes in (("queue_activity", ("_i15", "_i16")), ("queue_latency", ("_i16",))):
            query = queries.get(name, since=since, until=until)
            rows = connection.execute(sql.SQL("EXPLAIN ") + query.text, {"queue": BUSY, "step": 60}).fetchall()
            planned = "\n".join(row[0] for row in rows)
            assert all(index in planned for index in indexes), planned
            assert "Index Cond: ((name = 'mail'::text) AND (c" in planned, planned


async def test_a_dear_reading_is_given_up_soon(seeded: SeededFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    db = seeded(NEWEST)
    monkeypatch.setattr(readings, "LONGEST_SECONDS", 0.2)
    async with await open_store(db) as store:
        db.execute("BEGIN")
        db.execute("LOCK TABLE job_common IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StatementTimeout):
            await store.queue_activity(BUSY, SPANS["1h"])
        db.execute("ROLLBACK")
        assert (await store.queue_activity(BUSY, SPANS["1h"])).queue == BUSY

"""The passes over all jobs: workers share them, and what only a pass calls for is looked at closer."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql

from bossctl import doctor
from bossctl.doctor import DoctorRequest
from bossctl.sql import Queries
from tests.conftest import BossFactory, DatabaseFactory, SeededFactory
from tests.db.test_sql_contract import SAMPLES, read_catalog
from tests.support.diagnosis import diagnose
from tests.support.stores import open_store

MANY_ROWS = """
    UPDATE pg_class SET reltuples = 1000000, relpages = greatest(1, pg_relation_size(oid) / 8192)
    WHERE relnamespace = 'pgboss'::regnamespace AND relkind = 'r' AND (relname ~ '^job' OR relispartition)
"""


@pytest.mark.parametrize("release", ["9.0.3", "10.4.2", "12.38.0"])
@pytest.mark.parametrize("name", ["suspects", "completed_runs"])
def test_workers_share_a_pass(seeded: SeededFactory, release: str, name: str) -> None:
    db = seeded(release)
    queries = Queries(read_catalog(db))
    query = queries.get(name, since=sql.Literal(datetime(2026, 1, 1, tzinfo=UTC)))
    values = {key: SAMPLES[key] for key in query.parameters} | {"names": None}
    with psycopg.connect(db.dsn) as connection:
        connection.execute("ANALYZE")
        connection.execute(MANY_ROWS)
        connection.execute("SET min_parallel_table_scan_size = 0")
        plan = "\n".join(row[0] for row in connection.execute(sql.SQL("EXPLAIN ") + query.text, values))
    assert "Partial" in plan, "each worker counts what it reads"


async def test_identical_jobs_are_looked_for_as_far_back_as_asked(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.38.0")
    one = await boss(db)
    await one.create_queue("mail")
    for _ in range(3):
        await one.send("mail", {"letter": "the same"})
    db.execute("UPDATE job SET created_on = created_on - interval '3 days'")
    async with await open_store(db) as store:
        short = await doctor.run(store, DoctorRequest(only=("DUP05",)))
        long = await doctor.run(store, DoctorRequest(only=("DUP05",), identical_seconds=7 * 86_400))
    assert short.findings == ()
    assert [(finding.queue, finding.count) for finding in long.findings] == [("mail", 3)]


async def test_what_completed_without_ever_having_been_started(database: DatabaseFactory, boss: BossFactory) -> None:
    """Such a job tells nothing of how long others waited."""
    db = database("12.38.0")
    one = await boss(db)
    await one.create_queue("mail")
    for number in range(3):
        await one.send("mail", {"letter": number})
    first = db.value("SELECT id FROM job WHERE name = 'mail' LIMIT 1")
    db.execute("UPDATE job SET state = 'completed', completed_on = now() WHERE id = %s", [first])
    db.execute("UPDATE job SET created_on = now() - interval '1 day', start_after = now() - interval '1 day'")
    report = await diagnose(db)
    backlog = {finding.code: finding.queue for finding in report.findings}
    assert backlog["STK03"] == "mail"

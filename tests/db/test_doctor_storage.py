"""SCH04: dead rows, horizons held back, and indexes that a backlog left behind."""

from __future__ import annotations

import psycopg
import pytest

from bossctl.models.findings import Certainty, Severity
from tests.conftest import DatabaseFactory, SeededFactory
from tests.support.aging import job_column
from tests.support.database import Database
from tests.support.diagnosis import found
from tests.support.releases import generation
from tests.support.waiting import eventually

ROWS = 24_000


def fill(db: Database) -> str:
    """A backlog on one queue; the table that holds it."""
    queue = "backlog"
    if generation(db.release) >= 10:
        options = '{"policy": "standard"}'
        db.execute(f"SELECT create_queue('{queue}', '{options}')")
    db.execute(f"INSERT INTO job (name, state) SELECT %s, 'created' FROM generate_series(1, {ROWS})", [queue])
    return str(db.value("SELECT tableoid::regclass::text FROM job LIMIT 1"))


def vacuum(db: Database, statement: str) -> None:
    # What a connection has done is told to the statistics a second later, and would be counted on top.
    db.execute("SELECT pg_stat_force_next_flush()")
    db.execute(statement)


def touch(db: Database) -> None:
    db.execute(f"UPDATE job SET {job_column(db, 'retry_limit')} = 1")
    db.execute("SELECT pg_stat_force_next_flush()")


async def counted(db: Database, table: str, dead: int) -> None:
    await eventually(lambda: db.value("SELECT pg_stat_get_dead_tuples(%s::regclass)", [table]) >= dead)


@pytest.mark.parametrize("release", ["9.0.3", "12.38.0"])
async def test_dead_rows_that_nobody_removes(database: DatabaseFactory, release: str) -> None:
    db = database(release)
    table = fill(db)
    db.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
    assert await found(db, "SCH04") == []
    touch(db)
    await counted(db, table, ROWS)
    [finding] = await found(db, "SCH04")
    assert (finding.severity, finding.certainty) == (Severity.INFO, Certainty.PROVEN)
    assert finding.subject == f"dead rows of {table}"
    assert finding.count == ROWS
    assert "never vacuumed: autovacuum is off for it" in finding.message
    assert finding.remedy.command == "bossctl info"
    vacuum(db, "VACUUM " + table)
    assert await found(db, "SCH04") == []


async def test_a_transaction_that_holds_dead_rows_back(database: DatabaseFactory) -> None:
    db = database("12.38.0")
    table = fill(db)
    with psycopg.connect(db.dsn, application_name="report") as session:
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        session.execute("SELECT count(*) FROM pg_class")
        touch(db)
        vacuum(db, "VACUUM " + table)
        await counted(db, table, ROWS)
        [finding] = await found(db, "SCH04")
        assert "autovacuum is off for it, and a session" in finding.message
        assert "(report), begun" in finding.message
        assert finding.evidence[1]["state"] == "idle in transaction"
    vacuum(db, "VACUUM " + table)
    assert await found(db, "SCH04") == []


@pytest.mark.parametrize("release", ["10.4.2", "12.27.0"])
async def test_indexes_that_a_backlog_left_behind(database: DatabaseFactory, release: str) -> None:
    db = database(release)
    table = fill(db)
    vacuum(db, "VACUUM ANALYZE " + table)
    assert await found(db, "SCH04") == []
    db.execute("DELETE FROM job")
    vacuum(db, "VACUUM ANALYZE " + table)
    [finding] = await found(db, "SCH04")
    assert (finding.severity, finding.certainty) == (Severity.INFO, Certainty.LIKELY)
    assert finding.subject == f"indexes of {table}"
    assert finding.queue == ("backlog" if release == "10.4.2" else None)
    assert f"{table}_pkey" in {row["index"] for row in finding.evidence}
    for row in finding.evidence:
        db.execute(f'REINDEX INDEX "{row["index"]}"')
    assert await found(db, "SCH04") == []


async def test_what_pgboss_itself_has_warned_of(seeded: SeededFactory) -> None:
    db = seeded("12.38.0")
    assert await found(db, "SCH04") == [], "a backlog that was persisted is no bloat"
    db.execute(
        "INSERT INTO warning (type, message) SELECT 'xmin_horizon', 'a replication slot' FROM generate_series(1, 3)"
    )
    [finding] = await found(db, "SCH04")
    assert (finding.count, finding.certainty) == (3, Certainty.PROVEN)
    assert "warned 3 times that vacuum cannot remove dead rows" in finding.message

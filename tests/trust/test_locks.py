"""Locks of others, and pg-boss migrating: what is read all the same, what waits, and what is said."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from bossctl.errors import Exit
from bossctl.store import connections
from tests.cli.conftest import Bossctl
from tests.conftest import DatabaseFactory, SeededFactory
from tests.support.bed import install
from tests.support.database import Database
from tests.support.releases import NEWEST


@contextmanager
def holding(db: Database, statement: str) -> Iterator[psycopg.Connection[Any]]:
    """Another session that has run this and not ended its transaction."""
    with psycopg.connect(db.dsn) as other:
        other.execute("SET search_path TO pgboss")
        other.execute(statement.encode())
        yield other
        other.rollback()


def test_rows_that_another_session_holds(bossctl: Bossctl, seeded: SeededFactory) -> None:
    """They are seen as they were; an action leaves them, says how many, and asks to be run again (exit 6)."""
    db = seeded(NEWEST)
    with holding(db, "SELECT id FROM job WHERE name = 'mail' AND state = 'failed' ORDER BY id LIMIT 2 FOR UPDATE"):
        assert bossctl("job", "list", "queue:mail state:failed", "--dsn", db.dsn).text.count("failed") == 5
        result = bossctl("job", "retry", "queue:mail state:failed", "--yes", "-o", "json", "--dsn", db.dsn)
    assert (result.code, result.json()["changed"], result.json()["skipped"]) == (Exit.PARTLY, 3, {"locked": 2})
    again = bossctl("job", "retry", "queue:mail state:failed", "--yes", "-o", "json", "--dsn", db.dsn)
    assert (again.code, again.json()["changed"]) == (Exit.OK, 2)


@pytest.mark.matrix
def test_a_table_that_a_migration_holds(
    bossctl: Bossctl, seeded: SeededFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ACCESS EXCLUSIVE on the job table, as pg-boss's migrations take it: exit 3 and the reason, never a hang."""
    monkeypatch.setattr(connections, "LOCK_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr("bossctl.store.session.LOCK_TIMEOUT_SECONDS", 0.2)
    db = seeded(NEWEST)
    with holding(db, "LOCK TABLE job IN ACCESS EXCLUSIVE MODE"):
        for line in ("job list", "job retry queue:mail state:failed --yes"):
            result = bossctl(*line.split(), "--dsn", db.dsn)
            assert (result.code, result.out) == (Exit.UNREACHABLE, b""), f"{line}: {result.err}"
            assert "another session holds a lock" in result.err, line
        report = bossctl("doctor", "-o", "json", "--dsn", db.dsn)
        checks = {one["code"]: one for one in report.json()["checks"]}
        assert report.code in (Exit.PARTLY, Exit.FINDINGS)
        assert checks["DUP04"]["status"] == "skipped"
        assert checks["DUP04"]["reason"].startswith("timeout")
    assert bossctl("job", "list", "--dsn", db.dsn).code == Exit.OK
    assert db.value("SELECT count(*) FROM job WHERE name = 'mail' AND state = 'failed'") == 5


@pytest.mark.matrix
@pytest.mark.parametrize(("before", "after"), [("12.27.0", NEWEST), ("11.1.2", NEWEST)])
def test_a_watch_lives_through_a_real_migration(database: DatabaseFactory, before: str, after: str) -> None:
    """pg-boss itself migrates the schema under a `doctor --watch`: the next look is at the new schema."""
    db = database(before)
    db.execute("""SELECT create_queue('mail', '{"policy": "standard"}')""")
    command = [sys.executable, "-m", "bossctl", "doctor", "--watch", "1s", "-o", "jsonl", "--dsn", db.dsn]
    watch = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert watch.stdout is not None
        assert json.loads(watch.stdout.readline())
        old = db.schema_number
        install(after, db.dsn, "pgboss")
        assert db.schema_number > old
        due = "now() - '2h'::interval"
        db.execute(f"INSERT INTO job (name, created_on, start_after) VALUES ('mail', {due}, {due})")
        assert any("STK03" in line for line in watch.stdout), "the watch ended before it saw the new job"
        assert watch.poll() is None
    finally:
        watch.terminate()
        _, errors = watch.communicate(timeout=20)
    assert "internal error" not in errors

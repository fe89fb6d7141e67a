"""pg-boss migrates its schema, for real, while an action is at work: it waits or says why not, and nothing is lost."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest

from bossctl.actions import Operator
from bossctl.cli.acting import exit_code
from bossctl.demo.node import find_node
from bossctl.errors import Exit
from bossctl.models.jobactions import Progress
from bossctl.store import connections, session
from tests.cli.conftest import Bossctl
from tests.conftest import DatabaseFactory, SeededFactory
from tests.support.acting import request
from tests.support.bed import PGBOSS, install, modules
from tests.support.database import Database
from tests.support.releases import NEWEST, SCHEMA_NUMBERS
from tests.support.stores import open_store

BEFORE = "11.1.2"
GATE = 20_261
"""The advisory lock that the migration must have before it goes on with the job table locked."""
STOPPING = f"""
CREATE FUNCTION public.at_the_gate() RETURNS event_trigger LANGUAGE plpgsql AS
'BEGIN IF EXISTS (SELECT FROM pg_locks WHERE pid = pg_backend_pid() AND mode = ''AccessExclusiveLock''
  AND relation = ''pgboss.job''::regclass) THEN PERFORM pg_advisory_xact_lock_shared({GATE}); END IF; END';
CREATE EVENT TRIGGER at_the_gate ON ddl_command_end EXECUTE FUNCTION public.at_the_gate();
"""
STOPPED = f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = {GATE} AND NOT granted"
WAITING = """
SELECT count(*) FROM pg_locks JOIN pg_stat_activity AS a USING (pid)
WHERE NOT granted AND a.application_name = 'bossctl' AND a.datname = current_database()
"""
ARCHIVE = "job archive queue:mail state:completed --limit 2 --yes"
LINES = (
    "job retry queue:mail state:failed --yes",
    "job cancel queue:mail state:created --yes",
    "job resume queue:mail state:cancelled --yes",
    "job defer queue:mail state:created --by 1h --yes",
    "job redrive queue:mail-dead --to mail --yes",
    "job resend queue:mail state:completed --yes",
    "job delete queue:mail state:completed --limit 2 --yes",
    ARCHIVE,
    "job restore queue:mail --yes",
    "undo --yes",
    "queue delete unused --yes",
)
JOBS = "SELECT md5(string_agg(concat(id, state, retry_limit, start_after), '' ORDER BY id)) FROM job"
Gate = psycopg.Connection[tuple[object, ...]]


def until(condition: Callable[[], object]) -> None:
    """Wait for it, half a minute at most."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@contextmanager
def migrating(db: Database) -> Iterator[Gate]:
    """A migration by the newest pg-boss that has locked the job table, and goes on when the connection lets it."""
    db.execute(STOPPING)
    script = [find_node().program, PGBOSS / "install.mjs", modules(NEWEST), NEWEST, db.dsn, db.schema]
    with psycopg.connect(db.dsn, autocommit=True) as gate:
        gate.execute("SELECT pg_advisory_lock(%s)", [GATE])
        migration = subprocess.Popen(script, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            until(lambda: db.value(STOPPED))
            yield gate
            gate.execute("SELECT pg_advisory_unlock_all()")
            assert (migration.communicate(timeout=60)[1], migration.returncode) == ("", 0)
            assert db.schema_number == SCHEMA_NUMBERS[NEWEST]
        finally:
            migration.kill()
            migration.communicate()


def goes_on(gate: Gate, dsn: str) -> None:
    """Let the migration go on once a bossctl waits for it."""
    with psycopg.connect(dsn, autocommit=True) as looking:
        until(lambda: looking.execute(WAITING).fetchone() != (0,))
    gate.execute("SELECT pg_advisory_unlock_all()")


def is_refused(bossctl: Bossctl, db: Database, line: str) -> None:
    """Exit 3 and the reason, where the migration takes longer than the lock timeout."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (connections, session):
            patch.setattr(module, "LOCK_TIMEOUT_SECONDS", 0.2)
        result = bossctl(*line.split(), "--dsn", db.dsn)
    assert (result.code, result.out) == (Exit.UNREACHABLE, b""), f"{line}: {result.err}"
    assert "another session holds a lock" in result.err, line
    assert "hint: try again when it is done" in result.err, line


def waits(bossctl: Bossctl, db: Database, gate: Gate, line: str) -> None:
    """Done, where the migration ends before the lock timeout."""
    with ThreadPoolExecutor(1) as beside:
        letting = beside.submit(goes_on, gate, db.dsn)
        result = bossctl(*line.split(), "--dsn", db.dsn)
        letting.result()
    assert result.code == Exit.OK, f"{line}: {result.err}"


def test_an_action_while_pg_boss_migrates(bossctl: Bossctl, seeded: SeededFactory) -> None:
    db = seeded(BEFORE)
    before = db.value(JOBS)
    with migrating(db) as gate:
        is_refused(bossctl, db, LINES[0])
        waits(bossctl, db, gate, LINES[0])
    assert db.value("SELECT count(*) FROM job WHERE name = 'mail' AND state = 'failed'") == 0
    assert bossctl("undo", "--yes", "--dsn", db.dsn).code == Exit.OK
    assert db.value(JOBS) == before


@pytest.mark.matrix
def test_every_action_is_refused_and_works_afterwards(bossctl: Bossctl, seeded: SeededFactory) -> None:
    db = seeded(BEFORE)
    assert bossctl(*ARCHIVE.split(), "--dsn", db.dsn).code == Exit.OK
    before = db.value(JOBS)
    with migrating(db):
        for line in LINES:
            is_refused(bossctl, db, line)
    assert db.value(JOBS) == before
    for line in LINES:
        result = bossctl(*line.split(), "--dsn", db.dsn)
        assert result.code == Exit.OK, f"{line}: {result.err}"


@pytest.mark.matrix
@pytest.mark.parametrize("line", LINES)
def test_every_action_waits(bossctl: Bossctl, seeded: SeededFactory, line: str) -> None:
    db = seeded(BEFORE)
    assert bossctl(*ARCHIVE.split(), "--dsn", db.dsn).code == Exit.OK
    with migrating(db) as gate:
        waits(bossctl, db, gate, line)


FILL = """
INSERT INTO job (name, state, completed_on)
SELECT 'work', s::job_state, CASE WHEN s <> 'created' THEN now() END
FROM generate_series(1, 2000), (SELECT %(state)s) AS asked(s)
"""


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("action", "state"), [("retry", "failed"), ("cancel", "created"), ("delete", "failed"), ("archive", "completed")]
)
async def test_a_migration_between_two_batches(database: DatabaseFactory, action: str, state: str) -> None:
    """Half is done on the old schema and half on the new one, and all of it can be taken back."""
    db = database(BEFORE)
    db.execute("""SELECT create_queue('work', '{"policy": "standard"}')""")
    db.execute(FILL, {"state": state})
    old = db.schema_number

    def migrate(progress: Progress) -> None:
        if db.schema_number == old:
            install(NEWEST, db.dsn, db.schema)

    async with await open_store(db) as store:
        operator, asked = Operator(store), request(action, "queue:work")
        plan = await operator.plan_jobs(asked)
        outcome = await operator.apply_jobs(asked, plan, progress=migrate, own_schema=True)
        assert (exit_code(outcome), outcome.changed) == (Exit.OK, 2000)
        assert db.schema_number > old
    async with await open_store(db) as store:
        operator = Operator(store)
        [done] = await operator.operations()
        undone = await operator.undo(await operator.plan_undo(done.operation))
        assert (undone.changed, undone.skipped) == (2000, {})
    assert db.value("SELECT count(*) FROM job WHERE state::text = %s", [state]) == 2000

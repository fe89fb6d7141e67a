"""What leaves the job table in one statement that deletes at once: rows of others in the way, keys taken meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from time import perf_counter

import psycopg
import pytest

from bossctl.actions import Operator
from bossctl.actions.jobs import batches
from bossctl.actions.jobs.at_once import STANDSTILLS, TAKING_SECONDS
from bossctl.actions.jobs.ownschema import make
from bossctl.errors import LockTimeout
from bossctl.models.jobactions import ActionOutcome, Progress
from bossctl.store import Store
from bossctl.store.recording import recording
from tests.conftest import SeededFactory
from tests.db.test_job_lanes import JOBS, QUEUE, filled, left
from tests.support.acting import request
from tests.support.aging import job_column
from tests.support.database import Database
from tests.support.releases import NEWEST, every, generation
from tests.support.stores import open_store, spec_of

AT_ONCE, BY_STEPS = "action_at_once", "action_lock"
SLOW_COMMIT = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER slow AFTER INSERT OR UPDATE ON bossctl.operation
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()
"""
SLOW_DELETE = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(5.5); RETURN NULL; END';
CREATE TRIGGER slow AFTER DELETE ON job FOR EACH STATEMENT EXECUTE FUNCTION slow()
"""
WAITS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'bossctl' AND wait_event_type = 'Lock'
"""
MANY_TERMS = (
    "queue:m* (state:completed or state:failed) retries:0.. priority:-5..5 run:0s.. newer:10000d !is:stuck"
    " !id:00000000-0000-4000-8000-000000000000"
)


def completed(db: Database) -> None:
    """A queue of many completed jobs, on any release."""
    if db.release == NEWEST:
        return filled(db, "completed")
    if generation(db.release) >= 10:
        db.execute(f"SELECT create_queue('{QUEUE}', '{{\"policy\": \"standard\"}}'::json)")
    columns = f"name, state, {job_column(db, 'completed_on')}"
    db.execute(f"INSERT INTO job ({columns}) SELECT '{QUEUE}', 'completed', now() FROM generate_series(1, {JOBS})")
    return None


async def acted(
    db: Database, action: str, selector: str, progress: Callable[[Progress], None] | None = None
) -> tuple[ActionOutcome, list[str]]:
    """What came of it, with its record in the own schema, and the names of the statements that ran."""
    async with await open_store(db) as store:
        await make(store)
        operator, asked = Operator(store), request(action, selector)
        plan = await operator.plan_jobs(asked)
        with recording() as statements:
            outcome = await operator.apply_jobs(asked, plan, progress=progress)
        return outcome, [one.name for one in statements]


@pytest.mark.parametrize("action", ["archive", "delete"])
@pytest.mark.parametrize("held", [1, pytest.param(STANDSTILLS * 1_000 + 1, marks=pytest.mark.matrix)])
async def test_rows_that_another_session_holds_are_passed_over(seeded: SeededFactory, action: str, held: int) -> None:
    """Nobody waits for them for long, and what stands still again and again is not tried any more."""
    db = seeded(NEWEST)
    filled(db, "failed")
    with closing(psycopg.connect(db.dsn)) as other:
        locking = "SELECT id FROM pgboss.job WHERE name = %s ORDER BY created_on, id LIMIT %s FOR UPDATE"
        other.execute(locking, [QUEUE, held])
        started = perf_counter()
        outcome, ran = await acted(db, action, f"queue:{QUEUE}")
        took = perf_counter() - started
    assert (outcome.changed, outcome.skipped, left(db)) == (JOBS - held, {"locked": held}, held)
    assert BY_STEPS in ran
    assert ran.count(AT_ONCE) >= 2
    assert took < 10 + STANDSTILLS * TAKING_SECONDS


async def test_two_lanes_whose_commits_take_longer_than_a_row_of_others_is_waited_for(seeded: SeededFactory) -> None:
    """As where a commit waits for a standby: what counts is held for so long, and by nobody but ourselves."""
    db = seeded(NEWEST)
    filled(db, "failed")
    async with await open_store(db) as store:
        await make(store)
    db.execute(SLOW_COMMIT)
    outcome, ran = await acted(db, "delete", f"queue:{QUEUE}")
    assert (outcome.changed, outcome.skipped, left(db)) == (JOBS, {}, 0)
    assert ran.count(BY_STEPS) <= 1, "before anybody knows how long a batch takes"


@pytest.mark.matrix
async def test_a_batch_that_takes_longer_than_statements_may(seeded: SeededFactory) -> None:
    """The limit for writing is never below 35 s, whatever is allowed for reading."""
    db = seeded(NEWEST)
    one = db.value("SELECT id::text FROM job WHERE name = 'mail' AND state = 'failed' LIMIT 1")
    db.execute("DELETE FROM job_dependency")
    db.execute(SLOW_DELETE)
    async with await Store.open(replace(spec_of(db), statement_timeout=1.0)) as store:
        await make(store)
        operator, asked = Operator(store), request("delete", f"id:{one}")
        outcome = await operator.apply_jobs(asked, await operator.plan_jobs(asked))
    assert (outcome.changed, outcome.stopped) == (1, None)


async def test_a_table_that_is_locked_is_waited_for_once(
    seeded: SeededFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What passes over locked rows anyway is not tried in another way when a lock on all of them is in its way."""
    db = seeded(NEWEST)
    monkeypatch.setattr(batches, "LOCK_SECONDS", 0.5)
    async with await open_store(db) as store:
        operator, asked = Operator(store), request("retry", "queue:mail state:failed")
        plan = await operator.plan_jobs(asked)
        with closing(psycopg.connect(db.dsn)) as other, recording() as statements:
            other.execute("LOCK TABLE pgboss.job IN SHARE MODE")
            with pytest.raises(LockTimeout):
                await operator.apply_jobs(asked, plan)
    assert [one.name for one in statements if one.error] == [AT_ONCE]


async def test_jobs_that_another_session_moves_to_another_table(seeded: SeededFactory) -> None:
    """The server ends a statement that waited for such a row: nothing is lost, and it is done again."""
    db = seeded(NEWEST)
    filled(db, "failed")
    with closing(psycopg.connect(db.dsn)) as other:
        moving = (
            "UPDATE pgboss.job SET name = 'thumbnails' WHERE id IN (SELECT id FROM pgboss.job WHERE name = %s LIMIT 5)"
        )
        other.execute(moving, [QUEUE])
        acting = asyncio.create_task(acted(db, "delete", f"queue:{QUEUE}"))
        for _ in range(2_000):
            if acting.done() or db.value(WAITS):
                break
            await asyncio.sleep(0.01)
        other.commit()
        outcome, _ = await acting
    assert (outcome.stopped, outcome.changed, outcome.skipped) == (None, JOBS - 5, {"gone": 5})


@pytest.mark.parametrize("release", ["9.0.3", "10.4.2", NEWEST])
async def test_an_id_that_comes_into_the_archive_meanwhile(seeded: SeededFactory, release: str) -> None:
    """The archive has it: by its key where it has one, by a look before. All others of the batch are moved."""
    db = seeded(release)
    completed(db)
    made, archive = job_column(db, "created_on"), "bossctl.archive" if release == NEWEST else "archive"
    twins: list[str] = []

    def taken(_: Progress) -> None:
        if not twins:
            last = f"SELECT id::text FROM job WHERE name = '{QUEUE}' ORDER BY {made} DESC, id DESC LIMIT 1"
            twins.append(db.value(last))
            db.execute(
                f"INSERT INTO {archive} SELECT (a).* FROM (SELECT jsonb_populate_record(a, jsonb_build_object("
                f"'id', '{twins[0]}')) AS a FROM {archive} AS a WHERE name = '{QUEUE}' LIMIT 1) AS twin"
            )

    outcome, ran = await acted(db, "archive", f"queue:{QUEUE}", taken)
    assert (outcome.changed, outcome.skipped) == (JOBS - 1, {"id-archived": 1})
    assert outcome.samples["id-archived"] == tuple(twins)
    assert (BY_STEPS in ran) == (release != "9.0.3")
    assert db.execute(f"SELECT id::text FROM job WHERE name = '{QUEUE}'") == [(twins[0],)]
    [operation] = db.execute("SELECT operation, changed FROM bossctl.operation")
    assert operation == (outcome.operation, JOBS - 1)
    if release != NEWEST:
        kept = "SELECT count(*) FROM bossctl.image JOIN {archive} AS a USING (name, id) WHERE bossctl_kind = 'moved'"
        assert db.value(kept.format(archive=archive)) == JOBS - 1


@pytest.mark.parametrize("release", every(("9.0.3", "10.4.2", NEWEST), ("9.0.3", NEWEST)))
async def test_any_selection_can_be_asked_of_the_row_itself(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    if release == NEWEST:
        db.execute("DELETE FROM job_dependency")
    outcome, ran = await acted(db, "delete", MANY_TERMS)
    assert outcome.skipped == {}
    assert ran.count(AT_ONCE) > 0
    assert BY_STEPS not in ran

"""Slots that are taken, rows that others hold or changed, and connections that are lost."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import psycopg
import pytest

from bossctl.actions import Operator
from bossctl.errors import Unreachable
from bossctl.models.jobactions import ActionOutcome
from tests.conftest import BossFactory, DatabaseFactory, SeededFactory
from tests.support.acting import act, plan, request
from tests.support.aging import job_column
from tests.support.database import Database
from tests.support.releases import NEWEST, every, generation
from tests.support.stores import open_store
from tests.support.waiting import eventually

RELEASES = ("9.0.3", "10.4.2", "11.1.2", "12.27.0", NEWEST)


async def filled(database: Database, boss: BossFactory, jobs: int, state: str, **options: Any) -> Database:
    """Queue `work` with so many jobs, moved into a state by SQL."""
    client = await boss(database)
    await client.create_queue("work", **options)
    for start in range(0, jobs, 1000):
        await client.insert("work", [{"name": "work", "data": {"n": n}} for n in range(start, min(start + 1000, jobs))])
    await client.stop()
    completed, started = job_column(database, "completed_on"), job_column(database, "started_on")
    database.execute(f"UPDATE job SET state = '{state}', {completed} = now(), {started} = now()")
    return database


@pytest.mark.parametrize("release", RELEASES)
async def test_a_taken_slot_is_a_skipped_row_with_its_holder(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    """A cancelled job frees its throttle slot; who resumes it finds the job that took it meanwhile."""
    db = database(release)
    client = await boss(db)
    await client.create_queue("work")
    key = job_column(db, "singleton_key")
    options: dict[str, Any] = {"singletonSeconds": 3600}
    first = await client.send("work", {"n": 1}, **options)
    assert first is not None
    await client.cancel("work", first)
    second = await client.send("work", {"n": 2}, **options)
    free = await client.send("work", {"n": 3})
    assert free is not None
    await client.cancel("work", free)
    outcome = await act(db, "resume", "queue:work")
    assert (outcome.plan.eligible, outcome.plan.skipped["slot-taken"]) == (2, 1)
    assert outcome.plan.samples["slot-taken"] == (first,)
    assert outcome.plan.holders == {first: second}
    assert (outcome.changed, outcome.skipped) == (1, {"not-cancelled": 1, "slot-taken": 1})
    assert outcome.holders == {first: second}
    assert db.value(f"SELECT count(*) FROM job WHERE state = 'created' AND {key} IS NULL") == 2
    if generation(release) >= 10:
        db.execute("DELETE FROM job")
        db.execute("UPDATE queue SET policy = 'short' WHERE name = 'work'")
        ids = [await client.send("work", {"n": n}, singletonKey="k") for n in range(1)]
        for n in range(3):
            last = ids[-1]
            assert last is not None
            await client.cancel("work", last)
            ids.append(await client.send("work", {"n": n}, singletonKey="k"))
        last = ids[-1]
        assert last is not None
        await client.cancel("work", last)
        outcome = await act(db, "resume", "queue:work")
        assert (outcome.changed, outcome.skipped) == (1, {"slot-taken": 3}), "the oldest wins"
        assert outcome.samples["changed"] == (ids[0],)
        assert set(outcome.holders.values()) == {ids[0]}


async def test_a_slot_taken_behind_our_back_costs_that_row_only(database: DatabaseFactory, boss: BossFactory) -> None:
    """An index of a fork over a column nobody knows: not looked at, found by its error."""
    db = await filled(database(NEWEST), boss, 40, "cancelled")
    db.execute("ALTER TABLE job ADD COLUMN tenant int")
    db.execute("UPDATE job SET tenant = (data->>'n')::int / 2")
    db.execute("CREATE UNIQUE INDEX one_each ON job_common (name, tenant) WHERE state = 'created'")
    outcome = await act(db, "resume", "queue:work")
    assert (outcome.changed, outcome.skipped) == (20, {"slot-taken": 20})
    assert db.value("SELECT count(*) FROM job WHERE state = 'created'") == 20
    db.execute("UPDATE job SET state = 'cancelled'")
    db.execute("DROP INDEX one_each")
    db.execute("CREATE UNIQUE INDEX one_each ON job_common (name, (data->>'n')) WHERE state = 'created'")
    twin = db.execute("UPDATE job SET data = '{\"n\": 1}' WHERE data->>'n' IN ('2', '3') RETURNING id::text")
    outcome = await act(db, "resume", "queue:work")
    assert (outcome.changed, outcome.skipped) == (38, {"slot-taken": 2})
    assert set(outcome.holders) <= {id for (id,) in twin} | set(outcome.holders.values()) | set(
        outcome.samples["slot-taken"]
    )


@pytest.mark.parametrize("release", every(("9.0.3", "10.4.2", NEWEST), ("10.4.2",)))
async def test_rows_that_others_hold_or_changed(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = await filled(database(release), boss, 10, "failed")
    ids = [id for (id,) in db.execute("SELECT id::text FROM job ORDER BY id")]
    async with await open_store(db) as store:
        operator = Operator(store)
        asked = request("retry", "queue:work")
        planned = await operator.plan_jobs(asked)
        with psycopg.connect(db.dsn) as other:
            other.execute("SELECT FROM pgboss.job WHERE id = %s FOR UPDATE", [ids[0]])
            db.execute("UPDATE job SET state = 'completed' WHERE id = %s", [ids[1]])
            db.execute("DELETE FROM job WHERE id = %s", [ids[2]])
            outcome = await operator.apply_jobs(asked, planned)
    assert (planned.eligible, outcome.changed) == (10, 7)
    assert outcome.skipped == {"changed-meanwhile": 2, "locked": 1}
    assert outcome.samples["locked"] == (ids[0],)
    assert (await act(db, "retry", "queue:work")).changed == 1


async def test_the_first_are_the_oldest_and_a_stop_ends_after_the_batch(
    database: DatabaseFactory, boss: BossFactory
) -> None:
    db = await filled(database(NEWEST), boss, 2500, "failed")
    db.execute("UPDATE job SET created_on = now() - make_interval(secs => (data->>'n')::int)")
    outcome = await act(db, "retry", "queue:work", limit=3)
    assert outcome.changed == 3
    assert db.value("SELECT min((data->>'n')::int) FROM job WHERE state = 'retry'") == 2497
    stop = asyncio.Event()
    async with await open_store(db) as store:
        operator = Operator(store)
        asked = request("retry", "queue:work")
        told: list[int] = []

        def ended(so_far: Any) -> None:
            told.append(so_far.changed)
            stop.set()

        done = await operator.apply_jobs(asked, await operator.plan_jobs(asked), progress=ended, stop=stop)
    assert (done.interrupted, done.changed, told) == (True, 1000, [1000])
    assert (await act(db, "retry", "queue:work")).changed == 1497


SLOW = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.15); RETURN NULL; END';
CREATE TRIGGER slow AFTER UPDATE ON job FOR EACH STATEMENT EXECUTE FUNCTION slow();
"""
AT_COMMIT = """
CREATE FUNCTION ending() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_sleep(30); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER ending AFTER UPDATE ON job_common DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.state = 'retry') EXECUTE FUNCTION ending();
"""


async def killed(db: Database, *, while_doing: str, changed: int) -> ActionOutcome:
    """A retry of everything whose connection is ended once so many are changed."""

    def at_it() -> list[tuple[Any, ...]]:
        done = db.value("SELECT count(*) FROM job WHERE state = 'retry'")
        busy = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'bossctl'"
            " AND query LIKE %s AND state = 'active'"
        )
        return db.execute(busy, [while_doing]) if done >= changed else []

    running = asyncio.create_task(act(db, "retry", "queue:work"))
    [(pid,)] = await eventually(at_it)
    db.execute("SELECT pg_terminate_backend(%s)", [pid])
    return await running


async def test_a_lost_connection_reports_what_was_committed(database: DatabaseFactory, boss: BossFactory) -> None:
    db = await filled(database(NEWEST), boss, 3000, "failed")
    db.execute(SLOW)
    outcome = await killed(db, while_doing="WITH locked%", changed=1000)
    assert outcome.stopped is not None
    assert outcome.changed == db.value("SELECT count(*) FROM job WHERE state = 'retry'")
    assert 1000 <= outcome.changed <= 2000
    db.execute("DROP TRIGGER slow ON job")
    assert (await act(db, "retry", "queue:work")).changed == 3000 - outcome.changed


async def test_a_lost_commit_is_looked_up(database: DatabaseFactory, boss: BossFactory) -> None:
    db = await filled(database(NEWEST), boss, 3, "failed")
    db.execute(AT_COMMIT)
    with pytest.raises(Unreachable, match="lost the database"):
        await killed(db, while_doing="COMMIT%", changed=0)
    assert db.value("SELECT count(*) FROM job WHERE state = 'retry'") == 0


async def test_a_plan_tells_what_apply_will_find(database: DatabaseFactory, boss: BossFactory) -> None:
    db = await filled(database(NEWEST), boss, 30, "failed")
    db.execute("UPDATE job SET keep_until = now() - interval '1 day' WHERE (data->>'n')::int < 10")
    async with await open_store(db) as store:
        planned = await plan(store, "retry", "queue:work", spread_seconds=60)
        assert (planned.matched, planned.eligible, planned.skipped) == (30, 30, {})
        assert len(planned.samples["eligible"]) == 5
        assert planned.effect == "30 jobs → retry, each with one more attempt"
        assert "maintenance would remove 10 jobs" in " ".join(planned.consequences)
        assert "spread evenly over 1m" in " ".join(planned.consequences)


async def test_statements_are_shown_as_a_person_would_type_them(seeded: SeededFactory) -> None:
    async with await open_store(seeded(NEWEST)) as store:
        for action, selector, options, words in (
            ("retry", "queue:mail", {"spread_seconds": 60}, ("FOR UPDATE OF j SKIP LOCKED", "UPDATE ")),
            ("resend", "queue:mail", {}, ("FOR UPDATE OF j SKIP LOCKED", "INSERT INTO ")),
            ("redrive", "queue:mail-dead", {"to_queue": "mail"}, ("FOR UPDATE", "INSERT INTO ", "DELETE FROM ")),
            ("delete", "queue:mail", {}, ("FOR UPDATE OF j SKIP LOCKED", "DELETE FROM ")),
        ):
            asked = request(action, selector, **options)
            planned = await Operator(store).plan_jobs(asked, statements=True)
            assert len(planned.statements) == len(words)
            for text, word in zip(planned.statements, words, strict=True):
                assert word in text
                assert not re.search(r"%\(|%s|\n", text)

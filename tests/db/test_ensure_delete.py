"""Deleting queues: through pg-boss's own function, never jobs that nobody agreed to lose."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from bossctl.actions import Operator, delete
from bossctl.errors import NotFound
from bossctl.models.operations import QueueSpec
from bossctl.models.queues import OptionValue
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.database import Database
from tests.support.releases import NEWEST, generation
from tests.support.stores import open_store
from tests.support.waiting import eventually

STORAGES = (
    ("10.0.0", False),
    ("10.4.2", False),
    ("11.0.0", False),
    ("11.1.2", True),
    ("12.27.0", False),
    ("12.27.0", True),
    (NEWEST, False),
    (NEWEST, True),
)
every_storage = pytest.mark.parametrize(("release", "own"), STORAGES)


def kept(own: bool) -> dict[str, OptionValue]:
    return {"partition": True} if own else {}


def queues(db: Database) -> list[str]:
    return [name for (name,) in db.execute("SELECT name FROM queue WHERE name NOT LIKE '\\_\\_%' ORDER BY 1")]


def tables(db: Database) -> int:
    return db.value("SELECT count(*) FROM pg_class WHERE relname ~ '^j[0-9a-f]{56}$' AND relkind = 'r'")


@every_storage
async def test_a_queue_with_jobs(database: DatabaseFactory, boss: BossFactory, release: str, own: bool) -> None:
    db = database(release)
    async with await open_store(db) as store:
        operator = Operator(store)
        for name in ("other", "mail"):
            await operator.ensure(QueueSpec(name, kept(own)))
        before = tables(db)
        client = await boss(db)
        for name in ("mail", "mail", "other"):
            await client.send(name, {})
        [job] = await client.fetch("mail")
        await client.schedule("mail", "0 0 * * *")
        refused = await operator.delete_queue("mail")
        assert (refused.applied, refused.jobs) == (False, 2)
        assert "holds 2 jobs: 1 created, 1 active" in str(refused.reason)
        assert ("23503" in str(refused.reason)) == (generation(release) == 10)
        assert "--with-jobs" in str(refused.hint)
        planned = await operator.plan_delete("mail", with_jobs=True)
        assert (planned.reason, planned.applied, planned.schedules) == (None, False, 1)
        assert any("may be running" in notice for notice in planned.notices)
        assert queues(db) == ["mail", "other"]
        done = await operator.delete_queue("mail", with_jobs=True)
        assert (done.applied, done.counts["created"], done.counts["active"]) == (True, 1, 1)
        with pytest.raises(NotFound):
            await operator.delete_queue("mail")
    assert queues(db) == ["other"]
    assert db.execute("SELECT name, count(*) FROM job GROUP BY 1") == [("other", 1)]
    has_table = own or generation(release) == 10
    assert before - tables(db) == (1 if has_table else 0)
    assert db.value("SELECT count(*) FROM schedule") == 0
    assert job["id"]
    fresh = await boss(db)  # the other one remembers the old queue's table for a minute
    await fresh.create_queue("mail")
    assert await fresh.send("mail", {}), "pg-boss can make it again"


@every_storage
async def test_an_empty_queue(database: DatabaseFactory, release: str, own: bool) -> None:
    db = database(release)
    async with await open_store(db) as store:
        operator = Operator(store)
        await operator.ensure(QueueSpec("mail", kept(own)))
        done = await operator.delete_queue("mail")
    assert (done.applied, done.jobs, done.reason) == (True, 0, None)
    assert done.storage == ("partition" if own or generation(release) == 10 else "shared")
    assert (queues(db), tables(db)) == ([], 0)


@pytest.mark.parametrize("release", ["10.4.2", "11.1.2", NEWEST])
async def test_a_queue_that_others_depend_on(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    async with await open_store(db) as store:
        operator = Operator(store)
        await operator.ensure(QueueSpec("dead"))
        for name in ("a", "b"):
            await operator.ensure(QueueSpec(name, {"dead_letter": "dead"}))
        refused = await operator.delete_queue("dead")
        assert "the dead-letter queue of a, b" in str(refused.reason)
        assert refused.hint == "point it elsewhere first: bossctl queue ensure --dead-letter none a"
        client = await boss(db)
        await client.send("a", {})
        for name in ("a", "b"):
            await operator.ensure(QueueSpec(name, {"dead_letter": None}))
        refused = await operator.delete_queue("dead")
        assert "jobs of other queues name it" in str(refused.reason)
        assert "1 in a" in str(refused.reason)
        assert (await operator.delete_queue("a", with_jobs=True)).applied
        assert (await operator.delete_queue("dead")).applied
    assert queues(db) == ["b"]


async def test_a_queue_whose_jobs_others_wait_for(database: DatabaseFactory) -> None:
    db = database(NEWEST)
    async with await open_store(db) as store:
        operator = Operator(store)
        for name in ("parent", "child"):
            await operator.ensure(QueueSpec(name))
        [(parent,)] = db.execute("INSERT INTO job (name, blocking) VALUES ('parent', true) RETURNING id")
        [(child,)] = db.execute("INSERT INTO job (name, blocked) VALUES ('child', true) RETURNING id")
        db.execute("INSERT INTO job_dependency VALUES ('child', %s, 'parent', %s)", [child, parent])
        refused = await operator.delete_queue("parent", with_jobs=True)
        assert "would wait for ever: 1 in child" in str(refused.reason)
        assert (await operator.delete_queue("child", with_jobs=True)).applied
        assert (await operator.delete_queue("parent", with_jobs=True)).applied


async def test_many_jobs_of_a_shared_table_go_in_batches(
    database: DatabaseFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delete, "BATCH_ROWS", 100)
    db = database(NEWEST)
    async with await open_store(db) as store:
        operator = Operator(store)
        for name in ("mail", "other"):
            await operator.ensure(QueueSpec(name))
            db.execute("INSERT INTO job (name, policy) SELECT %s, 'standard' FROM generate_series(1, 350)", [name])
        db.execute(
            "CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'it stays'; END $$; "
            "CREATE TRIGGER stay BEFORE DELETE ON queue FOR EACH ROW EXECUTE FUNCTION stay()"
        )
        half = await operator.delete_queue("mail", with_jobs=True)
        assert (half.applied, half.jobs, half.gone) == (False, 350, 300)
        assert "it stays" in str(half.reason)
        assert db.value("SELECT count(*) FROM job WHERE name = 'mail'") == 50
        db.execute("DROP TRIGGER stay ON queue")
        done = await operator.delete_queue("mail", with_jobs=True)
    assert (done.applied, done.jobs, done.gone) == (True, 50, 50)
    assert db.execute("SELECT name, count(*) FROM job GROUP BY 1") == [("other", 350)]


@every_storage
async def test_jobs_sent_meanwhile_are_not_lost(database: DatabaseFactory, release: str, own: bool) -> None:
    """A job that is being sent either keeps the queue, or its sender is told that there is none."""
    db = database(release)
    async with await open_store(db) as store:
        operator = Operator(store)
        await operator.ensure(QueueSpec("mail", kept(own)))
        with psycopg.connect(db.dsn) as sender:
            sender.execute("SET search_path TO pgboss")
            sender.execute("INSERT INTO job (name, policy) VALUES ('mail', 'standard')")
            deleting = asyncio.create_task(operator.delete_queue("mail"))
            if own or generation(release) == 10:
                await asyncio.sleep(0.2)
                assert not deleting.done(), "it waits for the sender"
                sender.commit()
                result = await deleting
                assert "holds 1 job" in str(result.reason)
            else:
                assert (await deleting).applied
                with pytest.raises(psycopg.errors.ForeignKeyViolation):
                    sender.commit()
    assert db.value("SELECT count(*) FROM job") == len(queues(db))


async def test_deleting_and_making_at_once(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database(NEWEST)
    client = await boss(db)
    async with await open_store(db) as one, await open_store(db) as two:
        spec = QueueSpec("mail", {"partition": True})
        for _ in range(5):
            await Operator(one).ensure(spec)
            gone, made, _sent = await asyncio.gather(
                Operator(one).delete_queue("mail", with_jobs=True),
                Operator(two).ensure(spec),
                client.send("mail", {}),
                return_exceptions=True,
            )
            assert not isinstance(gone, BaseException), gone
            assert not isinstance(made, BaseException), made
        await Operator(one).ensure(spec)
    await eventually(lambda: tables(db) == 1)


async def test_pg_boss_s_own_queue(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database(NEWEST)
    await boss(db, schedule=True)
    async with await open_store(db) as store:
        planned = await Operator(store).plan_delete("__pgboss__send-it")
    assert any("cron stops" in notice for notice in planned.notices)


async def test_no_such_queue(database: DatabaseFactory) -> None:
    async with await open_store(database(NEWEST)) as store:
        await Operator(store).ensure(QueueSpec("email"))
        with pytest.raises(NotFound) as caught:
            await Operator(store).plan_delete("emial")
    assert caught.value.hint == "did you mean email?"

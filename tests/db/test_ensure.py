"""Ensured queues as the real pg-boss of each release sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from bossctl.actions import Operator
from bossctl.models.operations import EnsureAction, QueueSpec
from bossctl.models.queues import OptionValue
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.releases import RELEASES_WITH_QUEUES, every, generation
from tests.support.stores import open_store
from tests.support.waiting import eventually

FIRST: dict[str, OptionValue] = {
    "policy": "short",
    "retry_limit": 7,
    "retry_delay": 90,
    "retry_backoff": True,
    "retry_delay_max": 600,
    "expire_in": 120,
    "retention": 7200,
    "delete_after": 3600,
    "dead_letter": "dead",
    "warning_queued": 12,
    "heartbeat": 30,
    "notify": True,
}
SECOND: dict[str, OptionValue] = {
    "policy": "short",
    "retry_limit": 0,
    "retry_backoff": True,
    "retry_delay_max": None,
    "expire_in": 86_400,
    "retention": 60,
    "delete_after": 60,
    "dead_letter": "graves/2",
    "warning_queued": 0,
    "heartbeat": None,
    "notify": False,
}
SPELLED = {
    "policy": "policy",
    "retry_limit": "retryLimit",
    "retry_delay": "retryDelay",
    "retry_backoff": "retryBackoff",
    "retry_delay_max": "retryDelayMax",
    "expire_in": "expireInSeconds",
    "retention": "retentionSeconds",
    "delete_after": "deleteAfterSeconds",
    "dead_letter": "deadLetter",
    "warning_queued": "warningQueueSize",
    "heartbeat": "heartbeatSeconds",
    "notify": "notify",
    "partition": "partition",
}
SINCE = {
    "retry_delay_max": 25,
    "delete_after": 25,
    "warning_queued": 25,
    "partition": 25,
    "heartbeat": 30,
    "notify": 32,
}
DOCTOR_SINCE = 37
"""The schema of 12.26.0, which brought pg-boss's own doctor."""


def of_release(options: dict[str, OptionValue], number: int) -> dict[str, OptionValue]:
    return {name: value for name, value in options.items() if number >= SINCE.get(name, 0)}


def as_pg_boss(options: dict[str, OptionValue], number: int) -> dict[str, Any]:
    """The options in pg-boss's own words and units."""
    found: dict[str, Any] = {SPELLED[name]: value for name, value in options.items()}
    if number < 25 and "retentionSeconds" in found:
        found["retentionMinutes"] = found.pop("retentionSeconds") // 60
    return found


async def assert_pg_boss_agrees(boss: Boss, queue: str, wanted: dict[str, Any]) -> None:
    read_back = await boss.get_queue(queue)
    assert read_back is not None
    assert {key: read_back[key] for key in wanted} == wanted


async def assert_it_works(db: Database, boss: Boss, queue: str) -> None:
    """It starts, sends to the queue and works it; its own doctor finds no drift."""
    job = await boss.send(queue, {"n": 1})
    assert job is not None
    await boss.work(queue, {"do": "succeed"})
    await eventually(lambda: db.value("SELECT state::text FROM job WHERE id = %s", [job]) == "completed")
    if db.schema_number >= DOCTOR_SINCE:
        report = await boss.any("detectSchemaDrift")
        assert report["ok"], report


def row(db: Database, queue: str) -> dict[str, Any]:
    return db.value("SELECT to_jsonb(q) FROM queue AS q WHERE name = %s", [queue])


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("release", every(RELEASES_WITH_QUEUES))
async def test_pg_boss_reads_back_what_was_ensured(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    number = db.schema_number
    first, second = of_release(FIRST, number), of_release(SECOND, number)
    async with await open_store(db) as store:
        operator = Operator(store)
        for name in ("dead", "graves/2"):
            assert (await operator.ensure(QueueSpec(name))).action is EnsureAction.CREATED
        made = await operator.ensure(QueueSpec("mail", first))
        assert (made.action, made.applied) == (EnsureAction.CREATED, True)
        assert made.changes == {name: (None, value) for name, value in first.items()}
        client = await boss(db)
        await assert_pg_boss_agrees(client, "mail", as_pg_boss(first, number))
        await assert_it_works(db, client, "mail")
        await client.stop(graceful=False)

        before = row(db, "mail")
        again = await operator.ensure(QueueSpec("mail", first))
        assert (again.action, again.applied, again.changes) == (EnsureAction.UNCHANGED, False, {})
        assert row(db, "mail") == before
        changed = await operator.ensure(QueueSpec("mail", second))
        assert (changed.action, changed.applied) == (EnsureAction.UPDATED, True)
        differing = {name: (first[name], value) for name, value in second.items() if value != first[name]}
        assert changed.changes == differing
        after = row(db, "mail")
        assert after["retry_delay"] == before["retry_delay"], "what was not given stays"
        assert moment(after["updated_on"]) > moment(before["updated_on"])
        assert after["created_on"] == before["created_on"]
        if number >= 25:
            await make_own_table(operator)
        await client.start(connectionString=db.dsn, schema=db.schema, supervise=False, schedule=False)
        await assert_pg_boss_agrees(client, "mail", as_pg_boss({**first, **second}, number))
        await assert_it_works(db, client, "mail")
        if number >= 25:
            await assert_pg_boss_agrees(client, "own", {"partition": True, "policy": "stately"})
            await assert_it_works(db, client, "own")
            assert db.value("SELECT count(*) FROM ONLY job_common WHERE name = 'own'") == 0, "it has its own table"


async def make_own_table(operator: Operator) -> None:
    spec = QueueSpec("own", {"partition": True, "policy": "stately"})
    assert (await operator.ensure(spec)).action is EnsureAction.CREATED
    assert (await operator.ensure(spec)).action is EnsureAction.UNCHANGED
    shared = await operator.ensure(QueueSpec("own", {"partition": False}))
    assert (shared.action, shared.changes) == (EnsureAction.REFUSED, {"partition": (True, False)})


@pytest.mark.parametrize("release", [release for release in RELEASES_WITH_QUEUES if generation(release) == 10])
async def test_release_10_leaves_open_what_the_client_decides(database: DatabaseFactory, release: str) -> None:
    db = database(release)
    async with await open_store(db) as store:
        operator = Operator(store)
        await operator.ensure(QueueSpec("mail", {"policy": "singleton", "retry_limit": 3, "expire_in": 60}))
        assert row(db, "mail")["retention_minutes"] is None
        given = await operator.ensure(QueueSpec("mail", {"retry_limit": None, "retention": 120, "retry_delay": None}))
        assert given.client_defaults
        assert given.changes == {"retry_limit": (3, None), "retention": (None, 120)}
    found = row(db, "mail")
    assert (found["retry_limit"], found["retention_minutes"], found["expire_seconds"]) == (None, 2, 60)
    assert found["policy"] == "singleton", "pg-boss 10's own updateQueue would have made it standard"


async def test_a_raising_create_queue_is_never_called_twice(database: DatabaseFactory) -> None:
    db = database("10.0.0")
    assert "ON CONFLICT" not in db.value("SELECT prosrc FROM pg_proc WHERE proname = 'create_queue'")
    async with await open_store(db) as store:
        operator = Operator(store)
        results = [await operator.ensure(QueueSpec("mail", {"retry_limit": limit})) for limit in (1, 1, 2)]
    assert [result.action.value for result in results] == ["created", "unchanged", "updated"]


async def test_a_schema_without_partitions(database: DatabaseFactory, boss: BossFactory) -> None:
    """As on servers that have none: its create_queue overlooks `notify`, and `partition` cannot be had."""
    db = database(None)
    client = await boss(db, release="12.38.0", backend="yugabytedb")
    async with await open_store(db) as store:
        assert store.catalog.layout == "plain"
        operator = Operator(store)
        made = await operator.ensure(QueueSpec("mail", {"notify": True, "heartbeat": 10, "retry_limit": 4}))
        assert made.action is EnsureAction.CREATED
        await assert_pg_boss_agrees(client, "mail", {"notify": True, "heartbeatSeconds": 10, "retryLimit": 4})
        deleted = await operator.delete_queue("mail")
        assert deleted.applied
    assert await client.get_queue("mail") is None

"""Any number of ensures at once, while pg-boss's own clients create the same queue."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import psycopg
import pytest

from bossctl.actions import Operator
from bossctl.models.operations import EnsureResult, QueueSpec
from bossctl.models.queues import OptionValue
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.boss import Boss, BossError
from tests.support.database import Database
from tests.support.releases import NEWEST, every, generation
from tests.support.stores import open_store
from tests.support.waiting import eventually

RELEASES = ("10.0.0", "10.4.2", "11.1.2", "12.38.0")
ONE: dict[str, OptionValue] = {"retry_limit": 1, "retry_delay": 11, "expire_in": 111, "dead_letter": "dead"}
OTHER: dict[str, OptionValue] = {"retry_limit": 2, "retry_delay": 22, "expire_in": 222, "dead_letter": None}

every_release = pytest.mark.parametrize("release", every(RELEASES, ("10.4.2", NEWEST)))


@asynccontextmanager
async def operators(db: Database, number: int) -> AsyncIterator[list[Operator]]:
    """So many, each with a connection of its own."""
    async with AsyncExitStack() as stack:
        yield [Operator(await stack.enter_async_context(await open_store(db))) for _ in range(number)]


async def keep_creating(client: Boss, stop: asyncio.Event) -> int:
    """Call createQueue for the same queue until told otherwise. Release 10 has no lock: clients may lose there."""
    calls = 0
    while not stop.is_set():
        try:
            await client.create_queue("mail", retryLimit=9)
        except BossError as error:
            if generation(client.release) > 10 or error.code not in ("40P01", "23505"):
                raise
        calls += 1
    return calls


async def all_at_once(
    runs: Sequence[tuple[Operator, QueueSpec]], clients: Sequence[Boss] = ()
) -> tuple[list[EnsureResult], int]:
    """What each run said, and how often clients called meanwhile."""
    stop = asyncio.Event()
    meanwhile = [asyncio.create_task(keep_creating(client, stop)) for client in clients]
    try:
        results = await asyncio.gather(*(operator.ensure(spec) for operator, spec in runs))
    finally:
        stop.set()
        calls = await asyncio.gather(*meanwhile)
    return list(results), sum(calls)


def options(db: Database) -> dict[str, OptionValue]:
    [found] = db.execute("SELECT retry_limit, retry_delay, expire_seconds, dead_letter FROM queue WHERE name = 'mail'")
    return dict(zip(ONE, found, strict=True))


@every_release
async def test_exactly_one_of_32_creates_it(database: DatabaseFactory, release: str) -> None:
    db = database(release)
    async with operators(db, 32) as all_of_them:
        await all_of_them[0].ensure(QueueSpec("dead"))
        results, _ = await all_at_once([(operator, QueueSpec("mail", ONE)) for operator in all_of_them])
    assert Counter(result.action.value for result in results) == {"created": 1, "unchanged": 31}
    assert options(db) == ONE


@every_release
async def test_32_at_once_beside_clients(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    clients = [await boss(db), await boss(db)]
    async with operators(db, 32) as all_of_them:
        await all_of_them[0].ensure(QueueSpec("dead"))
        results, calls = await all_at_once([(operator, QueueSpec("mail", ONE)) for operator in all_of_them], clients)
    said = Counter(result.action.value for result in results)
    assert said["created"] + said["updated"] >= 1
    assert said["created"] <= 1
    assert said["refused"] == 0
    assert calls
    assert options(db) == ONE


@every_release
async def test_16_with_two_sets_beside_clients(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    clients = [await boss(db), await boss(db)]
    async with operators(db, 16) as all_of_them:
        await all_of_them[0].ensure(QueueSpec("dead"))
        specs = [QueueSpec("mail", ONE if index % 2 else OTHER) for index in range(16)]
        results, calls = await all_at_once(list(zip(all_of_them, specs, strict=True)), clients)
        assert calls
        assert Counter(result.action.value for result in results)["refused"] == 0
        assert options(db) in (ONE, OTHER), "never a mixture"
        again, _ = await all_at_once([(all_of_them[0], QueueSpec("mail", ONE))])
    assert options(db) == ONE
    assert again[0].action.value in ("updated", "unchanged")


@pytest.mark.parametrize("release", ["10.4.2", "12.38.0"])
async def test_opposite_dead_letters_make_no_loop(database: DatabaseFactory, release: str) -> None:
    db = database(release)
    async with operators(db, 8) as all_of_them:
        for name in ("a", "b"):
            await all_of_them[0].ensure(QueueSpec(name))
        specs = [QueueSpec(*pair) for pair in (("a", {"dead_letter": "b"}), ("b", {"dead_letter": "a"}))] * 4
        results, _ = await all_at_once(list(zip(all_of_them, specs, strict=True)))
    said = Counter(result.action.value for result in results)
    assert said["updated"] == 1
    assert said["refused"] == 4
    assert db.value("SELECT count(*) FROM queue WHERE dead_letter IS NOT NULL AND name IN ('a', 'b')") == 1


@pytest.mark.parametrize("release", ["10.4.2", "11.1.2", "12.38.0"])
async def test_different_queues_with_tables_of_their_own(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    """Each takes strong locks while clients send, fetch and create."""
    db = database(release)
    client = await boss(db)
    await client.create_queue("busy")
    stop = asyncio.Event()

    async def keep_sending() -> None:
        while not stop.is_set():
            with suppress(BossError):
                await client.send("busy", {})
                await client.fetch("busy")

    sending = asyncio.create_task(keep_sending())
    own: dict[str, OptionValue] = {} if generation(release) == 10 else {"partition": True}
    async with operators(db, 8) as all_of_them:
        specs = [QueueSpec(f"q{index}", own) for index in range(8)]
        results, _ = await all_at_once(list(zip(all_of_them, specs, strict=True)))
    stop.set()
    await sending
    assert Counter(result.action.value for result in results) == {"created": 8}
    assert db.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'job'::regclass") >= 8


PG_BOSS_LOCK = """
SELECT pg_advisory_xact_lock(
  ('x' || encode(sha224((current_database() || '.pgboss.' || %s || %s)::bytea), 'hex'))::bit(64)::bigint)"""
"""As pg-boss 11.0.0 to 12.38.0 take it: the schema as it stands in the client's configuration, then the duty."""

WAITING = """
SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
WHERE NOT l.granted AND d.datname = current_database()"""


@pytest.mark.parametrize(
    ("release", "schema", "spelled"),
    [("11.1.2", "pgboss", "pgboss"), ("12.38.0", "pgboss", "pgboss"), ("12.38.0", "My Queues", '"My Queues"')],
)
async def test_it_waits_for_a_client_that_holds_pg_boss_s_lock(
    database: DatabaseFactory, release: str, schema: str, spelled: str
) -> None:
    db = database(release, schema=schema)
    async with operators(db, 1) as [operator]:
        for spec in (QueueSpec("mail"), QueueSpec("mail", {"retry_limit": 7})):
            await held(db, [PG_BOSS_LOCK, [spelled, "create-queue"]], operator.ensure(spec))
        await held(db, [PG_BOSS_LOCK, [spelled, "delete-queue"]], operator.delete_queue("mail"))


async def test_it_waits_for_a_client_of_release_10_that_creates(database: DatabaseFactory) -> None:
    db = database("10.4.2")
    creating = ["SELECT pgboss.create_queue(%s, '{}'::json)", ["other"]]
    async with operators(db, 1) as [operator]:
        await held(db, creating, operator.ensure(QueueSpec("mail")))


async def held(db: Database, lock: list[Any], deed: Awaitable[Any]) -> None:
    """Somebody has done `lock` and not committed: the deed waits, and is done after that."""
    statement, params = lock
    with psycopg.connect(db.dsn) as client:
        client.execute(statement.encode(), params)
        waiting = asyncio.ensure_future(deed)
        await eventually(lambda: db.value(WAITING) == 1)
        assert not waiting.done()
        client.commit()
        assert (await waiting).applied

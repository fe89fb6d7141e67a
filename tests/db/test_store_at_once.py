"""Readings that begin with their first statement, in the same message: the same promises as any other transaction."""

from __future__ import annotations

import pytest
from psycopg.pq import TransactionStatus

from bossctl.errors import BossctlError, StatementTimeout, UsageError
from bossctl.selector import parse
from bossctl.store import Store
from bossctl.store.recording import recording
from bossctl.store.session import Transaction
from tests.conftest import DatabaseFactory, SeededFactory
from tests.support.releases import NEWEST, ONE_PER_GENERATION
from tests.support.stores import open_store

EVIL = "a'; DROP TABLE job; --\\ %s %% {x} \x1b[31m \N{RIGHT-TO-LEFT OVERRIDE}é"

SETTINGS = {
    "statement_timeout": "7000",
    "transaction_read_only": "on",
    "transaction_isolation": "repeatable read",
    "TimeZone": "UTC",
}


def status(transaction: Transaction) -> TransactionStatus:
    return transaction._connection.info.transaction_status


async def ask(store: Store, transaction: Transaction, *, last: bool) -> None:
    assert await transaction.run(store.session.queries.get("queue_names"), last=last)


@pytest.mark.parametrize("last", [True, False])
async def test_it_begins_with_the_first_statement_and_ends_with_the_last(seeded: SeededFactory, last: bool) -> None:
    async with await open_store(seeded(NEWEST)) as store:
        async with store.session.read(at_once=True) as transaction:
            assert status(transaction) is TransactionStatus.IDLE
            with pytest.raises(LookupError):
                _ = transaction.now
            await ask(store, transaction, last=last)
            assert status(transaction) is (TransactionStatus.IDLE if last else TransactionStatus.INTRANS)
            assert transaction.begun is not None
            assert transaction.now == transaction.begun.now
        assert status(transaction) is TransactionStatus.IDLE
        assert store.ahead is not None
        assert abs(store.ahead.total_seconds()) < 5


async def test_its_settings_are_those_of_every_reading(seeded: SeededFactory) -> None:
    async with await open_store(seeded(NEWEST)) as store:
        async with store.session.read(7.0, at_once=True) as transaction:
            await ask(store, transaction, last=False)
            cursor = await transaction._connection.execute(
                "SELECT name, setting FROM pg_settings WHERE name = ANY (%s)", [list(SETTINGS)]
            )
            assert {row["name"]: row["setting"] for row in await cursor.fetchall()} == SETTINGS
        cursor = await transaction._connection.execute("SELECT current_setting('statement_timeout') AS timeout")
        assert await cursor.fetchone() == {"timeout": "0"}, "nothing stays on the session"


async def test_a_statement_that_takes_too_long_is_ended_and_the_connection_goes_on(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    async with await open_store(db) as store:
        with db.connection.transaction():
            db.execute("LOCK TABLE queue")
            with pytest.raises(StatementTimeout):
                async with store.session.read(0.3, at_once=True) as transaction:
                    await ask(store, transaction, last=True)
        async with store.session._source.lease() as connection:
            assert connection.info.transaction_status is TransactionStatus.IDLE
        assert (await store.jobs(limit=1)).jobs


async def test_what_fails_after_the_end_leaves_nothing_to_roll_back(seeded: SeededFactory) -> None:
    async with await open_store(seeded(NEWEST)) as store:
        notices: list[str | None] = []

        async def failing() -> None:
            async with store.session.read(at_once=True) as transaction:
                transaction._connection.add_notice_handler(lambda told: notices.append(told.message_primary))
                await ask(store, transaction, last=True)
                raise UsageError("no", "no")

        with pytest.raises(UsageError):
            await failing()
        assert not notices
        assert (await store.jobs(limit=1)).jobs


@pytest.mark.parametrize("release", ONE_PER_GENERATION)
async def test_hostile_values_are_values(seeded: SeededFactory, release: str) -> None:
    async with await open_store(seeded(release)) as store:
        before = (await store.histogram()).queues
        for expression in (f"queue:{quoted(EVIL)}", f"key:{quoted(EVIL)}", f"data.x:{quoted(EVIL)}"):
            assert not (await store.jobs(parse(expression))).jobs
        assert (await store.histogram()).queues == before


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


async def test_a_value_that_cannot_be_is_refused_in_a_sentence(seeded: SeededFactory) -> None:
    async with await open_store(seeded(NEWEST)) as store:
        query = store.session.queries.get("queue_schedules")
        with pytest.raises(BossctlError, match="cannot hold a value") as caught:
            async with store.session.read(at_once=True) as transaction:
                await transaction.run(query, {"queue": "a\0b"}, last=True)
        assert "\n" not in str(caught.value)
        assert (await store.jobs(limit=1)).jobs


async def test_hostile_text_comes_back_as_it_is(database: DatabaseFactory) -> None:
    db = database(NEWEST)
    db.execute('SELECT create_queue(%s, \'{"policy": "standard"}\')', [EVIL])
    db.execute("INSERT INTO job (name, data) VALUES (%s, '{}')", [EVIL])
    async with await open_store(db) as store:
        assert [job.queue for job in (await store.jobs(parse(f"queue:{quoted(EVIL)}"))).jobs] == [EVIL]


async def test_one_page_is_one_message(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    async with await open_store(db) as store:
        with recording() as ran:
            page = await store.jobs(parse("is:stuck"))
        assert [one.name for one in ran] == ["begin_read", "jobs_page"]
        assert page.jobs
        last = db.value(
            "SELECT query FROM pg_stat_activity WHERE application_name = 'bossctl' AND datname = current_database()"
        )
        assert last.startswith("BEGIN"), "and neither the statement nor the commit was sent by itself"

"""Finding the database and the schema, and every way that can fail: one sentence, one hint, the right exit code."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import pytest

from bossctl.actions import Operator
from bossctl.config import ConnectionSpec
from bossctl.demo.server import Server, running_server
from bossctl.errors import (
    BossctlError,
    Exit,
    MissingPrivilege,
    NotPgBoss,
    StatementTimeout,
    Unreachable,
    Unsupported,
    UsageError,
)
from bossctl.models.operations import QueueSpec
from bossctl.selector import parse
from bossctl.store import Store
from tests.conftest import BossFactory, DatabaseFactory, SeededFactory
from tests.support.bed import install
from tests.support.releases import ONE_PER_GENERATION
from tests.support.stores import open_store, spec_of

SECRET = "hunter2-not-to-be-seen"


async def refusal(spec: ConnectionSpec) -> BossctlError:
    with pytest.raises(BossctlError) as caught:
        await Store.open(spec)
    error = caught.value
    assert SECRET not in f"{error} {error.hint} {error.__cause__} {spec!r}"
    assert "\n" not in str(error)
    assert error.hint
    return error


@pytest.fixture(scope="module")
def tcp_server() -> object:
    with running_server(tcp=True) as server:
        yield server


async def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        spec = ConnectionSpec(f"postgresql://u:{SECRET}@127.0.0.1:{port}/db", None, "--dsn", None, None, False, 30.0)
        error = await refusal(spec)
    assert isinstance(error, Unreachable)
    assert f"127.0.0.1:{port}" in str(error)


async def test_wrong_password_and_unknown_database(tcp_server: Server) -> None:
    dsn = f"postgresql://postgres:{SECRET}@127.0.0.1:{tcp_server.tcp_port}/postgres"
    wrong = await refusal(ConnectionSpec(dsn, None, "DATABASE_URL", None, None, False, 30.0))
    assert isinstance(wrong, Unreachable)
    assert "password" in str(wrong)
    assert "DATABASE_URL" in str(wrong)
    absent = await refusal(ConnectionSpec(tcp_server.tcp_dsn("nowhere"), None, "--dsn", None, None, False, 30.0))
    assert isinstance(absent, Unreachable)
    assert 'no database "nowhere"' in str(absent)


@pytest.mark.parametrize(
    "dsn", [f"postgresql://u:{SECRET}@[::1/db", f"host=a password={SECRET} nonsense", "=", "postgres://h:xyz/"]
)
async def test_a_malformed_dsn_is_not_repeated(dsn: str) -> None:
    error = await refusal(ConnectionSpec(dsn, None, "--dsn", None, None, False, 30.0))
    assert error.exit_code in (Exit.USAGE, Exit.UNREACHABLE)


async def test_no_schema_several_schemas_and_one_of_another_name(database: DatabaseFactory) -> None:
    empty = database(None)
    error = await refusal(spec_of(empty))
    assert isinstance(error, NotPgBoss)
    assert "looked for" in str(error)
    install("12.38.0", empty.dsn, "queues")
    async with await Store.open(spec_of(empty)) as store:
        assert store.target.schema == "queues"
    install("10.4.2", empty.dsn, "older")
    several = await refusal(spec_of(empty))
    assert isinstance(several, NotPgBoss)
    assert "queues" in str(several)
    assert "older" in str(several)
    named = await refusal(spec_of(empty, "pgboss"))
    assert '"pgboss" is not' in str(named)
    async with await Store.open(spec_of(empty, "older")) as store:
        assert (await store.info()).other_schemas == ("queues",)


async def test_pgboss_wins_over_other_schemas(database: DatabaseFactory) -> None:
    db = database("11.1.2")
    install("12.38.0", db.dsn, "aaa")
    async with await Store.open(spec_of(db)) as store:
        assert store.target.schema == "pgboss"


async def test_a_quoted_mixed_case_schema(database: DatabaseFactory) -> None:
    db = database(None)
    install("12.38.0", db.dsn, '"Mixed Case; --"')
    async with await open_store(db, "Mixed Case; --") as store:
        assert (await Operator(store).ensure(QueueSpec("mail"))).applied
        assert [queue.name for queue in (await store.overview()).queues] == ["mail"]
        assert (await store.queue("mail")).queue.name == "mail"
        assert (await store.jobs(parse("state:failed"))).jobs == ()


@pytest.mark.parametrize("release", ONE_PER_GENERATION)
async def test_missing_grants_are_named(database: DatabaseFactory, release: str) -> None:
    db = database(release)
    role = f"nobody_{db.name}"
    db.execute(f'CREATE ROLE "{role}" LOGIN')
    try:
        spec = replace(spec_of(db), dsn=f"{db.dsn}&options=-crole%3D{role}")
        hidden = await refusal(spec)
        assert isinstance(hidden, MissingPrivilege)
        assert "GRANT USAGE ON SCHEMA" in (hidden.hint or "")
        db.execute(f'GRANT USAGE ON SCHEMA pgboss TO "{role}"')
        async with await Store.open(spec) as store:
            with pytest.raises(MissingPrivilege) as caught:
                await store.overview()
            assert "GRANT SELECT" in (caught.value.hint or "")
        db.execute(f'GRANT SELECT ON ALL TABLES IN SCHEMA pgboss TO "{role}"')
        async with await Store.open(spec) as store:
            await store.overview(exact=True)
            await store.info()
            await store.jobs()
            await store.schedules()
            await store.workers()
            if release != "9.0.3":
                with pytest.raises(MissingPrivilege):
                    await Operator(store).ensure(QueueSpec("mail"))
    finally:
        db.execute(f'DROP OWNED BY "{role}"')
        db.execute(f'DROP ROLE "{role}"')


async def test_a_fork_whose_number_lies(database: DatabaseFactory) -> None:
    db = database("10.4.2")
    db.execute("UPDATE version SET version = 25")
    async with await open_store(db) as store:
        info = await store.info()
        assert (info.pgboss.generation, info.pgboss.schema_number, info.pgboss.releases) == ("10", 25, None)
        assert "fork" in (info.pgboss.note or "")
        assert (await Operator(store).ensure(QueueSpec("mail"))).applied
        assert [queue.name for queue in (await store.overview()).queues] == ["mail"]


async def test_a_schema_newer_than_any_known(seeded: SeededFactory) -> None:
    db = seeded("12.38.0")
    db.execute("UPDATE version SET version = 60")
    for table in ("job", "queue", "schedule"):
        db.execute(f"ALTER TABLE {table} ADD COLUMN from_the_future jsonb")
    db.execute("CREATE TABLE queue_of_tomorrow (id int)")
    async with await open_store(db) as store:
        info = await store.info()
        assert info.pgboss.releases is None
        assert "newer" in (info.pgboss.note or "")
        assert len((await store.overview(exact=True)).queues) > 8
        page = await store.jobs(limit=5)
        assert (await store.job(page.jobs[0].id)).row == page.jobs[0]


async def test_a_job_table_without_partitions(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database(None)
    await boss(db, release="12.38.0", backend="cockroachdb")
    async with await open_store(db) as store:
        assert store.catalog.layout == "plain"
        assert store.catalog.generation == "11-12"
        assert store.catalog.has("index:i15")
        assert (await Operator(store).ensure(QueueSpec("mail"))).applied
        assert (await store.queue("mail")).queue.storage == "job"


async def test_nothing_is_set_on_the_session(database: DatabaseFactory) -> None:
    db = database("12.38.0")
    async with await open_store(db) as store:
        await store.overview()
        async with store.session._source.lease() as connection:
            cursor = await connection.execute(
                "SELECT current_setting('statement_timeout') AS t, current_setting('TimeZone') AS z,"
                " current_setting('application_name') AS a, current_setting('transaction_read_only') AS r"
            )
            row = await cursor.fetchone()
    default = db.execute("SELECT current_setting('statement_timeout'), current_setting('TimeZone')")[0]
    assert row is not None
    assert (row["t"], row["z"]) == default
    assert (row["a"], row["r"]) == ("bossctl", "off")


async def test_reads_cannot_write(database: DatabaseFactory) -> None:
    db = database("12.38.0")
    async with await open_store(db) as store:
        with pytest.raises(Unsupported):
            async with store.snapshot() as transaction:
                await transaction.rows("create_queue", {"name": "sneaky", "options": '{"policy": "standard"}'})
    assert db.value("SELECT count(*) FROM queue WHERE name = 'sneaky'") == 0


async def test_read_only_refuses_writes(database: DatabaseFactory) -> None:
    db = database("12.38.0")
    async with await Store.open(replace(spec_of(db), read_only=True)) as store:
        with pytest.raises(UsageError, match="read-only"):
            await Operator(store).ensure(QueueSpec("mail"))
    assert db.value("SELECT count(*) FROM queue WHERE name = 'mail'") == 0


async def test_the_statement_timeout_is_told(database: DatabaseFactory) -> None:
    db = database("12.38.0")
    with db.connection.transaction():
        db.connection.execute("LOCK TABLE pgboss.job IN ACCESS EXCLUSIVE MODE")
        async with await Store.open(replace(spec_of(db), statement_timeout=0.3)) as store:
            with pytest.raises(StatementTimeout) as caught:
                await store.histogram()
    assert "0.3 s" in str(caught.value)
    assert caught.value.exit_code is Exit.UNREACHABLE


async def test_a_migration_under_our_feet(database: DatabaseFactory) -> None:
    db = database("11.1.2")
    async with await open_store(db) as store:
        await store.jobs()
        db.execute("ALTER TABLE job RENAME COLUMN keep_until TO keepuntil")
        assert (await store.jobs()).jobs == ()


async def test_a_lost_server_comes_back(database: DatabaseFactory) -> None:
    with running_server() as server:
        install("12.38.0", server.dsn(), "pgboss")
        spec = ConnectionSpec(server.dsn(), None, "--dsn", None, None, False, 5.0)
        async with await Store.open(spec, pooled=True) as store:
            await Operator(store).ensure(QueueSpec("mail"))
            await asyncio.to_thread(server.kill)
            with pytest.raises(Unreachable):
                await store.overview()
            await asyncio.to_thread(server.start)
            for _ in range(20):
                try:
                    overview = await store.overview()
                    break
                except Unreachable:
                    await asyncio.sleep(0.5)
            else:
                pytest.fail("the store did not find the server again")
            assert [queue.name for queue in overview.queues] == ["mail"]


@pytest.mark.parametrize("release", ["10.0.0", "10.0.6", "10.4.2", "11.0.0", "12.8.0", "12.38.0"])
async def test_32_at_once_create_one_queue_once(database: DatabaseFactory, release: str) -> None:
    db = database(release)

    async def one() -> str:
        async with await open_store(db) as store:
            return (await Operator(store).ensure(QueueSpec("mail"))).action

    answers = await asyncio.gather(*(one() for _ in range(32)))
    assert sorted(answers) == ["created"] + ["unchanged"] * 31
    assert db.value("SELECT count(*) FROM queue WHERE name = 'mail'") == 1


async def test_queues_are_implicit_on_8_and_9(database: DatabaseFactory) -> None:
    async with await open_store(database("9.0.3")) as store:
        with pytest.raises(Unsupported, match="implicit"):
            await Operator(store).ensure(QueueSpec("mail"))

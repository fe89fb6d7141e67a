"""What goes wrong around an app that stays open: said, with how old the rest is, and over by itself."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, tzinfo
from typing import Self

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from bossctl.demo.server import running_server
from bossctl.models.common import UNKNOWN
from bossctl.store import session as session_module
from bossctl.tui import desk as desk_module
from bossctl.tui import polling
from bossctl.tui.chrome import Banner
from bossctl.tui.screens.base import BossScreen
from bossctl.tui.screens.jobs import JobsScreen
from bossctl.tui.screens.queue import QueueScreen
from bossctl.tui.screens.queues import QueuesScreen
from bossctl.tui.words import counted
from tests.conftest import BossFactory, DatabaseFactory, SeededFactory
from tests.seed.plan import BUSY
from tests.support.bed import install
from tests.support.daemons import STREAMING, standby
from tests.support.database import Database
from tests.support.releases import NEWEST
from tests.tui.app_support import SMALL, Driver, opened_on, running


def banner(driver: Driver) -> str:
    shown = driver.app.screen.query_one(Banner)
    return shown._text if shown.display else ""


async def test_a_slow_database_is_said_and_what_was_read_stays(
    seeded: SeededFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "SLOW", 0.3)
    db = seeded(NEWEST)
    async with running(db.dsn, size=SMALL) as driver:
        ready = driver.cell(BUSY, "ready")
        with psycopg.connect(db.dsn) as other:
            other.execute("LOCK TABLE pgboss.job IN ACCESS EXCLUSIVE MODE")
            await driver.until(lambda: "The database is slow: no answer for" in banner(driver))
            assert "Shown: " in banner(driver)
            assert driver.cell(BUSY, "ready") == ready
            await driver.press("j", "k", "question_mark")
            await driver.until(lambda: "Esc closes" in driver.text)
            await driver.press("escape")
            await driver.on(QueuesScreen)
        await driver.until(lambda: not banner(driver))


async def test_a_right_taken_from_one_table_is_said_and_nothing_becomes_zero(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    db.execute("CREATE ROLE peeker LOGIN PASSWORD 'peeker'")
    try:
        db.execute("GRANT USAGE ON SCHEMA pgboss TO peeker")
        db.execute("GRANT SELECT ON ALL TABLES IN SCHEMA pgboss TO peeker")
        async with running(make_conninfo(db.dsn, user="peeker", password="peeker"), size=SMALL) as driver:
            before = {column: driver.cell(BUSY, column) for column in ("ready", "active", "failed")}
            for table in ("job", "queue", "version"):
                db.execute(f"REVOKE SELECT ON pgboss.{table} FROM peeker")
                await driver.press("r")
                await driver.until(lambda table=table: f"permission denied for table {table}" in banner(driver))
                assert "GRANT SELECT" in banner(driver)
                assert "Shown: " in banner(driver)
                assert {column: driver.cell(BUSY, column) for column in before} == before
                db.execute(f"GRANT SELECT ON pgboss.{table} TO peeker")
                await driver.press("r")
                await driver.until(lambda: not banner(driver))
        assert counted(UNKNOWN) == "?"
    finally:
        db.execute("DROP OWNED BY peeker")
        db.execute("DROP ROLE peeker")


async def test_a_newer_pg_boss_migrates_the_schema_under_its_feet(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("11.1.2")
    db.execute("""SELECT create_queue('orders', '{"policy": "standard"}')""")
    async with running(db.dsn) as driver:
        assert "11.1" in driver.lines[0]
        await opened_on(driver, "go.queue orders", QueueScreen)
        newer = await boss(db, release=NEWEST)
        await newer.send("orders", {"n": 1})
        await driver.until(lambda: "1 job" in driver.text)
        await driver.until(lambda: "pg-boss 12.38.0" in driver.lines[0], 40)
        await driver.until(lambda: not banner(driver))
        assert driver.app.desk.info is not None
        present = {one.name for one in driver.app.desk.info.capabilities if one.present}
        assert any("instance" in name for name in present), "what the new tables allow is known, too"
        await driver.press("1")
        await driver.on(QueuesScreen)
        await newer.send("orders", {"n": 2})
        await driver.until(lambda: driver.cell("orders", "ready") == "2")
        assert driver.app.failure is None


async def test_nothing_is_begun_on_a_standby_until_it_is_promoted(boss: BossFactory) -> None:
    with running_server(settings=STREAMING) as primary:
        install(NEWEST, primary.dsn(), "pgboss")
        with psycopg.connect(primary.dsn(), autocommit=True) as db:
            db.execute("""SELECT pgboss.create_queue('orders', '{"policy": "standard"}')""")
            db.execute("INSERT INTO pgboss.job (name, state, completed_on) VALUES ('orders', 'failed', now())")
        with standby(primary) as dsn, psycopg.connect(dsn, autocommit=True) as other:
            async with running(dsn) as driver:
                await driver.until(lambda: "standby" in driver.lines[0])
                for line in ("queue.ensure orders", "queue.delete orders"):
                    await driver.line(line)
                assert isinstance(driver.app.screen, QueuesScreen)
                await opened_on(driver, "go.jobs queue:orders", JobsScreen)
                await driver.press("R")
                await driver.until(lambda: "the server is a standby" in driver.text)
                assert isinstance(driver.app.screen, JobsScreen)
                other.execute("SELECT pg_promote()")
                await driver.until(lambda: "standby" not in driver.lines[0])
                await driver.line("queue.ensure orders")
                await driver.until(lambda: not isinstance(driver.app.screen, BossScreen))


class Late(datetime):
    """Our clock, more than three minutes behind the server's."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls.fromtimestamp(time.time() - 200, tz)


async def test_clocks_that_differ_are_said_and_ages_are_the_servers(
    seeded: SeededFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = seeded(NEWEST)
    one = db.value("SELECT id::text FROM job WHERE name = %s AND state = 'failed' LIMIT 1", [BUSY])
    db.execute("UPDATE job SET created_on = now() - interval '10 minutes' WHERE id = %s", [one])
    async with running(db.dsn, size=SMALL, refresh=60) as driver:
        assert "clock" not in driver.lines[1]
    monkeypatch.setattr(session_module, "datetime", Late)
    monkeypatch.setattr(desk_module, "datetime", Late)
    async with running(db.dsn, refresh=60) as driver:
        await driver.until(lambda: "server's clock 3m" in driver.lines[1])
        assert "ahead" in driver.lines[1]
        await driver.pilot.resize_terminal(60, 20)
        await driver.until(lambda: "clock +3m" in driver.lines[1])
        await driver.pilot.resize_terminal(140, 40)
        assert abs(driver.app.desk.now() - datetime.now(driver.app.desk.now().tzinfo)) < timedelta(seconds=20)
        await opened_on(driver, f"jobs id:{one}", JobsScreen)
        assert driver.cell(driver.table.keys[0], "created").startswith("10m")


async def test_time_zones_of_server_and_client_change_no_age(
    seeded: SeededFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = seeded("9.0.3")
    one = db.value("SELECT id::text FROM pgboss.job WHERE name = %s AND state = 'failed' LIMIT 1", [BUSY])
    created = "createdon" if has_column(db, "createdon") else "created_on"
    db.execute(f"UPDATE pgboss.job SET {created} = now() - interval '10 minutes' WHERE id = %s", [one])
    db.execute(f"ALTER DATABASE \"{db.name}\" SET timezone = 'Pacific/Chatham'")
    monkeypatch.setenv("TZ", "America/St_Johns")
    time.tzset()
    try:
        async with running(db.dsn, size=SMALL, refresh=60) as driver:
            assert "clock" not in driver.lines[1]
            await opened_on(driver, f"jobs id:{one}", JobsScreen)
            assert driver.cell(driver.table.keys[0], "created").startswith("10m")
    finally:
        monkeypatch.undo()
        time.tzset()


def has_column(db: Database, name: str) -> bool:
    return bool(
        db.value(
            "SELECT count(*) FROM information_schema.columns WHERE table_name = 'job' AND column_name = %s", [name]
        )
    )

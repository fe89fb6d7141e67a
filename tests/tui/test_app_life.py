"""Beginning, trouble and end: a lost database and its return, a migration underneath, bugs, signals, terminals."""

from __future__ import annotations

import asyncio
import os
import pty
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from bossctl.demo.server import Server, running_server
from bossctl.errors import NotPgBoss, Unreachable
from bossctl.tui.app import BossApp
from bossctl.tui.chrome import Banner
from bossctl.tui.screens import queues as queues_module
from bossctl.tui.screens.findings import FindingsScreen
from bossctl.tui.screens.queue import QueueScreen
from bossctl.tui.screens.queues import QueuesScreen
from tests.conftest import DatabaseFactory, SeededFactory
from tests.seed.plan import BUSY
from tests.support.bed import install
from tests.support.database import Database
from tests.support.releases import NEWEST
from tests.tui.app_support import SMALL, Driver, opener, running
from tests.tui.widget_apps import until

SECRET = "hunter2-in-a-local"


@pytest.fixture
def own_server() -> Iterator[Server]:
    with running_server() as server:
        install(NEWEST, server.dsn(), "pgboss")
        yield server


def run_sql(server: Server, statement: str) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(statement.encode())


def banner(driver: Driver) -> str:
    shown = driver.app.screen.query_one(Banner)
    return shown._text if shown.display else ""


async def run_until_failure(app: BossApp) -> None:
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.failure, 20)


async def test_a_lost_database_is_said_kept_and_found_again(own_server: Server) -> None:
    new_queue = """SELECT pgboss.create_queue('{}', '{{"policy": "standard"}}')"""
    await asyncio.to_thread(run_sql, own_server, new_queue.format("before"))
    async with running(own_server.dsn(), size=SMALL) as driver:
        await driver.until(lambda: "before" in driver.table.keys)
        await driver.press("5")
        await driver.on(FindingsScreen)
        await driver.press("1")
        await driver.on(QueuesScreen)
        await asyncio.to_thread(own_server.kill)
        await driver.until(lambda: "lost the database" in banner(driver))
        assert "before" in driver.text, "the last reading stays"
        assert "Shown: " in banner(driver)
        assert "Next try in" in banner(driver) or "Trying again" in banner(driver)
        failures = driver.screen.readings()[0][0]
        await driver.until(lambda: failures._failures >= 3)
        assert failures.wait <= 4
        await driver.press("5")
        await driver.until(lambda: "lost the database" in banner(driver), 3)
        await driver.press("1")
        await asyncio.to_thread(own_server.start)
        await driver.until(lambda: not banner(driver))
        await asyncio.to_thread(run_sql, own_server, new_queue.format("after"))
        await driver.until(lambda: "after" in driver.table.keys)
        assert driver.app.failure is None


async def test_every_screen_survives_while_the_database_is_away(own_server: Server) -> None:
    async with running(own_server.dsn(), size=SMALL) as driver:
        await asyncio.to_thread(own_server.kill)
        for line in ("findings", "jobs", "go.queue nowhere", "job 00000000-0000-4000-8000-000000000000"):
            await driver.line(line)
            await driver.until(lambda: "lost the database" in banner(driver) and "Nothing read yet" in banner(driver))
        await driver.press("1")
        await driver.on(QueuesScreen)
        await asyncio.to_thread(own_server.start)
        await driver.until(lambda: not banner(driver))


async def test_a_schema_migrated_underneath_is_read_anew(database: DatabaseFactory) -> None:
    db = database("12.27.0")
    async with running(db.dsn) as driver:
        assert "12.26.0 – 12.27.0" in driver.lines[0]
        db.execute("DROP SCHEMA pgboss CASCADE")
        await driver.until(lambda: banner(driver))
        install(NEWEST, db.dsn, "pgboss")
        await driver.until(lambda: not banner(driver))
        await driver.press("r")
        await driver.until(lambda: "pg-boss 12.38.0" in driver.lines[0])


async def test_a_right_that_was_taken_away_is_a_banner(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    db.execute("CREATE ROLE looker LOGIN PASSWORD 'looker'")
    try:
        db.execute("GRANT USAGE ON SCHEMA pgboss TO looker")
        db.execute("GRANT SELECT ON ALL TABLES IN SCHEMA pgboss TO looker")
        async with running(make_conninfo(db.dsn, user="looker", password="looker")) as driver:
            db.execute("REVOKE SELECT ON ALL TABLES IN SCHEMA pgboss FROM looker")
            await driver.until(lambda: "role looker may not do this" in banner(driver))
            assert "GRANT SELECT" in banner(driver)
            db.execute("GRANT SELECT ON ALL TABLES IN SCHEMA pgboss TO looker")
            await driver.until(lambda: not banner(driver))
    finally:
        db.execute("DROP OWNED BY looker")
        db.execute("DROP ROLE looker")


async def test_the_connections_are_closed_at_the_end(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    mine = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bossctl' AND datname = current_database()"
    async with running(db.dsn) as driver:
        assert db.value(mine) >= 1
        await driver.press("q")
    for _ in range(100):
        if db.value(mine) == 0:
            break
        await asyncio.sleep(0.02)
    assert db.value(mine) == 0


async def test_a_start_line_leads_somewhere_and_escape_back(seeded: SeededFactory) -> None:
    async with running(seeded(NEWEST).dsn, start=f"go.queue {BUSY}") as driver:
        screen = await driver.on(QueueScreen)
        assert screen.name_here == BUSY
        await driver.press("escape")
        await driver.on(QueuesScreen)


@pytest.mark.parametrize(
    ("dsn", "error"), [("host=127.0.0.1 port=1 connect_timeout=2", Unreachable), ("", NotPgBoss)], ids=["down", "empty"]
)
async def test_what_cannot_be_opened_ends_the_app_with_its_error(
    database: DatabaseFactory, dsn: str, error: type[Exception]
) -> None:
    app = BossApp(opener(dsn or database(None).dsn), refresh=0.2)
    await run_until_failure(app)
    assert isinstance(app.failure, error)


async def test_a_bug_ends_the_app_with_70_and_prints_nothing(
    seeded: SeededFactory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_line: object) -> None:
        password = SECRET
        raise ZeroDivisionError(f"a bug near {len(password)} characters")

    monkeypatch.setattr(queues_module, "row_of", broken)
    app = BossApp(opener(seeded(NEWEST).dsn), refresh=0.2)
    with pytest.raises(Exception, match="a bug near"):
        await run_until_failure(app)
    assert isinstance(app.failure, ZeroDivisionError)
    assert app.return_code == 70
    printed = capsys.readouterr()
    assert SECRET not in printed.out + printed.err


# --- in a real terminal

PROGRAM = f"""
import sys
from bossctl.__main__ import main
def broken(line):
    password = {SECRET!r}
    raise ZeroDivisionError(password)
if "BUG" in sys.argv.pop():
    from bossctl.tui.screens import queues
    queues.row_of = broken
sys.exit(main())
"""


def in_terminal(db: Database, bug: str, send: signal.Signals | bytes | None) -> tuple[int, str, bool]:
    """Run `bossctl tui` on a terminal; exit code, all that was drawn, whether the terminal is as it was before.

    Once the queues are on screen, `send` is typed or sent as a signal.
    """
    outer, inner = pty.openpty()
    termios.tcsetwinsize(outer, (24, 80))
    before = termios.tcgetattr(inner)
    argv = [sys.executable, "-c", PROGRAM, "tui", "--dsn", db.dsn, bug]
    env = {**os.environ, "TERM": "xterm-256color"}
    running = subprocess.Popen(argv, stdin=inner, stdout=inner, stderr=inner, env=env, start_new_session=True)
    drawn = b""
    try:
        while running.poll() is None or _readable(outer):
            if _readable(outer):
                drawn += os.read(outer, 65536)
            if BUSY.encode() in drawn and send is not None:
                os.write(outer, send) if isinstance(send, bytes) else running.send_signal(send)
                send = None
        after = termios.tcgetattr(inner)
    finally:
        running.kill()
        running.wait()
        os.close(inner)
        os.close(outer)
    return running.returncode, drawn.decode(errors="replace"), before == after


def _readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0.05)[0])


@pytest.mark.parametrize(
    ("bug", "send", "code", "said"),
    [
        ("-", b"q", 0, ""),
        ("-", b"\x03", 0, ""),
        ("-", signal.SIGTERM, 130, ""),
        ("-", signal.SIGHUP, 130, ""),
        ("BUG", None, 70, "internal error (ZeroDivisionError): this is a bug in bossctl"),
    ],
    ids=["q", "ctrl-c", "term", "hup", "bug"],
)
def test_the_terminal_is_given_back(
    seeded: SeededFactory, bug: str, send: signal.Signals | bytes | None, code: int, said: str
) -> None:
    ended, drawn, restored = in_terminal(seeded(NEWEST), bug, send)
    assert ended == code
    assert restored
    assert "\x1b[?1049l" in drawn
    left = drawn.rpartition("\x1b[?1049l")[2]
    assert said in left
    assert "Traceback" not in drawn
    assert SECRET not in drawn


def test_it_ends_when_its_terminal_goes_without_a_word(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    outer, inner = pty.openpty()
    termios.tcsetwinsize(outer, (24, 80))
    argv = [sys.executable, "-m", "bossctl", "tui", "--dsn", db.dsn, "--refresh", "0.2"]
    env = {**os.environ, "TERM": "xterm-256color"}
    running = subprocess.Popen(argv, stdin=inner, stdout=inner, stderr=inner, env=env, start_new_session=True)
    drawn = b""
    try:
        os.close(inner)
        while BUSY.encode() not in drawn:
            drawn += os.read(outer, 65536)
        os.close(outer)
        assert running.wait(40) != 0
    finally:
        running.kill()
        running.wait()

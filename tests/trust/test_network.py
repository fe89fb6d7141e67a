"""A network that cuts, freezes, swallows and delays: what is said, how soon, and what stays true."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest

from bossctl.demo.server import Server, running_server
from bossctl.errors import Exit
from bossctl.store import deadline
from bossctl.tui.chrome import Banner
from tests.cli.conftest import Bossctl
from tests.support.bed import install
from tests.support.proxy import Proxy, proxied
from tests.support.releases import NEWEST
from tests.tui.app_support import SMALL, Driver, running

Connection = psycopg.Connection[tuple[object, ...]]
RETRY = ("job", "retry", "queue:work state:failed", "--yes")
READS = (
    ("info",),
    ("queue", "list"),
    ("job", "list"),
    ("doctor", "--fail-on", "never"),
    ("stats",),
    ("worker", "list"),
)
PATIENCE = 20.0
"""Seconds of the clock a command may take that was promised an end; a frozen one took for ever."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server(tcp=True) as one:
        install(NEWEST, one.dsn(), "pgboss")
        with psycopg.connect(one.dsn(), autocommit=True) as db:
            db.execute("SELECT pgboss.create_queue('work', '{\"policy\": \"standard\"}')")
        yield one


@pytest.fixture
def db(server: Server) -> Iterator[Connection]:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS bossctl CASCADE")
        connection.execute("TRUNCATE pgboss.job_common CASCADE")
        connection.execute(
            "INSERT INTO pgboss.job (name, state, priority, completed_on)"
            " SELECT 'work', s.state, s.priority, CASE WHEN s.state <> 'created' THEN now() END"
            " FROM generate_series(1, 5),"
            " (VALUES ('failed'::pgboss.job_state, 1), ('created', 2), ('cancelled', 3)) AS s(state, priority)"
        )
        yield connection


@pytest.fixture
def proxy(server: Server, db: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    monkeypatch.setattr(deadline, "GRACE_SECONDS", 0.2)
    with proxied(server) as one:
        yield one


@pytest.mark.parametrize("argv", [READS[1], *(pytest.param(one, marks=pytest.mark.matrix) for one in READS)])
def test_a_cut_and_a_silent_reading(bossctl: Bossctl, proxy: Proxy, argv: tuple[str, ...]) -> None:
    """At its first statement, and at its first on the schema itself: one sentence, exit 3, in time."""
    for words in (b"pg_catalog", b'"pgboss".'):
        proxy.when(words, "lose")
        cut = bossctl(*argv, "--dsn", proxy.dsn())
        assert (cut.code, cut.out) == (Exit.UNREACHABLE, b""), cut.err
        assert "lost the database" in cut.err
        proxy.when(words, "mute")
        began = time.monotonic()
        silent = bossctl(*argv, "--statement-timeout", "1s", "--dsn", proxy.dsn())
        assert time.monotonic() - began < PATIENCE
        assert (silent.code, silent.out) == (Exit.UNREACHABLE, b""), silent.err
        assert "has not answered for" in silent.err
        assert "hint: check the network" in silent.err


@pytest.mark.matrix
def test_nobody_answers_the_first_hello(bossctl: Bossctl, proxy: Proxy) -> None:
    proxy.freeze()
    result = bossctl("info", "--dsn", proxy.dsn(connect_timeout=2))
    assert (result.code, result.out) == (Exit.UNREACHABLE, b"")
    proxy.thaw()
    proxy.refuse = True
    result = bossctl("info", "--dsn", proxy.dsn())
    assert (result.code, result.out) == (Exit.UNREACHABLE, b"")
    assert "cannot connect" in result.err


@pytest.mark.matrix
def test_a_slow_network_is_only_slow(bossctl: Bossctl, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "GRACE_SECONDS", 10.0)
    proxy.delay = 0.02
    assert bossctl("queue", "list", "-o", "json", "--dsn", proxy.dsn()).json()["queues"][0]["queue"] == "work"
    result = bossctl(*RETRY, "-o", "json", "--dsn", proxy.dsn())
    assert (result.code, result.json()["changed"]) == (Exit.OK, 5)


ACTIONS = {
    "retry": ("state:failed", "state = 'retry'"),
    "cancel": ("state:created", "state = 'cancelled' AND priority = 2"),
    "resume": ("state:cancelled", "state = 'created' AND priority = 3"),
    "defer --by 1d": ("state:created", "start_after > now() + interval '1 hour'"),
    "resend": ("state:failed", "state = 'created' AND priority = 1"),
    "delete": ("state:failed", None),
    "archive": ("state:failed", None),
}
"""Action → the five jobs it takes (failed have priority 1, created 2, cancelled 3), and how those it made are known."""
BATCH = {"delete": b"DELETE FROM", "archive": b"DELETE FROM"}
"""What only the statement of its batch says, where that is not SKIP LOCKED."""


def done(db: Connection, condition: str | None) -> int:
    """How many jobs were changed; None: how many are gone."""
    text = f"SELECT count(*) FROM pgboss.job WHERE {condition or 'true'}"
    [(count,)] = db.execute(text.encode()).fetchall()
    return int(str(count)) if condition else 15 - int(str(count))


@pytest.mark.parametrize(
    "action", [pytest.param(one, marks=() if one == "retry" else pytest.mark.matrix) for one in ACTIONS]
)
@pytest.mark.parametrize("where", ["schema", pytest.param("file", marks=pytest.mark.matrix)])
def test_a_connection_lost_at_the_commit_of_an_action(
    bossctl: Bossctl, proxy: Proxy, db: Connection, action: str, where: str
) -> None:
    """Before it: nothing was done, exit 3. After it, unanswered: the server is asked, and all is told as done."""
    selector, condition = ACTIONS[action]
    line = ("job", *action.split(), f"queue:work {selector}", "--yes", "-o", "json")
    if where == "schema":
        db.execute("CREATE SCHEMA IF NOT EXISTS bossctl")
    batch = BATCH.get(action, b"SKIP LOCKED")
    proxy.when(b"COMMIT", "lose", once=batch)
    lost = bossctl(*line, "--dsn", proxy.dsn())
    assert (lost.code, done(db, condition)) == (Exit.UNREACHABLE, 0), lost.err
    assert "lost the database" in lost.err
    proxy.when(b"COMMIT", "pass", once=batch)
    unheard = bossctl(*line, "--dsn", proxy.dsn())
    assert done(db, condition) == 5
    assert (unheard.code, unheard.json()["changed"]) == (Exit.PARTLY, 5), unheard.err
    told = bossctl("log", "-o", "json", "--dsn", proxy.dsn()).json()["operations"]
    assert told[0]["changed"] == 5


@pytest.mark.matrix  # a writing statement has 35 s
def test_a_frozen_action_ends_and_can_be_told_from_a_done_one(bossctl: Bossctl, proxy: Proxy, db: Connection) -> None:
    proxy.when(b"COMMIT", "mute", once=b"SKIP LOCKED")
    began = time.monotonic()
    result = bossctl(*RETRY, "-o", "json", "--dsn", proxy.dsn())
    assert result.json()["changed"] == done(db, "state = 'retry'") == 5
    assert result.code == Exit.PARTLY
    assert time.monotonic() - began < 3 * PATIENCE


def banner(driver: Driver) -> str:
    shown = driver.app.screen.query_one(Banner)
    return shown._text if shown.display else ""


@pytest.mark.matrix
async def test_the_terminal_ui_lives_through_all_of_it(proxy: Proxy) -> None:
    """Silent, cut, refused: the last reading stays and its age is told; when the network is back, so is the screen."""
    async with running(proxy.dsn(), size=SMALL) as driver:
        await driver.until(lambda: "work" in driver.table.keys)
        for fault in (proxy.freeze, proxy.cut):
            fault()
            await driver.until(lambda: "Shown: " in banner(driver), 60)
            assert "work" in driver.text
        proxy.thaw()
        await driver.until(lambda: not banner(driver), 60)

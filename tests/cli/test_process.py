"""bossctl as a process: terminals, pipes, locales, signals."""

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
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from tests.cli.stock import HOSTILE_QUEUE
from tests.support.database import Database

SGR = re.compile(rb"\x1b\[[0-9;]*m")
PATIENCE = 60


def command(*argv: str) -> list[str]:
    return [sys.executable, "-m", "bossctl", *argv]


def environment(db: Database, **more: str) -> dict[str, str]:
    return {**os.environ, "BOSSCTL_DSN": db.dsn, "TERM": "xterm-256color", **more}


def on_terminal(
    argv: list[str], env: Mapping[str, str], columns: int = 120, typed: tuple[bytes, bytes] | None = None
) -> tuple[int, bytes]:
    """Run with a terminal for stdin, stdout and stderr; return exit code and all that was drawn.

    `typed` is (what to wait for, what to type then).
    """
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    running = subprocess.Popen(argv, stdin=inner, stdout=inner, stderr=inner, env=dict(env), close_fds=True)
    os.close(inner)
    drawn = b""
    try:
        while chunk := os.read(outer, 65536):
            drawn += chunk
            if typed and typed[0] in drawn:
                os.write(outer, typed[1])
                typed = None
    except OSError:
        pass  # the terminal hangs up when its last user is gone
    finally:
        os.close(outer)
    return running.wait(PATIENCE), drawn


@pytest.mark.parametrize(
    "argv",
    [("queue", "list"), ("stats",), ("job", "list"), ("queue", "show", HOSTILE_QUEUE), ("job", "list", "-o", "csv")],
)
def test_a_terminal_gets_colours_and_no_escape_of_the_data(newest: Database, argv: tuple[str, ...]) -> None:
    code, drawn = on_terminal(command(*argv), environment(newest))
    assert code == 0
    text = SGR.sub(b"", drawn).decode()
    assert not re.search("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", text)
    assert "evil[red]" in text
    if argv[-1] != "csv":
        assert SGR.search(drawn)
    assert b"\x1b[31m-queue" not in drawn, "the queue's own colour"


@pytest.mark.parametrize(
    ("argv", "flag", "env"),
    [
        (("queue", "list"), (), {"NO_COLOR": "1"}),
        (("doctor", "--fail-on", "never"), ("--no-color",), {}),
        (("stats",), (), {"TERM": "dumb"}),
    ],
)
def test_no_colour_means_no_escape_at_all(
    newest: Database, argv: tuple[str, ...], flag: tuple[str, ...], env: dict[str, str]
) -> None:
    code, drawn = on_terminal(command(*argv, *flag), environment(newest, **env))
    assert code == 0
    assert b"\x1b" not in drawn
    assert len(drawn.splitlines()) > 1


def test_ids_are_whole_on_a_narrow_terminal(newest: Database) -> None:
    ids = [str(row[0]) for row in newest.execute("SELECT id FROM job")]
    _, drawn = on_terminal(command("job", "list"), environment(newest), columns=60)
    assert all(job.encode() in drawn for job in ids)


def test_a_dumb_terminal_gets_no_tui(newest: Database) -> None:
    code, drawn = on_terminal(command("tui"), environment(newest, TERM="dumb"))
    assert code == 2
    assert b"TERM=dumb" in drawn


def test_the_tui_opens_and_ends(newest: Database) -> None:
    code, drawn = on_terminal(command("tui"), environment(newest), typed=(b"email", b"\x11"))
    assert code == 0
    assert b"\x1b[?1049h" in drawn
    assert b"\x1b[?1049l" in drawn, "the terminal is given back"


def test_the_tui_says_why_it_cannot_open(newest: Database) -> None:
    env = environment(newest, BOSSCTL_DSN="host=127.0.0.1 port=1 connect_timeout=2")
    code, drawn = on_terminal(command("tui"), env)
    assert code == 3
    assert b"error: cannot connect to 127.0.0.1:1" in drawn


@pytest.mark.parametrize(
    "argv", [("queue", "list"), ("job", "list", "-o", "json"), ("info",), ("doctor", "--fail-on", "never")]
)
def test_a_reader_that_leaves_ends_it_quietly(newest: Database, argv: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(command(*argv), stdout=writing, stderr=subprocess.PIPE, env=environment(newest)) as running:
        os.close(writing)
        _, err = running.communicate(timeout=PATIENCE)
    assert (running.returncode, err) == (0, b"")


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        pytest.param({"PYTHONIOENCODING": "ascii"}, marks=pytest.mark.matrix),
    ],
)
def test_machine_formats_are_utf_8_in_every_locale(newest: Database, locale: dict[str, str]) -> None:
    newest.execute("UPDATE job SET singleton_key = 'Grüße 🧨' WHERE singleton_key = 'order-7'")
    env = environment(newest, **locale)
    for output in ("json", "jsonl", "csv"):
        done = subprocess.run(
            command("job", "list", "-o", output), env=env, capture_output=True, check=True, timeout=PATIENCE
        )
        assert "Grüße 🧨" in done.stdout.decode("utf-8")
    done = subprocess.run(command("job", "list"), env=env, capture_output=True, check=True, timeout=PATIENCE)
    assert b"Gr\\xfc\\xdfe" in done.stdout
    done = subprocess.run(command("stats"), env=env, capture_output=True, check=True, timeout=PATIENCE)
    assert re.search(rb"^email +c+r+a+#+-+x+ ", done.stdout, re.M), "letters where there are no blocks"
    assert not done.stderr


@contextmanager
def job_table_locked(db: Database) -> Iterator[None]:
    db.execute("BEGIN")
    db.execute("LOCK TABLE job IN ACCESS EXCLUSIVE MODE")
    try:
        yield
    finally:
        db.execute("ROLLBACK")


def waits_for_a_lock(db: Database) -> bool:
    waiting = (
        "SELECT FROM pg_stat_activity WHERE application_name = 'bossctl' AND wait_event_type = 'Lock' AND datname = %s"
    )
    return db.bed.admin.execute(waiting, [db.name]).rowcount > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_statement_too(newest: Database, number: signal.Signals) -> None:
    with job_table_locked(newest):
        running = subprocess.Popen(
            command("stats"), env=environment(newest), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        until = time.monotonic() + PATIENCE
        while not waits_for_a_lock(newest):
            assert running.poll() is None, running.communicate()
            assert time.monotonic() < until
            time.sleep(0.02)
        running.send_signal(number)
        out, err = running.communicate(timeout=10)
        assert (running.returncode, out, err) == (130, b"", b"")
        assert not waits_for_a_lock(newest)


def test_a_timeout_is_3(newest: Database) -> None:
    with job_table_locked(newest):
        argv = command("stats", "--statement-timeout", "1s")
        done = subprocess.run(
            argv, env=environment(newest), capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_json_is_one_object_also_on_a_terminal(newest: Database) -> None:
    code, drawn = on_terminal(command("queue", "list", "-o", "json"), environment(newest))
    assert code == 0
    assert json.loads(drawn)["bossctl"] == 1

"""The ways a command line can end before any database is asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import bossctl as package
from bossctl.cli import bridge
from tests.cli.conftest import Bossctl

PASSWORD = "pl4nted-Passw0rd"
NOWHERE = "host=127.0.0.1 port=1 connect_timeout=2"


@pytest.mark.parametrize(
    "argv", [(), ("queue",), ("job",), ("-h",), ("--help",), ("queue", "-h"), ("job", "list", "-h"), ("-d", "dbname=x")]
)
def test_help_is_data_and_success(bossctl: Bossctl, argv: tuple[str, ...]) -> None:
    result = bossctl(*argv)
    assert result.code == 0
    assert result.text.startswith("Usage: bossctl")
    assert "Connection options:" in result.text
    assert "\x1b" not in result.text
    assert not result.err


@pytest.mark.parametrize("argv", [("--version",), ("queue", "--version"), ("queue", "list", "--version")])
def test_version(bossctl: Bossctl, argv: tuple[str, ...]) -> None:
    result = bossctl(*argv)
    assert (result.code, result.text) == (0, f"bossctl {package.__version__}\n")


@pytest.mark.parametrize(
    ("argv", "error", "hint"),
    [
        (("queu",), "No such command 'queu'. Did you mean 'queue'?", "bossctl --help"),
        (("queue", "lst"), "No such command 'lst'. Did you mean 'list'?", "bossctl queue --help"),
        (("queue", "list", "--nope"), "No such option: --nope", "bossctl queue list --help"),
        (("--nope",), "No such option: --nope", "bossctl --help"),
        (("queue", "list", "extra"), "Got unexpected extra argument(s) (extra)", "bossctl queue list --help"),
        (("queue", "show"), "Missing argument 'NAME'", "bossctl queue show --help"),
        (("queue", "ensure"), "Missing argument 'NAME'", "bossctl queue ensure --help"),
        (("queue", "list", "-o", "xml"), "'xml' is not one of table, json, jsonl, csv", "bossctl queue list --help"),
        (("job", "list", "--limit", "many"), "'many' is not a whole number", "bossctl job list --help"),
        (("doctor", "-o", "csv"), "'csv' is not one of table, json, jsonl", "bossctl doctor --help"),
        (
            ("doctor", "--fail-on", "panic"),
            "'panic' is not one of error, warning, info, never",
            "bossctl doctor --help",
        ),
        (("doctor", "--since", "soon"), "--since: ", "90s"),
        (("doctor", "--since", "0"), "--since must be at least a second", "--since 60s"),
        (("info", "--dsn", ""), "--dsn is empty", "bossctl --dsn"),
        (("info", "--dsn", "x=1", "--context", "y"), "--dsn and --context both name", "give one"),
        (("info", "--statement-timeout", "soon", "-d", NOWHERE), "--statement-timeout: ", "90s"),
        (("info", "--statement-timeout", "0", "-d", NOWHERE), "must be more than 0", "30s"),
        (("tui", "-d", NOWHERE), "needs a terminal", "bossctl queue list"),
        (("demo",), "needs a terminal", "bossctl"),
        (("demo", "--once", "--no-tui"), "exclude each other", None),
        (("queue", "ensure", "x", "--read-only", "-d", NOWHERE), "is read-only", "--check"),
        (("queue", "show", "\udc80"), "not valid UTF-8", None),
    ],
)
def test_usage_errors_are_one_sentence_and_a_hint(
    bossctl: Bossctl, argv: tuple[str, ...], error: str, hint: str | None
) -> None:
    result = bossctl(*argv)
    assert result.code == 2
    assert result.out == b""
    lines = result.err.splitlines()
    assert lines[0].startswith("error: ")
    assert error in lines[0]
    if hint is not None:
        assert lines[1].startswith("hint: ")
        assert hint in lines[1]


def test_a_lost_dsn_flag_does_not_print_the_password(bossctl: Bossctl) -> None:
    for argv in [
        (f"postgres://u:{PASSWORD}@h/db",),
        ("info", f"postgres://u:{PASSWORD}@h/db"),
        ("info", f"--dns=password={PASSWORD}"),
    ]:
        result = bossctl(*argv)
        assert result.code == 2
        assert PASSWORD not in result.err + result.text


def test_later_options_win(bossctl: Bossctl) -> None:
    """Which one was used shows in the error about it."""
    result = bossctl("--dsn", "mysql://first", "queue", "--context", "second", "list", "--context", "third")
    assert "the context third" in result.err
    result = bossctl("--context", "first", "queue", "list", "--dsn", "nonsense")
    assert "--dsn is neither" in result.err


def test_nobody_listens(bossctl: Bossctl) -> None:
    result = bossctl("queue", "list", "-d", f"{NOWHERE} user=u password={PASSWORD}")
    assert result.code == 3
    assert result.err.startswith("error: ")
    assert "hint: " in result.err
    assert PASSWORD not in result.err


def crash(*args: object) -> None:
    secret = PASSWORD
    raise ZeroDivisionError(f"broke at postgres://u:{secret}@h/db, {secret}")


def test_a_crash_is_a_sentence(bossctl: Bossctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "read", crash)
    dsn = f"postgres://u:{PASSWORD}@h/db"
    result = bossctl("queue", "list", "--dsn", dsn)
    assert result.code == 70
    assert result.err.startswith("error: internal error (ZeroDivisionError): this is a bug in bossctl\nhint: ")
    assert "Traceback" not in result.err
    assert PASSWORD not in result.err
    result = bossctl("queue", "list", "--dsn", dsn, env={"BOSSCTL_DEBUG": "1"})
    assert result.code == 70
    assert "in crash" in result.err
    assert "ZeroDivisionError: broke at" in result.err
    assert PASSWORD not in result.err


def test_ctrl_c_is_130(bossctl: Bossctl, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bridge, "read", interrupted)
    result = bossctl("queue", "list", "-d", NOWHERE)
    assert (result.code, result.out, result.err) == (130, b"", "")


def process(*argv: str, stdout: int = subprocess.PIPE, **env: str) -> subprocess.Popen[bytes]:
    """bossctl as a process of its own."""
    command = [sys.executable, "-m", "bossctl", *argv]
    return subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, env={**os.environ, **env})


def test_a_closed_pipe_ends_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with process("--help", stdout=writing) as running:
        os.close(writing)
        _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said() -> None:
    with (
        Path("/dev/full").open("wb") as full,
        process("doctor", "--list", "-o", "json", stdout=full.fileno()) as running,
    ):
        _, err = running.communicate(timeout=60)
    assert running.returncode == 2
    assert b"cannot write the output" in err
    assert b"Traceback" not in err


@pytest.mark.parametrize(
    "line", ["queue ensure --check -f /dev/zero", "doctor --only SCH06 --baseline /dev/zero", "info -c prod"]
)
@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
def test_a_file_that_never_ends_is_refused(bossctl: Bossctl, tmp_path: Path, line: str) -> None:
    config = tmp_path / ".config" / "bossctl"
    config.mkdir(parents=True)
    (config / "config.toml").symlink_to("/dev/zero")
    result = bossctl(*line.split())
    assert (result.code, result.out) == (2, b"")
    assert "holds more than 64 MB" in result.err


@pytest.mark.parametrize(
    ("closed", "argv", "code"), [(1, ("doctor", "--list"), 0), (2, ("nonsense",), 2), (1, ("-h",), 0)]
)
def test_closed_streams(closed: int, argv: tuple[str, ...], code: int) -> None:
    shell = f'"$@" {closed}>&-'
    done = subprocess.run(
        ["/bin/sh", "-c", shell, "sh", sys.executable, "-m", "bossctl", *argv], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


def test_the_console_script_and_the_module_are_the_same() -> None:
    script = Path(sys.executable).with_name("bossctl")
    for command in ([script], [sys.executable, "-m", "bossctl"]):
        result = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
        assert result.stdout == f"bossctl {package.__version__}\n"

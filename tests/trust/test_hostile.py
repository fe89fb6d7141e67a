"""What others wrote, fuzzed: no crash (70), no raw control byte on a terminal, no secret in anything that is said."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from bossctl.actions.jobs.exportlines import chunks
from bossctl.cli.terminal import screen_to_ourselves
from bossctl.cron import next_runs
from bossctl.dsn import checked_dsn
from bossctl.errors import BossctlError, Exit, UsageError
from tests.cli.conftest import Bossctl
from tests.conftest import SeededFactory
from tests.seed.plan import HOSTILE
from tests.support.releases import NEWEST

SECRET = "pl4nted-Passw0rd"
EXAMPLES = 400 if os.environ.get("BOSSCTL_FUZZ") else 10
few = settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
STYLE = re.compile(r"\x1b\[[0-9;]*m|\r+\n|\r(?=\x1b\[K)|\x1b\[K")
"""What bossctl itself sends to a terminal: colours, line ends, a progress line."""

nasty = st.text(st.characters() | st.sampled_from("\x1b\x9b\u202e\x00\x7f'\"\\%@:/?#[]{}= \n\r\t$`;&|"), max_size=40)
CLOSED = "127.0.0.1:1"
DSNS = (
    f"postgresql://{{0}}:{SECRET}@{CLOSED}/{{1}}",
    f"postgresql://u:{SECRET}{{0}}@{CLOSED}/{{1}}",
    f"postgresql://u:{SECRET}@{CLOSED}/db?{{0}}={{1}}",
    f"host=127.0.0.1 port=1 password={SECRET} {{0}}={{1}}",
    f"host=127.0.0.1 port=1 password='{SECRET}{{0}}' dbname={{1}}",
    f"{{0}}://{SECRET}@{CLOSED}/{{1}}",
    "{0}{1}",
)


def harmless(err: str, out: str = "") -> None:
    """One error, without a secret or a raw control character."""
    assert SECRET not in err + out
    assert "Traceback" not in err
    assert not CONTROL.search(err), err
    assert err.startswith("error: ")


def stays_here(dsn: str) -> bool:
    """Whether libpq would ask nobody but this machine's closed port: a fuzzed host name must not be looked up."""
    try:
        parts = conninfo_to_dict(checked_dsn(dsn, "it"))
    except (BossctlError, ProgrammingError, UnicodeError, ValueError):
        return True
    hosts = {str(parts.get(name, "127.0.0.1")) for name in ("host", "hostaddr")}
    return hosts == {"127.0.0.1"} and str(parts.get("port")) == "1" and "service" not in parts


@few
@given(st.sampled_from(DSNS), nasty, nasty, st.booleans())
@example(DSNS[0], "\x1b[31m", "\u202e", True)
def test_connection_strings(bossctl: Bossctl, shape: str, one: str, two: str, by_flag: bool) -> None:
    dsn = shape.format(one, two)
    assume(dsn.strip() and "\0" not in dsn and dsn.isprintable() | by_flag and stays_here(dsn))
    assume(not any("\ud800" <= char <= "\udfff" for char in dsn))
    result = bossctl("queue", "list", *(["--dsn", dsn] if by_flag else []), env={} if by_flag else {"BOSSCTL_DSN": dsn})
    assert result.code in (Exit.USAGE, Exit.UNREACHABLE), result.err
    assert result.out == b""
    harmless(result.err)


@few
@given(
    st.binary(max_size=200)
    | nasty.map(str.encode)
    | st.dictionaries(nasty, nasty | st.integers()).map(repr).map(str.encode)
)
@example(f'current = "a"\n[contexts.a]\ndsn = "postgresql://u:{SECRET}@@h"'.encode())
@example(f'current = "\x1b[31m"\n[contexts.a]\ndsn = 1\npassword = "{SECRET}"'.encode("unicode_escape"))
@example(b'[contexts."\\u202e"]\ndsn = []\n')
def test_config_files(bossctl: Bossctl, clean_environment: Path, content: bytes) -> None:
    config = clean_environment / ".config" / "bossctl" / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_bytes(content)
    for name in ("pgboss.json", ".pgbossrc"):
        (clean_environment / name).write_bytes(content)
    result = bossctl("info", env={"DATABASE_URL": f"postgresql://u:{SECRET}@{CLOSED}/db"})
    assert result.code in (Exit.USAGE, Exit.UNREACHABLE), result.err
    harmless(result.err)


values = st.none() | st.booleans() | st.integers() | st.floats() | nasty
documents = st.recursive(values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(nasty, inner, max_size=3))


@few
@given(
    nasty
    | documents.map(json.dumps)
    | st.dictionaries(nasty, documents, max_size=3).map(lambda one: json.dumps({"queues": one}))
)
@example('{"queues": {"\\u001b[31m": {"retry_limit": "\\u202e"}}}')
@example("[queues.a]\nretry_limit = 99999999999999999999999999")
def test_queue_files_and_baselines(bossctl: Bossctl, tmp_path: Path, text: str) -> None:
    dsn = f"postgresql://u:{SECRET}@{CLOSED}/db"
    for name, line in (
        ("q.json", "queue ensure -f {} --dry-run"),
        ("q.toml", "queue ensure -f {} --dry-run"),
        ("b.json", "doctor --baseline {}"),
    ):
        file = tmp_path / name
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        result = bossctl(*line.format(file).split(), "--dsn", dsn)
        assert result.code in (Exit.USAGE, Exit.UNREACHABLE), f"{line}: {result.err}"
        harmless(result.err)


HEAD = {"bossctl": 1, "kind": "jobs", "columns": {"id": "uuid", "name": "text", "state": "text", "data": "jsonb"}}
DEEP = '{"id": "i", "name": "n", "state": "s", "data": ' + '{"a\\"]": [' * 2_000 + "]}" * 2_000 + "}"
"""What PostgreSQL can hold is nested deeper than Python's decoder goes."""


@few
@given(st.lists(nasty | documents.map(json.dumps) | st.sampled_from([json.dumps(HEAD), DEEP]), max_size=4))
@example(["[" * 99_999])
@example([json.dumps(HEAD), "[" * 99_999])
@example([json.dumps(HEAD), '{"id": ' + "[" * 99_999])
@example([json.dumps({**HEAD, "columns": {"id": [], "name": {}, "state": 1, "data": "json"}}), DEEP])
@example([json.dumps(HEAD), DEEP, json.dumps({"bossctl": 1, "kind": "links", "links": [[1], 2, None]})])
@example([json.dumps(HEAD), DEEP, json.dumps({"bossctl": 1, "kind": "again", "queue": [], "ids": [[]]})])
def test_files_of_archived_jobs(clean_environment: Path, lines: list[str]) -> None:
    """Jobs, or one sentence about the file: whoever wrote it, and however deep a payload is."""
    file = clean_environment / "jobs.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", errors="surrogatepass")
    with suppress(UsageError):
        for found in chunks(file):
            assert all(len(json.loads(row)) == len(found.columns) for row in found.lines)
    file.write_text(f"{json.dumps(HEAD)}\n{DEEP}\n")
    [deep] = chunks(file)
    kept = json.loads(deep.lines[0])[3] == DEEP.partition('"data": ')[2][:-1]
    assert kept


CRON_PARTS = ("*", "1", "59", "60", "*/5", "1-5", "L", "W", "#", "?", "MON", "JAN", "@daily", "RRULE:FREQ=DAILY", ",")


@settings(max_examples=4 * EXAMPLES)
@given(
    nasty | st.lists(st.sampled_from(CRON_PARTS)).map(" ".join),
    st.none() | nasty | st.sampled_from(["UTC", "Europe/Berlin", "../../etc/passwd", "/etc/localtime"]),
)
def test_cron_strings_and_zones(cron: str, zone: str | None) -> None:
    """A prediction or a reason, soon, whatever a schedule says."""
    found = next_runs(cron, zone, after=datetime(2026, 1, 1, tzinfo=UTC), count=3)
    assert len(found.runs) == 3 or found.reason
    assert not CONTROL.search(found.reason or "")


LINES = (
    "queue list", "queue show hostile", "job list queue:hostile", "job errors", "doctor --fail-on never", "stats",
    "schedule list", "worker list", "job show {job}", "job explain {job}", "job list queue:hostile -o csv", "info",
    "job retry queue:hostile --dry-run --show-sql", "job list queue:hostile -o json", "job show {job} -o json",
    "job list queue:hostile -o jsonl", "queue list -o csv", "queue export", "doctor --fail-on never -o markdown",
    "doctor --fail-on never -o github", "doctor --fail-on never -o junit", "doctor --fail-on never -o sarif",
    "queue ensure hostile --retry-limit 9 --dry-run --show-sql", "queue delete hostile", "job errors -o jsonl",
    "job resend queue:hostile --limit 3 --yes", "job retry queue:hostile --yes", "undo --yes --show-sql",
    "job cancel queue:hostile --yes", "job resume queue:hostile --yes", "job defer queue:hostile --by 1h --yes",
    "job archive queue:hostile --yes", "job list archived:true", "job restore queue:hostile --yes",
    "job delete queue:hostile --yes --limit 2", "job redrive queue:hostile --to mail --dry-run", "log", "log -o jsonl",
)  # fmt: skip
PROGRAM = """
import sys
from bossctl.cli.main import main
sys.exit(max(main(line.split()) == 70 for line in sys.argv[1].split("|")))
"""


@pytest.mark.parametrize(
    ("release", "lines"),
    [
        pytest.param(NEWEST, LINES[:11], id="readings"),
        *(pytest.param(one, LINES, marks=pytest.mark.matrix, id=one) for one in ("9.0.3", "10.4.2", NEWEST)),
    ],
)
def test_no_control_byte_reaches_a_terminal(seeded: SeededFactory, release: str, lines: tuple[str, ...]) -> None:
    """Every command on hostile names, payloads, outputs and keys, on a real pseudo-terminal, byte by byte."""
    db = seeded(release)
    job = str(db.value("SELECT id FROM job WHERE name = %s AND output::text ~ 'u001b' LIMIT 1", [HOSTILE]))
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "BOSSCTL_DSN": db.dsn, "COLUMNS": "100"}
    script = [sys.executable, "-c", PROGRAM, "|".join(lines).format(job=job)]
    with subprocess.Popen(script, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        drawn = drained(ours)
    assert process.returncode == 0
    text = STYLE.sub("", drawn.decode("utf-8"))
    assert len(text) > 5000
    found = CONTROL.search(text.replace("\n", ""))
    assert not found, repr(text[max(0, found.start() - 60) : found.end() + 20])


PRESSED = (b"\t", b"\t", b"F", b"1", b"5", b"6", b"7", b"8", b"9", b"2", b"?", b"\x1b", b":queue hostile\r", b"e")
"""On a job's screen, then through all others; each key is pressed once the terminal has been quiet for a moment."""
SEQUENCE = re.compile(r"\x1b\[[<=>?]?[0-9;:]*[ !$]?[@-~]|\x1bP[0-9;]*[+$]q[0-9a-f;]*\x1b\\\\|\x1b\]22;[a-z]*\x07|\r|\n")
"""What Textual sends: cursor, colours, modes, questions about them, the pointer's shape."""


@pytest.mark.matrix
@pytest.mark.parametrize("release", ["9.0.3", NEWEST])
def test_no_control_byte_leaves_the_terminal_ui(seeded: SeededFactory, release: str, tmp_path: Path) -> None:
    """Nor anything that is not ours: libpq has a word to say about this file, at each connection."""
    db = seeded(release)
    open_to_all = tmp_path / "pgpass"
    open_to_all.write_text("h:1:*:u:p\n")
    open_to_all.chmod(0o644)
    [(job, _)] = db.execute(
        "SELECT id::text, data FROM job WHERE name = %s AND data::text ~ 'u001b' LIMIT 1", [HOSTILE]
    )
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "BOSSCTL_DSN": db.dsn, "PGPASSFILE": str(open_to_all)}
    script = [sys.executable, "-m", "bossctl", "tui", "--job", job]
    drawn = bytearray()
    with subprocess.Popen(script, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        for key in (*PRESSED, b"\x1b", b"q"):
            end = time.monotonic() + 2
            while time.monotonic() < end and select.select([ours], [], [], 0.5)[0]:
                drawn += os.read(ours, 1 << 16)
            os.write(ours, key)
        leaving = threading.Timer(20, process.kill)
        leaving.start()
        drawn += drained(ours)
        leaving.cancel()
    text = SEQUENCE.sub("", drawn.decode("utf-8"))
    assert process.returncode == 0, text[-500:]
    assert "title" in text
    assert "password file" not in text
    found = CONTROL.search(text)
    assert not found, repr(text[max(0, found.start() - 60) : found.end() + 20])


def test_the_screen_is_python_s_alone(capfd: pytest.CaptureFixture[str]) -> None:
    with screen_to_ourselves():
        os.write(2, b"libpq: not on my screen\n")
        for stream in (sys.stderr, sys.__stderr__):
            print("drawn", file=stream)
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "drawn\ndrawn\nafterwards\n"


def drained(terminal: int) -> bytes:
    """All that is drawn until the program has ended."""
    drawn = bytearray()
    while True:
        try:
            piece = os.read(terminal, 1 << 16)
        except OSError:  # Linux says so when nobody has the other side open any more
            break
        drawn += piece
    os.close(terminal)
    return bytes(drawn)


BIG = (
    "job list queue:mail", "job list queue:mail -o json", "job list data.user.id:42", "job show {}", "job explain {}",
    "queue show mail", "job errors", "doctor --fail-on never", "job retry {} --yes", "undo --yes",
    "job resend {} --yes", "job archive {} --yes", "job list archived:true", "job restore {} --yes",
    "job delete {} --yes", "undo --yes",
)  # fmt: skip
MEASURED = """
worst = max(main(line.split()) for line in sys.argv[1].split("|"))
status = open("/proc/self/status").read()
print(status.partition("VmHWM:")[2].split()[0], time.process_time(), file=sys.stderr)
sys.exit(worst)
"""
"""Exit code; kilobytes at most in memory (of this program alone, not of what started it), seconds of work."""
MEGABYTES = "jsonb_build_object('blob', repeat('x', 200 * 1024 * 1024))"


@pytest.mark.matrix
@pytest.mark.parametrize("release", [NEWEST])
def test_a_200_megabyte_payload_is_not_taken_in(seeded: SeededFactory, release: str, tmp_path: Path) -> None:
    """Lists, the job's own page and every action cost what they cost for a small job."""
    db = seeded(release)
    job = str(db.value("SELECT id FROM job WHERE name = 'mail' AND state = 'failed' ORDER BY id LIMIT 1"))
    program = "import sys, time\nfrom bossctl.cli.main import main" + MEASURED

    def cost() -> tuple[int, float]:
        environment = {**os.environ, "BOSSCTL_DSN": db.dsn, "XDG_STATE_HOME": str(tmp_path)}
        script = [sys.executable, "-c", program, "|".join(BIG).format(*[job] * len(BIG))]
        done = subprocess.run(script, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        kilobytes, seconds = done.stderr.splitlines()[-1].split()
        return int(kilobytes), float(seconds)

    small = cost()
    db.execute(f"UPDATE job SET data = {MEGABYTES} WHERE id = %s", [job])
    big = cost()
    assert big[0] < small[0] + 30_000
    assert big[1] < 2 * small[1]

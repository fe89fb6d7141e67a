"""Other servers beside the one under test: PgBouncer, and a streaming standby of a server of ours."""

from __future__ import annotations

import ctypes
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg

from bossctl.demo.binaries import find_binaries
from bossctl.demo.server import Server
from tests.support.bed import Bed

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
DIES_WITH_PARENT = 1

STREAMING = {"wal_level": "replica", "max_wal_senders": "4", "hot_standby": "on"}
"""Settings of a server that can have a standby."""


@contextmanager
def pgbouncer(bed: Bed, database: str, **settings: str) -> Iterator[str]:
    """A PgBouncer in transaction mode with one connection to one database; its URL. `settings` go into its file."""
    if PGBOUNCER is None:
        raise LookupError("PgBouncer is not installed")
    port = _free_port()
    where = " ".join(f"{name}='{value}'" for name, value in bed.parameters.items())
    lines = [
        "[databases]", f"{database} = {where} dbname={database}", "[pgbouncer]", "listen_addr = 127.0.0.1",
        f"listen_port = {port}", "unix_socket_dir =", "auth_type = any", "pool_mode = transaction",
        "default_pool_size = 1", "logfile =", "pidfile =",
    ]  # fmt: skip
    with private_directory() as home:
        for name, value in settings.items():
            path = home / name
            if name.endswith("_file"):  # it must be able to read it
                shutil.copy(value, path)
                path.chmod(0o644)
            lines.append(f"{name} = {path if name.endswith('_file') else value}")
        (home / "ini").write_text("\n".join(lines) + "\n")
        dsn = f"postgresql://127.0.0.1:{port}/{database}?user={bed.parameters.get('user', 'postgres')}"
        with running_as_postgres([PGBOUNCER, "-q", str(home / "ini")], dsn):
            yield dsn


@contextmanager
def standby(primary: Server) -> Iterator[str]:
    """A streaming standby of a server with the settings STREAMING; its URL for `postgres`."""
    binaries = find_binaries()
    with private_directory() as home:
        data = home / "data"
        source = ["-h", str(primary.socket_dir), "-p", str(primary.port), "-U", primary.user]
        copying = [str(binaries.program("pg_basebackup")), *source, "-D", str(data), "-R", "-X", "stream", "-c", "fast"]
        user, group = user_and_group()
        subprocess.run(copying, check=True, capture_output=True, user=user, group=group, extra_groups=[], cwd="/")
        options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={home}", "-c", "port=5432"]
        with psycopg.connect(primary.dsn()) as asking:  # a standby must have as much room as its primary
            for name in ("wal_level", "max_connections", "max_wal_senders", "max_worker_processes"):
                row = asking.execute("SELECT current_setting(%s)", [name]).fetchone()
                options += ["-c", f"{name}={row[0] if row else 0}"]
        command = [str(binaries.program("postgres")), "-D", str(data), *options, "-c", "hot_standby=on"]
        dsn = f"postgresql://{primary.user}@/postgres?host={home}&port=5432"
        with running_as_postgres(command, dsn):
            yield dsn


@contextmanager
def running_as_postgres(command: Sequence[str], dsn: str) -> Iterator[None]:
    """A program that answers on `dsn`, under the account that PostgreSQL runs under; it does not outlive us."""
    user, group = user_and_group()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/",
        user=user, group=group, extra_groups=[], preexec_fn=_die_with_parent,
    )  # fmt: skip
    try:
        _wait(process, dsn)
        yield
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """At once; PgBouncer does not hear SIGQUIT where we were started in the background of a shell."""
    process.send_signal(signal.SIGQUIT)
    try:
        process.communicate(timeout=3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate(timeout=30)


def _wait(process: subprocess.Popen[bytes], dsn: str) -> None:
    end = time.monotonic() + 60
    while True:
        with suppress(psycopg.OperationalError), psycopg.connect(dsn, connect_timeout=5):
            return
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise RuntimeError(f"{process.args} did not start: {process.communicate()[0].decode()[-500:]}")
        time.sleep(0.05)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(DIES_WITH_PARENT, signal.SIGKILL)


@contextmanager
def private_directory() -> Iterator[Path]:
    """A short private directory of that account."""
    home = Path(tempfile.mkdtemp(prefix="bossctl-", dir="/tmp"))
    try:
        user, group = user_and_group()
        if user is not None and group is not None:
            shutil.chown(home, user, group)
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def user_and_group() -> tuple[int | None, int | None]:
    """The account that PostgreSQL runs under; None for our own."""
    account = find_binaries().account
    return (account.uid, account.gid) if account else (None, None)


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

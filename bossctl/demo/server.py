"""A private PostgreSQL server from the wheel's binaries, which never outlives the process that started it.

    with running_server() as server:
        psycopg.connect(server.dsn())

The server listens on a unix socket in a directory that only its owner may enter and, with `tcp=True`, on a free
loopback port with a random password. It is ready in about a second. Its files live in that directory too, unless `data`
names a directory to keep. A reaper process (see `bossctl.demo.reaper`) stops it when `stop()` is called, when the
`with` block ends, and when this process ends in any way at all: INT, TERM, HUP and KILL included.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

from bossctl.demo.binaries import Binaries, find_binaries
from bossctl.errors import Unreachable, Unsupported

USER = "postgres"
SOCKET_PORT = 5432
LONGEST_SOCKET_PATH = 100
STOP_SECONDS = 40.0
# A playground that may be lost at any time: nothing waits for the disk. (Commits outlive a killed server all the same.)
SETTINGS: Mapping[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "dynamic_shared_memory_type": "mmap",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class Busy(Unreachable):
    """Another server already uses the data directory."""


@dataclass(frozen=True)
class Server:
    """A running server: where it is, and the orders it takes.

    `port` is the number in the socket's name; `tcp_port` the loopback port, or None. `password` is asked for over TCP
    only: whoever can reach the socket is its owner. `pid` is postgres as first started.
    """

    socket_dir: Path
    user: str
    port: int
    tcp_port: int | None
    password: str = field(repr=False)
    pid: int
    _reaper: subprocess.Popen[str] = field(repr=False, compare=False)

    def dsn(self, database: str = "postgres") -> str:
        """A URL for `database` over the socket, understood by libpq and by node-postgres alike."""
        where = urlencode({"host": self.socket_dir, "port": self.port})
        return f"postgresql://{self.user}@/{quote(database, safe='')}?{where}"

    def tcp_dsn(self, database: str = "postgres") -> str:
        """A URL for `database` over loopback TCP, with the password. Raises ValueError without `tcp=True`."""
        if self.tcp_port is None:
            raise ValueError("this server listens on its socket only")
        return f"postgresql://{self.user}:{self.password}@127.0.0.1:{self.tcp_port}/{quote(database, safe='')}"

    @property
    def log(self) -> Path:
        """The server's log file; it goes with the server."""
        return self.socket_dir / "log"

    def kill(self) -> None:
        """End PostgreSQL as a power cut would (SIGKILL); `start()` brings it back with its data."""
        _order(self._reaper, "kill")

    def halt(self) -> None:
        """Stop PostgreSQL in good order but keep its files; `start()` brings it back."""
        _order(self._reaper, "stop")

    def start(self) -> int:
        """Start PostgreSQL again after `kill()` or `halt()`, same addresses; the new process id."""
        return _order(self._reaper, "start")

    def restart(self) -> int:
        """Stop in good order and start again; the new process id."""
        self.halt()
        return self.start()

    def stop(self) -> None:
        """Stop PostgreSQL and remove its private directory. Twice does no harm."""
        _dismiss(self._reaper)


@contextmanager
def running_server(
    *,
    settings: Mapping[str, str] | None = None,
    data: Path | None = None,
    base: Path | None = None,
    tcp: bool = False,
) -> Iterator[Server]:
    """`start_server` for the length of a `with` block."""
    server = start_server(settings=settings, data=data, base=base, tcp=tcp)
    try:
        yield server
    finally:
        server.stop()


def start_server(
    *,
    settings: Mapping[str, str] | None = None,
    data: Path | None = None,
    base: Path | None = None,
    tcp: bool = False,
) -> Server:
    """Start PostgreSQL and wait until it takes connections (about a second, a quarter with an old `data`).

    `settings` are server settings by name, over those of a throw-away server; `data` is a data directory to keep, made
    if missing and made anew after a crash; `base` is where to make the private directory (with a short path, open to
    all when we are root), otherwise the temporary directory. Raises Unsupported without the wheel, Busy when another
    server uses `data`, Unreachable when PostgreSQL does not start.
    """
    if tcp and data is not None:
        raise ValueError("a kept data directory has no password, so it cannot be opened to TCP")
    binaries = find_binaries()
    password = secrets.token_urlsafe(24)
    for attempts_left in (2, 1, 0):
        port = _free_port() if tcp else None
        chosen = {**SETTINGS, **_listening(port), **(settings or {})}
        reaper = _spawn_reaper()
        try:
            facts = _ask(reaper, json.dumps(_plan(binaries, chosen, data, base, password)))
        except Unreachable as error:
            if not (attempts_left and tcp and "TCP/IP" in str(error)):
                raise
            continue
        directory, pid = Path(str(facts["directory"])), int(str(facts["pid"]))
        return Server(directory, USER, port or SOCKET_PORT, port, password, pid, reaper)
    raise AssertionError("the last attempt returns or raises")


def _plan(
    binaries: Binaries, settings: Mapping[str, str], data: Path | None, base: Path | None, password: str
) -> dict[str, object]:
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    account = binaries.account
    return {
        "initdb": [str(binaries.program("initdb")), *_initdb_options()],
        "postgres": [str(binaries.program("postgres")), *options],
        "base": str(base or _short_directory(own_account=account is None)),
        "data": None if data is None else str(data.absolute()),
        "password": password,
        "account": None if account is None else [account.uid, account.gid],
    }


def _initdb_options() -> list[str]:
    return [
        f"--username={USER}",
        "--no-sync",
        "--no-instructions",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--auth-local=trust",
        "--auth-host=scram-sha-256",
        "--set=max_wal_senders=0",
        "--set=wal_level=minimal",
    ]


def _listening(port: int | None) -> dict[str, str]:
    if port is None:
        return {"listen_addresses": "", "port": str(SOCKET_PORT)}
    return {"listen_addresses": "127.0.0.1", "port": str(port)}


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _short_directory(*, own_account: bool) -> Path:
    """A directory for the private one: a socket's path is limited, and PostgreSQL's account has to get there."""
    for candidate in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        path = Path(candidate).resolve()
        usable = path.is_dir() and os.access(path, os.W_OK | os.X_OK)
        if not usable or len(f"{path}/bossctl-12345678/.s.PGSQL.65535") > LONGEST_SOCKET_PATH:
            continue
        if " " not in str(path) and (own_account or _open_to_all(path)):
            return path
    raise Unsupported(
        "There is no temporary directory with a short path for the server's socket.",
        "Set TMPDIR to one, such as /tmp.",
    )


def _open_to_all(path: Path) -> bool:
    return all(step.stat().st_mode & stat.S_IXOTH for step in (path, *path.parents))


def _spawn_reaper() -> subprocess.Popen[str]:
    script = Path(__file__).with_name("reaper.py")
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        cwd="/",
    )


def _order(reaper: subprocess.Popen[str], word: str) -> int:
    return int(str(_ask(reaper, word)["pid"]))


def _ask(reaper: subprocess.Popen[str], line: str) -> dict[str, object]:
    """Send one line and read its answer; whatever goes wrong or interrupts, the reaper is dismissed."""
    assert reaper.stdin is not None
    assert reaper.stdout is not None
    try:
        reaper.stdin.write(line + "\n")
        reaper.stdin.flush()
        facts: dict[str, object] = json.loads(reaper.stdout.readline() or '{"error": "it was stopped"}')
    except BaseException:
        _dismiss(reaper)
        raise
    if "error" in facts:
        _dismiss(reaper)
        kind = Busy if facts.get("busy") else Unreachable
        raise kind(f"The embedded PostgreSQL did not start: {facts['error']}.")
    return facts


def _dismiss(reaper: subprocess.Popen[str]) -> None:
    for stream in (reaper.stdin, reaper.stdout):
        if stream is not None and not stream.closed:
            try:
                stream.close()
            except BrokenPipeError:
                continue
    reaper.wait(STOP_SECONDS)

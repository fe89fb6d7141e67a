"""The fixtures that tests on a real database share.

    def test_it(database):
        db = database("10.0.6")                       # this test's own copy, dropped afterwards; about 20 ms
        db.dsn, db.name, db.release, db.schema, db.schema_number
        db.execute("SELECT id, state FROM job")       # sync, autocommit, the schema is on the search path
        db.value("SELECT count(*) FROM job WHERE name = %s", ["mail"])
        db.install("12.38.0", "pgboss_v12")           # a second schema beside it
        database("12.38.0", schema="Odd Name")        # another schema name: built for this test, not cached
        database(None)                                # an empty database without pg-boss

    def test_more(seeded):
        db = seeded("10.4.2")                         # a rich database made by that release, moved to now; about 40 ms
        plan(db.release).counts["mail"]["completed"]  # what is in it: tests/seed/plan.py

    async def test_that(database, boss):
        one = await boss(database("11.1.2"))          # a process with this release, started; killed afterwards
        two = await boss(db, release="12.8.0", supervise=True, monitorIntervalSeconds=1)
        await one.create_queue("mail", policy="short", retryLimit=3)
        job = await one.send("mail", {"to": "a"}, priority=5)
        await one.work("mail", {"do": "fail", "message": "no"}, batchSize=1)
        await eventually(lambda: db.value("SELECT state FROM job WHERE id = %s", [job]) == "failed")

`bed` is the server itself (`bed.dsn(name)`, `bed.create()`, `bed.drop(name)`): shared by all workers of a run, so never
stopped by a test; a test of lost connections starts its own with `bossctl.demo.server.running_server()`. pg-boss is
started with supervise=False and schedule=False unless asked otherwise. Methods of a boss: `tests/support/boss.py`; what
a worker can do: `tests/pgboss/handler.mjs`; releases: `tests/support/releases.py`; waiting: `tests/support/waiting.py`.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any, Protocol

import pytest
import pytest_asyncio
from hypothesis import settings

from bossctl.errors import BossctlError
from tests.support.bed import Bed, install, open_bed
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.freshening import freshen

# How long an example takes says more of the machine's load than of us.
settings.register_profile("bossctl", deadline=None, max_examples=50)
settings.load_profile("bossctl")

OWN_BED = pytest.StashKey[Bed]()
HANDED_OVER = "bossctl_bed"


class DatabaseFactory(Protocol):
    def __call__(self, release: str | None, *, schema: str = "pgboss") -> Database: ...


class SeededFactory(Protocol):
    def __call__(self, release: str) -> Database: ...


class BossFactory(Protocol):
    def __call__(self, database: Database, *, release: str | None = None, **options: Any) -> Awaitable[Boss]: ...


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: a worker often waits for a server, for node or for a moment to come."""
    return len(os.sched_getaffinity(0)) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """With xdist, the controller starts the one server that all workers share."""
    try:
        bed = _own_bed(node.config)
        shared = {"parameters": dict(bed.parameters), "home": bed.home, "tablespace": bed.tablespace}
        node.workerinput[HANDED_OVER] = shared
    except BossctlError as error:
        node.workerinput[HANDED_OVER] = {"error": str(error)}


def pytest_configure() -> None:
    # A shell starts what it puts in the background with SIGINT ignored, and all that is started from there inherits it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """What tests are made of stays to the end; of the rest, collecting would take a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_unconfigure(config: pytest.Config) -> None:
    if OWN_BED in config.stash:
        config.stash[OWN_BED].close()


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test writes its log where a person keeps theirs."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))


@pytest.fixture(scope="session")
def bed(request: pytest.FixtureRequest) -> Iterator[Bed]:
    """The run's PostgreSQL server."""
    handed_over = getattr(request.config, "workerinput", {}).get(HANDED_OVER)
    if handed_over is None:
        yield _own_bed(request.config)
        return
    if "error" in handed_over:
        pytest.fail(handed_over["error"])
    shared = Bed(**handed_over)
    yield shared
    shared.close()


@pytest.fixture
def database(bed: Bed) -> Iterator[DatabaseFactory]:
    """Makes databases for this test and drops them after it."""
    made: list[Database] = []

    def make(release: str | None, *, schema: str = "pgboss") -> Database:
        ready = release is not None and schema == "pgboss"
        name = bed.create(bed.installed(release)) if release and ready else bed.create()
        db = Database(bed, name, release or "", schema)
        made.append(db)
        if release and not ready:
            install(release, db.dsn, db.spelling)
        return db

    yield make
    for db in made:
        db.drop()


@pytest.fixture
def seeded(bed: Bed) -> Iterator[SeededFactory]:
    """Makes copies of the seeded databases for this test and drops them after it."""
    made: list[Database] = []

    def make(release: str) -> Database:
        db = Database(bed, bed.create(bed.seeded(release)), release)
        made.append(db)
        freshen(db)
        return db

    yield make
    for db in made:
        db.drop()


@pytest_asyncio.fixture
async def boss(database: DatabaseFactory) -> AsyncIterator[BossFactory]:
    """Starts pg-boss on a database, in a process of its own that ends with the test."""
    running: list[Boss] = []

    async def start(database: Database, *, release: str | None = None, **options: Any) -> Boss:
        one = await Boss.open(release or database.release)
        running.append(one)
        where = {"connectionString": database.dsn, "schema": database.spelling}
        await one.start(**{**where, "supervise": False, "schedule": False, **options})
        return one

    yield start
    for one in running:
        await one.close()


def _own_bed(config: pytest.Config) -> Bed:
    if OWN_BED not in config.stash:
        config.stash[OWN_BED] = open_bed()
    return config.stash[OWN_BED]

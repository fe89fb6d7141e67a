"""The database readings of bossctl, each beside the bare statement it is measured against.

Lists stand beside the official dashboard's own statements, run bare: without its server, and where it does not start.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import psycopg
from psycopg import sql

from bossctl.doctor import DoctorRequest
from bossctl.doctor import run as run_doctor
from bossctl.selector import parse
from bossctl.sql.text import trusted
from bossctl.store import Store
from tests.bench.measure import Figure, Timed, compare

PAGE = 1000
LARGEST = "queue-01"

BASE = "SELECT name, state, count(*) FROM {job} GROUP BY 1, 2"
COUNTERS = "SELECT * FROM {queue}"
PAGE_OF_DASHBOARD = (
    "SELECT id, name, state, priority, retry_count, retry_limit, start_after, started_on, completed_on, created_on,"
    " singleton_key FROM {{job}} {where} ORDER BY created_on DESC LIMIT 50 OFFSET 0"
)
COUNT_OF_DASHBOARD = "SELECT count(*)::int AS count FROM {{job}} {where}"
"""What the official dashboard 1.9.0 asks for a list, by the server's log; it counts where one state of all is shown."""
BY_ID = "SELECT * FROM {job} WHERE id = (SELECT id FROM {job} OFFSET 4711 LIMIT 1)"
NO_INDEX = "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off"
EXPIRED = (
    "SELECT * FROM {{job}} WHERE state = 'active' AND (started_on + {expiry} < now(){silent})"
    " ORDER BY created_on DESC LIMIT 51"
)
SILENT = " OR heartbeat_on + heartbeat_seconds * interval '1 second' < now()"
"""What is past its heartbeat is asked for, too, where there is one."""
EXPIRIES = {
    "expirein": "expirein",
    "expire_in": "expire_in",
    "expire_seconds": "expire_seconds * interval '1 second'",
}
OLD_NAMES = re.compile(r"\b(retry|start|started|completed|created|singleton)_(on|after|count|limit|key)\b")


@dataclass(frozen=True)
class Bench:
    """A filled database, open both ways. `indexed` says that it has the list indexes of schema 46."""

    store: Store
    connection: psycopg.AsyncConnection
    schema: str

    @property
    def indexed(self) -> bool:
        """Whether lists have an index to go by."""
        return self.store.catalog.has("index:i15")

    @property
    def millions(self) -> int:
        """How many million jobs there are, for what may take its time with each of them; at least one."""
        return max(1, round((self.store.catalog.estimated_rows or 0) / 1_000_000))

    @property
    def expiry(self) -> str:
        """How long a job may be active, as each generation has it."""
        found = next(name for name in EXPIRIES if name in self.store.catalog.columns("job"))
        return EXPIRIES[found]

    @property
    def silent(self) -> str:
        """The same of heartbeats."""
        return SILENT if "heartbeat_on" in self.store.catalog.columns("job") else ""

    def bare(self, text: str) -> Timed:
        """A reference statement in the words of 10 and newer; `{job}` stands for the job table."""
        query = self._query(text)

        async def run() -> object:
            return await (await self.connection.execute(query, prepare=False)).fetchall()

        return run

    def scan(self, text: str) -> Timed:
        """The same by no index."""
        query = self._query(text)

        async def run() -> object:
            async with self.connection.transaction():
                await self.connection.execute(NO_INDEX)
                return await (await self.connection.execute(query, prepare=False)).fetchall()

        return run

    def dashboard(self, where: str, *, counted: bool) -> Timed:
        """The statements the official dashboard runs for a list."""
        page = self.bare(PAGE_OF_DASHBOARD.format(where=where))
        count = self.bare(COUNT_OF_DASHBOARD.format(where=where))

        async def run() -> object:
            return await page(), await count() if counted else None

        return run

    def _query(self, text: str) -> sql.Composed:
        if "created_on" not in self.store.catalog.columns("job"):
            text = OLD_NAMES.sub(r"\1\2", text)
        return trusted(text).format(**{name: sql.Identifier(self.schema, name) for name in ("job", "queue")})

    def page(self, expression: str | None, after: str | None = None) -> Timed:
        """One page of a list."""
        selector = parse(expression) if expression else None
        return lambda: self.store.jobs(selector, limit=50, after=after)


async def figures(bench: Bench) -> AsyncIterator[Figure]:
    """Every line of the table, as it is measured."""
    async for figure in _counts(bench):
        yield figure
    async for figure in _lists(bench):
        yield figure
    yield await _figure("whole doctor", lambda: run_doctor(bench.store, DoctorRequest()), bench, "base", BASE, 8)
    week = DoctorRequest(identical_seconds=DoctorRequest.since_seconds)
    name = "whole doctor, identical jobs of 7 days"
    yield await _figure(name, lambda: run_doctor(bench.store, week), bench, "base", BASE, 13)


async def _counts(bench: Bench) -> AsyncIterator[Figure]:
    if bench.store.catalog.has("queue.active_count"):
        name = "overview, cached counters"
        yield await _figure(name, bench.store.glance, bench, "bare query", COUNTERS, None, 2.0)
    limit = 40.0 * bench.millions if bench.indexed else None
    yield await _figure("overview, open states", bench.store.overview, bench, "base", BASE, None, limit)
    yield await _figure("overview, exact", lambda: bench.store.overview(exact=True), bench, "base", BASE)
    yield await _figure("six-state histogram", bench.store.histogram, bench, "base", BASE, 1.2)


ON_OLDER = {"newest jobs, all queues": 1.0}
"""How much of the dashboard's time a list may take where there is no index for it; the others are only measured."""
LISTS = (
    ("newest jobs, all queues", None, "", False, 1 / 15),
    ("newest open jobs", "is:open", "WHERE state < 'completed'", False, 1 / 12),
    ("newest failed, all queues", "state:failed", "WHERE state = 'failed'", True, 1 / 3),
    (
        "newest failed of one queue",
        f"queue:{LARGEST} state:failed",
        f"WHERE name = '{LARGEST}' AND state = 'failed'",
        False,
        1 / 20,
    ),
    ("newest completed", "state:completed", "WHERE state = 'completed'", True, 1 / 30),
)
"""A list, bossctl's selection, the dashboard's condition, whether it counts, how much of its time bossctl may take."""


async def _lists(bench: Bench) -> AsyncIterator[Figure]:
    for name, expression, where, counted, share in LISTS:
        theirs = bench.dashboard(where, counted=counted)
        ratio = share if bench.indexed else ON_OLDER.get(name)
        yield await _compared(name, bench.page(expression), "the dashboard's statements", theirs, ratio)
    name, bare = "active past expiry", EXPIRED.format(expiry=bench.expiry, silent=bench.silent)
    yield await _figure(name, bench.page("is:stuck"), bench, "bare query", bare, 1.2)
    job = (await bench.store.jobs(limit=1)).jobs[0]
    scan = bench.scan(BY_ID)
    yield await _compared("one job by id", lambda: bench.store.job(job.id), "sequential scan", scan, 1 / 50, 2.0)
    cursor = await _cursor_of_page(bench.store, PAGE)
    yield await _compared(f"page {PAGE} of a list", bench.page(None, cursor), "page 1", bench.page(None), 1.3)


async def _figure(
    name: str, ours: Timed, bench: Bench, reference: str, text: str, ratio: float | None = None, ms: float | None = None
) -> Figure:
    return await _compared(name, ours, reference, bench.bare(text), ratio, ms)


async def _compared(
    name: str, ours: Timed, reference: str, theirs: Timed, ratio: float | None = None, ms: float | None = None
) -> Figure:
    ours_ms, reference_ms = await compare(ours, theirs)
    return Figure(name, ours_ms, reference, reference_ms, ratio, ms)


async def _cursor_of_page(store: Store, page: int) -> str | None:
    """The cursor that page `page` of 50 jobs starts after, reached in larger steps."""
    cursor: str | None = None
    for _ in range(page * 50 // 10_000):
        cursor = (await store.jobs(limit=10_000, after=cursor)).next
    return cursor

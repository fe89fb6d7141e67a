"""The database readings of bossctl, each beside the bare statement it is measured against."""

from __future__ import annotations

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
SORT = "SELECT * FROM {{job}} {where} ORDER BY created_on DESC LIMIT 50"
BY_ID = "SELECT * FROM {job} WHERE id = (SELECT id FROM {job} OFFSET 4711 LIMIT 1)"
EXPIRED = "SELECT * FROM {job} WHERE state = 'active' AND started_on < now() - interval '15 minutes' LIMIT 51"


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

    def bare(self, text: str) -> Timed:
        """A reference statement in the words of 10 and newer; `{job}` stands for the job table."""
        if "created_on" not in self.store.catalog.columns("job"):
            text = text.replace("created_on", "createdon").replace("started_on", "startedon")
        query = trusted(text).format(job=sql.Identifier(self.schema, "job"))

        async def run() -> object:
            return await (await self.connection.execute(query)).fetchall()

        return run

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
    limit = 40.0 if bench.indexed else None
    yield await _figure("overview, cheap rung", bench.store.overview, bench, "base", BASE, None, limit)
    yield await _figure("overview, exact", lambda: bench.store.overview(exact=True), bench, "base", BASE)
    yield await _figure("six-state histogram", bench.store.histogram, bench, "base", BASE, 1.2)


async def _lists(bench: Bench) -> AsyncIterator[Figure]:
    lists = (
        ("newest jobs, all queues", None, "", 1 / 15),
        ("newest open jobs", "is:open", "WHERE state < 'completed'", 1 / 12),
        ("newest failed, all queues", "state:failed", "WHERE state = 'failed'", 1 / 3),
        (
            "newest failed of one queue",
            f"queue:{LARGEST} state:failed",
            f"WHERE name = '{LARGEST}' AND state = 'failed'",
            1 / 20,
        ),
        ("newest completed", "state:completed", "WHERE state = 'completed'", 1 / 30),
    )
    for name, expression, where, ratio in lists:
        text = SORT.format(where=where)
        yield await _figure(name, bench.page(expression), bench, "one sort", text, ratio if bench.indexed else 1.0)
    yield await _figure("active past expiry", bench.page("is:stuck"), bench, "bare query", EXPIRED, 1.2)
    job = (await bench.store.jobs(limit=1)).jobs[0]
    yield await _figure("one job by id", lambda: bench.store.job(job.id), bench, "scan", BY_ID, 1 / 50, 2.0)
    cursor = await _cursor_of_page(bench.store, PAGE)
    ours, first = await compare(bench.page(None, cursor), bench.page(None))
    yield Figure(f"page {PAGE} of a list", ours, "page 1", first, limit_ratio=1.3)


async def _figure(
    name: str, ours: Timed, bench: Bench, reference: str, text: str, ratio: float | None = None, ms: float | None = None
) -> Figure:
    ours_ms, reference_ms = await compare(ours, bench.bare(text))
    return Figure(name, ours_ms, reference, reference_ms, ratio, ms)


async def _cursor_of_page(store: Store, page: int) -> str | None:
    """The cursor that page `page` of 50 jobs starts after, reached in larger steps."""
    cursor: str | None = None
    for _ in range(page * 50 // 10_000):
        cursor = (await store.jobs(limit=10_000, after=cursor)).next
    return cursor

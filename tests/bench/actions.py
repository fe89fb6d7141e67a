"""Actions on many jobs, each beside one bare statement that makes the same change and keeps the same image."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from time import perf_counter

import psycopg
from psycopg import sql

from bossctl.actions import Operator
from bossctl.models.jobactions import ActionRequest, JobAction
from bossctl.selector import parse
from bossctl.sql.spelling import spelled
from bossctl.sql.text import trusted
from bossctl.store import Store
from tests.bench.measure import Figure

QUEUE = "bench-actions"
RUNS = 3
SLOWEST = 1 / 0.6
"""At least 0.6 times the rows per second of the bare statement."""

_KEEP = "{keep_until} = greatest({keep_until}, now() + ({keep_until} - {start_after}))"
CHANGES = {
    "retry": (
        "failed",
        "state = 'retry', {retry_limit} = {retry_limit} + 1, {start_after} = now(), {completed_on} = NULL, " + _KEEP,
    ),
    "cancel": ("created", "state = 'cancelled', {completed_on} = now()"),
    "resume": ("cancelled", "state = 'created', {completed_on} = NULL, {start_after} = now(), " + _KEEP),
}
KEPT = {
    "retry": ("state", "retry_limit", "start_after", "completed_on", "keep_until"),
    "cancel": ("state", "completed_on"),
    "resume": ("state", "completed_on", "start_after", "keep_until"),
}


class Bench:
    """A database with one queue of many jobs."""

    def __init__(self, store: Store, connection: psycopg.AsyncConnection, rows: int) -> None:
        self._store = store
        self._connection = connection
        self._rows = rows
        self._names = {
            name: sql.Identifier(spelled(store.catalog, name) or name)
            for name in ("created_on", "retry_limit", "start_after", "completed_on", "keep_until", "state")
        }
        self._job = sql.Identifier(store.catalog.schema, "job")

    async def _run(self, text: str, **slots: sql.Composable) -> None:
        await self._connection.execute(trusted(text).format(job=self._job, **self._names, **slots))

    async def fill(self) -> None:
        """Insert the jobs."""
        catalog = self._store.catalog
        if catalog.has("queue"):
            kind = trusted("json" if catalog.layout == "queues" else "jsonb")
            call = "SELECT {schema}.create_queue('bench-actions', '{{\"policy\": \"standard\"}}'::{kind})"
            await self._run(call, schema=sql.Identifier(catalog.schema), kind=kind)
        await self._run(
            "INSERT INTO {job} (name, data, {created_on})"
            " SELECT 'bench-actions', jsonb_build_object('n', n, 'note', repeat('x', 100)),"
            f" now() - make_interval(secs => {self._rows} - n)"
            f" FROM generate_series(1, {self._rows}) AS n"
        )

    async def begin(self, state: str) -> None:
        """All jobs in this state, as after a vacuum."""
        ended = "NULL" if state == "created" else "now() - interval '1 hour'"
        await self._run(
            f"UPDATE {{job}} SET state = '{state}', {{completed_on}} = {ended} WHERE name = 'bench-actions'"
        )
        await self._run("VACUUM ANALYZE {job}")
        await self._run("CHECKPOINT")

    async def ours(self, action: str) -> float:
        """Milliseconds for plan and apply."""
        asked = ActionRequest(JobAction(action), parse(f"queue:{QUEUE}"), f"queue:{QUEUE}")
        operator = Operator(self._store)
        started = perf_counter()
        outcome = await operator.apply_jobs(asked, await operator.plan_jobs(asked))
        took = (perf_counter() - started) * 1000
        if outcome.changed != self._rows:
            raise RuntimeError(f"{action} changed {outcome.changed} of {self._rows} jobs: {outcome.skipped}")
        return took

    async def reference(self, action: str) -> float:
        """Milliseconds for the bare statement."""
        state, change = CHANGES[action]
        columns = ", ".join(f"{{{name}}}" for name in KEPT[action])
        await self._run("DROP TABLE IF EXISTS bench_image")
        await self._run(f"CREATE TABLE bench_image AS SELECT name, id, {columns} FROM {{job}} WHERE false")
        await self._run("ALTER TABLE bench_image ADD PRIMARY KEY (name, id)")
        started = perf_counter()
        await self._run(
            f"WITH image AS (INSERT INTO bench_image SELECT name, id, {columns} FROM {{job}}"
            f" WHERE name = 'bench-actions' AND state = '{state}')"
            f" UPDATE {{job}} SET {change} WHERE name = 'bench-actions' AND state = '{state}'"
        )
        return (perf_counter() - started) * 1000


async def figures(store: Store, connection: psycopg.AsyncConnection, rows: int) -> AsyncIterator[Figure]:
    """Each action's best of a few runs, beside its reference's."""
    with tempfile.TemporaryDirectory() as state:
        os.environ["XDG_STATE_HOME"] = state
        bench = Bench(store, connection, rows)
        await bench.fill()
        for action, (before, _) in CHANGES.items():
            best = [float("inf"), float("inf")]
            for _ in range(RUNS):
                for place, measured in enumerate((bench.reference, bench.ours)):
                    await bench.begin(before)
                    best[place] = min(best[place], await measured(action))
            yield Figure(f"{action} of {rows:,} jobs", best[1], "bare, with image", best[0], SLOWEST)

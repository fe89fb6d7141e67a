"""Actions on many jobs, each beside one bare statement that makes the same change and keeps the same image."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from statistics import median
from time import perf_counter

import psycopg
from psycopg import sql

from bossctl.actions import Operator
from bossctl.actions.jobs import ownschema
from bossctl.models.jobactions import ActionRequest, JobAction
from bossctl.selector import parse
from bossctl.sql.spelling import spelled
from bossctl.sql.text import trusted
from bossctl.store import Store
from tests.bench.measure import Figure

QUEUE = "bench-actions"
RUNS = 5
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
MOVES = {"delete": "failed", "archive": "completed"}
"""What leaves the job table, beside a DELETE whose rows go into a table."""
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
        self.rows = rows
        self._names = {
            name: sql.Identifier(spelled(store.catalog, name) or name)
            for name in ("created_on", "retry_limit", "start_after", "completed_on", "keep_until", "state")
        }
        self._job = sql.Identifier(store.catalog.schema, "job")

    async def _run(self, text: str, **slots: sql.Composable) -> None:
        await self._connection.execute(trusted(text).format(job=self._job, **self._names, **slots))

    async def fill(self) -> None:
        """Make the queue."""
        catalog = self._store.catalog
        if catalog.has("queue"):
            kind = trusted("json" if catalog.layout == "queues" else "jsonb")
            call = "SELECT {schema}.create_queue('bench-actions', '{{\"policy\": \"standard\"}}'::{kind})"
            await self._run(call, schema=sql.Identifier(catalog.schema), kind=kind)

    async def _insert(self) -> None:
        await self._run(
            "INSERT INTO {job} (name, data, {created_on})"
            " SELECT 'bench-actions', jsonb_build_object('n', n, 'note', repeat('x', 100)),"
            f" now() - make_interval(secs => {self.rows} - n)"
            f" FROM generate_series(1, {self.rows}) AS n"
        )

    async def begin(self, state: str) -> None:
        """All jobs there and in this state, as after a vacuum."""
        for archive in [one for one in ("archive", "own:archive") if self._store.catalog.has(one)]:
            schema = self._store.catalog.schema if archive == "archive" else "bossctl"
            await self._run("TRUNCATE {archive}", archive=sql.Identifier(schema, "archive"))
        await self._run("DELETE FROM {job} WHERE name = 'bench-actions'")
        await self._run("VACUUM {job}")
        await self._insert()
        ended = "NULL" if state == "created" else "now() - interval '1 hour'"
        await self._run(
            f"UPDATE {{job}} SET state = '{state}', {{completed_on}} = {ended} WHERE name = 'bench-actions'"
        )
        await self._run("VACUUM ANALYZE {job}")
        await self._run("CHECKPOINT")

    async def ours(self, action: str) -> float:
        """Milliseconds for applying a plan."""
        asked = ActionRequest(JobAction(action), parse(f"queue:{QUEUE}"), f"queue:{QUEUE}")
        operator = Operator(self._store)
        plan = await operator.plan_jobs(asked)
        started = perf_counter()
        outcome = await operator.apply_jobs(asked, plan, own_schema=True)
        took = (perf_counter() - started) * 1000
        if outcome.changed != self.rows:
            raise RuntimeError(f"{action} changed {outcome.changed} of {self.rows} jobs: {outcome.skipped}")
        return took

    async def reference(self, action: str) -> float:
        """Milliseconds for the bare statement."""
        if action in MOVES:
            return await self._moved(action, MOVES[action])
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

    async def _moved(self, action: str, state: str) -> float:
        await self._run("DROP TABLE IF EXISTS bench_gone")
        if action == "archive" and self._store.catalog.has("archive"):
            archive = sql.Identifier(self._store.catalog.schema, "archive")
            await self._run("CREATE TABLE bench_gone (LIKE {archive} INCLUDING ALL)", archive=archive)
        else:
            await self._run("CREATE TABLE bench_gone AS SELECT * FROM {job} WHERE false")
            await self._run("ALTER TABLE bench_gone ADD PRIMARY KEY (name, id)")
        started = perf_counter()
        await self._run(
            "WITH gone AS (DELETE FROM {job} WHERE name = 'bench-actions'"
            f" AND state = '{state}' RETURNING *) INSERT INTO bench_gone SELECT * FROM gone"
        )
        return (perf_counter() - started) * 1000


async def figures(store: Store, connection: psycopg.AsyncConnection, rows: int) -> AsyncIterator[Figure]:
    """Each action's median of a few runs, beside its reference's, which are run in turns.

    First with the record for undo in a file, then in the schema bossctl.
    """
    with tempfile.TemporaryDirectory() as state:
        os.environ["XDG_STATE_HOME"] = state
        bench = Bench(store, connection, rows)
        await bench.fill()
        for action in ("retry", "delete"):
            yield await _beside(bench, action, in_file=True)
        await ownschema.make(store)
        for action in (*CHANGES, *MOVES):
            yield await _beside(bench, action)


async def _beside(bench: Bench, action: str, *, in_file: bool = False) -> Figure:
    before = MOVES[action] if action in MOVES else CHANGES[action][0]
    ours, reference = list[float](), list[float]()
    for _ in range(RUNS):
        await bench.begin(before)
        reference.append(await bench.reference(action))
        await bench.begin(before)
        ours.append(await bench.ours(action))
    words = "bare, into a table" if action in MOVES else "bare, with image"
    name = f"{action} of {bench.rows:,} jobs" + (", undo in a file" if in_file else "")
    return Figure(name, median(ours), words, median(reference), SLOWEST)

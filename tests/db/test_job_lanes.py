"""Large actions: two batches at a time, over a connection each."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from bossctl.actions import Operator
from bossctl.actions.jobs.engine import MANY_ROWS
from bossctl.actions.jobs.ownschema import make
from bossctl.models.jobactions import ActionOutcome, Progress
from bossctl.store import Store
from tests.conftest import SeededFactory
from tests.support.acting import request
from tests.support.database import Database
from tests.support.releases import NEWEST
from tests.support.roles import role
from tests.support.stores import open_store, spec_of

QUEUE = "bulk"
JOBS = MANY_ROWS + 2_500
FILL = """
SELECT {schema}.create_queue(%(queue)s, %(options)s::jsonb);
INSERT INTO {schema}.job (name, state, policy, completed_on, singleton_key)
SELECT %(queue)s, %(state)s::{schema}.job_state, %(policy)s, now(), least(n, %(keys)s)::text
FROM generate_series(1, %(jobs)s) AS n;
"""
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'bossctl'"
CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'bossctl' ORDER BY backend_start DESC LIMIT 1
"""
NARROW = """
CREATE ROLE {name} LOGIN CONNECTION LIMIT 1;
GRANT USAGE ON SCHEMA pgboss TO {name};
GRANT ALL ON ALL TABLES IN SCHEMA pgboss TO {name}
"""


def filled(db: Database, state: str, *, policy: str = "standard", keys: int = JOBS) -> None:
    """A queue of many jobs, with so many different singleton keys."""
    db.execute("DELETE FROM job_dependency")
    options = f'{{"policy": "{policy}"}}'
    values = {"queue": QUEUE, "options": options, "state": state, "policy": policy, "keys": keys, "jobs": JOBS}
    with psycopg.connect(db.dsn, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(FILL.format(schema=db.schema).encode(), values)


class Watched:
    """An action during which sessions are counted, and one may be cut."""

    def __init__(self, db: Database, *, cut_at: int = 0) -> None:
        self._db = db
        self._cut_at = cut_at
        self.sessions: set[int] = set()

    async def act(self, action: str, selector: str = f"queue:{QUEUE}", *, dsn: str | None = None) -> ActionOutcome:
        async with await Store.open(spec_of(self._db, self._db.schema, dsn=dsn)) as store:
            operator, asked = Operator(store), request(action, selector)
            plan = await operator.plan_jobs(asked)
            return await operator.apply_jobs(asked, plan, progress=self._look)

    def _look(self, progress: Progress) -> None:
        self.sessions.add(self._db.value(SESSIONS))
        if self._cut_at and progress.changed >= self._cut_at:
            self._cut_at = 0
            self._db.execute(CUT)


def left(db: Database) -> int:
    return db.value(f"SELECT count(*) FROM job WHERE name = '{QUEUE}'")


@pytest.mark.parametrize("own_schema", [False, True])
async def test_a_connection_each_and_every_job_once(seeded: SeededFactory, own_schema: bool) -> None:
    db = seeded(NEWEST)
    filled(db, "failed")
    async with await open_store(db) as store:
        if own_schema:
            await make(store)
    watched = Watched(db)
    outcome = await watched.act("delete")
    assert (outcome.changed, outcome.skipped, left(db)) == (JOBS, {}, 0)
    assert watched.sessions == {2}
    async with await open_store(db) as store:
        operator = Operator(store)
        [operation, *_] = await operator.operations()
        assert (operation.changed, operation.finished, operation.where) == (JOBS, True, ["file", "schema"][own_schema])
        undone = await operator.undo(await operator.plan_undo())
    assert (undone.changed, undone.skipped, left(db)) == (JOBS, {}, JOBS)
    assert db.value(f"SELECT count(DISTINCT id) FROM job WHERE name = '{QUEUE}' AND state = 'failed'") == JOBS


@pytest.mark.parametrize("own_schema", [False, pytest.param(True, marks=pytest.mark.matrix)])
async def test_one_of_them_cut(seeded: SeededFactory, own_schema: bool) -> None:
    """What the other had under way is finished and told; nothing is lost, and undo brings back what was done."""
    db = seeded(NEWEST)
    filled(db, "failed")
    async with await open_store(db) as store:
        if own_schema:
            await make(store)
    outcome = await Watched(db, cut_at=2_000).act("delete")
    assert outcome.stopped
    assert 2_000 <= outcome.changed <= 4_000
    assert left(db) == JOBS - outcome.changed
    async with await open_store(db) as store:
        operator = Operator(store)
        undone = await operator.undo(await operator.plan_undo())
    assert (undone.changed, left(db)) == (outcome.changed, JOBS)


async def test_where_the_server_has_no_second_connection(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    filled(db, "failed")
    watched = Watched(db)
    with role(db, f"narrow_{db.name}", made_by=NARROW.format(name=f"narrow_{db.name}")) as dsn:
        outcome = await watched.act("delete", dsn=dsn)
    assert (outcome.changed, left(db), watched.sessions) == (JOBS, 0, {1})


async def test_jobs_that_stand_in_each_others_way(seeded: SeededFactory) -> None:
    """Of those that take the same slot one is done, whatever is under way beside it."""
    db = seeded(NEWEST)
    filled(db, "cancelled", policy="short", keys=JOBS - 9)
    outcome = await Watched(db).act("resume")
    assert (outcome.changed, outcome.skipped) == (JOBS - 9, {"slot-taken": 9})


async def test_stopped_in_the_middle(seeded: SeededFactory) -> None:
    """Both finish what they have under way."""
    db = seeded(NEWEST)
    filled(db, "failed")
    stop = asyncio.Event()
    async with await open_store(db) as store:
        operator, asked = Operator(store), request("delete", f"queue:{QUEUE}")
        plan = await operator.plan_jobs(asked)
        outcome = await operator.apply_jobs(asked, plan, progress=lambda _: stop.set(), stop=stop)
    assert outcome.interrupted
    assert outcome.changed in (1_000, 2_000)
    assert left(db) == JOBS - outcome.changed


async def test_a_second_connection_that_was_ended_while_it_was_idle(seeded: SeededFactory) -> None:
    """The jobs of the first queue go step by step, over one connection: the other may be gone by then."""
    db = seeded(NEWEST)
    filled(db, "cancelled", policy="short", keys=JOBS - 9)
    many = "INSERT INTO job (name, state, completed_on) SELECT 'mail', 'cancelled', now() FROM generate_series(1, 2500)"
    db.execute(many)
    cancelled = db.value("SELECT count(*) FROM job WHERE name = 'mail' AND state = 'cancelled'")
    outcome = await Watched(db, cut_at=JOBS - 9).act("resume", f"(queue:{QUEUE} or queue:mail) state:cancelled")
    assert outcome.stopped is None
    assert outcome.changed == JOBS - 9 + cancelled

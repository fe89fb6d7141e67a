"""Actions where the server goes away in the middle."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest

from bossctl.actions import Operator
from bossctl.actions.jobs.ownschema import make
from bossctl.cli.acting import exit_code
from bossctl.config import ConnectionSpec
from bossctl.demo.server import Server, running_server
from bossctl.errors import Exit
from bossctl.models.jobactions import ActionOutcome, Progress
from bossctl.store import Store
from tests.support.acting import request
from tests.support.bed import install
from tests.support.releases import NEWEST

ACTIONS = {"retry": "failed", "cancel": "created", "archive": "completed", "delete": "failed"}
JOBS = 2_000
FILL = """
SELECT pgboss.create_queue(%(queue)s, '{"policy": "standard"}');
INSERT INTO pgboss.job (name, state, completed_on)
SELECT %(queue)s, %(state)s::pgboss.job_state, CASE WHEN %(state)s <> 'created' THEN now() END
FROM generate_series(1, %(jobs)s);
"""
SLOW = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END';
CREATE TRIGGER slow AFTER UPDATE OR DELETE ON pgboss.job FOR EACH STATEMENT EXECUTE FUNCTION slow();
"""


@pytest.fixture(autouse=True)
def own_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def spec(dsn: str) -> ConnectionSpec:
    return ConnectionSpec(dsn, "pgboss", "--dsn", None, None, False, 30.0)


def filled(dsn: str) -> None:
    """A queue for each action, and a table that makes each batch last."""
    with psycopg.connect(dsn, autocommit=True, cursor_factory=psycopg.ClientCursor) as db:
        for action, state in ACTIONS.items():
            db.execute(FILL, {"queue": action, "state": state, "jobs": JOBS})
        db.execute(SLOW)


async def killed_amid(server: Server, action: str) -> ActionOutcome:
    """What came of it with the server killed while the second batch was written."""
    killing: list[asyncio.Task[None]] = []

    def kill(progress: Progress) -> None:
        killing.append(asyncio.create_task(asyncio.to_thread(server.kill)))

    async with await Store.open(spec(server.dsn())) as store:
        operator, asked = Operator(store), request(action, f"queue:{action}")
        planned = await operator.plan_jobs(asked)
        outcome = await operator.apply_jobs(asked, planned, progress=kill, own_schema=True)
    await asyncio.gather(*killing)
    return outcome


EVERYWHERE = """
SELECT (SELECT count(*) FROM pgboss.job WHERE name = %(queue)s)
  + (SELECT count(*) FROM bossctl.archive WHERE name = %(queue)s)
  + (SELECT count(*) FROM bossctl.image WHERE name = %(queue)s AND bossctl_kind = 'gone'),
  (SELECT count(*) FROM pgboss.job WHERE name = %(queue)s AND state::text = %(state)s)
"""


def told(dsn: str, queue: str) -> tuple[int, int]:
    """How many jobs of a queue are anywhere at all, and how many as they were."""
    with psycopg.connect(dsn) as db:
        [(everywhere, waiting)] = db.execute(EVERYWHERE, {"queue": queue, "state": ACTIONS[queue]}).fetchall()
        return everywhere, waiting


@pytest.mark.parametrize("actions", [("delete",), pytest.param((*ACTIONS,), marks=pytest.mark.matrix)])
async def test_a_server_killed_in_the_middle(actions: tuple[str, ...]) -> None:
    """What was committed is told, nothing is lost, running it again does the rest, and the log knows."""
    with running_server() as server:
        dsn = server.dsn()
        await asyncio.to_thread(install, NEWEST, dsn, "pgboss")
        filled(dsn)
        async with await Store.open(spec(dsn)) as store:
            await make(store)
        for action in actions:
            outcome = await killed_amid(server, action)
            server.start()
            assert (exit_code(outcome), outcome.changed) == (Exit.PARTLY, 1_000), (action, outcome)
            assert outcome.stopped
            assert "lost the database" in outcome.stopped
            assert told(dsn, action) == (JOBS, 1_000), action
            async with await Store.open(spec(dsn)) as store:
                operator, asked = Operator(store), request(action, f"queue:{action}")
                rest = await operator.apply_jobs(asked, await operator.plan_jobs(asked))
                [again, before, *_] = await operator.operations()
                assert (rest.changed, rest.stopped) == (1_000, None), action
                assert (again.changed, before.changed, before.finished) == (1_000, 1_000, False), action
                undone = await operator.undo(await operator.plan_undo(before.operation))
                assert (undone.changed, undone.skipped) == (1_000, {}), action
            assert told(dsn, action) == (JOBS, 1_000), action

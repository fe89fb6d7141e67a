"""The server killed in the middle of those actions that `tests/db/test_job_outages.py` does not take in hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bossctl.actions import Operator
from bossctl.actions.jobs.ownschema import make
from bossctl.cli.acting import exit_code
from bossctl.config import ConnectionSpec
from bossctl.demo.server import running_server
from bossctl.errors import Exit
from bossctl.models.jobactions import ActionOutcome, Progress
from bossctl.store import Store
from tests.support.acting import request
from tests.support.bed import install
from tests.support.releases import NEWEST

JOBS = 2_000
STATES = {"resume": "cancelled", "defer": "created", "redrive": "created", "resend": "completed", "restore": "failed"}
STATES["undo"] = "failed"
OPTIONS: dict[str, dict[str, Any]] = {"defer": {"by_seconds": 3600}, "redrive": {"to_queue": "elsewhere"}}
FILL = """
SELECT pgboss.create_queue(name, '{"policy": "standard"}') FROM unnest(ARRAY[%(queue)s, 'elsewhere']) AS name;
UPDATE pgboss.queue SET dead_letter = %(queue)s WHERE name = 'elsewhere';
INSERT INTO pgboss.job (name, state, completed_on)
SELECT %(queue)s, %(state)s::pgboss.job_state, CASE WHEN %(state)s <> 'created' THEN now() END
FROM generate_series(1, %(jobs)s);
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END';
CREATE TRIGGER slow AFTER INSERT OR UPDATE OR DELETE ON pgboss.job FOR EACH STATEMENT EXECUTE FUNCTION slow();
"""
HERE = "SELECT count(*) FROM pgboss.job WHERE "
LEFT = {
    "resume": HERE + "state = 'cancelled'",
    "defer": HERE + "start_after < now() + interval '30 minutes'",
    "redrive": HERE + "name = 'redrive'",
    "resend": "SELECT 2000 - count(*) FROM pgboss.job WHERE state = 'created'",
    "restore": "SELECT count(*) FROM bossctl.archive",
    "undo": HERE + "state = 'retry'",
}
"""Action → how many jobs it has not reached."""
ALL = "SELECT (SELECT count(*) FROM pgboss.job WHERE state <> 'created' OR %s <> 'resend')"
ALL += " + (SELECT count(*) FROM bossctl.archive)"


def spec(dsn: str) -> ConnectionSpec:
    return ConnectionSpec(dsn, "pgboss", "--dsn", None, None, False, 30.0)


def counted(dsn: str, action: str) -> tuple[int, int]:
    """How many jobs there are, without copies, and how many the action has not reached."""
    with psycopg.connect(dsn) as db:
        [(everywhere,)] = db.execute(ALL, [action]).fetchall()
        [(left,)] = db.execute(LEFT[action].encode()).fetchall()
        return everywhere, left


async def deed(dsn: str, action: str, operation: str, progress: Callable[[Progress], None] | None) -> ActionOutcome:
    """The action, or the undo of the operation."""
    async with await Store.open(spec(dsn)) as store:
        operator = Operator(store)
        if action == "undo":
            return await operator.undo(await operator.plan_undo(operation), progress=progress)
        asked = request(action, f"queue:{action}", **OPTIONS.get(action, {}))
        return await operator.apply_jobs(asked, await operator.plan_jobs(asked), progress=progress)


@pytest.mark.matrix
@pytest.mark.parametrize("action", STATES)
async def test_a_server_killed_in_the_middle_of_it(
    action: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What was committed is told, nothing is lost or there twice, and running it again does the rest."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with running_server() as server:
        dsn, operation = server.dsn(), ""
        await asyncio.to_thread(install, NEWEST, dsn, "pgboss")
        with psycopg.connect(dsn, autocommit=True, cursor_factory=psycopg.ClientCursor) as db:
            db.execute(FILL, {"queue": action, "state": STATES[action], "jobs": JOBS})
        async with await Store.open(spec(dsn)) as store:
            await make(store)
            before = {"restore": "archive", "undo": "retry"}.get(action)
            if before:
                asked = request(before, f"queue:{action}")
                done = await Operator(store).apply_jobs(asked, await Operator(store).plan_jobs(asked))
                operation = done.operation or ""
        killing: list[asyncio.Task[None]] = []

        def kill(progress: Progress) -> None:
            if not killing:
                killing.append(asyncio.create_task(asyncio.to_thread(server.kill)))

        outcome = await deed(dsn, action, operation, kill)
        await asyncio.gather(*killing)
        server.start()
        changed = outcome.changed
        assert 0 < changed < JOBS
        assert exit_code(outcome) == Exit.PARTLY
        assert "lost the database" in (outcome.stopped or "")
        assert counted(dsn, action) == (JOBS, JOBS - changed)
        if action not in ("resend", "defer"):  # which can be done to the same jobs again
            rest = await deed(dsn, action, operation, None)
            assert (rest.changed, rest.stopped) == (JOBS - changed, None)
            assert counted(dsn, action) == (JOBS, 0)
        else:
            undone = await deed(dsn, "undo", outcome.operation or "", None)
            assert undone.changed == changed
            assert counted(dsn, action) == (JOBS, JOBS)

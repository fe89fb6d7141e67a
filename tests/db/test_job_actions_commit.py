"""A commit whose answer never came: the server knows, and is asked."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from bossctl.actions import Operator
from bossctl.actions.jobs import commits
from bossctl.config import ConnectionSpec
from bossctl.demo.server import running_server
from bossctl.store import Store
from tests.support.acting import request
from tests.support.bed import install
from tests.support.releases import NEWEST
from tests.support.waiting import eventually

FAILED = (
    "INSERT INTO pgboss.job (name, state, completed_on) SELECT 'work', 'failed', now() FROM generate_series(1, 1500)"
)
WAITING = "SELECT pid FROM pg_stat_activity WHERE application_name = 'bossctl' AND wait_event = 'SyncRep'"


@pytest.mark.matrix
@pytest.mark.parametrize("patient", [True, False])
async def test_it_was_done_although_the_connection_was_lost(monkeypatch: pytest.MonkeyPatch, patient: bool) -> None:
    """With a standby that is not there a commit is done and then waits for ever.

    Who does not wait until the server is back cannot say whether it was done, but the log tells afterwards.
    """
    if not patient:
        monkeypatch.setattr(commits, "PATIENCE_SECONDS", 0.0)
    with running_server(
        settings={"max_wal_senders": "1", "wal_level": "replica", "synchronous_commit": "on"}
    ) as server:
        dsn = server.dsn()
        await asyncio.to_thread(install, NEWEST, dsn, "pgboss")
        with psycopg.connect(dsn, autocommit=True) as db:
            db.execute("SELECT pgboss.create_queue('work', '{\"policy\": \"standard\"}')")
            db.execute(FAILED)
            db.execute("SET synchronous_commit = local")
            async with await Store.open(ConnectionSpec(dsn, "pgboss", "--dsn", None, None, False, 30.0)) as store:
                operator = Operator(store)
                asked = request("retry", "queue:work")
                planned = await operator.plan_jobs(asked)
                db.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
                db.execute("SELECT pg_reload_conf()")
                running = asyncio.create_task(operator.apply_jobs(asked, planned))
                [(pid,)] = await eventually(lambda: db.execute(WAITING).fetchall(), 60)
                db.execute("SELECT pg_terminate_backend(%s)", [pid])
                outcome = await running
                [told] = await operator.operations()
                assert (told.changed, told.finished) == (1000, False)
            assert outcome.stopped is not None
            assert (outcome.changed, len(outcome.warnings)) == ((1000, 0) if patient else (0, 1))
            row = db.execute("SELECT count(*) FROM pgboss.job WHERE state = 'retry'").fetchone()
            assert row == (1000,)

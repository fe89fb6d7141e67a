"""Thousands of jobs moved away and back on every PostgreSQL: no statement of a batch costs more with each batch."""

from __future__ import annotations

from collections import defaultdict

import pytest

from bossctl.actions import Operator
from bossctl.actions.jobs.ownschema import make
from bossctl.store import Store
from bossctl.store.recording import recording
from tests.db.test_job_lanes import JOBS, QUEUE, filled, left
from tests.support.acting import request
from tests.support.database import Database
from tests.support.postgresql import SERVERS, postgresql
from tests.support.releases import NEWEST
from tests.support.stores import open_store

FINGERPRINT = "SELECT md5(string_agg(j::text, ' ' ORDER BY id)) FROM job AS j"


async def spent(store: Store, action: str) -> dict[str, float]:
    """Statement → milliseconds, of an action on all jobs of the queue and of its undo."""
    operator, asked = Operator(store), request(action, f"queue:{QUEUE}")
    plan = await operator.plan_jobs(asked)
    with recording() as statements:
        done = await operator.apply_jobs(asked, plan)
        undone = await operator.undo(await operator.plan_undo())
    assert (done.changed, undone.changed, undone.stopped) == (JOBS, JOBS, None)
    found: dict[str, float] = defaultdict(float)
    for one in statements:
        found[one.name] += one.ms
    return found


@pytest.mark.matrix
@pytest.mark.parametrize("major", SERVERS)
async def test_thousands_there_and_back(major: int) -> None:
    """What the server knows of the table is from before these jobs came, as after a burst."""
    with postgresql(major) as bed:
        db = Database(bed, bed.create(bed.seeded(NEWEST)), NEWEST)
        filled(db, "failed")
        before = db.value(FINGERPRINT)
        async with await open_store(db) as store:
            await make(store)
            for action in ("archive", "delete"):
                costs = await spent(store, action)
                assert left(db) == JOBS
                assert db.value(FINGERPRINT) == before, action
                dear = {name: ms for name, ms in costs.items() if ms > 8 * costs["put_back"] + 500}
                assert not dear, f"{action}: {dear}"
        db.drop()

"""A batch in one statement: that it is, where nothing stands in the way, and is not where links do."""

from __future__ import annotations

import pytest

from bossctl.actions import Operator
from bossctl.actions.jobs.planning import AS_ONE
from bossctl.store.recording import recording
from tests.conftest import SeededFactory
from tests.support.acting import request
from tests.support.database import Database
from tests.support.releases import NEWEST, every
from tests.support.stores import open_store

AT_ONCE, BY_STEPS = "action_at_once", "action_lock"


async def ran(db: Database, action: str, selector: str) -> set[str]:
    """Which of both statements applying an action ran."""
    async with await open_store(db) as store:
        operator, asked = Operator(store), request(action, selector)
        plan = await operator.plan_jobs(asked)
        with recording() as statements:
            outcome = await operator.apply_jobs(asked, plan, own_schema=True)
        assert outcome.changed > 0
        return {one.name for one in statements} & {AT_ONCE, BY_STEPS}


@pytest.mark.parametrize("release", every(("9.0.3", "10.4.2", NEWEST), ("9.0.3", NEWEST)))
async def test_nothing_stands_in_the_way(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    if release == NEWEST:
        db.execute("DELETE FROM job_dependency")
    one = db.value("SELECT id::text FROM job WHERE name = 'mail' AND state = 'failed' LIMIT 1")
    assert await ran(db, "retry", f"id:{one}") == {AT_ONCE}
    assert await ran(db, "cancel", f"id:{one}") == {AT_ONCE}
    assert await ran(db, "delete", f"id:{one}") == {AT_ONCE}, "the record is a file"
    assert await ran(db, "archive", "queue:mail state:completed") == {AT_ONCE}
    assert await ran(db, "retry", "queue:mail state:failed") == {AT_ONCE}
    assert await ran(db, "delete", "queue:mail state:cancelled") == {AT_ONCE}


async def test_where_jobs_are_linked_links_are_kept_step_by_step(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    assert db.value("SELECT count(*) FROM job_dependency") > 0
    assert await ran(db, "delete", "queue:mail state:failed") == {AT_ONCE, BY_STEPS}
    assert await ran(db, "archive", "queue:mail state:completed") == {AT_ONCE, BY_STEPS}


async def test_what_is_shown_says_so(seeded: SeededFactory) -> None:
    async with await open_store(seeded(NEWEST)) as store:
        operator = Operator(store)
        for action, so in {"retry": True, "delete": True, "archive": True, "resend": False}.items():
            plan = await operator.plan_jobs(request(action, "queue:mail state:failed"), statements=True)
            assert plan.statements[0].startswith(AS_ONE) is so, action
            assert "SKIP LOCKED" in plan.statements[0], action


async def test_it_is_prepared_where_no_pooler_stands_between(seeded: SeededFactory) -> None:
    """Through one it is not: `test_everything_works_through_pgbouncer` looks for what is left there."""
    async with await open_store(seeded("9.0.3")) as store:
        operator, asked = Operator(store), request("retry", "queue:mail state:failed")
        await operator.apply_jobs(asked, await operator.plan_jobs(asked))
        async with store.snapshot() as transaction:
            found = await transaction._connection.execute("SELECT statement FROM pg_prepared_statements")
            assert ["locked AS MATERIALIZED" in row["statement"] for row in await found.fetchall()] == [True]

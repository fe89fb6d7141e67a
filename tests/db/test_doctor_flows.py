"""STK06: flows whose parents completed, failed, were cancelled, were deleted, or were never resolved."""

from __future__ import annotations

from typing import Any

import pytest

from bossctl.models.findings import Certainty, Severity
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.aging import age
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.diagnosis import diagnose, found
from tests.support.releases import NEWEST, every
from tests.support.waiting import eventually

AFFECTED = ("12.19.1", "12.23.0", "12.38.0")


async def flow(boss: Boss, *parents: str, **options: Any) -> dict[str, str]:
    """A child of these parents, in queues of their own."""
    await boss.create_queue("parents")
    await boss.create_queue("children")
    jobs = [{"ref": name, "name": "parents", "data": {}, "options": {"retryLimit": 0, **options}} for name in parents]
    return await boss.any("flow", [{"ref": "child", "name": "children", "data": {}, "dependsOn": [*parents]}, *jobs])


async def taken(boss: Boss) -> str:
    [job] = await boss.fetch("parents")
    return str(job["id"])


def blocked(database: Database) -> int:
    return int(database.value("SELECT count(*) FROM job WHERE blocked"))


@pytest.mark.parametrize("release", every(AFFECTED, (NEWEST,)))
@pytest.mark.parametrize("fate", ["failed", "cancelled", "gone"])
async def test_a_parent_that_never_completes(
    database: DatabaseFactory, boss: BossFactory, release: str, fate: str
) -> None:
    db = database(release)
    one = await boss(db)
    ids = await flow(one, "a", "b")
    assert await found(db, "STK06") == []
    await one.complete("parents", await taken(one))
    assert await found(db, "STK06") == [], "the other one may still complete"
    second = await taken(one)
    if fate == "gone":
        await one.delete_job("parents", second)
    else:
        await (one.fail if fate == "failed" else one.cancel)("parents", second)
    [finding] = await found(db, "STK06")
    assert (finding.severity, finding.certainty) == (Severity.ERROR, Certainty.PROVEN)
    assert (finding.queue, finding.jobs, finding.subject) == ("children", (ids["child"],), f"parent {fate}")
    assert finding.evidence[0]["parent"] == second
    remedy = {"failed": f"retry {second}", "cancelled": f"resume {second}", "gone": f"cancel {ids['child']}"}
    assert finding.remedy.command == f"bossctl job {remedy[fate]}"


@pytest.mark.parametrize("release", every(AFFECTED, (NEWEST,)))
async def test_a_child_with_nothing_to_wait_for(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    ids = await flow(one, "a")
    assert await found(db, "STK06") == []
    db.execute("UPDATE job SET pending_dependencies = 0 WHERE blocked; DELETE FROM job WHERE NOT blocked")
    [finding] = await found(db, "STK06")
    assert (finding.subject, finding.jobs) == ("parent gone", (ids["child"],))
    db.execute("DELETE FROM job_dependency")
    [finding] = await found(db, "STK06")
    assert (finding.severity, finding.certainty) == (Severity.ERROR, Certainty.PROVEN)
    assert (finding.queue, finding.jobs, finding.subject) == ("children", (ids["child"],), "parent unlinked")
    assert "waits for a parent that nothing names" in finding.message
    assert finding.remedy.command == f"bossctl job cancel {ids['child']}"
    db.execute("UPDATE job SET blocked = false")
    assert await found(db, "STK06") == []


@pytest.mark.parametrize("release", every(AFFECTED, (NEWEST,)))
async def test_a_flow_that_goes_on(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db, supervise=True)
    await flow(one, "a")
    await one.work("parents", {"do": "succeed"})
    await eventually(lambda: blocked(db) == 0)
    age(db, 86_400, "created_on", "start_after", "started_on", "completed_on")
    assert await found(db, "STK06") == []


@pytest.mark.parametrize("release", ["12.23.0", "12.38.0"])
async def test_nobody_resolves(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db, supervise=False)
    ids = await flow(one, "a", "b")
    await one.complete("parents", await taken(one))
    assert await found(db, "STK06") == [], "the resolver has a moment"
    age(db, 600, "completed_on", where="completed_on IS NOT NULL")
    [finding] = await found(db, "STK06")
    assert (finding.queue, finding.subject, finding.jobs) == (None, "resolver", (ids["child"],))
    assert "a parent has completed, the first 10m ago" in finding.message
    assert "the resolver never passed" in finding.message
    await boss(db, supervise=True)
    await eventually(lambda: db.value("SELECT count(*) FROM job WHERE blocking AND state = 'completed'") == 0)
    assert await found(db, "STK06") == [], "one parent is left, and it waits"
    db.execute("DELETE FROM job WHERE state = 'completed'")
    assert await found(db, "STK06") == [], "what was resolved may be removed"


async def test_there_are_no_flows_before_12_19(database: DatabaseFactory) -> None:
    [check] = (await diagnose(database("12.12.0"), "STK06")).checks
    assert (check.reason or "").startswith("era ")

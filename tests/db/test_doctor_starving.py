"""STK11: jobs that are not fetched because of another key of their queue."""

from __future__ import annotations

import pytest

from bossctl.models.findings import Certainty, Severity
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.aging import age
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.diagnosis import diagnose, found

OLD = ("created_on", "start_after", "started_on", "completed_on")


async def keyed(one: Boss, *keys: str | None) -> list[str]:
    return [str(await one.send("sync", {}, **({"singletonKey": key} if key else {}))) for key in keys]


def key_of(db: Database, job: str) -> str | None:
    return db.value("SELECT singleton_key FROM job WHERE id = %s", [job])


@pytest.mark.parametrize("release", ["10.4.2", "12.35.0", "12.38.0"])
async def test_a_held_key_first_in_line(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("sync", policy="singleton", expireInSeconds=3600)
    jobs = await keyed(one, "a", "a", "b", "c")
    [held] = await one.fetch("sync")
    assert await found(db, "STK11") == [], "it is only now that they wait"
    age(db, 900, *OLD)
    cases = await found(db, "STK11")
    if release == "12.38.0":
        assert cases == []
        assert len(await one.fetch("sync")) == 1
        return
    assert await one.fetch("sync") == []
    [finding] = cases
    assert (finding.severity, finding.certainty) == (Severity.WARNING, Certainty.PROVEN)
    assert (finding.queue, finding.count, set(finding.jobs)) == ("sync", 2, set(jobs[2:]))
    assert f'its key "a" is held by active job {held["id"]}' in finding.message
    assert finding.evidence[0]["head"] == jobs[1]
    assert finding.remedy.command == "bossctl job defer 'queue:sync key:a is:due' --by 15m"
    await one.complete("sync", held["id"])
    assert await found(db, "STK11") == []


@pytest.mark.parametrize("release", ["12.27.0", "12.28.0"])
async def test_a_failed_key_first_in_line(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("sync", policy="key_strict_fifo", retryLimit=0)
    jobs = await keyed(one, "a", "a", "b")
    [held] = await one.fetch("sync")
    await one.fail("sync", held["id"])
    age(db, 900, *OLD)
    cases = await found(db, "STK11")
    if release == "12.28.0":
        assert cases == []
        assert len(await one.fetch("sync")) == 1
        return
    assert await one.fetch("sync") == []
    [finding] = cases
    assert finding.jobs == (jobs[2],)
    assert f'its key "a" is held by failed job {held["id"]}' in finding.message
    assert finding.remedy.command == f"bossctl job retry {held['id']}"


@pytest.mark.parametrize(
    ("release", "listed", "left_out"),
    [
        ("11.1.2", ["a"], {"jobs without a key": {None}, "stale list": {"a"}}),
        ("12.12.0", [None], {"jobs without a key": {None}, "list with no key": {"a", "b"}}),
        ("12.27.0", ["a"], {"stale list": {"a"}}),
        ("12.27.0", [None], {"stale list": {None}}),
    ],
)
async def test_a_list_of_keys_that_are_not_active(
    database: DatabaseFactory,
    boss: BossFactory,
    release: str,
    listed: list[str | None],
    left_out: dict[str, set[str | None]],
) -> None:
    db = database(release)
    maker = await boss(db)
    await maker.create_queue("sync", policy="singleton")
    await keyed(maker, "a", None, "b")
    db.execute("UPDATE queue SET singletons_active = %s, monitor_on = now()", [listed])
    told = {finding.subject for finding in await found(db, "STK11")}
    assert told == set(), "what the monitor has just written is no fault"
    age(db, 3600, *OLD)
    db.execute("UPDATE queue SET monitor_on = now() - interval '1 hour'")
    findings = await found(db, "STK11")
    assert {one.subject: {key_of(db, job) for job in one.jobs} for one in findings} == left_out
    assert all(one.severity is Severity.WARNING for one in findings)
    reader = await boss(db)
    fetched = [job["id"] for _ in range(3) for job in await reader.fetch("sync")]
    assert {key_of(db, job) for job in fetched} == {"a", None, "b"} - set().union(*left_out.values())


@pytest.mark.parametrize("release", ["10.1.0", "10.4.2"])
async def test_a_batch_that_collides_with_itself(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("sync", policy="stately", retryLimit=0)
    await keyed(one, "a")
    for job in await one.fetch("sync"):
        await one.complete("sync", job["id"])
    await keyed(one, "a")
    db.execute("UPDATE job SET start_after = now() WHERE state = 'created'")
    db.execute(
        "INSERT INTO job (name, singleton_key, policy, state, start_after)"
        " SELECT name, singleton_key, policy, 'retry', now() FROM job WHERE state = 'created'"
    )
    age(db, 1200, "created_on", "start_after")
    assert await found(db, "STK11") == [], "it was worked since"
    age(db, 1500, "started_on", "completed_on")
    [finding] = await found(db, "STK11")
    assert finding.subject == "batch of one key"
    fetched = await one.fetch("sync", batchSize=2)
    if release == "10.1.0":
        assert fetched == []
        assert (finding.severity, finding.certainty) == (Severity.WARNING, Certainty.LIKELY)
    else:
        assert len(fetched) == 1
        assert (finding.severity, finding.certainty) == (Severity.INFO, Certainty.POSSIBLE)


async def test_there_are_no_policies_before_10(database: DatabaseFactory) -> None:
    [check] = (await diagnose(database("9.0.3"), "STK11")).checks
    assert (check.reason or "").startswith("era ")

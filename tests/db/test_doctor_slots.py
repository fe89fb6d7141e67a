"""STK04 and STK05: keys that are held for nothing, retries that can never start."""

from __future__ import annotations

import pytest

from bossctl.models.findings import Certainty, Severity
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.aging import age
from tests.support.boss import BossError
from tests.support.diagnosis import diagnose, found
from tests.support.waiting import eventually


@pytest.mark.parametrize("release", ["12.11.1", "12.38.0"])
async def test_a_failed_job_holds_its_key(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("ledger", policy="key_strict_fifo", retryLimit=0)
    jobs = [str(await one.send("ledger", {}, singletonKey=key)) for key in ("a", "a", "b", "b")]
    [first] = await one.fetch("ledger")
    assert await found(db, "STK04") == [], "it is being worked on"
    await one.fail("ledger", first["id"])
    [finding] = await found(db, "STK04")
    assert (finding.severity, finding.certainty) == (Severity.WARNING, Certainty.PROVEN)
    assert (finding.queue, finding.count) == ("ledger", 1)
    assert set(finding.jobs) < set(jobs)
    assert finding.remedy.command == f"bossctl job retry {first['id']}"
    await one.delete_job("ledger", first["id"])
    assert await found(db, "STK04") == []


@pytest.mark.parametrize("release", ["12.11.1", "12.38.0"])
async def test_a_retry_holds_its_key(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("ledger", policy="key_strict_fifo", retryLimit=2, retryDelay=1800)
    for key in ("a", "a", "b"):
        await one.send("ledger", {}, singletonKey=key)
    [first] = await one.fetch("ledger")
    await one.fail("ledger", first["id"])
    assert await found(db, "STK04") == [], "a retry in half an hour is what was asked for"
    db.execute("UPDATE job SET start_after = now() + interval '2 hours' WHERE state = 'retry'")
    [finding] = await found(db, "STK04")
    assert (finding.severity, finding.certainty, finding.count) == (Severity.INFO, Certainty.PROVEN, 1)
    assert finding.evidence[0]["holder"] == first["id"]
    assert "1 due job of queue ledger waits for 1 key that a job which is to run again holds" in finding.message
    db.execute("UPDATE job SET start_after = now() + interval '2 days' WHERE state = 'retry'")
    [worse] = await found(db, "STK04")
    assert (worse.severity, worse.fingerprint) == (Severity.WARNING, finding.fingerprint)
    db.execute("UPDATE job SET start_after = now() - interval '1 hour' WHERE state = 'retry'")
    [late] = await found(db, "STK04")
    assert late.severity is Severity.INFO
    assert "was due 1h ago" in late.message
    assert [job["id"] for job in await one.fetch("ledger")] == [first["id"]]
    assert await found(db, "STK04") == []


@pytest.mark.parametrize("release", ["10.4.2", "11.1.2", "12.38.0"])
async def test_an_overdue_job_holds_its_key(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("sync", policy="singleton", expireInSeconds=60)
    for _ in range(3):
        await one.send("sync", {}, singletonKey="a")
    await one.fetch("sync")
    assert await found(db, "STK04") == []
    age(db, 1200, "started_on")
    [finding] = await found(db, "STK04")
    assert (finding.count, finding.evidence[0]["key"]) == (2, "a")
    assert "wait for 1 key that an active job past its expiry holds" in finding.message
    assert await found(db, "STK05") == []


@pytest.mark.parametrize("release", ["10.0.6", "10.4.2"])
async def test_a_stately_retry_beside_an_overdue_job(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("bill", policy="stately", expireInSeconds=60, retryLimit=2)
    first = await one.send("bill", {})
    await one.fetch("bill")
    await one.fail("bill", str(first))
    db.execute("UPDATE job SET start_after = now() + interval '1 hour' WHERE state = 'retry'")
    await one.send("bill", {})
    assert len(await one.fetch("bill")) == 1
    assert await found(db, "STK05") == []
    age(db, 1200, "started_on", where="state = 'active'")
    cases = await found(db, "STK05")
    if release == "10.4.2":
        await one.maintain()
        assert cases == []
        return
    [finding] = cases
    assert (finding.severity, finding.subject) == (Severity.ERROR, "maintenance aborts")
    with pytest.raises(BossError, match="duplicate key"):
        await one.maintain()


@pytest.mark.parametrize("release", ["11.0.0", "11.0.8"])
async def test_a_retry_that_is_taken_for_active(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db, monitorIntervalSeconds=1)
    await one.create_queue("sync", policy="singleton", retryLimit=2)
    job = str(await one.send("sync", {}, singletonKey="a"))
    await one.fetch("sync")
    await one.fail("sync", job)
    age(db, 600, "created_on", "start_after", "started_on")

    async def monitored() -> bool:
        await one.maintain()
        return bool(db.value("SELECT monitor_on IS NOT NULL FROM queue WHERE name = 'sync'"))

    await eventually(monitored)
    cases = await found(db, "STK05")
    if release == "11.0.8":
        assert cases == []
        return
    [finding] = cases
    assert (finding.certainty, finding.subject, finding.jobs) == (Certainty.PROVEN, "retry refused", (job,))


@pytest.mark.parametrize("release", ["10.4.2", "11.1.2", "12.38.0"])
async def test_a_retry_that_found_its_slot_taken(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("bill", policy="stately", retryLimit=2, retryDelay=600)
    jobs = []
    for _ in range(2):
        await one.send("bill", {}, singletonKey="a")
        jobs += [job["id"] for job in await one.fetch("bill")]
        assert await found(db, "STK05") == []
        await one.fail("bill", jobs[-1])
    assert db.value("SELECT state::text FROM job WHERE id = %s", [jobs[1]]) == "failed"
    [finding] = await found(db, "STK05")
    assert (finding.severity, finding.certainty, finding.jobs) == (Severity.INFO, Certainty.LIKELY, (jobs[1],))
    assert finding.evidence[0]["retry_limit"] == 2


async def test_there_are_no_policies_before_10(database: DatabaseFactory) -> None:
    for check in (await diagnose(database("9.0.3"), "STK04", "STK05")).checks:
        assert (check.reason or "").startswith("era ")

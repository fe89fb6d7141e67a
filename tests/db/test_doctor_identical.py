"""DUP05 on jobs that real clients of every generation sent."""

from __future__ import annotations

import pytest

from bossctl import doctor
from bossctl.doctor import DoctorRequest
from bossctl.models.findings import Certainty, Severity
from tests.conftest import BossFactory, DatabaseFactory, SeededFactory
from tests.support.database import Database
from tests.support.diagnosis import alarms, diagnose, found
from tests.support.releases import NEWEST, ONE_PER_GENERATION, every, generation
from tests.support.stores import open_store


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("9.0.3", NEWEST)))
async def test_work_that_was_sent_twice(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    for queue in ("orders", "keyed"):
        await one.create_queue(queue)
    twice = [await one.send("orders", {"order": 7}) for _ in range(2)]
    thrice = [await one.send("orders", {"order": 8, "lines": [1, 2]}) for _ in range(3)]
    for number in range(20):
        await one.send("orders", {"order": 100 + number})
    sent = [await one.send("keyed", {"order": 7}, singletonKey="seven") for _ in range(2)]
    [finding] = await found(db, "DUP05", "orders")
    assert (finding.severity, finding.certainty) == (Severity.INFO, Certainty.POSSIBLE)
    assert finding.count == 5
    assert set(finding.jobs) == {*twice, *thrice}
    assert "5 jobs of queue orders came in 2 groups with the same payload" in finding.message
    assert "3 more than if each were sent once" in finding.message
    assert [row["jobs"] for row in finding.evidence] == [3, 2]
    keyed = await found(db, "DUP05", "keyed")
    if generation(release) < 10:
        assert sent[1] is None, "8 and 9 hold it back"
        assert keyed == []
    else:
        [without_effect] = keyed
        assert set(without_effect.jobs) == set(sent)
        assert "the singleton key had no effect" in without_effect.message
        assert without_effect.evidence[0]["singleton_key"] == "seven"
        assert without_effect.remedy.command == "bossctl queue show keyed"


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("9.0.3", NEWEST)))
async def test_what_is_meant_to_be_alike_is_no_finding(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    for queue in ("mail", "other", "third", "limited"):
        await one.create_queue(queue)
    for _ in range(3):
        await one.send("mail", {"to": "a"}, singletonSeconds=60)
        await one.any("sendDebounced", "limited", {"to": "a"}, None, 60)
    for queue in ("mail", "other", "third"):
        await one.send(queue, {"fan": "out"})
    for key in ("a", "b", "c"):
        await one.send("other", {"same": "payload"}, singletonKey=key)
    for _ in range(3):
        await one.send("third", {})
        await one.send("third")
    made = [await one.send("third", {"early": True}) for _ in range(2)]
    created = "createdon" if generation(release) < 10 else "created_on"
    db.execute(f"UPDATE job SET {created} = {created} - interval '70 seconds' WHERE id = %s", [made[0]])
    assert await found(db, "DUP05") == []


@pytest.mark.parametrize("release", ["10.4.2", "12.38.0"])
async def test_what_a_schedule_sends_is_no_finding(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("tick")
    await one.schedule("tick", "* * * * *", {"tick": True})
    for _ in range(2):
        await one.send("tick", {"tick": True})
    assert await found(db, "DUP05") == []
    await one.any("unschedule", "tick")
    assert [finding.queue for finding in await found(db, "DUP05")] == ["tick"]


@pytest.mark.parametrize("release", ["9.0.3", "10.4.2", "12.38.0"])
async def test_payloads_too_long_to_compare_are_told(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    for queue in ("mail", "scans"):
        await one.create_queue(queue)
    for _ in range(2):
        await one.send("mail", {"n": 1})
    assert (await diagnose(db, "DUP05")).notes == ()
    data = '{"noise": "' + "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(4000)) + '"}'
    for queue, jobs in (("mail", 1), ("scans", 2)):
        many = [await one.send(queue, {"n": 100 + number}) for number in range(jobs)]
        db.execute("UPDATE job SET data = %s WHERE id = ANY (%s)", [data, many])
    await one.send("scans", {"n": 1}, singletonSeconds=3600)
    report = await diagnose(db, "DUP05")
    [finding] = report.findings
    assert finding.message.endswith("; 1 payload over 8 kB not compared")
    assert report.notes == ("DUP05 did not compare 3 payloads over 8 kB, of 2 queues",)


async def test_counts_are_exact_where_groups_are_many(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.38.0")
    one = await boss(db)
    await one.create_queue("mail")
    await one.insert("mail", [{"data": {"n": number % 150}} for number in range(600)])
    await one.insert("mail", [{"data": {"long": "x" * 20_000}} for _ in range(2)])
    [finding] = await found(db, "DUP05")
    assert finding.count == 600 + 2, "what the table compresses is compared"
    assert len(finding.jobs) == 20
    assert len(finding.evidence) == 20
    assert "151 groups" in finding.message


@pytest.mark.parametrize("release", ["10.4.2", "12.38.0"])
async def test_a_key_that_a_policy_looks_at_is_not_said_to_be_without_effect(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("short", policy="short")
    for _ in range(2):
        assert await one.send("short", {"n": 1}, singletonKey="a")
        await one.fetch("short")
    [finding] = await found(db, "DUP05")
    assert "no effect" not in finding.message
    assert finding.count == 2


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("9.0.3", NEWEST)))
async def test_window_and_day(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    jobs = [await one.send("mail", {"to": "a"}) for _ in range(4)]
    created = "createdon" if generation(release) < 10 else "created_on"
    for job, ago in zip(jobs, ("26 hours", "26 hours", "45 seconds", "0 seconds"), strict=True):
        db.execute(f"UPDATE job SET {created} = now() - %s::interval WHERE id = %s", [ago, job])
    [finding] = await found(db, "DUP05")
    assert set(finding.jobs) == set(jobs[2:]), "only the last day is compared"
    assert await found_within(db, 30) == []


async def found_within(db: Database, seconds: int) -> list[str]:
    async with await open_store(db) as store:
        report = await doctor.run(store, DoctorRequest(only=("DUP05",), window_seconds=seconds))
    return [finding.code for finding in report.findings]


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("9.0.3", NEWEST)))
async def test_the_seed_has_no_alarm_of_it(seeded: SeededFactory, release: str) -> None:
    assert alarms(await diagnose(seeded(release), "DUP05")) == []

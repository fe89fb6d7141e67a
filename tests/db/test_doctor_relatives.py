"""DUP08, DUP12 and DUP13 on histories that real clients made."""

from __future__ import annotations

from uuid import uuid4

import pytest

from bossctl.models.findings import Certainty, Severity, Status
from tests.conftest import BossFactory, DatabaseFactory, SeededFactory
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.diagnosis import alarms, diagnose, found
from tests.support.releases import NEWEST, ONE_PER_GENERATION, every
from tests.support.waiting import eventually


async def archived(database: Database, one: Boss, rows: int) -> None:
    async def moved() -> bool:
        await one.maintain()
        return database.value("SELECT count(*) FROM archive WHERE name = 'mail'") == rows

    await eventually(moved, 20)


async def run_once(one: Boss, job_id: str) -> None:
    await one.insert("mail", [{"id": job_id, "data": {"order": 7}}])
    assert [job["id"] for job in await one.fetch("mail")] == [job_id]
    await one.complete("mail", job_id)


@pytest.mark.parametrize("release", ["9.0.3", "10.4.2"])
async def test_an_id_that_was_sent_again_after_it_was_archived(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db, archiveCompletedAfterSeconds=1, archiveFailedAfterSeconds=1)
    await one.create_queue("mail")
    twice, once = str(uuid4()), str(uuid4())
    await run_once(one, twice)
    await run_once(one, once)
    await archived(db, one, 2)
    assert await found(db, "DUP08") == []
    await run_once(one, twice)
    [finding] = await found(db, "DUP08")
    assert (finding.queue, finding.severity, finding.certainty) == ("mail", Severity.WARNING, Certainty.PROVEN)
    assert finding.jobs == (twice,)
    assert finding.evidence[0]["live"] is True
    if release == "9.0.3":
        await archived(db, one, 3)
        [finding] = await found(db, "DUP08")
        assert (finding.jobs, finding.evidence[0]["archived"], finding.evidence[0]["live"]) == ((twice,), 2, False)


async def test_without_an_archive_it_says_why_it_cannot_look(database: DatabaseFactory) -> None:
    [check] = (await diagnose(database("11.1.2"), "DUP08")).checks
    assert check.status is Status.SKIPPED
    assert (check.reason or "").startswith("era ")


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("11.1.2", NEWEST)))
async def test_one_throw_that_failed_a_whole_batch(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    await one.insert("mail", [{"data": {"n": number}, "retryLimit": 2, "retryDelay": 600} for number in range(5)])
    ids = {str(job) for (job,) in db.execute("SELECT id FROM job WHERE name = 'mail'")}
    await one.fetch("mail", batchSize=5)
    await one.fail("mail", sorted(ids), {"message": "the third one was bad"})
    report = await diagnose(db, "DUP")
    assert alarms(report) == []
    [finding] = [one for one in report.findings if one.code == "DUP12"]
    assert (finding.queue, finding.severity, finding.certainty) == ("mail", Severity.INFO, Certainty.LIKELY)
    assert (finding.count, set(finding.jobs)) == (5, ids)
    assert finding.evidence[0]["reason"] == "the third one was bad"


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("11.1.2", NEWEST)))
async def test_jobs_that_failed_each_for_itself_are_no_batch(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    for number in range(3):
        job = await one.send("mail", {"n": number}, retryLimit=2, retryDelay=600)
        await one.fetch("mail")
        await one.fail("mail", str(job), {"message": "the same words"})
    assert await found(db, "DUP12") == []


async def dead_letter(one: Boss) -> str:
    await one.create_queue("dead")
    await one.create_queue("mail", deadLetter="dead")
    job = str(await one.send("mail", {"order": 7}, retryLimit=0))
    await one.fetch("mail")
    await one.fail("mail", job, {"message": "thrown"})
    return job


@pytest.mark.parametrize("release", ["12.23.0", "12.38.0"])
async def test_a_dead_letter_that_was_worked_on_and_its_original_retried(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    job = await dead_letter(one)
    assert await found(db, "DUP13") == []
    [copy] = await one.fetch("dead")
    await one.complete("dead", copy["id"])
    assert await found(db, "DUP13") == [], "the copy alone ran"
    await one.retry("mail", job)
    [finding] = await found(db, "DUP13")
    assert (finding.queue, finding.severity, finding.certainty) == ("mail", Severity.WARNING, Certainty.PROVEN)
    assert (finding.jobs, finding.evidence[0]["copy"]) == ((job,), copy["id"])
    await one.fetch("mail")
    await one.complete("mail", job)
    assert len(await found(db, "DUP13")) == 1


async def test_a_redriven_job_beside_its_retried_original(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.38.0")
    one = await boss(db)
    job = await dead_letter(one)
    await one.any("redrive", "dead")
    [redriven] = await one.fetch("mail")
    assert redriven["id"] != job
    await one.complete("mail", redriven["id"])
    assert await found(db, "DUP13") == [], "redriving is what dead letters are for"
    await one.retry("mail", job)
    [finding] = await found(db, "DUP13")
    assert finding.evidence[0]["copy"] == redriven["id"]


async def test_dead_letters_that_do_not_name_their_original_are_not_compared(database: DatabaseFactory) -> None:
    [check] = (await diagnose(database("12.12.0"), "DUP13")).checks
    assert (check.reason or "").startswith("era ")


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("11.1.2", NEWEST)))
async def test_the_seed_has_none_of_them(seeded: SeededFactory, release: str) -> None:
    codes = {finding.code for finding in (await diagnose(seeded(release), "DUP")).findings}
    assert not codes & {"DUP08", "DUP13"}

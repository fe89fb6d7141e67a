"""DUP02 and DUP16 on histories that real workers of every generation made."""

from __future__ import annotations

import pytest

from bossctl.models.findings import Certainty, Severity
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.diagnosis import alarms, diagnose, found
from tests.support.releases import NEWEST, ONE_PER_GENERATION, every, generation
from tests.support.waiting import eventually

# A handler that outlives its expiry; the worker gives it up after a second and fails the job.
OVERRUN = {"do": "sleep", "ms": 2500}


def column(database: Database, name: str) -> str:
    """A column's name as 8 and 9 spell it."""
    return name.replace("_", "") if generation(database.release) < 10 else name


def state_of(database: Database, job: str | None) -> str:
    return database.value("SELECT state::text FROM job WHERE id = %s", [job])


async def until(database: Database, job: str | None, state: str) -> None:
    await eventually(lambda: state_of(database, job) == state, 30)


async def send(boss: Boss, queue: str, **options: object) -> str:
    job = await boss.send(queue, {"n": 1}, **options)
    assert job is not None
    return job


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, (NEWEST,)))
async def test_a_handler_that_outlived_its_expiry_and_ran_again(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("slow")
    job = await send(one, "slow", expireInSeconds=1, retryLimit=1, retryDelay=1)
    await one.work("slow", OVERRUN)
    await until(db, job, "failed")
    [finding] = await found(db, "DUP02")
    assert (finding.queue, finding.severity, finding.certainty) == ("slow", Severity.WARNING, Certainty.PROVEN)
    assert (finding.count, finding.jobs, finding.subject) == (1, (job,), "handler-exceeded")
    assert finding.evidence[0]["attempts"] == 2
    assert "handler execution exceeded 1" in str(finding.evidence[0]["reason"])
    ran = finding.evidence[0]["ran_seconds"]
    assert isinstance(ran, float)
    assert 0.9 < ran < 2.4, "it was given up before the handler was done"
    assert finding.remedy.command == "bossctl job list 'queue:slow is:rerun'"


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("10.4.2", NEWEST)))
async def test_an_overrun_that_waits_to_run_again(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("slow")
    job = await send(one, "slow", expireInSeconds=1, retryLimit=1, retryDelay=600)
    await one.work("slow", OVERRUN)
    await until(db, job, "retry")
    [finding] = await found(db, "DUP02")
    assert (finding.certainty, finding.count, finding.jobs) == (Certainty.PROVEN, 1, (job,))
    assert "1 wait to run again" in finding.message


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("10.4.2", NEWEST)))
async def test_an_overrun_that_did_not_run_again_is_no_finding(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("slow")
    job = await send(one, "slow", expireInSeconds=1, retryLimit=0)
    await one.work("slow", OVERRUN)
    await until(db, job, "failed")
    assert await found(db, "DUP02") == []


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, (NEWEST,)))
async def test_a_thrown_error_before_the_overrun_was_an_honest_retry(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    """The row ends with the overrun's words, but what made it run again came too early to be an expiry."""
    db = database(release)
    one = await boss(db)
    await one.create_queue("slow")
    job = await send(one, "slow", expireInSeconds=4, retryLimit=1, retryDelay=0)
    [fetched] = await one.fetch("slow")
    await one.fail("slow", fetched["id"], {"message": "thrown"})
    await one.work("slow", {"do": "sleep", "ms": 6000})
    await until(db, job, "failed")
    assert db.value(f"SELECT {column(db, 'retry_count')} FROM job WHERE id = %s", [job]) == 1
    assert "exceeded" in db.value("SELECT output->>'message' FROM job WHERE id = %s", [job])
    assert await found(db, "DUP02") == []


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("10.4.2", NEWEST)))
async def test_a_job_expired_by_maintenance_after_its_worker_died(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("slow")
    again = await send(one, "slow", expireInSeconds=1, retryLimit=3, retryDelay=1)
    await one.work("slow", {"do": "crash"})
    await until(db, again, "active")
    await eventually(lambda: one.process.returncode is not None)
    other = await boss(db, monitorIntervalSeconds=1, maintenanceIntervalSeconds=1)

    async def expired() -> bool:
        await other.maintain()
        return state_of(db, again) == "retry"

    await eventually(expired, 30)
    [finding] = await found(db, "DUP02")
    assert (finding.queue, finding.certainty, finding.count, finding.jobs) == ("slow", Certainty.LIKELY, 1, (again,))
    assert finding.subject == ("timed-out" if generation(release) >= 10 else "expired-unrecorded")


async def test_a_failure_without_a_word_is_no_expiry_on_9(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("9.0.3")
    one = await boss(db)
    plain = await send(one, "mail", retryLimit=2)
    delayed = await send(one, "mail", retryLimit=2, retryDelay=3600, retryBackoff=True, expireInSeconds=60)
    for fetched in await one.fetch("mail", batchSize=2):
        await one.fail("mail", fetched["id"])
    assert {state_of(db, job) for job in (plain, delayed)} == {"retry"}
    assert db.value("SELECT count(*) FROM job WHERE output IS NULL AND name = 'mail'") == 2
    assert await found(db, "DUP02") == []


async def test_8_and_9_expire_into_a_state_of_their_own(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("9.0.3")
    one = await boss(db)
    job = await send(one, "slow", expireInSeconds=1, retryLimit=1)
    once = await send(one, "once", expireInSeconds=1, retryLimit=0)

    async def runs_out(queue: str, which: str, state: str) -> None:
        assert await one.fetch(queue)

        async def expired() -> bool:
            await one.maintain()
            return state_of(db, which) == state

        await eventually(expired)

    await runs_out("slow", job, "retry")
    await runs_out("slow", job, "expired")
    await runs_out("once", once, "expired")
    [finding] = await found(db, "DUP02")
    assert (finding.queue, finding.jobs, finding.certainty) == ("slow", (job,), Certainty.LIKELY)
    assert "1 expired in the end" in finding.message


async def test_an_expiry_beyond_the_timer_of_9_fails_at_once(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("9.0.3")
    one = await boss(db)
    job = await send(one, "report", expireInSeconds=30 * 86_400, retryLimit=2)
    await one.work("report", {"do": "sleep", "ms": 1500})
    await until(db, job, "failed")
    [finding] = await found(db, "DUP02")
    assert (finding.subject, finding.certainty, finding.jobs) == ("timer-overflow", Certainty.PROVEN, (job,))
    assert "24.8 days" in finding.message


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("10.4.2", NEWEST)))
async def test_jobs_that_ran_more_than_once_and_no_longer_say_why(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    failed_once = [await send(one, "mail", retryLimit=2, retryDelay=0) for _ in range(3)]
    for fetched in await one.fetch("mail", batchSize=3):
        await one.fail("mail", fetched["id"], {"message": "thrown once"})
    await one.complete("mail", [fetched["id"] for fetched in await one.fetch("mail", batchSize=3)])
    resumed = await send(one, "mail")
    [fetched] = await one.fetch("mail")
    assert fetched["id"] == resumed
    await one.cancel("mail", resumed)
    await one.resume("mail", resumed)
    never = await send(one, "mail", startAfter=3600)
    await one.cancel("mail", never)
    await one.resume("mail", never)
    honest = await send(one, "mail", retryLimit=0)
    db.execute(f"UPDATE job SET {column(db, 'start_after')} = now() + interval '1 hour' WHERE id = %s", [resumed])
    for fetched in await one.fetch("mail"):
        await one.complete("mail", fetched["id"])
    assert state_of(db, honest) == "completed"
    report = await diagnose(db)
    assert alarms(report) == []
    [finding] = [each for each in report.findings if each.code == "DUP16"]
    assert (finding.queue, finding.severity, finding.certainty) == ("mail", Severity.INFO, Certainty.PROVEN)
    # Ids are samples, one of each hash bucket; the count is exact.
    assert resumed in finding.jobs
    assert {resumed} < set(finding.jobs) <= {*failed_once, resumed}
    assert finding.count == 4
    assert "3 jobs completed after more than one attempt and 1 job had been fetched" in finding.message


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("10.4.2", NEWEST)))
async def test_counts_are_exact_and_samples_short(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    await one.insert("mail", [{"data": {"n": number}, "retryLimit": 1} for number in range(500)])
    for _ in range(2):
        fetched = [job["id"] for job in await one.fetch("mail", batchSize=500)]
        assert len(fetched) == 500
        await one.fail("mail", fetched, {"message": "handler execution exceeded 2s"})
    await one.insert("mail", [{"data": {}} for _ in range(200)])
    count, start, created = (column(db, name) for name in ("retry_count", "start_after", "created_on"))
    db.execute(f"UPDATE job SET {start} = {created} + interval '1 day' WHERE state = 'failed'")
    db.execute(f"UPDATE job SET state = 'completed', {count} = 1 WHERE state = 'created'")
    [overran] = await found(db, "DUP02", "mail")
    [reran] = await found(db, "DUP16", "mail")
    assert (overran.count, reran.count) == (500, 200)
    assert (len(overran.jobs), len(reran.jobs)) == (20, 20)
    assert len(overran.evidence) == 20
    assert {row["id"] for row in overran.evidence} <= {
        str(job) for (job,) in db.execute("SELECT id FROM job WHERE state = 'failed'")
    }


@pytest.mark.parametrize("release", ["9.0.3", "10.4.2"])
async def test_what_was_archived_in_the_window_counts_and_what_is_older_does_not(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db, archiveCompletedAfterSeconds=1, archiveFailedAfterSeconds=1)
    await one.create_queue("mail")
    recent, old = await send(one, "mail", retryLimit=1), await send(one, "mail", retryLimit=1)
    for fetched in await one.fetch("mail", batchSize=2):
        await one.fail("mail", fetched["id"])
    await one.complete("mail", [fetched["id"] for fetched in await one.fetch("mail", batchSize=2)])

    async def archived() -> bool:
        await one.maintain()
        return db.value("SELECT count(*) FROM archive WHERE name = 'mail'") == 2

    await eventually(archived)
    times = [column(db, name) for name in ("created_on", "started_on", "completed_on")]
    moved = ", ".join(f"{name} = {name} - interval '8 days'" for name in times)
    db.execute(f"UPDATE archive SET {moved} WHERE id = %s", [old])
    [finding] = await found(db, "DUP16")
    assert (finding.count, finding.jobs) == (1, (recent,))
    assert finding.evidence[0]["archived"] is True

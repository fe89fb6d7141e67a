"""STK02, STK03, STK09 and STK12: nobody works, a heartbeat stopped, or retention comes first."""

from __future__ import annotations

import pytest

from bossctl.models.findings import Certainty, Severity
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.aging import age, job_column
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.diagnosis import alarms, diagnose, found
from tests.support.releases import NEWEST, ONE_PER_GENERATION, every, generation
from tests.support.waiting import eventually

WAITING = ("created_on", "start_after")


async def sent(boss: Boss, queue: str = "mail", number: int = 1, **options: object) -> list[str]:
    await boss.create_queue(queue)
    return [str(await boss.send(queue, {"n": n}, **options)) for n in range(number)]


async def worked(boss: Boss, database: Database, job: str, queue: str = "mail") -> None:
    """The job was taken and completed by a worker that then went home."""
    await boss.work(queue, {"do": "succeed"})
    await eventually(lambda: state(database, job) == "completed")
    await boss.off_work(queue)


def state(database: Database, job: str) -> str:
    return str(database.value("SELECT state::text FROM job WHERE id = %s", [job]))


# STK03


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("11.1.2", NEWEST)))
async def test_due_work_that_nobody_takes(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    jobs = await sent(one, number=3)
    assert await found(db, "STK03") == [], "it was only just sent"
    age(db, 3600, *WAITING)
    [finding] = await found(db, "STK03")
    assert (finding.severity, finding.certainty) == (Severity.WARNING, Certainty.LIKELY)
    assert (finding.queue, finding.count) == ("mail", 3)
    assert set(finding.jobs) <= set(jobs)
    assert "3 due jobs of queue mail wait and nothing takes them: the oldest was due 1h ago" in finding.message
    assert "none that is still stored was ever taken" in finding.message
    if release == "12.38.0":
        assert "of 1 live instance none works this queue" in finding.message
        assert finding.remedy.command == "bossctl worker list"
    else:
        assert finding.remedy.command == "bossctl job list 'queue:mail is:due'"


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("11.1.2", NEWEST)))
async def test_a_slow_queue_has_a_worker(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    """One long job is at work, and the others wait for hours."""
    db = database(release)
    one = await boss(db)
    await sent(one, number=3, expireInSeconds=36_000)
    await one.work("mail", {"do": "hang"}, batchSize=1)
    await eventually(lambda: db.value("SELECT count(*) FROM job WHERE state = 'active'") == 1)
    age(db, 20_000, *WAITING, "started_on")
    assert await found(db, "STK03") == []
    assert alarms(await diagnose(db, "STK02", "STK09", "STK12")) == []


@pytest.mark.parametrize("release", ["9.0.3", "12.27.0"])
async def test_a_worker_that_took_one_a_moment_ago(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    jobs = await sent(one, number=3)
    age(db, 3600, *WAITING)
    [fetched] = await one.fetch("mail")
    await one.complete("mail", fetched["id"])
    assert fetched["id"] in jobs
    assert await found(db, "STK03") == []
    age(db, 3000, *WAITING, "started_on", "completed_on")
    assert await found(db, "STK03") == [], "an hour's wait is what this queue is used to"
    age(db, 20_000, *WAITING, "started_on", "completed_on")
    [finding] = await found(db, "STK03")
    assert "the last one was taken 6h23m ago" in finding.message


@pytest.mark.parametrize("release", ["10.4.2", "12.38.0"])
async def test_idle_and_deferred_queues(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    [job] = await sent(one, "done")
    await worked(one, db, job, "done")
    await sent(one, "later", startAfter=3600)
    age(db, 86_400, "created_on", "started_on", "completed_on")
    assert await found(db, "STK03") == []


async def test_a_live_registered_worker_is_believed(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.38.0")
    one = await boss(db, instanceHeartbeatSeconds=1)
    await sent(one)
    await one.work("mail", {"do": "succeed"}, pollingIntervalSeconds=600)
    await eventually(lambda: state_of_queue(db) == "completed")
    await sent(one)
    registered = "SELECT count(*) FROM instance WHERE workers::text LIKE '%mail%'"
    await eventually(lambda: db.value(registered) == 1)
    age(db, 3600, *WAITING, "started_on", "completed_on")
    assert await found(db, "STK03") == []
    db.execute("UPDATE instance SET heartbeat_on = now() - interval '1 hour', stopped_on = now()")
    await one.die()
    [finding] = await found(db, "STK03")
    assert "no instance is alive" in finding.message


def state_of_queue(database: Database) -> str:
    return str(database.value("SELECT min(state)::text FROM job WHERE name = 'mail'"))


async def test_what_a_failed_job_holds_back_is_not_for_want_of_a_worker(
    database: DatabaseFactory, boss: BossFactory
) -> None:
    db = database("12.27.0")
    one = await boss(db)
    await one.create_queue("mail", policy="key_strict_fifo", retryLimit=0)
    await sent(one, number=3, singletonKey="a")
    [fetched] = await one.fetch("mail")
    await one.fail("mail", fetched["id"])
    age(db, 86_400, *WAITING, "started_on", "completed_on")
    assert await found(db, "STK03") == []
    await sent(one, singletonKey="b")
    age(db, 3600, *WAITING, where="singleton_key = 'b'")
    [finding] = await found(db, "STK03")
    assert finding.count == 1


@pytest.mark.parametrize("release", ["10.4.2", "12.38.0"])
async def test_a_dead_letter_queue_that_nobody_reads_is_told_as_info(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("dead")
    await one.create_queue("mail", deadLetter="dead", retryLimit=0)
    [job] = await sent(one)
    await one.fetch("mail")
    await one.fail("mail", job)
    age(db, 86_400, *WAITING)
    [finding] = await found(db, "STK03")
    assert (finding.queue, finding.severity) == ("dead", Severity.INFO)


async def test_a_dead_workers_job_does_not_count_as_work(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("11.1.2")
    one = await boss(db)
    await sent(one, number=2, expireInSeconds=60)
    await one.fetch("mail")
    age(db, 7200, *WAITING, "started_on")
    [finding] = await found(db, "STK03")
    assert (finding.count, finding.certainty) == (1, Certainty.LIKELY)


# STK02


@pytest.mark.parametrize("release", ["12.12.0", "12.38.0"])
async def test_a_heartbeat_that_stopped(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail", heartbeatSeconds=10)
    [job] = await sent(one)
    await one.work("mail", {"do": "hang"})
    await eventually(lambda: state(db, job) == "active")
    assert await found(db, "STK02") == []
    await one.die()
    age(db, 100, "heartbeat_on", "started_on")
    assert await found(db, "STK02") == [], "the next pass of maintenance will see to it"
    age(db, 100, "heartbeat_on", "started_on")
    [finding] = await found(db, "STK02")
    assert (finding.severity, finding.certainty) == (Severity.WARNING, Certainty.PROVEN)
    assert (finding.queue, finding.jobs, finding.evidence[0]["heartbeat_seconds"]) == ("mail", (job,), 10)
    assert "12.12 to 12.25 ignore" not in finding.message


async def test_a_heartbeat_that_only_the_job_has(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.12.0")
    one = await boss(db)
    await sent(one, heartbeatSeconds=10)
    await one.fetch("mail")
    age(db, 200, "heartbeat_on", "started_on")
    await one.maintain()
    [finding] = await found(db, "STK02")
    assert "12.12 to 12.25 ignore one that only the job has" in finding.message


async def test_there_are_no_heartbeats_before_12_12(database: DatabaseFactory) -> None:
    [check] = (await diagnose(database("12.11.1"), "STK02")).checks
    assert (check.reason or "").startswith("era ")


# STK09 and STK12


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("11.1.2", NEWEST)))
async def test_work_past_its_keeping_is_removed_unrun(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db, maintenanceIntervalSeconds=1)
    [job] = await sent(one, startAfter=7200)
    assert await found(db, "STK09") == []
    age(db, 1_000_000_000, "keep_until")
    [finding] = await found(db, "STK09")
    assert (finding.severity, finding.certainty) == (Severity.WARNING, Certainty.PROVEN)
    assert (finding.queue, finding.jobs) == ("mail", (job,))
    assert await found(db, "STK12") == []
    removed = "archives" if generation(release) <= 10 else "deletes"
    assert f"past keep_until: the next maintenance {removed} it" in finding.message

    async def gone() -> bool:
        await one.maintain()
        return db.value("SELECT count(*) FROM job WHERE name = 'mail'") == 0

    await eventually(gone)


async def test_work_deferred_beyond_its_keeping(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.38.0")
    one = await boss(db)
    await sent(one, startAfter=86_400)
    assert await found(db, "STK09") == []
    db.execute("UPDATE job SET keep_until = now() + interval '1 hour'")
    [finding] = await found(db, "STK09")
    assert (finding.certainty, finding.subject) == (Certainty.LIKELY, "due after keep_until")


@pytest.mark.parametrize("release", ["10.4.2", "11.1.2", "12.24.1", "12.27.0", "12.38.0"])
async def test_an_old_failure_retried_by_hand(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    [job] = await sent(one, retryLimit=0)
    await one.fetch("mail")
    await one.fail("mail", job)
    age(db, 30 * 86_400, "created_on", "started_on", "completed_on")
    assert await found(db, "STK12") == []
    await one.retry("mail", job)
    cases = await found(db, "STK12")
    if release in ("12.27.0", "12.38.0"):
        assert cases == []
        return
    [finding] = cases
    sure = Certainty.LIKELY if release == "10.4.2" else Certainty.PROVEN
    assert (finding.severity, finding.certainty, finding.jobs) == (Severity.ERROR, sure, (job,))
    assert "completed_on still set" in finding.message
    assert await found(db, "STK09") == []


@pytest.mark.parametrize("release", ["9.0.3", "12.38.0"])
async def test_a_resumed_or_retried_job_past_its_keeping(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    [job] = await sent(one, retryLimit=0)
    await one.fetch("mail")
    await one.cancel("mail", job)
    await one.resume("mail", job)
    assert await found(db, "STK12") == []
    keep = job_column(db, "keep_until")
    db.execute(f"UPDATE job SET {keep} = now() - interval '1 minute'")
    [finding] = await found(db, "STK12")
    assert (finding.certainty, finding.subject) == (Certainty.PROVEN, "past keep_until")
    assert await found(db, "STK09") == []


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("11.1.2", NEWEST)))
async def test_an_honest_retry_is_not_doomed(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    [job] = await sent(one, retryLimit=3, retryDelay=600)
    await one.fetch("mail")
    await one.fail("mail", job)
    assert state(db, job) == "retry"
    assert alarms(await diagnose(db, "STK02", "STK03", "STK09", "STK12")) == []

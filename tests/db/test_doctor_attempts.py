"""DUP03, DUP04, DUP09, DUP10 and DUP11 on histories that real workers made."""

from __future__ import annotations

import pytest

from bossctl.models.findings import Certainty, Severity
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.diagnosis import alarms, diagnose, found
from tests.support.releases import NEWEST, ONE_PER_GENERATION, every, generation
from tests.support.waiting import eventually


def column(database: Database, name: str) -> str:
    """A column's name as 8 and 9 spell it."""
    return name.replace("_", "") if generation(database.release) < 10 else name


async def until(database: Database, job: str | None, state: str) -> None:
    await eventually(lambda: database.value("SELECT state::text FROM job WHERE id = %s", [job]) == state, 30)


async def send(boss: Boss, queue: str, **options: object) -> str:
    job = await boss.send(queue, {"n": 1}, **options)
    assert job is not None
    return job


# DUP03


@pytest.mark.parametrize("release", ["12.12.0", "12.38.0"])
async def test_a_worker_that_lost_its_heartbeat(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db, monitorIntervalSeconds=1)
    await one.create_queue("slow", heartbeatSeconds=10)
    again = await send(one, "slow", retryLimit=2, retryDelay=600)
    never = await send(one, "slow", retryLimit=0)
    assert len(await one.fetch("slow", batchSize=2)) == 2
    back = ", ".join(f"{name} = {name} - interval '1 minute'" for name in ("heartbeat_on", "started_on", "created_on"))
    db.execute(f"UPDATE job SET {back}")

    async def failed() -> bool:
        await one.maintain()
        return db.value("SELECT state::text FROM job WHERE id = %s", [again]) == "retry"

    await eventually(failed, 20)
    await until(db, never, "failed")
    [finding] = await found(db, "DUP03")
    assert (finding.queue, finding.severity, finding.certainty) == ("slow", Severity.WARNING, Certainty.LIKELY)
    assert finding.jobs == (again,)
    assert finding.evidence[0]["reason"] == "job heartbeat timeout"
    assert await found(db, "DUP02") == []


# DUP04


async def test_what_had_completed_and_was_resumed_on_9(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("9.0.3")
    one = await boss(db)
    waits = await send(one, "mail")
    runs = await send(one, "mail")
    failed = await send(one, "mail", retryLimit=0)
    for fetched in await one.fetch("mail", batchSize=3):
        if fetched["id"] == failed:
            await one.fail("mail", failed, {"message": "thrown", "stack": "at handler"})
        else:
            await one.complete("mail", fetched["id"], {"sent": True})
    await one.resume("mail", runs)
    await one.fetch("mail")
    await one.resume("mail", [waits, failed])
    [finding] = await found(db, "DUP04")
    assert (finding.severity, finding.certainty, finding.queue) == (Severity.ERROR, Certainty.LIKELY, "mail")
    assert set(finding.jobs) == {waits, runs}
    assert "1 run again now" in finding.message
    assert "1 wait to run again" in finding.message


@pytest.mark.parametrize("release", ["10.4.2", "12.38.0"])
async def test_what_had_completed_and_was_put_back_by_a_statement(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    job = await send(one, "mail")
    await one.fetch("mail")
    await one.complete("mail", job, {"sent": True})
    db.execute("UPDATE job SET state = 'retry'")
    await one.fetch("mail")
    [finding] = await found(db, "DUP04")
    assert (finding.severity, finding.jobs) == (Severity.ERROR, (job,))
    assert "1 run again now" in finding.message


@pytest.mark.parametrize("release", ["10.4.2", "12.24.1", "12.27.0"])
async def test_a_failed_job_that_was_retried_by_hand_is_no_alarm(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    job = await send(one, "mail", retryLimit=0)
    await one.fetch("mail")
    await one.fail("mail", job, {"message": "thrown"})
    await one.retry("mail", job)
    report = await diagnose(db, "DUP")
    assert alarms(report) == []
    told = [finding for finding in report.findings if finding.code == "DUP04"]
    if release == "12.27.0":
        assert told == [], "retry() clears completed_on since 12.26"
    else:
        [finding] = told
        assert (finding.severity, finding.certainty, finding.subject) == (
            Severity.INFO,
            Certainty.PROVEN,
            "ended before",
        )


@pytest.mark.parametrize("release", ["10.4.2", "12.24.1"])
async def test_a_job_that_failed_without_an_error_and_was_retried_by_hand_is_no_alarm(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    """What a handler throws need not be an Error: the row then looks like a result, but no retry was left."""
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    job = await send(one, "mail", retryLimit=1, retryDelay=0)
    for _ in range(2):
        await one.fetch("mail")
        await one.fail("mail", job, {"code": 42})
    await one.retry("mail", job)
    for state in ("retry", "active"):
        assert db.value("SELECT state::text FROM job") == state
        [finding] = await found(db, "DUP04")
        assert (finding.severity, finding.certainty, finding.subject) == (
            Severity.INFO,
            Certainty.PROVEN,
            "ended before",
        )
        await one.fetch("mail")


# DUP09


@pytest.mark.parametrize("release", every(("10.4.2", "11.1.2", NEWEST), (NEWEST,)))
async def test_a_shutdown_that_did_not_wait_for_the_handler(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("slow")
    job = await send(one, "slow", retryLimit=2, retryDelay=600)
    await one.work("slow", {"do": "hang"})
    await one.wait_for("job-started")
    await one.stop(timeout=1000)
    await until(db, job, "retry")
    [finding] = await found(db, "DUP09")
    assert (finding.queue, finding.severity, finding.certainty) == ("slow", Severity.WARNING, Certainty.LIKELY)
    assert finding.jobs == (job,)
    assert finding.evidence[0]["reason"] == "pg-boss shut down while active"


async def test_a_shutdown_that_waited_is_no_finding(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.38.0")
    one = await boss(db)
    await one.create_queue("slow")
    job = await send(one, "slow", retryLimit=2)
    await one.work("slow", {"do": "sleep", "ms": 700})
    await one.wait_for("job-started")
    await one.stop(timeout=10_000)
    await until(db, job, "completed")
    assert await found(db, "DUP09") == []


# DUP10

REFUSED = (
    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space left'; END $$",
    "CREATE TRIGGER refuse BEFORE UPDATE ON job FOR EACH ROW"
    " WHEN (NEW.state = 'completed' AND NEW.name = 'mail') EXECUTE FUNCTION refuse()",
)


@pytest.mark.parametrize("release", ["9.0.3", "11.1.2", "12.38.0"])
async def test_a_completion_that_failed(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    for statement in REFUSED:
        db.execute(statement)
    job = await send(one, "mail", retryLimit=2, retryDelay=600)
    await one.work("mail", {"do": "succeed"})
    await until(db, job, "retry")
    [finding] = await found(db, "DUP10")
    assert (finding.queue, finding.severity, finding.certainty) == ("mail", Severity.WARNING, Certainty.LIKELY)
    assert finding.jobs == (job,)
    assert finding.evidence[0]["reason"] == "no space left"


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("9.0.3", "10.4.2")))
async def test_a_handlers_own_database_error_is_no_alarm(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    job = await send(one, "mail", retryLimit=2, retryDelay=600)
    facts = {"code": "23505", "severity": "ERROR", "routine": "_bt_check_unique"}
    await one.work("mail", {"do": "fail", "message": "duplicate key", "properties": facts})
    await until(db, job, "retry")
    report = await diagnose(db)
    assert alarms(report) == []
    [finding] = [one for one in report.findings if one.code == "DUP10"]
    assert (finding.severity, finding.certainty, finding.jobs) == (Severity.INFO, Certainty.POSSIBLE, (job,))


# DUP11


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("9.0.3", "10.4.2")))
async def test_counters_that_a_tool_has_reset(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    waits = await send(one, "mail", retryLimit=1, retryDelay=0)
    for _ in range(2):
        await one.fetch("mail")
        await one.fail("mail", waits, {"message": "thrown"})
    count, started = column(db, "retry_count"), column(db, "started_on")
    db.execute(f"UPDATE job SET state = 'created', {count} = 0, {started} = NULL WHERE state = 'failed'")
    [finding] = await found(db, "DUP11")
    assert (finding.severity, finding.certainty, finding.jobs) == (Severity.INFO, Certainty.PROVEN, (waits,))
    await one.fetch("mail")
    [finding] = await found(db, "DUP11")
    assert "1 run again now" in finding.message


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("9.0.3", "10.4.2")))
async def test_an_honest_history_is_not_said_to_be_erased(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("dead")
    await one.create_queue("mail", **({"deadLetter": "dead"} if generation(release) > 9 else {}))
    for limit in (0, 2):
        job = await send(one, "mail", retryLimit=limit, retryDelay=600)
        await one.fetch("mail")
        await one.fail("mail", job, {"message": "thrown"})
    await one.cancel("mail", job)
    await one.resume("mail", job)
    await one.fetch("dead")
    report = await diagnose(db, "DUP")
    assert alarms(report) == []
    assert {finding.code for finding in report.findings} <= {"DUP05", "DUP16"}

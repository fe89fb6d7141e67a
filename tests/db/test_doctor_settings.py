"""CFG01 to CFG08 and SCH05 on queues set up wrongly, well, or changed behind the application's back."""

from __future__ import annotations

import pytest

from bossctl.models.findings import Certainty, Finding, Severity, Status
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.diagnosis import diagnose, found
from tests.support.releases import NEWEST, ONE_PER_GENERATION, every, generation
from tests.support.waiting import eventually

WITH_QUEUES = ("10.4.2", "11.1.2", "12.38.0")


def column(database: Database, name: str) -> str:
    return name.replace("_", "") if generation(database.release) < 10 else name


async def run_jobs(boss: Boss, queue: str, number: int, **options: object) -> list[str]:
    """So many jobs of a queue, fetched and completed at once."""
    await boss.insert(queue, [{"data": {"n": each}, **options} for each in range(number)])
    jobs = [str(job["id"]) for job in await boss.fetch(queue, batchSize=number)]
    assert len(jobs) == number
    await boss.complete(queue, jobs)
    return jobs


def took(database: Database, seconds: str, where: str = "true") -> None:
    """Completed jobs ran so long (SQL; n is the number in their payload)."""
    started, completed = column(database, "started_on"), column(database, "completed_on")
    database.execute(
        f"UPDATE job SET {started} = {completed} - make_interval(secs => {seconds})"
        f" WHERE state = 'completed' AND {where}"
    )


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("10.4.2", NEWEST)))
async def test_handlers_that_outlive_their_expiry(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("slow", expireInSeconds=1)
    own = {"expireInSeconds": 1} if generation(release) < 10 else {}
    job = await one.send("slow", {"n": 1}, retryLimit=0, **own)
    await one.work("slow", {"do": "sleep", "ms": 2500})
    await eventually(lambda: db.value("SELECT state::text FROM job WHERE id = %s", [job]) == "failed", 30)
    [finding] = await found(db, "CFG01")
    assert (finding.queue, finding.severity, finding.certainty) == ("slow", Severity.WARNING, Certainty.POSSIBLE)
    assert (finding.jobs, finding.count) == ((job,), 1)
    told = "queue show slow" if generation(release) < 10 else "queue ensure slow --expire-in 5s"
    assert finding.remedy.command == f"bossctl {told}"


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("10.4.2", NEWEST)))
async def test_percentiles_are_exact_and_the_value_to_set_fits_them(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("slow", expireInSeconds=60)
    await one.create_queue("quick", expireInSeconds=60)
    for queue in ("slow", "quick"):
        await run_jobs(one, queue, 200, expireInSeconds=60)
    took(db, "(data->>'n')::float8 / 10", "name = 'quick'")
    took(db, "(data->>'n')::float8", "name = 'slow'")
    [finding] = await found(db, "CFG01")
    assert (finding.queue, finding.certainty, finding.count) == ("slow", Certainty.PROVEN, 140)
    proof = finding.evidence[0]
    assert (proof["p50_seconds"], proof["p95_seconds"], proof["p99_seconds"]) == (99.5, 189.05, 197.01)
    assert proof["advised_expire_seconds"] == 420
    if generation(release) >= 10:
        assert finding.remedy.command == "bossctl queue ensure slow --expire-in 7m"
    took(db, "59", "name = 'slow'")
    assert await found(db, "CFG01") == [], "long, but never past the expiry"


async def test_jobs_with_an_expiry_of_their_own_are_not_the_queues_fault(
    database: DatabaseFactory, boss: BossFactory
) -> None:
    db = database("12.38.0")
    one = await boss(db)
    await one.create_queue("slow", expireInSeconds=900)
    await run_jobs(one, "slow", 30, expireInSeconds=10)
    took(db, "20")
    [finding] = await found(db, "CFG01")
    assert finding.remedy.command == "bossctl queue show slow"
    assert "an expiry of their own" in finding.remedy.text


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("10.4.2", NEWEST)))
async def test_retries_that_do_not_wait(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    for queue in ("storm", "patient"):
        await one.create_queue(queue)
    for queue, delay in (("storm", 0), ("patient", 1)):
        jobs = [{"data": {"n": n}, "retryLimit": 2, "retryDelay": delay} for n in range(60)]
        await one.insert(queue, jobs)
        for _ in range(3):
            db.execute(f"UPDATE job SET {column(db, 'start_after')} = now() - interval '1s' WHERE state = 'retry'")
            await one.fail(queue, [job["id"] for job in await one.fetch(queue, batchSize=60)], {"message": "down"})
    [finding] = await found(db, "CFG02")
    assert (finding.queue, finding.count, finding.certainty) == ("storm", 60, Certainty.PROVEN)
    assert "120 times" in finding.message


@pytest.mark.parametrize("release", WITH_QUEUES)
async def test_dead_letters_that_go_nowhere(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    for queue in ("a", "b", "gone"):
        await one.create_queue(queue)
    await one.create_queue("mail", deadLetter="gone")
    assert await found(db, "CFG03") == []
    db.execute("UPDATE queue SET dead_letter = CASE name WHEN 'a' THEN 'b' ELSE 'a' END WHERE name IN ('a', 'b')")
    [loop] = await found(db, "CFG03")
    assert (loop.queue, loop.certainty, loop.count) == ("a", Certainty.PROVEN, 2)
    assert loop.remedy.command == "bossctl queue ensure b --dead-letter none"
    db.execute("UPDATE queue SET dead_letter = NULL WHERE name IN ('a', 'b')")
    for table, name in db.execute(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'f' AND conparentid = 0"
        " AND confrelid = 'queue'::regclass"
    ):
        db.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    db.execute("DELETE FROM queue WHERE name = 'gone'")
    [missing] = await found(db, "CFG03")
    assert (missing.queue, missing.subject) == ("mail", "missing dead letter")
    assert missing.remedy.command == "bossctl queue ensure gone"


@pytest.mark.parametrize("release", WITH_QUEUES)
async def test_dead_letters_nobody_reads(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail-dead")
    await one.create_queue("mail", deadLetter="mail-dead", retryLimit=0)
    for _ in range(3):
        await one.send("mail", {"n": 1})
    await one.fail("mail", [job["id"] for job in await one.fetch("mail", batchSize=3)], {"message": "no"})
    await eventually(lambda: db.value("SELECT count(*) FROM job WHERE name = 'mail-dead'") == 3)
    assert await found(db, "CFG03") == [], "they only just came"
    assert await found(db, "CFG04") == [], "they are not lost"
    db.execute("UPDATE job SET created_on = created_on - interval '2 days' WHERE name = 'mail-dead'")
    [finding] = await found(db, "CFG03")
    assert (finding.queue, finding.count, finding.certainty) == ("mail-dead", 3, Certainty.LIKELY)
    await one.fetch("mail-dead")
    assert await found(db, "CFG03") == []


@pytest.mark.parametrize("release", WITH_QUEUES)
async def test_failures_without_a_dead_letter(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail", retryLimit=0)
    await one.send("mail", {"n": 1})
    await one.fail("mail", [job["id"] for job in await one.fetch("mail")], {"message": "no"})
    [finding] = await found(db, "CFG04")
    assert (finding.queue, finding.severity, finding.count) == ("mail", Severity.INFO, 1)
    assert finding.remedy.command == "bossctl job list 'queue:mail state:failed'"


async def test_long_runs_without_a_heartbeat(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.38.0")
    one = await boss(db)
    await one.create_queue("video", expireInSeconds=7200)
    await one.create_queue("beating", expireInSeconds=7200, heartbeatSeconds=60)
    for queue in ("video", "beating"):
        await run_jobs(one, queue, 3)
    assert await found(db, "CFG05") == []
    took(db, "1200")
    [finding] = await found(db, "CFG05")
    assert (finding.queue, finding.severity, finding.count) == ("video", Severity.INFO, 3)
    [check] = (await diagnose(database("11.1.2"), "CFG05")).checks
    assert "heartbeats" in (check.reason or "")


@pytest.mark.parametrize("release", ["10.0.6", "10.4.2"])
async def test_an_update_that_forgot_the_policy(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    for queue in ("nightly", "kept"):
        await one.create_queue(queue, policy="short")
        await one.send(queue, {"n": 1})
    await one.update_queue("nightly", retryLimit=5)
    await one.update_queue("kept", retryLimit=5, policy="short")
    [finding] = await found(db, "CFG06")
    assert (finding.queue, finding.certainty, finding.count) == ("nightly", Certainty.LIKELY, 1)
    assert finding.subject == "was short"


async def reasons(database: Database, *codes: str) -> set[str]:
    report = await diagnose(database, *codes)
    return {(one.reason or "")[:24] for one in report.checks if one.status is Status.SKIPPED}


@pytest.mark.parametrize("release", ["9.0.3", "11.1.2", "12.38.0"])
async def test_only_10_forgets_and_ignores(database: DatabaseFactory, release: str) -> None:
    assert await reasons(database(release), "CFG06", "CFG07") == {
        "era only pg-boss 10 forg",
        "era only pg-boss 10 igno",
    }


@pytest.mark.parametrize(("release", "ignored"), [("10.0.6", True), ("10.4.2", True), ("10.4.2", False)])
async def test_options_of_a_schedule(database: DatabaseFactory, boss: BossFactory, release: str, ignored: bool) -> None:
    db = database(release)
    one = await boss(db, schedule=True, cronMonitorIntervalSeconds=1, cronWorkerIntervalSeconds=1)
    await one.create_queue("report")
    options = {"expireInHours": 2} if ignored else {"expireInSeconds": 7200}
    await one.schedule("report", "* * * * *", {"n": 1}, **options)
    await eventually(lambda: db.value("SELECT count(*) FROM job WHERE name = 'report'"), 30)

    async def told() -> list[Finding]:
        return await found(db, "CFG07")

    if not ignored:
        assert await told() == []
        return
    [finding] = await told()
    assert (finding.queue, finding.certainty) == ("report", Certainty.PROVEN)
    assert "expiry of 2h and its jobs have 15m" in finding.message
    assert finding.remedy.command == "bossctl queue ensure report --expire-in 7200s"


@pytest.mark.parametrize("release", WITH_QUEUES)
async def test_keys_that_do_nothing(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    for queue in ("orders", "one-by-one", "throttled", "other-keys"):
        await one.create_queue(queue)
    await one.create_queue("short", policy="short")
    for _ in range(3):
        await one.send("orders", {"n": 1}, singletonKey="order-7")
        await one.send("short", {"n": 1}, singletonKey="order-7")
        await one.send("throttled", {"n": 1}, singletonKey="order-7", singletonSeconds=60)
        await one.send("one-by-one", {"n": 1}, singletonKey="order-7")
        await one.complete("one-by-one", [job["id"] for job in await one.fetch("one-by-one")])
    for key in ("a", "b", "c"):
        await one.send("other-keys", {"n": 1}, singletonKey=key)
    [finding] = await found(db, "CFG08")
    assert (finding.queue, finding.severity, finding.certainty) == ("orders", Severity.WARNING, Certainty.PROVEN)
    assert (finding.count, len(finding.jobs)) == (2, 2)


async def test_keys_work_everywhere_on_9(database: DatabaseFactory) -> None:
    assert await reasons(database("9.0.3"), "CFG08", "CFG03") == {"era this needs the queue"}


@pytest.mark.parametrize("release", ["11.1.2", "12.38.0"])
async def test_counters_that_nobody_renews(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    await one.create_queue("empty")
    await one.send("mail", {"n": 1})
    assert await found(db, "SCH05") == []
    db.execute("UPDATE queue SET created_on = now() - interval '1 hour'")
    [finding] = await found(db, "SCH05")
    assert (finding.subject, finding.count, finding.severity) == ("stale counters", 1, Severity.WARNING)
    assert "were never taken" in finding.message
    db.execute("UPDATE queue SET monitor_on = now()")
    assert await found(db, "SCH05") == []


@pytest.mark.parametrize(("release", "wrong"), [("11.1.2", True), ("12.5.4", False)])
async def test_counts_of_jobs_that_are_gone(
    database: DatabaseFactory, boss: BossFactory, release: str, wrong: bool
) -> None:
    db = database(release)
    one = await boss(db, supervise=True, superviseIntervalSeconds=1, monitorIntervalSeconds=1)
    await one.create_queue("mail")
    for _ in range(3):
        await one.send("mail", {"n": 1})
    await eventually(lambda: db.value("SELECT queued_count FROM queue WHERE name = 'mail'") == 3, 30)
    db.execute("DELETE FROM job WHERE name = 'mail'")
    if wrong:
        seen = db.value("SELECT monitor_on FROM queue WHERE name = 'mail'")
        await eventually(lambda: db.value("SELECT monitor_on FROM queue WHERE name = 'mail'") > seen, 30)
        [finding] = await found(db, "SCH05")
        assert (finding.queue, finding.certainty) == ("mail", Certainty.PROVEN)
        assert "3 queued" in finding.message
    else:
        await eventually(lambda: db.value("SELECT queued_count FROM queue WHERE name = 'mail'") == 0, 30)
        assert await found(db, "SCH05") == []

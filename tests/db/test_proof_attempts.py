"""D4 to D10, D19, D20: real workers that are too slow, frozen, killed or stopped, and what the doctor says of it."""

from __future__ import annotations

from typing import Any

import pytest

from bossctl.doctor import DoctorRequest
from bossctl.doctor.watch import Watch
from bossctl.models.findings import Certainty, Finding, Severity
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.aging import age
from tests.support.boss import Boss, BossError
from tests.support.database import Database
from tests.support.proof import Expect, prove
from tests.support.releases import ONE_PER_GENERATION, at_least, generation
from tests.support.stores import open_store
from tests.support.waiting import eventually

matrix = pytest.mark.matrix
SLEEP = {"do": "sleep", "ms": 60_000}


def releases(*default: str, more: tuple[str, ...]) -> Any:
    """Parametrize by release: the first ones always, `more` in the matrix."""
    return pytest.mark.parametrize("release", [*default, *(pytest.param(one, marks=matrix) for one in more)])


def state_of(database: Database, job: str) -> str:
    return database.value("SELECT state::text FROM job WHERE id = %s", [job])


async def until(database: Database, job: str, *states: str) -> None:
    await eventually(lambda: state_of(database, job) in states, 40)


async def send(boss: Boss, queue: str, **options: object) -> str:
    job = await boss.send(queue, {"n": 1}, **options)
    assert job is not None
    return job


async def expired(supervisor: Boss, database: Database, job: str) -> None:
    """Let a release's own maintenance pass until it has given up the job."""

    async def gave_up() -> bool:
        await supervisor.maintain()
        return state_of(database, job) != "active"

    await eventually(gave_up, 30)


async def supervisor_of(boss: BossFactory, database: Database) -> Boss:
    """A process whose maintenance passes whenever it is asked to."""
    if generation(database.release) <= 10:
        return await boss(database)
    return await boss(database, monitorIntervalSeconds=1)


def timed_out(release: str) -> Expect:
    subject = "expired-unrecorded" if generation(release) < 10 else "timed-out"
    return Expect("DUP02", Severity.WARNING, Certainty.LIKELY, subject)


RERUN = Expect("DUP16", Severity.INFO, Certainty.PROVEN)
SHUT_DOWN = Expect("DUP09", Severity.WARNING, Certainty.LIKELY, "shutdown")


@releases(more=ONE_PER_GENERATION)
async def test_a_handler_slower_than_its_expiry(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("slow")
    job = await send(one, "slow", expireInSeconds=1, retryLimit=1, retryDelay=0)
    await one.work("slow", {"do": "sleep", "ms": 3000})
    await until(db, job, "failed")
    overran = Expect("DUP02", Severity.WARNING, Certainty.PROVEN, "handler-exceeded")
    await prove(db, "D4", "handler outlives its expiry", overran, also=("CFG01",))


@releases(more=ONE_PER_GENERATION)
async def test_a_handler_within_its_expiry(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("slow")
    job = await send(one, "slow", expireInSeconds=30, retryLimit=1, retryDelay=0)
    await one.work("slow", {"do": "sleep", "ms": 1000})
    await until(db, job, "completed")
    await prove(db, "D4", "handler within its expiry", absent=("DUP02", "CFG01", "DUP16"))


async def frozen_and_taken_over(db: Database, boss: BossFactory, **then: object) -> tuple[str, Boss, Boss]:
    """A worker that is suspended until its job has expired and another runs it: the job, the frozen and the other.

    Both handlers wait to be let go; `then` is what the frozen one does after that.
    """
    frozen, other = await boss(db), await supervisor_of(boss, db)
    await frozen.create_queue("slow")
    job = await send(frozen, "slow", expireInSeconds=300, retryLimit=3, retryDelay=0)
    await frozen.work("slow", {"do": "wait", **then}, pollingIntervalSeconds=60)
    await frozen.wait_for("job-started")
    frozen.pause()
    age(db, 400, "created_on", "start_after", "started_on")
    await expired(other, db, job)
    await other.work("slow", {"do": "wait"})
    await other.wait_for("job-started")
    await until(db, job, "active")
    return job, frozen, other


async def wakes(frozen: Boss) -> None:
    """It goes on, and tells the database how its attempt ended."""
    frozen.unpause()
    await frozen.let_go()
    await frozen.wait_for("job-finished")
    await frozen.stop(timeout=10_000)


@releases("12.34.0", more=("9.0.3", "10.4.2", "11.1.2", "12.27.0", "12.35.0", "12.38.0"))
async def test_a_frozen_worker_that_wakes_up(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    """Its late completion ends the attempt of the other up to 12.34.0, and is put aside from 12.35.0 on."""
    db = database(release)
    job, frozen, other = await frozen_and_taken_over(db, boss)
    if generation(release) >= 10:
        await prove(db, "D5", "frozen worker, while the other runs", timed_out(release))
    else:
        await prove(db, "D5", "frozen worker, while the other runs", absent=("DUP02",))
    await wakes(frozen)
    assert state_of(db, job) == ("active" if at_least(release, "12.35") else "completed")
    await other.let_go()
    await other.wait_for("job-finished")
    await until(db, job, "completed")
    await prove(db, "D5", "frozen worker, after both have ended", RERUN, absent=("DUP02",))


@releases(more=("12.12.0", "12.34.0", "12.38.0"))
async def test_a_worker_that_is_too_busy_to_beat(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    busy, other = await boss(db), await supervisor_of(boss, db)
    await busy.create_queue("slow", heartbeatSeconds=10)
    job = await send(busy, "slow", retryLimit=2, retryDelay=0, expireInSeconds=3600)
    await busy.work("slow", {"do": "freeze", "ms": 90_000})
    await busy.wait_for("job-started")
    await expired(other, db, job)
    lost = Expect("DUP03", Severity.WARNING, Certainty.LIKELY, "heartbeat")
    await prove(db, "D6", "blocked event loop, waits to run again", lost, absent=("DUP02",))
    await other.work("slow", SLEEP)
    await other.wait_for("job-started")
    await until(db, job, "active")
    await prove(db, "D6", "blocked event loop, runs again", lost, absent=("DUP02",))


@releases(more=("12.11.1", "12.12.0", "12.38.0"))
async def test_a_worker_that_beats_while_it_runs(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one, other = await boss(db), await supervisor_of(boss, db)
    beats = {"heartbeatSeconds": 10} if at_least(release, "12.12") else {}
    await one.create_queue("slow", **beats)
    job = await send(one, "slow", retryLimit=2)
    await one.work("slow", {"do": "sleep", "ms": 12_500})

    async def done() -> bool:
        await other.maintain()
        return state_of(db, job) == "completed"

    await eventually(done, 30)
    await prove(db, "D6", "heartbeats kept" if beats else "no heartbeats yet", absent=("DUP03", "DUP16"))


@releases("12.38.0", more=("9.0.3", "10.4.2", "11.1.2"))
async def test_a_worker_killed_in_its_handler(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    killed, other = await boss(db), await supervisor_of(boss, db)
    await killed.create_queue("mail")
    job = await send(killed, "mail", expireInSeconds=1, retryLimit=2, retryDelay=0)
    await killed.work("mail", {"do": "crash"})
    await killed.process.wait()
    await expired(other, db, job)
    await prove(db, "D7", "killed, waits to run again", timed_out(release))
    await other.work("mail", {"do": "succeed"})
    await until(db, job, "completed")
    await prove(db, "D7", "killed, completed by the next", RERUN, absent=("DUP02",))


REFUSED = (
    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space left'; END $$",
    "CREATE TRIGGER refuse BEFORE UPDATE ON job FOR EACH ROW"
    " WHEN (NEW.state = 'completed' AND NEW.name = 'mail') EXECUTE FUNCTION refuse()",
)


@releases(more=ONE_PER_GENERATION)
async def test_a_completion_that_the_database_refuses(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one, other = await boss(db), await supervisor_of(boss, db)
    await one.create_queue("mail")
    for statement in REFUSED:
        db.execute(statement)
    job = await send(one, "mail", expireInSeconds=1, retryLimit=2, retryDelay=600)
    await one.work("mail", {"do": "succeed"})
    if generation(release) == 10:
        await one.process.wait()
        await expired(other, db, job)
        await prove(db, "D8", "completion refused: the process ended", timed_out(release), absent=("DUP10",))
        return
    await until(db, job, "retry")
    lost = Expect("DUP10", Severity.WARNING, Certainty.LIKELY, "completion")
    await prove(db, "D8", "completion refused", lost, absent=("DUP02",))


@releases(more=("10.0.0", "10.4.2", "11.1.2", "12.38.0"))
async def test_a_stop_that_does_not_wait(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("slow")
    job = await send(one, "slow", retryLimit=2, retryDelay=600)
    await one.work("slow", {"do": "hang"})
    await one.wait_for("job-started")
    await one.stop(timeout=1000)
    await until(db, job, "retry")
    await prove(db, "D9", "stopped while the handler ran", SHUT_DOWN, also=("SCH01",) if release == "10.0.0" else ())


async def test_a_stop_of_9_gives_nothing_back(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("9.0.3")
    one = await boss(db)
    job = await send(one, "slow", retryLimit=2, retryDelay=600)
    await one.work("slow", {"do": "hang"})
    await one.wait_for("job-started")
    await one.stop(graceful=False)
    assert state_of(db, job) == "active"
    await prove(db, "D9", "stopped while the handler ran", absent=("DUP09",))


@releases(more=ONE_PER_GENERATION)
async def test_a_batch_that_fails_as_one(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    await one.insert("mail", [{"data": {"n": each}, "retryLimit": 2, "retryDelay": 600} for each in range(4)])
    await one.work("mail", {"do": "fail", "message": "the third one was bad"}, batchSize=4)
    await eventually(lambda: db.value("SELECT count(*) FROM job WHERE state = 'retry'") == 4)
    batch = Expect("DUP12", Severity.INFO, Certainty.LIKELY, "batches")
    await prove(db, "D10", "one throw fails a batch", batch)


@releases(more=ONE_PER_GENERATION)
async def test_jobs_that_fail_one_by_one(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    await one.insert("mail", [{"data": {"n": each}, "retryLimit": 2, "retryDelay": 600} for each in range(4)])
    await one.work("mail", {"do": "fail", "message": "all are bad"}, batchSize=1)
    await eventually(lambda: db.value("SELECT count(*) FROM job WHERE state = 'retry'") == 4)
    await prove(db, "D10", "the same failure without batches", absent=("DUP12",))


@matrix
async def test_an_expiry_that_overflows_the_timer(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("9.0.3")
    one = await boss(db)
    job = await send(one, "report", expireInSeconds=30 * 86_400, retryLimit=2)
    await one.work("report", {"do": "sleep", "ms": 1000})
    await until(db, job, "failed")
    overflowed = Expect("DUP02", Severity.WARNING, Certainty.PROVEN, "timer-overflow")
    await prove(db, "D19", "expiry of 30 days", overflowed)


@matrix
async def test_10_refuses_an_expiry_that_would_overflow(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("10.0.0")
    one = await boss(db)
    await one.create_queue("report")
    with pytest.raises(BossError):
        await one.send("report", {"n": 1}, expireInSeconds=30 * 86_400, retryLimit=2)
    job = await send(one, "report", expireInSeconds=86_000, retryLimit=2)
    await one.work("report", {"do": "sleep", "ms": 1000})
    await until(db, job, "completed")
    await prove(db, "D19", "expiry of almost a day, the longest", absent=("DUP02",), also=("SCH01",))


@releases(more=("10.4.2", "11.1.2", "12.34.0", "12.35.0", "12.38.0"))
async def test_a_stale_failure(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    """Up to 12.34.0 the failure of the first attempt, come late, gives the second one's job to a third."""
    db = database(release)
    async with await open_store(db) as store:
        watch = Watch(DoctorRequest())
        job, frozen, other = await frozen_and_taken_over(db, boss, then={"do": "fail", "message": "too late"})
        await watch.look(store)
        await wakes(frozen)
        stale = not at_least(release, "12.35")
        assert state_of(db, job) == ("retry" if stale else "active")

        async def done() -> bool:
            await other.let_go()
            return state_of(db, job) == "completed"

        await eventually(done, 30)
        look = await watch.look(store)
    attempts = 1 + db.value("SELECT retry_count FROM job")
    assert attempts == (3 if stale else 2)
    seen: list[Finding] = [one for one in look.report.findings if one.subject == "seen by watch"]
    assert [one.code for one in seen] == (["DUP16"] if stale else [])
    report = await prove(db, "D20", f"stale failure: {attempts} attempts", RERUN, absent=("DUP02",))
    [rerun] = [one for one in report.findings if one.code == "DUP16"]
    assert rerun.evidence[0]["attempts"] == attempts

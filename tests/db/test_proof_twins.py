"""D11 to D15, D17, D22: work put back by hand, sent twice, kept apart by nothing, or retried by default."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from bossctl.doctor import DoctorRequest
from bossctl.doctor.watch import Watch
from bossctl.models.findings import Certainty, Severity
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.proof import Expect, judge, prove
from tests.support.releases import at_least, generation
from tests.support.stores import open_store
from tests.support.waiting import eventually

matrix = pytest.mark.matrix
FAILS = {"do": "fail", "message": "connect ECONNREFUSED"}
RERUN = Expect("DUP16", Severity.INFO, Certainty.PROVEN)


def releases(*default: str, more: tuple[str, ...]) -> Any:
    """Parametrize by release: the first ones always, `more` in the matrix."""
    return pytest.mark.parametrize("release", [*default, *(pytest.param(one, marks=matrix) for one in more)])


def known(release: str) -> tuple[str, ...]:
    """Schema 21 is warned of by itself."""
    return ("SCH01",) if release == "10.0.0" else ()


async def until(database: Database, job: str, *states: str) -> None:
    state = "SELECT state::text FROM job WHERE id = %s"
    await eventually(lambda: database.value(state, [job]) in states, 40)


async def send(boss: Boss, queue: str, **options: object) -> str:
    job = await boss.send(queue, {"order": 7}, **options)
    assert job is not None
    return job


@releases(more=("10.4.2", "11.1.2", "12.25.1", "12.26.0", "12.38.0"))
async def test_a_failed_job_retried_by_hand(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    """Up to 12.25.1 retry() leaves completed_on, which proves it; since 12.26.0 it looks like an honest retry."""
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    job = await send(one, "mail", retryLimit=0)
    await one.work("mail", FAILS)
    await until(db, job, "failed")
    await one.off_work("mail")
    await one.retry("mail", job)
    what = "retry() of a failed job"
    if at_least(release, "12.26"):
        await prove(db, "D11", what, absent=("DUP04", "STK12"))
    else:
        put_back = Expect("DUP04", Severity.INFO, Certainty.PROVEN, "ended before")
        await prove(db, "D11", what, put_back, absent=("STK12",))


@releases("9.0.3", more=("8.4.2", "10.0.0", "10.4.2"))
async def test_a_completed_job_that_is_resumed(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    """8 and 9 put it back; from 10 on resume() leaves a completed job alone."""
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    job = await send(one, "mail")
    await one.work("mail", {"do": "succeed", "output": {"sent": True}})
    await until(db, job, "completed")
    await one.off_work("mail")
    async with await open_store(db) as store:
        watch = Watch(DoctorRequest())
        await watch.look(store)
        await one.resume("mail", job)
        what = "resume() of a completed job"
        if generation(release) < 10:
            await prove(db, "D11", what, Expect("DUP04", Severity.ERROR, Certainty.LIKELY, "result before"))
            await one.work("mail", {"do": "hang"})
            await until(db, job, "active")
            look = await watch.look(store)
            seen = Expect("DUP04", Severity.ERROR, Certainty.PROVEN, "seen by watch")
            judge(look.report, "D11", f"{what}, watched", release, (seen,))
        else:
            await prove(db, "D11", what, absent=("DUP04", "DUP16"), also=known(release))


@releases("10.4.2", more=("9.0.3", "10.0.0", "11.1.2", "12.38.0"))
async def test_a_key_that_keeps_nothing_apart(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    sent = [await one.send("mail", {"order": 7}, singletonKey="order-7") for _ in range(2)]
    await one.work("mail", {"do": "succeed"})
    await eventually(lambda: db.value("SELECT count(*) FROM job WHERE state = 'completed'") == len(set(sent) - {None}))
    what = "double send with a singletonKey alone"
    if generation(release) < 10:
        assert sent[1] is None
        await prove(db, "D12", what, absent=("DUP05", "CFG08"))
    else:
        without_effect = Expect("CFG08", Severity.WARNING, Certainty.PROVEN)
        alike = Expect("DUP05", Severity.INFO, Certainty.POSSIBLE)
        await prove(db, "D12", what, alike, without_effect, also=known(release))


@releases(more=("9.0.3", "10.4.2", "11.1.2", "12.38.0"))
async def test_a_request_that_came_twice(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    for queue in ("mail", "throttled"):
        await one.create_queue(queue)
        await one.work(queue, {"do": "succeed"})
    for _ in range(2):
        await one.send("throttled", {"order": 7}, singletonSeconds=3600)
    await prove(db, "D12", "double send with singletonSeconds", absent=("DUP05",))
    for _ in range(2):
        await one.send("mail", {"order": 7})
    await prove(db, "D12", "double send", Expect("DUP05", Severity.INFO, Certainty.POSSIBLE))


@releases(more=("8.4.2", "9.0.3", "10.4.2", "11.0.0", "12.38.0"))
async def test_an_id_sent_again(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    archiving = generation(release) <= 10
    one = await (boss(db, archiveCompletedAfterSeconds=1) if archiving else boss(db))
    await one.create_queue("mail")
    await one.work("mail", {"do": "succeed"})
    job = str(uuid4())
    await one.insert("mail", [{"id": job, "data": {"order": 7}}])
    await until(db, job, "completed")
    gone = "SELECT count(*) FROM job WHERE name = 'mail'"

    async def archived() -> bool:
        await one.maintain()
        return db.value(gone) == 0

    if archiving:
        await eventually(archived, 20)
    else:
        await one.delete_job("mail", job)
    await prove(db, "D13", "an id of its own, once", absent=("DUP08",))
    await one.insert("mail", [{"id": job, "data": {"order": 7}}])
    await until(db, job, "completed")
    what = "an id of its own, again after archive or deletion"
    if archiving:
        await prove(db, "D13", what, Expect("DUP08", Severity.WARNING, Certainty.PROVEN))
    else:
        await prove(db, "D13", what, absent=("DUP08",))


@releases(more=("10.0.6", "10.4.2", "11.0.0", "11.1.2"))
async def test_an_update_that_forgets_the_policy(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("nightly", policy="short")
    await send(one, "nightly")
    await one.update_queue("nightly", retryLimit=5)
    again = await one.send("nightly", {"order": 7})
    what = "updateQueue() without the policy"
    if generation(release) == 10:
        assert again, "nothing holds it back any more"
        await prove(db, "D14", what, Expect("CFG06", Severity.WARNING, Certainty.LIKELY))
    else:
        assert again is None
        await prove(db, "D14", what, absent=("CFG06",))


@releases("12.38.0", more=("10.4.2", "11.1.2", "12.27.0", "12.35.0"))
async def test_two_workers_without_the_index(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one, two = await boss(db), await boss(db)
    await one.create_queue("solo", policy="singleton")
    for number in range(2):
        await one.send("solo", {"n": number}, singletonKey="a")
    for worker in (one, two):
        await worker.work("solo", {"do": "hang"})
    await one.wait_for("job-started")
    active = "SELECT count(*) FROM job WHERE state = 'active'"
    # An empty fetch leaves no trace: wait until the second has asked for twice as long as it waits between.
    with pytest.raises(TimeoutError):
        await two.wait_for("job-started", seconds=1.2)
    await prove(db, "D15", "singleton queue with its index", absent=("DUP06", "DUP07"))
    [(index,)] = db.execute("SELECT indexname FROM pg_indexes WHERE indexname ~ '_i2$' AND indexdef ~ 'singleton'")
    db.execute(f"DROP INDEX {index}")
    missing = Expect("DUP07", Severity.ERROR, Certainty.PROVEN)
    if release == "12.38.0":
        with pytest.raises(TimeoutError):
            await two.wait_for("job-started", seconds=1.2)
        await prove(db, "D15", "singleton queue without its index", missing, absent=("DUP06",))
    else:
        await eventually(lambda: db.value(active) == 2)
        broken = Expect("DUP06", Severity.ERROR, Certainty.PROVEN)
        await prove(db, "D15", "singleton queue without its index", missing, broken)


@matrix
@pytest.mark.parametrize(
    ("release", "policy", "suffix"),
    [
        ("10.4.2", "short", "i1"),
        ("10.4.2", "stately", "i3"),
        ("11.1.2", "exclusive", "i6"),
        ("12.27.0", "stately", "i3"),
        ("12.38.0", "short", "i1"),
        ("12.38.0", "stately", "i3"),
        ("12.38.0", "exclusive", "i6"),
        ("12.38.0", "throttled", "i4"),
    ],
)
async def test_jobs_sent_without_the_index(
    database: DatabaseFactory, boss: BossFactory, release: str, policy: str, suffix: str
) -> None:
    db = database(release)
    one = await boss(db)
    options = {"singletonSeconds": 3600} if policy == "throttled" else {"singletonKey": "a"}
    await one.create_queue("solo", **({} if policy == "throttled" else {"policy": policy}))
    assert [await one.send("solo", {}, **options) is None for _ in range(2)] == [False, True]
    await prove(db, "D15", f"{policy} queue with its index", absent=("DUP06", "DUP07"))
    table = "partition_name" if generation(release) == 10 else "table_name"
    of_queue = f"SELECT indexname FROM pg_indexes JOIN queue ON {table} = tablename WHERE name = 'solo'"
    [(index,)] = db.execute(f"{of_queue} AND indexname ~ %s", [f"_{suffix}$"])
    db.execute(f"DROP INDEX {index}")
    assert await one.send("solo", {}, **options), "nothing holds it back any more"
    broken = Expect("DUP06", Severity.ERROR, Certainty.PROVEN)
    missing = Expect("DUP07", Severity.ERROR, Certainty.PROVEN)
    await prove(db, "D15", f"{policy} queue without its index", broken, missing)


@releases(more=("12.21.1", "12.23.0", "12.34.0", "12.35.0", "12.38.0"))
async def test_a_dead_letter_worked_on_and_its_original_retried(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("dead")
    await one.create_queue("mail", deadLetter="dead")
    job = await send(one, "mail", retryLimit=0)
    await one.work("mail", FAILS)
    await one.work("dead", {"do": "succeed"})
    await until(db, job, "failed")
    await eventually(lambda: db.value("SELECT count(*) FROM job WHERE name = 'dead' AND state = 'completed'") == 1)
    await one.off_work("mail")
    await prove(db, "D17", "a dead letter worked on", absent=("DUP13",))
    await one.retry("mail", job)
    await one.work("mail", {"do": "succeed"})
    await until(db, job, "completed")
    what = "a dead letter worked on, its original retried"
    if at_least(release, "12.23"):
        await prove(db, "D17", what, Expect("DUP13", Severity.WARNING, Certainty.PROVEN))
    else:
        await prove(db, "D17", what, absent=("DUP13",))


@releases(more=("12.35.0", "12.38.0"))
async def test_a_redriven_job_beside_its_retried_original(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("dead")
    await one.create_queue("mail", deadLetter="dead")
    job = await send(one, "mail", retryLimit=0)
    await one.work("mail", FAILS)
    await until(db, job, "failed")
    await one.off_work("mail")
    await eventually(lambda: db.value("SELECT count(*) FROM job WHERE name = 'dead'") == 1)
    await one.any("redrive", "dead")
    await one.work("mail", {"do": "succeed"})
    await eventually(lambda: db.value("SELECT count(*) FROM job WHERE name = 'mail' AND state = 'completed'") == 1)
    await prove(db, "D17", "a redriven dead letter", absent=("DUP13",))
    await one.retry("mail", job)
    await until(db, job, "completed")
    twice = Expect("DUP13", Severity.WARNING, Certainty.PROVEN)
    await prove(db, "D17", "a redriven dead letter, its original retried", twice)


@releases(more=("9.0.3", "10.0.0", "10.4.2", "11.1.2", "12.38.0"))
async def test_the_number_of_retries_nobody_asked_for(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    """The same code runs once on 9 and up to three times from 10 on."""
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    job = await send(one, "mail")
    await one.work("mail", FAILS)
    await until(db, job, "failed")
    attempts = 1 + db.value(f"SELECT {'retrycount' if generation(release) < 10 else 'retry_count'} FROM job")
    assert attempts == (1 if generation(release) < 10 else 3)
    await prove(db, "D22", "no retryLimit, fails every time", absent=("DUP02", "DUP16"), also=known(release))
    await one.off_work("mail")
    job = await send(one, "mail")
    await one.work("mail", FAILS, pollingIntervalSeconds=60)
    await until(db, job, "retry" if generation(release) >= 10 else "failed")
    await one.off_work("mail")
    await one.work("mail", {"do": "succeed"})
    what = "no retryLimit, fails and then succeeds"
    if generation(release) < 10:
        await prove(db, "D22", what, absent=("DUP16",))
    else:
        await until(db, job, "completed")
        await prove(db, "D22", what, RERUN, also=known(release))

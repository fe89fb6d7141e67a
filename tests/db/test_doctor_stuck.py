"""STK01 and STK07 on schemas of every generation, with supervisors that work, are off, or died."""

from __future__ import annotations

from typing import Any

import pytest

from bossctl.models.findings import Certainty, Severity
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.diagnosis import found
from tests.support.releases import ONE_PER_GENERATION, RELEASES_WITH_QUEUES, every, generation
from tests.support.waiting import eventually


def older(database: Database, seconds: float) -> None:
    """Everything that is active was fetched so much earlier."""
    started = "startedon" if generation(database.release) < 10 else "started_on"
    database.execute(
        f"UPDATE job SET {started} = {started} - make_interval(secs => %s) WHERE state = 'active'", [seconds]
    )


def silent(database: Database, seconds: float) -> None:
    """Every stamp of a supervisor is so much older, and so are the jobs."""
    created = "createdon" if generation(database.release) < 10 else "created_on"
    stamps = {
        "version": ["maintained_on", "flow_on", "bam_on"],
        "queue": ["monitor_on", "monitor_claim_on"],
        "job": [created],
    }
    for table, columns in stamps.items():
        there = "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
        for (column,) in database.execute(there, [database.schema, table]):
            if column in columns:
                database.execute(f"UPDATE {table} SET {column} = {column} - make_interval(secs => %s)", [seconds])


def _every_second(release: str) -> dict[str, Any]:
    if generation(release) < 11:
        return {"maintenanceIntervalSeconds": 1}
    return {"superviseIntervalSeconds": 1, "monitorIntervalSeconds": 1}


async def supervised(boss: BossFactory, database: Database) -> Boss:
    """A process whose supervisor has already left its stamp."""
    one = await boss(database, supervise=True, **_every_second(database.release))
    await one.create_queue("mail")
    await one.send("mail", {"n": 1})
    column, table = ("maintained_on", "version") if generation(database.release) < 11 else ("monitor_on", "queue")
    await eventually(lambda: database.value(f"SELECT max({column}) FROM {table}"))
    return one


async def active_job(boss: Boss, queue: str = "mail", **options: object) -> str:
    await boss.create_queue(queue)
    job = await boss.send(queue, {"n": 1}, **options)
    [fetched] = await boss.fetch(queue)
    assert fetched["id"] == job
    return str(job)


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("9.0.3", "11.1.2")))
async def test_a_dead_workers_job_that_nobody_expires(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    job = await one.send("mail", {"n": 1}, expireInSeconds=60)
    await one.work("mail", {"do": "crash"})
    await eventually(lambda: one.process.returncode is not None)
    assert db.value("SELECT state::text FROM job WHERE id = %s", [job]) == "active"
    grace = 240 if generation(release) < 11 else 120
    older(db, 60 + grace - 20)
    assert await found(db, "STK01") == []
    older(db, 40)
    [finding] = await found(db, "STK01")
    assert (finding.severity, finding.certainty) == (Severity.ERROR, Certainty.PROVEN)
    assert (finding.queue, finding.count, finding.jobs) == ("mail", 1, (job,))
    assert finding.evidence[0]["expire_seconds"] == 60
    overdue = finding.evidence[0]["overdue_seconds"]
    assert isinstance(overdue, float)
    assert grace + 15 < overdue < grace + 60
    assert finding.remedy.command == "bossctl job retry 'queue:mail is:stuck'"


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("9.0.3", "11.1.2")))
async def test_work_within_its_expiry_is_not_stuck(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await active_job(one, expireInSeconds=7200)
    older(db, 7000)
    assert await found(db, "STK01") == []


async def test_what_waits_is_not_stuck_however_old(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.38.0")
    one = await boss(db)
    await one.create_queue("mail")
    await one.send("mail", {}, expireInSeconds=1, startAfter=3600)
    silent(db, 86_400)
    assert await found(db, "STK01") == []


async def test_the_interval_that_a_live_supervisor_registers_is_waited_for(
    database: DatabaseFactory, boss: BossFactory
) -> None:
    db = database("12.38.0")
    one = await boss(db, supervise=True, superviseIntervalSeconds=600, monitorIntervalSeconds=900)
    await active_job(one, expireInSeconds=60)
    older(db, 60 + 1800 - 60)
    assert await found(db, "STK01") == []
    older(db, 120)
    [finding] = await found(db, "STK01")
    assert "more than 30m past expiry" in finding.message
    quick = await boss(db, supervise=True, superviseIntervalSeconds=500, monitorIntervalSeconds=60)
    [finding] = await found(db, "STK01")
    assert "more than 16m40s past expiry" in finding.message, "the quicker supervisor decides"
    await quick.stop()


async def test_odd_registered_intervals_are_not_believed(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.38.0")
    one = await boss(db, supervise=True, superviseIntervalSeconds=600)
    await active_job(one, expireInSeconds=60)
    older(db, 60 + 200)
    db.execute(
        """UPDATE instance SET config = '{"superviseIntervalSeconds": "often", "monitorIntervalSeconds": null}'"""
    )
    [finding] = await found(db, "STK01")
    assert "more than 2m past expiry" in finding.message


@pytest.mark.parametrize("release", ["9.0.3", "12.38.0"])
async def test_times_at_the_end_of_the_calendar(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    job = await active_job(one)
    started, expiry, endless = (
        ("startedon", "expirein", "interval '9999 years'")
        if release == "9.0.3"
        else ("started_on", "expire_seconds", "2147483647")
    )
    db.execute(f"UPDATE job SET {expiry} = {endless}")
    assert await found(db, "STK01") == []
    for moment in ("infinity", "-infinity"):
        db.execute(f"UPDATE job SET {started} = %s WHERE id = %s", [moment, job])
        assert await found(db, "STK01") == []


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("9.0.3", "11.1.2")))
async def test_a_supervisor_that_works_and_one_that_stopped(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await supervised(boss, db)
    assert await found(db, "STK07") == []
    await one.stop()
    assert await found(db, "STK07") == [], "a restart takes a moment"
    silent(db, 1200)
    [finding] = await found(db, "STK07")
    registered = release == "12.38.0"
    assert finding.certainty is (Certainty.PROVEN if registered else Certainty.LIKELY)
    assert (finding.severity, finding.queue) == (Severity.ERROR, None)
    assert "20m" in finding.message
    assert finding.since is not None
    assert finding.remedy.command == "bossctl worker list"
    if registered:
        assert "of 1 registered instance none is alive and supervises" in finding.message


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("9.0.3", "11.1.2")))
async def test_a_fleet_that_only_sends_has_no_supervisor(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db, supervise=False)
    await one.create_queue("mail")
    assert await found(db, "STK07") == [], "there is nothing to maintain"
    await one.send("mail", {"n": 1})
    assert await found(db, "STK07") == [], "it was only just installed"
    silent(db, 1200)
    [finding] = await found(db, "STK07")
    if release == "12.38.0":
        assert finding.certainty is Certainty.PROVEN
        instances = [row for row in finding.evidence if "instance" in row]
        assert [(row["alive"], row["supervise"], row["release"]) for row in instances] == [(True, False, "12.38.0")]
    else:
        assert finding.certainty is Certainty.LIKELY


async def test_migrations_that_run_are_no_supervision(database: DatabaseFactory, boss: BossFactory) -> None:
    """bam_on is stamped by every instance that may migrate, whether it supervises or not."""
    db = database("12.27.0")
    one = await boss(db, supervise=False, migrate=True)
    await one.create_queue("mail")
    await one.send("mail", {"n": 1})
    silent(db, 1200)
    db.execute("UPDATE version SET bam_on = now()")
    assert len(await found(db, "STK07")) == 1


@pytest.mark.parametrize("release", ["9.0.3", "10.4.2"])
async def test_maintenance_that_is_called_from_outside_shows_in_the_archive(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    """maintain() leaves no stamp in 10, but what it archived is dated."""
    db = database(release)
    one = await boss(db, supervise=False, archiveCompletedAfterSeconds=1)
    await active_job(one, "done")
    await one.send("done", {"n": 2})
    silent(db, 1200)
    assert len(await found(db, "STK07")) == 1
    [job] = [str(job) for (job,) in db.execute("SELECT id FROM job WHERE state = 'active'")]
    await one.complete("done", job)

    async def archived() -> bool:
        await one.maintain()
        return db.value("SELECT count(*) FROM archive") == 1

    await eventually(archived)
    db.execute("UPDATE version SET maintained_on = now() - interval '1 hour'")
    assert await found(db, "STK07") == []


async def test_a_backoff_of_the_monitor_is_respected(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.30.0")
    one = await supervised(boss, db)
    await one.stop()
    silent(db, 1200)
    db.execute("UPDATE version SET monitor_backoff_on = now() + interval '20 minutes'")
    assert await found(db, "STK07") == []
    db.execute("UPDATE version SET monitor_backoff_on = now() - interval '1 second'")
    assert len(await found(db, "STK07")) == 1


async def test_an_old_unregistered_client_that_supervises_a_new_schema(
    database: DatabaseFactory, boss: BossFactory
) -> None:
    db = database("12.38.0")
    registered = await boss(db, supervise=False)
    await registered.create_queue("mail")
    await registered.send("mail", {"n": 1})
    silent(db, 1200)
    assert [one.certainty for one in await found(db, "STK07")] == [Certainty.PROVEN]
    await boss(db, release="12.12.0", supervise=True, superviseIntervalSeconds=1, monitorIntervalSeconds=1)
    await eventually(lambda: db.value("SELECT max(monitor_on) > now() - interval '1 minute' FROM queue"))
    assert await found(db, "STK07") == []


@pytest.mark.parametrize("release", every(RELEASES_WITH_QUEUES))
async def test_an_installation_without_jobs_needs_nobody(database: DatabaseFactory, release: str) -> None:
    db = database(release)
    silent(db, 86_400)
    assert await found(db, "STK07") == []

"""Watching real releases: jobs that start again between two looks, and what a watch keeps through trouble."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bossctl.config import ConnectionSpec
from bossctl.demo.server import running_server
from bossctl.doctor import DoctorRequest
from bossctl.doctor.watch import Look, Watch
from bossctl.errors import NotFound, Unreachable
from bossctl.models.findings import Certainty, CheckResult, Finding, Severity, Status
from bossctl.models.watch import Sample
from bossctl.store import Store
from bossctl.store.watch import take_sample
from tests.conftest import BossFactory, DatabaseFactory, SeededFactory
from tests.seed.plan import plan
from tests.support.bed import install
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.releases import ALL_RELEASES, every, generation
from tests.support.stores import open_store, spec_of
from tests.support.waiting import eventually


def watched(look: Look, code: str) -> list[Finding]:
    """What the watch itself has to say under a code."""
    return [one for one in look.report.findings if one.code == code and one.subject == "seen by watch"]


def check(look: Look, code: str) -> CheckResult:
    [result] = [one for one in look.report.checks if one.code == code]
    return result


async def fetched(boss: Boss, queue: str) -> str:
    [job] = await boss.fetch(queue)
    return job["id"]


async def test_a_completed_job_that_9_resumes_ran_after_completion(
    database: DatabaseFactory, boss: BossFactory
) -> None:
    db = database("9.0.3")
    one = await boss(db)
    sent = await one.send("mail", {"n": 1})
    async with await open_store(db) as store:
        watch = Watch(DoctorRequest())
        job = await fetched(one, "mail")
        assert job == sent
        await one.complete("mail", job)
        first = await watch.look(store)
        assert not watched(first, "DUP04")
        await one.resume("mail", job)
        assert not watched(await watch.look(store), "DUP04"), "it waits, and has not started again"
        assert await fetched(one, "mail") == job
        look = await watch.look(store)
        [finding] = watched(look, "DUP04")
        assert (finding.severity, finding.certainty) == (Severity.ERROR, Certainty.PROVEN)
        assert (finding.queue, finding.count, finding.jobs) == ("mail", 1, (job,))
        assert finding in look.appeared
        assert check(look, "DUP04").status is Status.FAIL
        [evidence] = finding.evidence
        assert evidence["state_seen"] == "completed"
        assert evidence["retry_count_after"] == 0, "the row itself would never tell"
        await one.complete("mail", job)
        later = await watch.look(store)
        assert watched(later, "DUP04") == [finding], "it stands as long as the watch does, and is counted once"
        assert finding not in later.appeared


@pytest.mark.parametrize("release", ["10.4.2", "12.27.0"])
async def test_a_job_that_maintenance_expired_and_another_worker_took(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    sent = await one.send("mail", {"n": 1}, expireInSeconds=1, retryLimit=3)
    async with await open_store(db) as store:
        watch = Watch(DoctorRequest())
        assert await fetched(one, "mail") == sent
        await watch.look(store)
        await expired(one, db, str(sent))
        assert not watched(await watch.look(store), "DUP02")
        assert await fetched(one, "mail") == sent
        look = await watch.look(store)
        [finding] = watched(look, "DUP02")
        assert (finding.severity, finding.certainty) == (Severity.WARNING, Certainty.PROVEN)
        assert (finding.count, finding.jobs) == (1, (sent,))
        assert not watched(look, "DUP16")
        await one.complete("mail", str(sent))
        after = await watch.look(store)
        assert watched(after, "DUP02"), "the completed row has lost its cause, the watch has not"


async def expired(boss: Boss, db: Database, job: str) -> None:
    """Let the release's own maintenance expire an active job, and make it due at once."""
    db.execute("UPDATE job SET started_on = started_on - interval '1 minute' WHERE id = %s", [job])
    await boss.maintain()
    assert db.value("SELECT state FROM job WHERE id = %s", [job]) == "retry"
    db.execute("UPDATE job SET start_after = now() WHERE id = %s", [job])


async def test_an_expiry_that_9_does_not_record_is_a_rerun_without_a_reason(
    database: DatabaseFactory, boss: BossFactory
) -> None:
    db = database("9.0.3")
    one = await boss(db)
    sent = str(await one.send("mail", {"n": 1}, expireInSeconds=1, retryLimit=3))
    async with await open_store(db) as store:
        watch = Watch(DoctorRequest())
        assert await fetched(one, "mail") == sent
        await watch.look(store)
        db.execute("UPDATE job SET startedon = startedon - interval '1 minute'")
        await one.maintain()
        assert db.value("SELECT state FROM job") == "retry"
        db.execute("UPDATE job SET startafter = now()")
        assert await fetched(one, "mail") == sent
        look = await watch.look(store)
    [finding] = watched(look, "DUP16")
    assert (finding.severity, finding.certainty, finding.jobs) == (Severity.INFO, Certainty.PROVEN, (sent,))
    assert finding.message.endswith("; no row says why")
    assert not watched(look, "DUP02")


@pytest.mark.parametrize("release", ["9.0.3", "10.0.6", "10.4.2", "11.1.2", "12.27.0", "12.38.0"])
async def test_an_honest_retry_is_a_rerun_after_a_recorded_failure(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    sent = str(await one.send("mail", {"n": 1}, retryLimit=3, retryDelay=0))
    async with await open_store(db) as store:
        watch = Watch(DoctorRequest())
        assert await fetched(one, "mail") == sent
        await watch.look(store)
        await one.fail("mail", sent, {"message": "boom"})
        db.execute(f"UPDATE job SET {'startafter' if generation(release) < 10 else 'start_after'} = now()")
        assert await fetched(one, "mail") == sent
        look = await watch.look(store)
    [finding] = watched(look, "DUP16")
    assert (finding.severity, finding.count) == (Severity.INFO, 1)
    assert finding.message.endswith("; 1 of these after a recorded failure")
    assert finding.evidence[0]["reason"] == "boom"
    assert not watched(look, "DUP02")
    assert not watched(look, "DUP04")


async def test_a_handler_that_outlives_its_expiry(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.27.0")
    one = await boss(db)
    await one.create_queue("mail")
    await one.send("mail", {}, expireInSeconds=1, retryLimit=5, retryDelay=0)
    await one.work("mail", {"do": "sleep", "ms": 4000}, pollingIntervalSeconds=0.5)
    async with await open_store(db) as store:
        watch = Watch(DoctorRequest())
        seen: list[Finding] = []

        async def ran_again() -> bool:
            seen.extend(watched(await watch.look(store), "DUP02"))
            return bool(seen)

        await eventually(ran_again)
    assert '"handler execution exceeded 1s"' in seen[0].message


async def test_the_id_of_a_deleted_job_given_to_another_is_no_restart(
    database: DatabaseFactory, boss: BossFactory
) -> None:
    db = database("12.38.0")
    one = await boss(db)
    await one.create_queue("mail")
    job = str(uuid4())
    async with await open_store(db) as store:
        watch = Watch(DoctorRequest())
        looks: list[Look] = []
        for _ in range(2):
            assert await one.send("mail", {"n": 1}, id=job) == job
            assert await fetched(one, "mail") == job
            await one.complete("mail", job)
            looks.append(await watch.look(store))
            await one.delete_job("mail", job)
    assert [watched(look, code) for look in looks for code in ("DUP02", "DUP04", "DUP16")] == [[]] * 6


async def test_a_cancelled_job_that_is_resumed_had_been_seen_active(
    database: DatabaseFactory, boss: BossFactory
) -> None:
    db = database("11.1.2")
    one = await boss(db)
    await one.create_queue("mail")
    sent = str(await one.send("mail", {"n": 1}))
    async with await open_store(db) as store:
        watch = Watch(DoctorRequest())
        await fetched(one, "mail")
        await watch.look(store)
        await one.cancel("mail", sent)
        await one.resume("mail", sent)
        assert await fetched(one, "mail") == sent
        [finding] = watched(await watch.look(store), "DUP16")
        assert finding.jobs == (sent,)
        await one.cancel("mail", sent)
        await watch.look(store)
        await one.resume("mail", sent)
        assert await fetched(one, "mail") == sent
        [same] = watched(await watch.look(store), "DUP16")
        assert same.count == 1, "once it is seen cancelled, starting again is what was asked for"


# the sample


async def sampled(db: Database, back: timedelta, names: tuple[str, ...] | None = None, limit: int = 20_000) -> Sample:
    async with await open_store(db) as store, store.snapshot() as transaction:
        return await take_sample(transaction, transaction.now - back, names, limit)


@pytest.mark.parametrize("release", every(ALL_RELEASES))
async def test_a_sample_is_what_runs_and_what_ended_lately(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    completed = "completedon" if generation(release) < 10 else "completed_on"
    plain = db.execute(
        f"SELECT id::text, state::text FROM job WHERE state = 'active'"
        f" OR (state NOT IN ('created', 'retry') AND {completed} >= now() - interval '2 hours')"
    )
    sample = await sampled(db, timedelta(hours=2))
    assert sorted((job.id, job.state) for job in sample.jobs) == sorted(plain)
    assert sample.limit is None
    assert {job.queue for job in sample.jobs} <= {
        *plan(release).counts,
        "__pgboss__send-it",
        "__state__completed__mail",
    }
    mail = await sampled(db, timedelta(hours=2), ("mail",))
    assert sorted(job.id for job in mail.jobs) == sorted(job.id for job in sample.jobs if job.queue == "mail")
    assert mail.jobs


@pytest.mark.parametrize("release", ["9.0.3", "12.27.0", "12.38.0"])
async def test_a_sample_is_bounded_and_says_so(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    running = int(db.value("SELECT count(*) FROM job WHERE state = 'active'"))
    whole = await sampled(db, timedelta(days=1))
    sample = await sampled(db, timedelta(days=1), limit=running + 2)
    assert sample.limit == running + 2
    assert sum(job.state == "active" for job in sample.jobs) == running, "what runs comes first"
    ended = [job.completed_on for job in whole.jobs if job.completed_on and job.state != "active"]
    assert (
        sorted(job.completed_on for job in sample.jobs if job.state != "active" and job.completed_on)
        == sorted(ended, reverse=True)[:2][::-1]
    ), "then what ended last"
    async with await open_store(db) as store:
        look = await Watch(DoctorRequest(), sample_rows=1).look(store)
    assert look.notes == ("more than 1 jobs run or ended since the last look: only so many were compared",)


# what a watch keeps


async def test_a_restart_while_the_database_was_away_is_still_seen() -> None:
    with running_server() as server:
        dsn = server.dsn("postgres")
        await asyncio.to_thread(install, "12.38.0", dsn, "pgboss")
        one = await Boss.open("12.38.0")
        try:
            await one.start(connectionString=dsn, schema="pgboss", supervise=False, schedule=False)
            await one.create_queue("mail")
            sent = str(await one.send("mail", {"n": 1}, retryLimit=3, retryDelay=0))
            assert await fetched(one, "mail") == sent
        finally:
            await one.close()
        watch = Watch(DoctorRequest())
        async with await Store.open(ConnectionSpec(dsn, None, "--dsn", None, None, False, 30.0), pooled=True) as store:
            await watch.look(store)
            await asyncio.to_thread(server.kill)
            with pytest.raises(Unreachable):
                await watch.look(store)
            await asyncio.to_thread(server.start)
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute("UPDATE pgboss.job SET retry_count = 1, started_on = clock_timestamp()")
            look = await watch.look(store)
        assert [one.jobs for one in watched(look, "DUP16")] == [(sent,)]


async def test_what_a_check_found_is_not_gone_while_it_cannot_look(seeded: SeededFactory) -> None:
    db = seeded("12.38.0")
    async with await open_store(db) as store:
        watch = Watch(DoctorRequest(only=("STK01",), timeout_seconds=0.3))
        first = await watch.look(store)
        [stuck] = first.appeared
        with psycopg.connect(db.dsn) as blocker:
            blocker.execute("LOCK TABLE pgboss.job IN ACCESS EXCLUSIVE MODE")
            blind = await watch.look(store)
            assert check(blind, "STK01").status is Status.SKIPPED
            assert (blind.appeared, blind.gone) == ((), ())
        again = await watch.look(store)
        assert [one.code for one in again.report.findings] == ["STK01"]
        assert (again.appeared, again.gone) == ((), ())
        db.execute("DELETE FROM job WHERE state = 'active'")
        assert [one.fingerprint for one in (await watch.look(store)).gone] == [stuck.fingerprint]


async def test_jobs_that_cannot_be_read_are_not_compared(seeded: SeededFactory) -> None:
    db = seeded("12.38.0")
    role = f"reader_{uuid4().hex[:12]}"
    with psycopg.connect(db.dsn, autocommit=True) as connection:
        connection.execute(
            sql.SQL(
                "CREATE ROLE {0} LOGIN; GRANT USAGE ON SCHEMA pgboss TO {0};"
                "GRANT SELECT ON pgboss.version, pgboss.instance, pgboss.queue TO {0}"
            ).format(sql.Identifier(role))
        )
        try:
            async with await Store.open(spec_of(db, "pgboss", dsn=make_conninfo(db.dsn, user=role))) as store:
                look = await Watch(DoctorRequest()).look(store)
        finally:
            connection.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(role)))
    [note] = look.notes
    assert note.startswith("jobs were not compared this time: role ")
    assert "job" in note
    assert check(look, "STK01").status is Status.SKIPPED


async def test_only_the_queues_and_checks_asked_for(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.38.0")
    one = await boss(db)
    for queue in ("mail", "exports"):
        await one.create_queue(queue)
        await one.send(queue, {"n": 1}, retryLimit=3, retryDelay=0)
        await one.fetch(queue)
    watches = [Watch(DoctorRequest(queues=("ma*",))), Watch(DoctorRequest(only=("STK",))), Watch(DoctorRequest())]
    async with await open_store(db) as store:
        for watch in watches:
            await watch.look(store)
        db.execute("UPDATE job SET retry_count = 1, started_on = clock_timestamp()")
        found = [watched(await watch.look(store), "DUP16") for watch in watches]
        with pytest.raises(NotFound):
            await Watch(DoctorRequest(queues=("nope",))).look(store)
    assert [sorted(str(one.queue) for one in each) for each in found] == [["mail"], [], ["exports", "mail"]]

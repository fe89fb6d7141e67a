"""Watching real releases: jobs that start again between two looks, and databases that go away."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from bossctl.doctor import DoctorRequest
from bossctl.doctor.watch import Look, Watch
from bossctl.errors import Unreachable
from bossctl.demo.server import running_server
from bossctl.models.findings import Certainty, CheckResult, Finding, Severity, Status
from bossctl.store import Store
from bossctl.store.watch import take_sample
from tests.conftest import BossFactory, DatabaseFactory, SeededFactory
from tests.support.bed import install
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.releases import ALL_RELEASES, ONE_PER_GENERATION, generation
from tests.support.stores import open_store, spec_of


def watched(look: Look, code: str) -> list[Finding]:
    """What the watch itself has to say under a code."""
    return [one for one in look.report.findings if one.code == code and one.subject == "seen by watch"]


def check(look: Look, code: str) -> CheckResult:
    [result] = [one for one in look.report.checks if one.code == code]
    return result


async def fetched(boss: Boss, queue: str) -> str:
    [job] = await boss.fetch(queue)
    return job["id"]


async def test_a_completed_job_that_9_resumes_ran_after_completion(database: DatabaseFactory, boss: BossFactory) -> None:
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

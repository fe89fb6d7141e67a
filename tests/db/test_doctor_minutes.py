"""Three real minutes of a schedule `* * * * *` beside honest traffic, on broken and on mended releases, all at once.

10.0.0 to 10.0.6 and 11.0.0 to 11.0.2 send a minute again on every pass of the scheduler. A pass every 15 s instead of
every 30 s makes sure that some of the minutes are doubled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any

import pytest

from bossctl.models.findings import Certainty, Report, Severity
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.diagnosis import alarms, diagnose
from tests.support.releases import NEWEST, ONE_PER_GENERATION, generation

SECONDS = 190
ROUND_SECONDS = 10

BROKEN = ("10.0.6", "11.0.0")
MENDED = ("10.1.0", "11.0.8")
RELEASES = tuple(dict.fromkeys((*BROKEN, *MENDED, *ONE_PER_GENERATION)))


@dataclass(frozen=True)
class History:
    """A database after three minutes, and what the doctor said while everything still ran."""

    database: Database
    report: Report


def options_of(release: str) -> dict[str, Any]:
    options: dict[str, Any] = {"supervise": True, "schedule": True}
    if generation(release) >= 10:
        options |= {"cronMonitorIntervalSeconds": 15, "cronWorkerIntervalSeconds": 1}
    if generation(release) >= 11:
        # 11.0.0 forgets its own default and supervises every millisecond.
        options |= {"superviseIntervalSeconds": 60}
    if generation(release) <= 10:
        options |= {"maintenanceIntervalSeconds": 20, "archiveCompletedAfterSeconds": 60}
    return options


async def queues_of(boss: Boss) -> None:
    """Queues with and without policies, dead letters and retries, each with a worker that does what its job says."""
    modern = generation(boss.release) >= 10
    dead_letter = {"deadLetter": "parcels-dead"} if modern else {}
    await boss.create_queue("parcels-dead")
    await boss.create_queue("parcels", retryLimit=1, retryDelay=1, **dead_letter)
    for name in ("tick", "mail", "batches", "mends", "throttled", "later"):
        await boss.create_queue(name)
    for name in ("short", "singleton", "stately"):
        await boss.create_queue(name, policy=name)
    await boss.work("tick", {"do": "succeed"})
    await boss.work("mail", {"do": "payload"})
    await boss.work("parcels", {"do": "fail", "message": "no such address"})
    await boss.work("parcels-dead", {"do": "succeed"})
    await boss.work("batches", {"do": "fail", "message": "the batch failed"}, **({"batchSize": 5} if modern else {}))
    for name in ("short", "singleton", "stately", "throttled"):
        await boss.work(name, {"do": "sleep", "ms": 200})


async def schedules_of(boss: Boss) -> None:
    """Every minute; from 11 on also two keys of one queue that send the same."""
    await boss.schedule("tick", "* * * * *", {"hello": "world"}, tz="UTC")
    if generation(boss.release) >= 11:
        await boss.create_queue("keyed")
        await boss.work("keyed", {"do": "succeed"})
        for key in ("one", "two"):
            await boss.schedule("keyed", "* * * * *", {"n": 1}, key=key)


async def honest_round(boss: Boss, number: int) -> None:
    """What a healthy application does: it succeeds, fails and tries again, waits its turn, throttles, gives up."""
    handlers = ({"do": "succeed"}, {"do": "sleep", "ms": 1500}, {"do": "fail", "message": "connect ECONNREFUSED"})
    for handler, _ in zip(cycle(handlers), range(6), strict=False):
        await boss.send("mail", {"handler": handler}, retryLimit=2, retryDelay=1)
    await boss.send("parcels", {"n": number}, retryLimit=1, retryDelay=1)
    await boss.insert("batches", [{"data": {"n": each}, "retryLimit": 1} for each in range(5)])
    await boss.send("throttled", {"n": number}, singletonSeconds=60)
    await boss.any("sendDebounced", "throttled", {"n": number}, {}, 60)
    for key in ("a", "b"):
        await boss.send("short", {}, singletonKey=key)
        await boss.send("singleton", {}, singletonKey=key)
        await boss.send("stately", {}, singletonKey=key)
    deferred = await boss.send("later", {"n": number}, startAfter=3600)
    if number % 2 and deferred:
        await boss.cancel("later", deferred)
    await mend(boss, number)


async def mend(boss: Boss, number: int) -> None:
    """A job that fails once, honestly, and is completed by its second attempt."""
    await boss.send("mends", {"n": number}, retryLimit=3, retryDelay=0, expireInSeconds=60)
    for outcome in (boss.fail, boss.complete):
        for job in await boss.fetch("mends"):
            await outcome("mends", job["id"], {"message": "try again"})


async def live(boss: Boss) -> None:
    await queues_of(boss)
    await schedules_of(boss)
    begins = asyncio.get_running_loop().time()
    for number in range(SECONDS // ROUND_SECONDS):
        await honest_round(boss, number)
        due = begins + (number + 1) * ROUND_SECONDS
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))


def doubled_minutes(history: History, queue: str) -> dict[tuple[str, datetime], int]:
    """(key, minute) in which the scheduler had sent more than once, by a plain statement over every row."""
    database = history.database
    ancient = generation(database.release) < 10
    created = "createdon" if ancient else "created_on"
    rows = f"SELECT data, name, {created} AS created FROM job"
    if generation(database.release) <= 10:
        rows += f" UNION ALL SELECT data, name, {created} FROM archive"
    found = database.execute(
        "SELECT coalesce(data->'options'->>'key', ''), date_trunc('minute', created AT TIME ZONE 'UTC'), count(*)"
        f" FROM ({rows}) AS everywhere WHERE name = '__pgboss__send-it' AND data->>'name' = %s"
        " AND created <= %s GROUP BY 1, 2 HAVING count(*) > 1",
        [queue, history.report.taken_at],
    )
    return {(key, minute.replace(tzinfo=UTC)): sends for key, minute, sends in found}


Check = Callable[[History], None]


def doubled_minutes_are_found(history: History) -> None:
    queues = ["tick", "keyed"] if generation(history.database.release) >= 11 else ["tick"]
    findings = [one for one in history.report.findings if one.code == "DUP01"]
    assert {one.queue for one in findings} == set(queues)
    for queue in queues:
        expected = doubled_minutes(history, queue)
        told = {
            (one.subject.removeprefix("schedule "), row["slot"]): row["sends"]
            for one in findings
            if one.queue == queue
            for row in one.evidence
        }
        assert told == {(key, f"{minute:%Y-%m-%d %H:%M}Z"): sends for (key, minute), sends in expected.items()}
    for one in findings:
        assert (one.severity, one.certainty) == (Severity.ERROR, Certainty.PROVEN)
        assert one.count == sum(int(str(row["sends"])) for row in one.evidence)
    [tick] = [one for one in findings if one.queue == "tick"]
    every_job = jobs_of(history.database, "tick")
    assert set(tick.jobs) <= every_job
    for row in tick.evidence:
        jobs, last = row["jobs"], row["last_sent_on"]
        assert isinstance(jobs, tuple)
        assert isinstance(last, datetime)
        assert set(jobs) <= every_job
        if last < history.report.taken_at - timedelta(seconds=30):
            assert len(jobs) == row["sends"], "each send gave one job"
    assert all(alarm.startswith("DUP01 ") for alarm in alarms(history.report)), alarms(history.report)


def jobs_of(database: Database, queue: str) -> set[str]:
    rows = "SELECT id FROM job WHERE name = %(queue)s"
    if generation(database.release) <= 10:
        rows += " UNION ALL SELECT id FROM archive WHERE name = %(queue)s"
    return {str(job) for (job,) in database.execute(rows, {"queue": queue})}


def nothing_alarms(history: History) -> None:
    assert alarms(history.report) == []
    assert len(jobs_of(history.database, "tick")) >= 3, "the schedule did run"


def traffic_was_honest_and_seen(history: History) -> None:
    """The silence above means something only if there was something to be silent about."""
    reruns = {one.queue: one.count for one in history.report.findings if one.code == "DUP16"}
    assert reruns["mends"] >= 3
    states = dict(history.database.execute("SELECT state::text, count(*) FROM job GROUP BY 1"))
    assert states["failed"] >= 5
    assert {"created", "cancelled"} <= set(states)
    if generation(history.database.release) <= 10:
        assert history.database.value("SELECT count(*) FROM archive WHERE name = '__pgboss__send-it'") >= 1


@pytest.mark.head_start
@pytest.mark.timeout(SECONDS + 180)
@pytest.mark.parametrize(
    "releases",
    [pytest.param((*BROKEN, NEWEST), id="few"), pytest.param(RELEASES, id="all", marks=pytest.mark.matrix)],
)
async def test_three_minutes_of_every_minute(
    database: DatabaseFactory, boss: BossFactory, releases: tuple[str, ...]
) -> None:
    async def history(release: str) -> History:
        db = database(release)
        one = await boss(db, **options_of(release))
        await live(one)
        return History(db, await diagnose(db))

    made = dict(zip(releases, await asyncio.gather(*map(history, releases)), strict=True))
    wrong = [
        f"pg-boss {release}, {check.__name__}: {error}"
        for release, one in made.items()
        for check in (doubled_minutes_are_found if release in BROKEN else nothing_alarms, traffic_was_honest_and_seen)
        if (error := failure(check, one))
    ]
    assert wrong == []


def failure(check: Check, history: History) -> str | None:
    try:
        check(history)
    except AssertionError as error:
        return str(error) or repr(error)
    return None

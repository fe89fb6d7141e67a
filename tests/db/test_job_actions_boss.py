"""After each action a real pg-boss of that release maintains the schema and works the jobs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import BossFactory, DatabaseFactory
from tests.support.acting import act
from tests.support.aging import age
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.releases import ALL_RELEASES, NEWEST, every, generation
from tests.support.waiting import eventually

RELEASES = ("9.0.3", "10.4.2", "11.1.2", "12.27.0", NEWEST)
DAY = 86400


def state(db: Database, job: str) -> str | None:
    found = db.execute("SELECT state::text FROM job WHERE id = %s", [job])
    return found[0][0] if found else None


async def sent(boss: Boss, data: Any, **options: Any) -> str:
    job = await boss.send("work", data, **options)
    assert job is not None
    return job


async def fetched(boss: Boss, data: Any, **options: Any) -> str:
    """An active job."""
    job = await sent(boss, data, **options)
    assert [one["id"] for one in await boss.fetch("work")] == [job]
    return job


def healthy(boss: Boss) -> None:
    assert [one for one in boss.events if one.name == "error"] == []
    assert boss.stderr == ""


@pytest.mark.parametrize("release", every(ALL_RELEASES, ("10.4.2", NEWEST)))
async def test_pgboss_works_what_was_acted_on(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    passes: dict[str, Any] = (
        {"monitorIntervalSeconds": 1, "maintenanceIntervalSeconds": 1} if generation(release) >= 11 else {}
    )
    one = await boss(db, **passes)
    queues = generation(release) >= 10
    if queues:
        await one.create_queue("work-dead")
    await one.create_queue("work", **({"deadLetter": "work-dead"} if queues else {}))
    failed = [await fetched(one, {"failed": n}, retryLimit=0) for n in range(3)]
    for job in failed:
        await one.fail("work", job, {"message": "no"})
    active = await fetched(one, {"stuck": 1})
    finished = await fetched(one, {"again": 1})
    await one.complete("work", finished, {"done": True})
    cancelled, gone, later = [await sent(one, {"waiting": n}) for n in range(3)]
    await one.cancel("work", [cancelled, gone])
    assert (await act(db, "defer", f"id:{later}", by_seconds=30 * DAY)).changed == 1
    age(db, 30 * DAY, "created_on", "start_after", "started_on", "completed_on", "keep_until", where=f"id <> '{later}'")
    assert (await act(db, "delete", f"id:{gone}")).changed == 1
    assert (await act(db, "resend", f"id:{finished}")).changed == 1
    assert (await act(db, "retry", "queue:work")).changed == 3
    assert (await act(db, "resume", "queue:work")).changed == 1
    assert (await act(db, "retry", "is:stuck")).changed == 1
    if queues:
        # Its dead letters are as old; one of them goes back, and comes again as a job of its own.
        back = await act(db, "redrive", "queue:work-dead", limit=1, to_queue="work")
        assert back.changed == 1
    await one.maintain()
    waiting = [*failed, active, cancelled]
    assert {job: state(db, job) for job in [*waiting, later]} == {
        **dict.fromkeys(failed, "retry"),
        **{active: "retry", cancelled: "created", later: "created"},
    }, "maintenance removed none of them"
    await one.work("work", {"do": "succeed"})
    expected = len(waiting) + 1 + (1 if queues else 0)
    done = "SELECT count(*) FROM job WHERE name = 'work' AND state = 'completed' AND id <> %s"
    await eventually(lambda: db.value(done, [finished]) == expected, 30)
    assert all(state(db, job) == "completed" for job in waiting)
    assert state(db, later) == "created"
    assert (await act(db, "defer", "queue:work", now=True)).changed == 1
    await eventually(lambda: state(db, later) == "completed")
    await one.maintain()
    assert db.value("SELECT count(*) FROM job WHERE name = 'work' AND state <> 'completed'") == 0
    healthy(one)


async def test_the_counters_of_46_are_kept(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database(NEWEST)
    one = await boss(db, monitorIntervalSeconds=1, maintenanceIntervalSeconds=1)
    await one.create_queue("work")
    jobs = [await fetched(one, {"n": n}) for n in range(6)]
    await one.complete("work", jobs[:3])
    await one.cancel("work", jobs[3:5])
    await one.fail("work", jobs[5])
    age(db, 3600, "completed_on", "created_on", "started_on")
    db.execute("UPDATE queue SET monitor_on = NULL, maintain_on = NULL")
    await one.maintain()
    counted = "SELECT total_count, retained_count FROM queue WHERE name = 'work'"
    db.execute("UPDATE queue SET retained_count = 5, retained_on = now() - interval '1 minute', total_count = 6")
    assert (await act(db, "delete", f"id:{jobs[0]}")).changed == 1
    assert db.execute(counted) == [(5, 4)]
    assert (await act(db, "resume", f"id:{jobs[3]}")).changed == 1
    assert db.execute(counted) == [(5, 3)]
    db.execute("UPDATE job SET completed_on = now() WHERE id = %s", [jobs[1]])
    assert (await act(db, "delete", f"id:{jobs[1]}")).changed == 1
    assert db.execute(counted) == [(4, 3)], "it finished after retained_on and was not among them"
    db.execute("UPDATE queue SET retained_count = NULL")
    assert (await act(db, "delete", f"id:{jobs[2]}")).changed == 1
    assert db.execute(counted) == [(3, None)], "not counted yet stays so"


async def test_workers_that_listen_are_woken(database: DatabaseFactory, boss: BossFactory) -> None:
    """pg-boss itself tells nobody of a retry: a worker that polls once an hour would leave it lying."""
    db = database(NEWEST)
    one = await boss(db, useListenNotify=True)
    await one.create_queue("work", notify=True, retryLimit=0)
    failed = await fetched(one, {})
    await one.fail("work", failed)
    cancelled, later = await sent(one, {}), await sent(one, {}, startAfter=3600)
    await one.cancel("work", cancelled)
    await one.work("work", {"do": "succeed"}, pollingIntervalSeconds=3600)
    for action, now, job in (("retry", False, failed), ("resume", False, cancelled), ("defer", True, later)):
        assert (await act(db, action, f"id:{job}", now=now)).changed == 1
        await eventually(lambda job=job: state(db, job) == "completed", 20)
    assert (await act(db, "resend", f"id:{failed}")).changed == 1
    await eventually(lambda: db.value("SELECT count(*) FROM job WHERE state = 'completed'") == 4, 20)

"""A healthy application is no alarm: real workers, honest traffic, and the doctor asked again and again."""

from __future__ import annotations

import asyncio

import pytest

from bossctl.models.findings import Report
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.aging import age
from tests.support.database import Database
from tests.support.diagnosis import alarms, diagnose
from tests.support.proof import judge
from tests.support.releases import NEWEST, generation
from tests.support.traffic import Traffic
from tests.support.waiting import eventually

matrix = pytest.mark.matrix
SECONDS = 18
LONGER = 70
PAUSE_SECONDS = 2
OTHERS = ("8.4.2", "9.0.3", "10.1.6", "10.4.2", "11.0.8", "11.1.2", "12.0.0", "12.5.4", "12.12.0", "12.27.0", NEWEST)


async def traffic(database: Database, boss: BossFactory, seconds: float) -> None:
    """Let traffic run so long, and ask the doctor meanwhile, when all has been worked off, and after the stop."""
    run = Traffic(database, boss)
    await run.begin()
    looks: list[Report] = []
    going = asyncio.create_task(run.go_on(seconds))
    while not going.done():
        looks.append(await diagnose(database))
        await asyncio.wait([going], timeout=PAUSE_SECONDS)
    await going
    due = "SELECT count(*) FROM job WHERE state < 'completed' AND name <> 'later' AND left(name, 2) <> '__'"
    start = "startafter" if generation(database.release) < 10 else "start_after"
    await eventually(lambda: database.value(f"{due} AND {start} < now()") == 0, 60)
    looks.append(await diagnose(database))
    since_last_night(database)
    looks.append(await diagnose(database))
    await run.end()
    looks.append(await diagnose(database))
    was_busy(run, looks[-1])
    said = sorted({alarm for look in looks for alarm in alarms(look)})
    what = f"healthy traffic, {seconds:.0f} s, {len(looks)} looks"
    worst = next((look for look in looks if alarms(look)), looks[-1])
    judge(worst, "healthy", what, database.release, ())
    assert said == []


def since_last_night(database: Database) -> None:
    """All that has ended did so six hours ago, and the processes have been idle since."""
    times = ("created_on", "started_on", "completed_on", "start_after")
    age(database, 6 * 3600, *times, where="left(name, 2) <> '__' AND state >= 'completed'")


def was_busy(run: Traffic, last: Report) -> None:
    """The silence means something only if there was something to be silent about."""
    database = run.database
    everywhere = "SELECT name, state::text AS state FROM job"
    if generation(database.release) <= 10:
        everywhere += " UNION ALL SELECT name, state::text FROM archive"
    states = dict(database.execute(f"SELECT state, count(*) FROM ({everywhere}) AS j GROUP BY 1"))
    assert states["completed"] > 5 * run.rounds
    assert states["failed"] >= run.rounds / 2
    assert states["cancelled"] >= 1
    assert run.refused >= run.rounds / 2
    worked = {name for (name,) in database.execute(f"SELECT DISTINCT name FROM ({everywhere}) AS j")}
    assert {*run.present(("short", "exclusive", "key_strict_fifo", "steps", "long")), "tick"} <= worked
    told = {one.code for one in last.findings}
    assert "DUP16" in told, "honest retries are there"


@pytest.mark.timeout(240)
async def test_healthy_traffic_of_the_newest(database: DatabaseFactory, boss: BossFactory) -> None:
    await traffic(database(NEWEST), boss, SECONDS)


@matrix
@pytest.mark.timeout(400)
@pytest.mark.parametrize("release", OTHERS)
async def test_healthy_traffic(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    await traffic(database(release), boss, LONGER)

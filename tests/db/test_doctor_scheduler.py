"""STK08 and STK13: schedulers that work, died, or send what nobody takes."""

from __future__ import annotations

from typing import Any

import pytest

from bossctl.models.findings import Certainty, Severity
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.aging import age
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.diagnosis import alarms, diagnose, found
from tests.support.releases import NEWEST, ONE_PER_GENERATION, every
from tests.support.waiting import eventually

SENDS = "SELECT count(*) FROM job WHERE name = '__pgboss__send-it'"


async def scheduling(boss: BossFactory, database: Database, **options: Any) -> Boss:
    one = await boss(database, schedule=True, cronMonitorIntervalSeconds=1, **options)
    for queue in ("tick", "hourly"):
        await one.create_queue(queue)
    return one


def scheduled_since(database: Database, seconds: float) -> None:
    database.execute(
        "UPDATE schedule SET created_on = created_on - make_interval(secs => %(s)s),"
        " updated_on = updated_on - make_interval(secs => %(s)s)",
        {"s": seconds},
    )


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("9.0.3", NEWEST)))
async def test_a_scheduler_that_died(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await scheduling(boss, db)
    await one.schedule("hourly", "0 * * * *")
    await eventually(lambda: db.value("SELECT cron_on FROM version"))
    scheduled_since(db, 7200)
    assert await found(db, "STK08") == [], "nothing was ever sent, so nobody knows what should have been"
    await one.stop()
    db.execute("UPDATE version SET cron_on = now() - interval '1 hour'")
    [finding] = await found(db, "STK08")
    assert (finding.severity, finding.queue, finding.subject, finding.count) == (Severity.ERROR, None, "cron", 1)
    assert "the last pass was 1h ago" in finding.message
    assert finding.certainty is (Certainty.PROVEN if release == "12.38.0" else Certainty.LIKELY)
    assert finding.remedy.command == "bossctl schedule list"
    db.execute("DELETE FROM schedule")
    assert await found(db, "STK08") == [], "without schedules nobody need pass over them"


@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("9.0.3", NEWEST)))
async def test_a_schedule_of_which_slots_are_missing(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await scheduling(boss, db)
    await one.schedule("tick", "* * * * *")
    await eventually(lambda: db.value(SENDS) > 0, seconds=70)
    await one.schedule("hourly", "30 * * * *", tz="Europe/Berlin")
    assert alarms(await diagnose(db, "STK08", "STK13")) == [], "both were only just set"
    scheduled_since(db, 5 * 3600)
    age(db, 5 * 3600, "created_on", where="name = '__pgboss__send-it'")
    cases = {case.queue: case for case in await found(db, "STK08")}
    assert set(cases) == {"tick", "hourly"}
    assert cases["hourly"].count in (4, 5)
    assert (cases["hourly"].severity, cases["hourly"].certainty) == (Severity.ERROR, Certainty.LIKELY)
    assert "of the schedule of queue hourly (30 * * * *) sent no job" in cases["hourly"].message
    assert cases["tick"].count > 50
    db.execute("DELETE FROM schedule WHERE name = 'tick'")
    scheduled_since(db, -5 * 3600)
    assert await found(db, "STK08") == [], "what was set a moment ago has missed nothing"


@pytest.mark.parametrize("release", every(("10.4.2", "11.1.2", NEWEST), ("10.4.2",)))
async def test_sends_that_nobody_takes(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await scheduling(boss, db, cronWorkerIntervalSeconds=45)
    await one.schedule("tick", "* * * * *")
    await eventually(lambda: db.value(f"{SENDS} AND state = 'created'") > 0, seconds=70)
    await one.die()
    assert await found(db, "STK13") == []
    age(db, 600, "created_on", "start_after", "started_on", where="name = '__pgboss__send-it'")
    [finding] = await found(db, "STK13")
    assert (finding.severity, finding.certainty) == (Severity.ERROR, Certainty.PROVEN)
    assert finding.queue == "__pgboss__send-it"
    assert "the oldest was made 10m" in finding.message
    assert await found(db, "STK03", "__pgboss__send-it") == []
    await scheduling(boss, db)
    await eventually(lambda: db.value(f"{SENDS} AND state = 'created'") == 0)
    assert await found(db, "STK13") == []

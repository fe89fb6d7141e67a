"""DUP14 on sends that real schedulers made; the cron they are compared with is changed afterwards."""

from __future__ import annotations

import pytest

from bossctl.models.findings import Certainty, Severity
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.aging import job_column
from tests.support.database import Database
from tests.support.diagnosis import found
from tests.support.releases import NEWEST, every
from tests.support.waiting import eventually

BEFORE = "now() - interval '1 day'"


async def sent_once(db: Database, boss: BossFactory) -> None:
    """Let a scheduler send once."""
    one = await boss(db, schedule=True, cronMonitorIntervalSeconds=1, cronWorkerIntervalSeconds=1)
    await one.create_queue("tick")
    await one.schedule("tick", "* * * * *", {"tick": True})
    sends = "SELECT count(*) FROM job WHERE name = '__pgboss__send-it'"
    await eventually(lambda: db.value(sends) >= 1, 40)
    await one.stop()
    first = f"SELECT id FROM job WHERE name = '__pgboss__send-it' ORDER BY {job_column(db, 'singleton_on')} LIMIT 1"
    db.execute(f"DELETE FROM job WHERE name = '__pgboss__send-it' AND id <> ({first})")


def is_due(db: Database, minutes_from_sent: int) -> None:
    """Let the schedule be due at the minute that lies so far from the one that was sent."""
    slot = job_column(db, "singleton_on")
    db.execute(
        f"UPDATE schedule SET updated_on = {BEFORE}, cron = (SELECT to_char({slot} + %s * interval '1 minute',"
        f" 'FMMI FMHH24') || ' * * *' FROM job WHERE name = '__pgboss__send-it' ORDER BY {slot} LIMIT 1)",
        [minutes_from_sent],
    )


@pytest.mark.parametrize("release", every(("9.0.3", "10.4.2", "12.30.0", NEWEST), ("10.4.2", "12.30.0")))
async def test_a_send_in_a_minute_that_has_no_occurrence(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    await sent_once(db, boss)
    assert await found(db, "DUP14") == []
    is_due(db, 0)
    assert await found(db, "DUP14") == []
    is_due(db, 30)
    [finding] = await found(db, "DUP14")
    assert (finding.queue, finding.severity, finding.certainty) == ("tick", Severity.WARNING, Certainty.LIKELY)
    assert (finding.count, finding.subject) == (1, "schedule  off slot")
    is_due(db, -1)
    [moved] = await found(db, "DUP14")
    assert (moved.severity, moved.subject) == (Severity.INFO, "schedule  moved")
    db.execute("UPDATE schedule SET updated_on = now() + interval '1 minute', cron = '0 0 1 1 *'")
    assert await found(db, "DUP14") == [], "what was changed since is not compared"


async def test_an_occurrence_sent_in_its_minute_and_in_the_next(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.27.0")
    await sent_once(db, boss)
    db.execute(
        "INSERT INTO job (name, data, state, singleton_key, singleton_on, created_on, policy)"
        " SELECT name, data, state, singleton_key, singleton_on + interval '1 minute', created_on, policy FROM job"
        " WHERE name = '__pgboss__send-it'"
    )
    is_due(db, 0)
    [finding] = await found(db, "DUP14")
    assert (finding.severity, finding.count) == (Severity.WARNING, 1)
    assert "was sent 1 time of 2 in minutes for which it has no occurrence" in finding.message

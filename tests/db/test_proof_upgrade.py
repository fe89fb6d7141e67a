"""An upgrade in place from 11.1.2 to 12.38.0: the indexes its background migrations build are no alarm."""

from __future__ import annotations

import asyncio

import psycopg

from bossctl.models.findings import Report, Severity, Status
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.diagnosis import alarms, diagnose
from tests.support.proof import judge
from tests.support.waiting import eventually

LOOKING = ("DUP06", "DUP07", "SCH02", "SCH03")
UNFINISHED = "SELECT count(*) FROM bam WHERE status <> 'completed'"
AT_WORK = "SELECT count(*) FROM bam WHERE status = 'in_progress'"


def told(report: Report, code: str) -> list[Severity]:
    return [one.severity for one in report.findings if one.code == code]


async def test_an_upgrade_in_place_while_bam_works(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("11.1.2")
    old = await boss(db)
    await old.create_queue("mail", policy="exclusive")
    await old.create_queue("solo", policy="singleton", partition=True)
    for queue in ("mail", "solo"):
        for number in range(20):
            await old.send(queue, {"n": number}, singletonKey=str(number))
        await old.fetch(queue)
    assert alarms(await diagnose(db, *LOOKING)) == []
    # CREATE INDEX CONCURRENTLY waits for every older snapshot, so this one keeps the migration at work.
    with psycopg.connect(db.dsn) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT 1")
        await boss(db, release="12.38.0", supervise=True)
        await eventually(lambda: db.value(AT_WORK) == 1, 30)
        held = await diagnose(db)
        judge(held, "upgrade", "11.1.2 to 12.38.0, bam at work", "12.38.0", (), absent=("DUP06", "SCH03"))
        assert set(told(held, "SCH02")) == set(told(held, "DUP07")) == {Severity.INFO}
    looks = 0
    while db.value(UNFINISHED):
        report = await diagnose(db, *LOOKING)
        assert alarms(report) == []
        looks += 1
        await asyncio.sleep(0)
    assert looks >= 1
    done = await diagnose(db)
    judge(done, "upgrade", "11.1.2 to 12.38.0, bam done", "12.38.0", (), absent=LOOKING)
    assert {check.status for check in done.checks if check.code in LOOKING} == {Status.PASS}

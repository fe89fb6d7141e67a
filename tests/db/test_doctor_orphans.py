"""STK10: what is left when somebody deletes a queue's row."""

from __future__ import annotations

import pytest

from bossctl.models.findings import Certainty, Severity
from tests.conftest import BossFactory, DatabaseFactory, SeededFactory
from tests.support.diagnosis import diagnose, found


@pytest.mark.parametrize("release", ["10.4.2", "11.1.2", "12.38.0"])
async def test_a_queue_row_deleted_by_hand(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    own = {} if release == "10.4.2" else {"partition": True}
    await one.create_queue("gone", **own)
    await one.create_queue("shared")
    assert await found(db, "STK10") == []
    table = "partition_name" if release == "10.4.2" else "table_name"
    partition = db.value(f"SELECT {table} FROM queue WHERE name = 'gone'")
    await one.send("shared", {})
    db.execute("DELETE FROM queue WHERE name = 'gone'")
    [finding] = await found(db, "STK10")
    assert (finding.severity, finding.certainty) == (Severity.ERROR, Certainty.PROVEN)
    assert finding.subject == f"partition {partition}"
    assert "('gone')" in finding.message


@pytest.mark.parametrize("release", ["11.1.2", "12.38.0"])
async def test_jobs_whose_queue_is_gone(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    for queue in ("a", "m", "z"):
        await one.create_queue(queue)
        await one.send(queue, {})
    db.execute("ALTER TABLE job_common DROP CONSTRAINT q_fkey")
    db.execute("DELETE FROM queue WHERE name IN ('a', 'z')")
    cases = await found(db, "STK10")
    assert [(case.queue, case.count, case.subject) for case in cases] == [("a", 1, "no queue"), ("z", 1, "no queue")]
    assert cases[0].remedy.command == "bossctl queue ensure a"


@pytest.mark.parametrize("release", ["10.4.2", "11.1.2", "12.38.0"])
async def test_nothing_is_orphaned_in_a_rich_database(seeded: SeededFactory, release: str) -> None:
    assert await found(seeded(release), "STK10") == []


async def test_there_are_no_queues_before_10(database: DatabaseFactory) -> None:
    [check] = (await diagnose(database("9.0.3"), "STK10")).checks
    assert (check.reason or "").startswith("era ")

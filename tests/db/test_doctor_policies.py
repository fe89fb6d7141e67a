"""DUP06 and DUP07: the unique indexes of every release, what happens without them, and upgrades in place."""

from __future__ import annotations

import pytest

from bossctl.models.findings import Certainty, Severity
from tests.conftest import BossFactory, DatabaseFactory, SeededFactory
from tests.support.database import Database
from tests.support.diagnosis import alarms, diagnose, found
from tests.support.releases import ALL_RELEASES, NEWEST, every, generation


def tables_of(database: Database, queue: str) -> str:
    """The table that holds a queue's jobs."""
    if generation(database.release) < 10:
        return "job"
    column = "partition_name" if generation(database.release) == 10 else "table_name"
    return database.value(f"SELECT {column} FROM queue WHERE name = %s", [queue])


def index_of(database: Database, table: str, suffix: str) -> str:
    """The name of an index of a table."""
    return database.value(
        "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE i.indrelid = %s::regclass AND c.relname LIKE %s",
        [f"{database.schema}.{table}", f"%\\_{suffix}"],
    )


@pytest.mark.parametrize("release", every(ALL_RELEASES))
async def test_every_release_has_its_unique_indexes(seeded: SeededFactory, release: str) -> None:
    report = await diagnose(seeded(release), "DUP06", "DUP07")
    assert [finding.message for finding in report.findings] == []
    assert {check.reason for check in report.checks} == {None}


@pytest.mark.parametrize("release", every(("10.4.2", "11.1.2", "12.27.0", NEWEST), ("10.4.2", NEWEST)))
async def test_two_active_jobs_of_one_key_without_the_index(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one, two = await boss(db), await boss(db)
    await one.create_queue("solo", policy="singleton")
    await one.create_queue("plain")
    table = tables_of(db, "solo")
    index = index_of(db, table, "i2")
    db.execute(f"DROP INDEX {index}")
    jobs = {await one.send("solo", {"n": number}, singletonKey="a") for number in range(2)}
    for worker in (one, two):
        await worker.fetch("solo")
    [missing] = await found(db, "DUP07")
    assert (missing.severity, missing.certainty) == (Severity.ERROR, Certainty.PROVEN)
    assert f"the unique index {index} on {table}" in missing.message
    assert "is missing; 1 queue relies on it: solo" in missing.message
    assert missing.queue == ("solo" if release == "10.4.2" else None)
    broken = await found(db, "DUP06")
    if release == "12.38.0":
        assert broken == [], "12.38 looks itself before it fetches"
    else:
        [finding] = broken
        assert (finding.severity, finding.certainty, finding.queue) == (Severity.ERROR, Certainty.PROVEN, "solo")
        assert set(finding.jobs) == jobs
        assert finding.evidence[0]["key"] == "a"
        assert "2 jobs of queue solo share 1 slot of the policy singleton" in finding.message
    db.execute("UPDATE job SET state = 'cancelled' WHERE id = %s", [min(str(job) for job in jobs)])
    statement = missing.remedy.text.partition(";")[0]
    db.execute(f"{statement.replace('CONCURRENTLY ', '')}")  # within the test's own session nothing else runs
    assert await found(db, "DUP07") == []
    assert await found(db, "DUP06") == []


@pytest.mark.parametrize(("release", "suffix"), [("9.0.3", "singletonkeyon"), ("10.4.2", "i4"), ("12.38.0", "i4")])
async def test_a_throttle_without_its_index(
    database: DatabaseFactory, boss: BossFactory, release: str, suffix: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    table = tables_of(db, "mail")
    first = await one.send("mail", {"n": 1}, singletonSeconds=3600, singletonKey="a")
    second = await one.send("mail", {"n": 2}, singletonKey="b")
    db.execute(f"DROP INDEX {index_of(db, table, suffix)}")
    named = [name.replace("_", "") if release == "9.0.3" else name for name in ("singleton_on", "singleton_key")]
    db.execute(
        f"UPDATE job SET ({named[0]}, {named[1]}) = (SELECT {named[0]}, {named[1]} FROM job WHERE id = %s)"
        " WHERE id = %s",
        [first, second],
    )
    [missing] = await found(db, "DUP07")
    assert missing.severity is Severity.ERROR
    [finding] = await found(db, "DUP06")
    assert (finding.queue, finding.subject, set(finding.jobs)) == ("mail", "throttle", {first, second})


async def test_a_singleton_key_without_its_index_on_9(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("9.0.3")
    one = await boss(db)
    db.execute("DROP INDEX job_singletonkey")
    db.execute("INSERT INTO job (name, singletonkey) SELECT 'mail', 'a' FROM generate_series(1, 3)")
    [finding] = await found(db, "DUP06")
    assert (finding.queue, finding.subject, finding.count) == ("mail", "singleton key", 3)
    assert await one.fetch("mail")


async def test_an_index_that_no_queue_needs_or_that_has_a_name_of_its_own(
    database: DatabaseFactory, boss: BossFactory
) -> None:
    db = database("12.38.0")
    one = await boss(db)
    await one.create_queue("mail")
    db.execute("DROP INDEX job_common_i3")
    [finding] = await found(db, "DUP07")
    assert finding.severity is Severity.INFO
    assert "no queue of the table has that policy now" in finding.message
    db.execute(
        "CREATE UNIQUE INDEX ours ON job_common (name, state, coalesce(singleton_key, ''))"
        " WHERE state <= 'active' AND policy = 'stately'"
    )
    assert await found(db, "DUP07") == []


async def test_an_own_table_and_an_index_that_is_not_valid(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.38.0")
    one = await boss(db)
    await one.create_queue("solo", policy="short", partition=True)
    assert await found(db, "DUP07") == []
    index = index_of(db, tables_of(db, "solo"), "i1")
    db.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", [f"pgboss.{index}"])
    [finding] = await found(db, "DUP07")
    assert (finding.queue, finding.severity) == ("solo", Severity.ERROR)
    assert "is not valid" in finding.message
    assert finding.remedy.text.startswith(f'DROP INDEX CONCURRENTLY "pgboss"."{index}"')


async def test_an_upgrade_in_place_is_quiet_while_its_indexes_are_built(
    database: DatabaseFactory, boss: BossFactory
) -> None:
    db = database("11.1.2")
    old = await boss(db)
    await old.create_queue("mail")
    await old.create_queue("solo", policy="singleton", partition=True)
    await old.stop()
    upgrading = await boss(db, release="12.38.0")
    await upgrading.die()
    assert db.value("SELECT count(*) FROM bam WHERE status <> 'completed'") > 0
    report = await diagnose(db, "DUP06", "DUP07")
    assert alarms(report) == []
    building = [finding for finding in report.findings if finding.code == "DUP07"]
    assert {finding.evidence[0]["state"] for finding in building} == {"being built"}


async def test_an_index_whose_building_failed_is_an_error(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.38.0")
    one = await boss(db)
    await one.create_queue("ledger", policy="key_strict_fifo")
    db.execute("DROP INDEX job_common_i8")
    db.execute(
        "INSERT INTO bam (name, version, status, table_name, command, error) VALUES ('fifo', 28, 'failed',"
        " 'job_common', 'CREATE UNIQUE INDEX CONCURRENTLY job_common_i8 ON pgboss.job_common (name)', 'disk full')"
    )
    [finding] = await found(db, "DUP07")
    assert finding.severity is Severity.ERROR
    assert "its background migration failed: disk full" in finding.message
    db.execute("UPDATE bam SET status = 'pending'")
    [finding] = await found(db, "DUP07")
    assert (finding.severity, finding.evidence[0]["state"]) == (Severity.INFO, "being built")

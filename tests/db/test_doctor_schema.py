"""SCH02, SCH03 and SCH06: indexes taken away or left half-built, upgrades under way, and a clock left behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha224

import psycopg
import pytest

from bossctl.models.findings import Certainty, Finding, Severity, Status
from bossctl.sql.job_indexes import PLAIN
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.diagnosis import alarms, diagnose, found
from tests.support.releases import ONE_PER_GENERATION, ONE_PER_SCHEMA, at_least, every, generation
from tests.support.waiting import eventually

FETCH_INDEX = {"9.0.3": "job_fetch", "11.1.2": "job_i5", "12.27.0": "job_common_i5", "12.38.0": "job_common_i11"}


def partition_of(queue: str) -> str:
    return f"j{sha224(queue.encode()).hexdigest()}"


def policies(release: str) -> list[str]:
    modern = [("exclusive", "11.1"), ("key_strict_fifo", "12.10")]
    later = [name for name, since in modern if at_least(release, since)]
    return ["standard", "short", "singleton", "stately", *later]


async def partitions(boss: Boss) -> None:
    """One queue of each policy, with a table of its own where the release can give it one."""
    own = {"partition": True} if generation(boss.release) >= 11 else {}
    for policy in policies(boss.release):
        await boss.create_queue(f"own-{policy}", policy=policy, **own)


@pytest.mark.parametrize("release", every([*ONE_PER_SCHEMA, "11.0.0"]))
async def test_every_release_has_its_indexes_and_each_one_that_goes_is_missed(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    if generation(release) >= 10:
        await partitions(await boss(db))
    assert await found(db, "SCH02") == []
    plain = [
        str(name)
        for (name,) in db.execute(
            "SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
            " WHERE c.relnamespace = %s::regnamespace AND NOT i.indisunique"
            " AND c.relkind = 'r' AND c.relname ~ '^(job|job_common|j[0-9a-f]{56})$'",
            [db.schema],
        )
    ]
    assert plain
    for name in plain:
        db.execute(f"DROP INDEX {name}")
    findings = await found(db, "SCH02")
    assert {one.subject.removeprefix("missing index ") for one in findings} == set(plain)
    assert {one.certainty for one in findings} == {Certainty.PROVEN}


@pytest.mark.parametrize("release", FETCH_INDEX)
async def test_a_lost_fetch_index_and_the_statement_that_brings_it_back(
    database: DatabaseFactory, release: str
) -> None:
    db = database(release)
    name = FETCH_INDEX[release]
    before = db.value("SELECT pg_get_indexdef(%s::regclass)", [name])
    db.execute(f"DROP INDEX {name}")
    [finding] = await found(db, "SCH02")
    assert (finding.severity, finding.queue, finding.count) == (Severity.ERROR, None, 1)
    assert finding.evidence[0]["index"] == name
    db.execute(finding.remedy.text.partition(";")[0])
    assert db.value("SELECT pg_get_indexdef(%s::regclass)", [name]) == before
    assert await found(db, "SCH02") == []


async def test_a_lost_index_of_one_partition_names_its_queue(database: DatabaseFactory, boss: BossFactory) -> None:
    for release, suffix in (("10.4.2", "i5"), ("12.38.0", "i10")):
        db = database(release)
        one = await boss(db)
        options = {} if release == "10.4.2" else {"policy": "key_strict_fifo", "partition": True}
        await one.create_queue("mail", **options)
        db.execute(f"DROP INDEX {partition_of('mail')}_{suffix}")
        [finding] = await found(db, "SCH02")
        assert (finding.queue, finding.severity) == ("mail", Severity.ERROR)
        db.execute(finding.remedy.text.partition(";")[0])
        assert await found(db, "SCH02") == []


async def test_the_same_columns_under_another_name_will_do(database: DatabaseFactory) -> None:
    db = database("12.38.0")
    db.execute("ALTER INDEX job_common_i11 RENAME TO fetch_by_priority")
    assert await found(db, "SCH02") == []


@contextmanager
def old_snapshot(database: Database) -> Iterator[None]:
    """A transaction that looks at an old state and does not end: an index being built waits for it."""
    with psycopg.connect(database.dsn) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT count(*) FROM pg_class")
        yield
        connection.rollback()


async def test_a_broken_off_reindex_leaves_an_index_that_only_costs(
    database: DatabaseFactory, boss: BossFactory
) -> None:
    for release in ("10.4.2", "12.38.0"):
        db = database(release)
        one = await boss(db)
        await one.create_queue("mail")
        table = partition_of("mail") if release == "10.4.2" else "job_common"
        suffix = "i5" if release == "10.4.2" else "i11"
        with old_snapshot(db), psycopg.connect(db.dsn, autocommit=True) as connection:
            connection.execute("SET statement_timeout = '300ms'")
            with pytest.raises(psycopg.errors.QueryCanceled):
                connection.execute(f"REINDEX INDEX CONCURRENTLY pgboss.{table}_{suffix}".encode())
        [finding] = await found(db, "SCH02")
        assert (finding.severity, finding.certainty) == (Severity.WARNING, Certainty.PROVEN)
        assert finding.subject.startswith(f"leftover index {table}_")
        assert finding.subject.endswith("_ccnew")
        db.execute(finding.remedy.text.partition(";")[0])
        assert await found(db, "SCH02") == []


async def test_an_invalid_fetch_index_is_an_error(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("11.1.2")
    one = await boss(db)
    await one.create_queue("mail")
    db.execute("DROP INDEX job_i5")
    with old_snapshot(db), psycopg.connect(db.dsn, autocommit=True) as connection:
        connection.execute("SET statement_timeout = '300ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("CREATE INDEX CONCURRENTLY job_i5 ON pgboss.job_common (name, start_after)")
    [finding] = await found(db, "SCH02")
    assert (finding.severity, finding.subject) == (Severity.ERROR, "invalid index job_i5")
    db.execute(finding.remedy.text.partition(";")[0])
    assert await found(db, "SCH02") == []


def statuses(database: Database) -> dict[str, int]:
    return dict(database.execute("SELECT status, count(*) FROM bam GROUP BY 1"))


def of(findings: tuple[Finding, ...], code: str) -> list[Finding]:
    return [one for one in findings if one.code == code]


async def test_an_upgrade_in_place_is_quiet_while_its_indexes_are_built(
    database: DatabaseFactory, boss: BossFactory
) -> None:
    """11.1.2 to 12.38.0 in place: 50 background migrations, held up by an old snapshot, then let go."""
    db = database("11.1.2")
    old = await boss(db)
    await old.create_queue("mail")
    for policy in ("standard", "short", "stately"):
        await old.create_queue(f"own-{policy}", policy=policy, partition=True)
    await old.send("mail", {"n": 1})
    await old.stop()
    with old_snapshot(db):
        new = await boss(db, release="12.38.0", migrate=True, supervise=True)
        await eventually(lambda: statuses(db).get("in_progress"))
        report = await diagnose(db)
        [building] = of(report.findings, "SCH02")
        assert (building.severity, building.subject) == (Severity.INFO, "building")
        assert building.count >= 19
        assert "still building" in building.message
        assert of(report.findings, "SCH03") == []
        assert of(report.findings, "DUP07") == [] or {one.severity for one in of(report.findings, "DUP07")} == {
            Severity.INFO
        }
        assert alarms(report) == []
    await eventually(lambda: set(statuses(db)) == {"completed"}, 30)
    report = await diagnose(db, "SCH")
    assert [one for one in report.findings if one.code in ("SCH02", "SCH03")] == []
    assert new.process.returncode is None


async def abandoned(database: Database, boss: BossFactory, release: str) -> None:
    """An upgrade from 11.1.2 whose process dies while it builds an index."""
    old = await boss(database)
    await old.create_queue("mail")
    await old.send("mail", {"n": 1})
    await old.stop()
    with old_snapshot(database):
        new = await boss(database, release=release, migrate=True)
        await eventually(lambda: statuses(database).get("in_progress") == 1)
        await new.die()
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query ILIKE '%%create%%index concurrently%%'"
            " AND pid <> pg_backend_pid()"
        )
        await eventually(
            lambda: (
                database.value(
                    "SELECT count(*) FROM pg_stat_activity WHERE query ILIKE '%%index concurrently%%'"
                    " AND datname = current_database() AND pid <> pg_backend_pid()"
                )
                == 0
            )
        )


@pytest.mark.parametrize("release", ["12.8.0", "12.38.0"])
async def test_a_migration_whose_process_died(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database("11.1.2")
    await abandoned(db, boss, release)
    assert await found(db, "SCH03") == [], "5 minutes have not passed"
    db.execute("UPDATE bam SET started_on = started_on - interval '20 minutes' WHERE status = 'in_progress'")
    [finding] = await found(db, "SCH03")
    assert (finding.severity, finding.certainty, finding.count) == (Severity.WARNING, Certainty.PROVEN, 1)
    assert finding.subject == "abandoned group_concurency_index"
    assert ("never takes it up again" in finding.remedy.text) == (release == "12.8.0")
    if release == "12.8.0":
        db.execute("UPDATE version SET bam_on = NULL")
        await boss(db, release=release)
        await eventually(lambda: db.value("SELECT bam_on FROM version") is not None)
        assert statuses(db)["in_progress"] == 1, "the row blocks all others"
        assert len(await found(db, "SCH03")) == 1


async def test_migrations_that_wait_for_nobody(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.38.0")
    db.execute(
        "INSERT INTO bam (name, version, status, table_name, command)"
        " VALUES ('live_index_build', 46, 'pending', 'job_common',"
        " 'CREATE INDEX CONCURRENTLY IF NOT EXISTS job_common_i14 ON pgboss.job_common (name)')"
    )
    db.execute("DROP INDEX job_common_i14")
    assert await found(db, "SCH03") == []
    db.execute("UPDATE bam SET created_on = now() - interval '1 hour'")
    [finding] = await found(db, "SCH03")
    assert (finding.certainty, finding.count, finding.subject) == (Certainty.LIKELY, 1, "waiting")
    [building] = await found(db, "SCH02")
    assert (building.severity, building.subject) == (Severity.INFO, "building")
    db.execute("UPDATE version SET bam_on = now()")
    assert await found(db, "SCH03") == []


async def test_a_failed_migration_shows_its_error_and_the_index_is_missing(database: DatabaseFactory) -> None:
    db = database("12.27.0")
    db.execute("DROP INDEX job_common_i9")
    db.execute(
        "INSERT INTO bam (name, version, status, table_name, command, error)"
        " VALUES ('flow_resolver_index', 33, 'failed', 'job_common',"
        " 'CREATE INDEX CONCURRENTLY IF NOT EXISTS job_common_i9 ON pgboss.job_common (name, id)', 'disk is full')"
    )
    [failed] = await found(db, "SCH03")
    assert (failed.severity, failed.certainty) == (Severity.WARNING, Certainty.PROVEN)
    assert "disk is full" in failed.message
    [missing] = await found(db, "SCH02")
    assert missing.severity is Severity.ERROR
    assert "disk is full" in missing.message


@pytest.mark.parametrize("release", ONE_PER_GENERATION)
async def test_where_there_are_no_background_migrations_or_clock_it_says_so(
    database: DatabaseFactory, release: str
) -> None:
    report = await diagnose(database(release), "SCH03", "SCH06")
    skipped = {one.code for one in report.checks if one.status is Status.SKIPPED}
    assert skipped == (set() if release == "12.38.0" else {"SCH03", "SCH06"})
    assert all(re.match("era .* 12.*", one.reason) for one in report.checks if one.reason)


async def test_a_test_clock_that_was_left_behind(database: DatabaseFactory) -> None:
    """The body is the one that 12.38's TestClock installs."""
    db = database("12.38.0")
    assert await found(db, "SCH06") == []
    db.execute("CREATE TABLE __pgboss_test_clock (now timestamptz)")
    body = (
        "SELECT COALESCE(CASE WHEN current_setting('pgboss.test_clock', true) = 'on'"
        " THEN (SELECT c.now FROM pgboss.__pgboss_test_clock c LIMIT 1) END, pg_catalog.now());"
    )
    db.execute(
        f"CREATE OR REPLACE FUNCTION job_now() RETURNS timestamptz LANGUAGE sql STABLE AS $clock$ {body} $clock$"
    )
    [finding] = await found(db, "SCH06")
    assert (finding.severity, finding.certainty) == (Severity.ERROR, Certainty.PROVEN)


def test_the_plan_names_each_index_once_per_schema_number() -> None:
    for number in range(20, 47):
        suffixes = [one.suffix for one in PLAIN if one.first <= number <= one.last]
        assert len(suffixes) == len(set(suffixes))
        assert suffixes

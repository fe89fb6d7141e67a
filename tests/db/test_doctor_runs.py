"""Whole runs of the doctor: every release, what a run refuses to look at, and how far it looks."""

from __future__ import annotations

import asyncio
import shlex
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bossctl import doctor
from bossctl.doctor import CHECKS, DoctorRequest
from bossctl.errors import NotFound, UsageError
from bossctl.models.findings import Certainty, Severity, Status
from bossctl.models.releases import RELEASES
from bossctl.selector import QueueGlob, parse, terms
from bossctl.store import Store
from tests.conftest import BossFactory, DatabaseFactory, SeededFactory
from tests.seed.plan import STUCK
from tests.support.database import Database
from tests.support.diagnosis import alarms, diagnose, found
from tests.support.releases import ALL_RELEASES, ONE_PER_GENERATION, SCHEMA_NUMBERS, every, generation
from tests.support.stores import open_store, spec_of


def spelled(database: Database, *names: str) -> list[str]:
    return [name.replace("_", "") if generation(database.release) < 10 else name for name in names]


@pytest.mark.parametrize("release", every(ALL_RELEASES))
async def test_every_release_is_read_whole_and_counted_as_plain_statements_count(
    seeded: SeededFactory, release: str
) -> None:
    db = seeded(release)
    report = await diagnose(db)
    assert [check.code for check in report.checks] == [check.code for check in CHECKS]
    assert {check.reason for check in report.checks if not (check.reason or "").startswith("era ")} == {None}
    stuck = {one.queue: one for one in report.findings if one.code == "STK01"}
    assert set(stuck) == {STUCK}
    assert stuck[STUCK].count == 1
    count, started = spelled(db, "retry_count", "started_on")
    everywhere = "job"
    if generation(release) < 11:
        listed = f"name, state, {count}, {started}, output"
        everywhere = f"(SELECT {listed} FROM job UNION ALL SELECT {listed} FROM archive) AS everywhere"
    plain = dict(
        db.execute(
            f"SELECT name, count(*) FROM {everywhere} WHERE state = 'completed' AND {count} > 0"
            f" OR state = 'created' AND {started} IS NOT NULL AND output IS NULL GROUP BY 1"
        )
    )
    assert {one.queue: one.count for one in report.findings if one.code == "DUP16"} == plain
    known = [one for one in report.findings if one.code == "SCH01"]
    assert bool(known) == (SCHEMA_NUMBERS[release] < 43)
    assert {one.code for one in report.findings if one.severity is Severity.ERROR} <= {
        "STK01",
        "STK06",
        "STK07",
        "STK08",
    }


async def test_findings_come_worst_first_and_checks_in_the_catalogues_order(seeded: SeededFactory) -> None:
    db = seeded("10.0.0")
    db.execute("UPDATE job SET state = 'completed', retry_count = 2 WHERE state = 'created' AND name = 'mail'")
    report = await diagnose(db)
    places = [[check.code for check in CHECKS].index(one.code) for one in report.findings]
    ranks = [one.severity.rank for one in report.findings]
    assert sorted(zip(ranks, places, strict=True)) == list(zip(ranks, places, strict=True))
    codes = [one.code for one in report.findings]
    assert [code for code in codes if code in ("STK01", "SCH01", "DUP16")] == ["STK01", "SCH01", "DUP16"]
    failing = {check.code for check in report.checks if check.status is Status.FAIL}
    assert failing == {one.code for one in report.findings}


async def test_the_same_trouble_has_the_same_fingerprint_in_every_run(seeded: SeededFactory) -> None:
    db = seeded("10.4.2")
    first = {one.fingerprint for one in (await diagnose(db)).findings}
    db.execute("UPDATE job SET started_on = started_on - interval '1 hour' WHERE state = 'active'")
    assert first <= {one.fingerprint for one in (await diagnose(db)).findings}


@pytest.mark.parametrize("schema", ["Odd Name", "Mixed"])
async def test_any_schema_name(database: DatabaseFactory, boss: BossFactory, schema: str) -> None:
    db = database("12.38.0", schema=schema)
    db.execute(
        "SELECT create_queue('mail', '{\"policy\": \"standard\"}')",
    )
    db.execute(
        "INSERT INTO job (name, state, started_on, policy, expire_seconds)"
        " VALUES ('mail', 'active', now() - interval '1 hour', 'standard', 60)"
    )
    [finding] = await found(db, "STK01")
    words = shlex.split(finding.remedy.command or "")
    assert words == ["bossctl", "--schema", schema, "job", "retry", "queue:mail is:stuck"]


async def test_a_job_table_without_partitions(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database(None)
    one = await boss(db, release="12.38.0", backend="cockroachdb")
    await one.create_queue("mail")
    await one.send("mail", {"n": 1}, expireInSeconds=60)
    await one.fetch("mail")
    assert db.value("SELECT relkind::text FROM pg_class WHERE oid = 'pgboss.job'::regclass") == "r"
    db.execute("UPDATE job SET started_on = started_on - interval '1 hour'")
    assert [finding.queue for finding in await found(db, "STK01")] == ["mail"]


async def test_a_fork_whose_number_does_not_fit_its_tables(database: DatabaseFactory) -> None:
    db = database("10.4.2")
    db.execute("UPDATE version SET version = 25")
    report = await diagnose(db)
    [finding] = [one for one in report.findings if one.code == "SCH01"]
    assert (finding.certainty, finding.severity) == (Certainty.POSSIBLE, Severity.INFO)
    assert "schema number 25 does not fit its tables, which are those of pg-boss 10" in finding.message
    assert len(report.notes) == 1
    assert "25" in report.notes[0]


async def test_a_schema_newer_than_any_known(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.38.0")
    db.execute("UPDATE version SET version = %s", [max(RELEASES) + 14])
    db.execute("ALTER TABLE job ADD COLUMN tenant text")
    db.execute("CREATE TABLE lease (id uuid)")
    report = await diagnose(db)
    assert Status.FAIL not in {check.status for check in report.checks}
    assert {check.reason for check in report.checks if not (check.reason or "").startswith("era ")} == {None}
    assert "newer" in report.notes[0]


# how far it looks


async def test_queues_are_chosen_by_globs_and_a_wrong_one_is_told(seeded: SeededFactory) -> None:
    db = seeded("12.38.0")
    count = "UPDATE job SET state = 'completed', retry_count = 1 WHERE name = ANY (%s) AND state = 'created'"
    db.execute(count, [["mail", "exports", "imports"]])
    assert {one.queue for one in (await diagnose(db, "DUP16")).findings} >= {"mail", "exports", "imports"}
    chosen = await diagnose(db, "DUP16", "STK01", queues=("ma?l", "ex*"))
    assert {one.queue for one in chosen.findings} == {"mail", "exports"}
    with pytest.raises(NotFound, match='no queue matches "exprots"') as caught:
        await diagnose(db, queues=("mail", "exprots"))
    assert "exports" in (caught.value.hint or "")


async def test_a_queue_only_the_archive_of_9_knows_can_be_chosen(seeded: SeededFactory) -> None:
    db = seeded("9.0.3")
    db.execute("INSERT INTO archive SELECT job.*, now() FROM job WHERE name = 'mail' AND state = 'completed'")
    db.execute("DELETE FROM job WHERE name = 'mail'")
    db.execute("UPDATE archive SET retrycount = 1 WHERE name = 'mail'")
    [finding] = (await diagnose(db, "DUP16", queues=("mail",))).findings
    assert finding.queue == "mail"


async def test_since_bounds_what_is_finished_and_never_what_runs(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("11.1.2")
    one = await boss(db)
    await one.create_queue("mail")
    for _ in range(3):
        await one.send("mail", {"n": 1}, expireInSeconds=60)
    ended, running, recent = [job["id"] for job in await one.fetch("mail", batchSize=3)]
    await one.complete("mail", [ended, recent])
    db.execute("UPDATE job SET retry_count = 1")
    ages = "created_on = created_on - interval '2 hours', started_on = started_on - interval '2 hours'"
    db.execute(f"UPDATE job SET {ages} WHERE id <> %s", [recent])
    db.execute("UPDATE job SET completed_on = completed_on - interval '2 hours' WHERE id = %s", [ended])
    report = await diagnose(db, since_seconds=3600)
    assert {(one.code, one.jobs) for one in report.findings if one.queue} == {
        ("DUP16", (recent,)),
        ("STK01", (running,)),
    }
    [both] = (await diagnose(db, "DUP16", since_seconds=3 * 3600)).findings
    assert both.count == 2


@pytest.mark.parametrize("release", ONE_PER_GENERATION)
async def test_commands_survive_hostile_queue_names(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    count, _ = spelled(db, "retry_count", "started_on")
    db.execute(f"UPDATE job SET state = 'completed', {count} = 1 WHERE state IN ('created', 'failed')")
    findings = await found(db, "DUP16")
    names = {str(name) for (name,) in db.execute(f"SELECT DISTINCT name FROM job WHERE {count} > 0")}
    assert {one.queue for one in findings} >= names - {"__pgboss__send-it"}
    for one in findings:
        *_, expression = shlex.split(one.remedy.command or "")
        assert [term.literal for term in terms(parse(expression)) if isinstance(term, QueueGlob)] == [one.queue]


# what it may not see


def limited(database: Database, *without: str) -> tuple[str, str]:
    """A role that may read every table of the schema but these, and a DSN for it."""
    role = f"reader_{uuid4().hex[:12]}"
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        names = {"role": sql.Identifier(role), "schema": sql.Identifier(database.schema)}
        connection.execute(sql.SQL("CREATE ROLE {role} LOGIN").format(**names))
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {schema} TO {role}").format(**names))
        connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}").format(**names))
        for table in without:
            statement = sql.SQL("REVOKE SELECT ON {schema}.{table} FROM {role}")
            connection.execute(statement.format(table=sql.Identifier(table), **names))
    return role, make_conninfo(database.dsn, user=role)


def forgotten(database: Database, role: str) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        for statement in ("DROP OWNED BY {}", "DROP ROLE {}"):
            connection.execute(sql.SQL(statement).format(sql.Identifier(role)))


@pytest.mark.parametrize(
    ("release", "table", "blind", "sighted"),
    [
        ("10.4.2", "archive", {"DUP01", "DUP02", "DUP05", "DUP16", "STK01", "STK07", "SCH01"}, set()),
        ("12.38.0", "job", {"DUP01", "DUP02", "DUP05", "DUP16", "STK01", "STK07", "SCH01"}, set()),
        ("12.38.0", "schedule", {"DUP01", "DUP05"}, {"DUP02", "DUP16", "STK01", "STK07", "SCH01"}),
        ("12.38.0", "instance", {"STK07", "SCH01"}, {"DUP01", "DUP02", "DUP05", "DUP16", "STK01"}),
        ("9.0.3", "version", {"STK07", "SCH01"}, {"DUP01", "DUP02", "DUP05", "DUP16", "STK01"}),
    ],
)
async def test_a_missing_grant_blinds_only_the_checks_that_need_it(
    seeded: SeededFactory, release: str, table: str, blind: set[str], sighted: set[str]
) -> None:
    db = seeded(release)
    role, dsn = limited(db, table)
    try:
        async with await Store.open(spec_of(db, db.schema, dsn=dsn)) as store:
            report = await doctor.run(store, DoctorRequest())
    finally:
        forgotten(db, role)
    reasons = {check.code: check.reason or "" for check in report.checks if check.status is Status.SKIPPED}
    skipped = {code: reason for code, reason in reasons.items() if not reason.startswith("era ")}
    assert blind <= set(skipped)
    assert not set(skipped) & sighted
    for reason in skipped.values():
        assert reason.startswith("privilege ")
        assert table in reason
        assert "GRANT SELECT" in reason
    assert not {one.code for one in report.findings} & blind


async def test_a_reading_that_takes_too_long_is_skipped_and_the_others_go_on(seeded: SeededFactory) -> None:
    db = seeded("12.38.0")
    with psycopg.connect(db.dsn) as blocker:
        blocker.execute("LOCK TABLE pgboss.schedule IN ACCESS EXCLUSIVE MODE")
        async with await open_store(db) as store:
            report = await doctor.run(store, DoctorRequest(timeout_seconds=0.3))
    skipped = {check.code: check.reason for check in report.checks if check.status is Status.SKIPPED}
    assert {"DUP01", "DUP05"} <= set(skipped)
    assert not {"DUP02", "STK01", "SCH01"} & set(skipped)
    assert (skipped["DUP01"] or "").startswith("timeout ")
    assert "STK01" in {one.code for one in report.findings}


async def test_a_schema_migrated_under_our_feet_is_read_again(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("11.1.2")
    async with await open_store(db) as store:
        db.execute("ALTER TABLE job RENAME COLUMN singleton_on TO singleton_at")
        db.execute("ALTER TABLE job ADD COLUMN singleton_on timestamp")
        db.execute("ALTER TABLE queue RENAME COLUMN monitor_on TO watched_on")
        report = await doctor.run(store, DoctorRequest())
    assert {check.reason for check in report.checks if not (check.reason or "").startswith("era ")} == {None}


async def test_one_snapshot_for_the_whole_run(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.38.0")
    one = await boss(db)
    await one.create_queue("mail")
    await one.send("mail", {"n": 1}, expireInSeconds=60)
    await one.fetch("mail")
    db.execute("UPDATE job SET started_on = started_on - interval '1 hour'")
    steps: list[str] = []

    def interfere(step: str) -> None:
        if not steps:
            db.execute("DELETE FROM job")
        steps.append(step)

    async with await open_store(db) as store:
        report = await doctor.run(store, DoctorRequest(only=("STK01",)), interfere)
    assert steps == ["reading job symptoms"]
    assert db.value("SELECT count(*) FROM job") == 0
    assert [one.code for one in report.findings] == ["STK01"]


async def test_a_wrong_code_is_told_before_anything_is_read(database: DatabaseFactory) -> None:
    db = database("12.38.0")
    async with await open_store(db) as store:
        with pytest.raises(UsageError, match="there is no check"):
            await doctor.run(store, DoctorRequest(only=("NOPE",)))
        assert alarms(await doctor.run(store, DoctorRequest())) == [], "the connection is as good as before"


async def test_several_runs_at_once_on_a_pool(seeded: SeededFactory) -> None:
    db = seeded("10.4.2")
    async with await open_store(db, pooled=True) as store:
        reports = await asyncio.gather(*(doctor.run(store, DoctorRequest()) for _ in range(4)))
    assert len({tuple(one.fingerprint for one in report.findings) for report in reports}) == 1

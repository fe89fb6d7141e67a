"""The judges of CFG and of SCH02, SCH03, SCH05 on readings made by hand: bounds, certainty, and what stays silent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bossctl.doctor import explain
from bossctl.doctor.check import Readings
from bossctl.doctor.run_times import advised_expiry
from bossctl.doctor.settings import dead_letter_loop
from bossctl.models.common import Target
from bossctl.models.findings import Certainty, Finding, Severity
from bossctl.models.readings import Ground
from bossctl.models.readings_schema import JobIndex, JobIndexes, JobTable, Migration, Migrations
from bossctl.models.readings_settings import CachedCounters, Counters, QueueSetting, Runs, RunTimes, RunTotals
from bossctl.sql.job_indexes import index_name, planned

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TARGET = Target("localhost", 5432, "app", "reader", "pgboss", "--dsn")

TIMES = RunTimes("slow", 200, 4, 0, 5.0, 20.0, 70.0, 90.0, 60.0, 60, NOW, ("a", "b", "c", "d"))
TOTALS = RunTotals("slow", 200, 200, 4, 0, 0, 0, 0, 0)
RUNS = Runs((TOTALS,), (TIMES,), settable=True, heartbeats=True, dead_letters=frozenset(), long_seconds=600.0)


def judged(code: str, *taken: object, generation: str = "11-12") -> tuple[Finding, ...]:
    readings = Readings(Ground(NOW, generation), {type(one): one for one in taken})
    return explain(code).findings(readings, TARGET)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(("runs", "sure"), [(4, "possible"), (20, "likely"), (100, "proven"), (400, "proven")])
def test_an_expiry_is_too_short_from_one_run_in_a_hundred_on(runs: int, sure: str) -> None:
    [found] = judged("CFG01", replace(RUNS, times=(replace(TIMES, runs=runs),)))
    assert found.certainty is Certainty(sure)
    assert found.remedy.command == "bossctl queue ensure slow --expire-in 3m"
    assert judged("CFG01", replace(RUNS, times=(replace(TIMES, runs=401),))) == ()
    assert judged("CFG01", replace(RUNS, times=(replace(TIMES, beyond=0),))) == ()


def test_where_percentiles_come_from_is_told() -> None:
    [exact] = judged("CFG01", RUNS)
    [binned] = judged("CFG01", replace(RUNS, times=(replace(TIMES, counted=190),)))
    [gone] = judged("CFG01", replace(RUNS, times=(replace(TIMES, counted=200, rows=False),)))
    assert "latency bins" not in exact.message
    assert "by the latency bins of 190 runs" in binned.message
    assert (binned.certainty, gone.certainty) == (Certainty.PROVEN, Certainty.POSSIBLE)
    assert "the jobs are gone" in gone.message


@pytest.mark.parametrize(
    ("longest", "expiry", "overran", "advised"),
    [(1.0, 2.0, 1, 5), (12.0, 10.0, 0, 25), (31.0, 30.0, 0, 120), (4000.0, 900.0, 1, 8100), (80_000.0, 1.0, 0, 86_400)],
)
def test_the_advised_expiry_is_round_and_never_over_a_day(
    longest: float, expiry: float, overran: int, advised: int
) -> None:
    times = replace(TIMES, longest=longest, p99=longest, expire_seconds=expiry, overran=overran)
    assert advised_expiry(times) == advised


def test_an_expiry_of_a_day_cannot_be_raised() -> None:
    times = replace(TIMES, expire_seconds=86_400.0, queue_expire_seconds=86_400, overran=4, longest=90_000.0)
    [found] = judged("CFG01", replace(RUNS, times=(times,)))
    assert found.remedy.command == "bossctl queue show slow"
    assert "smaller jobs" in found.remedy.text


def test_a_few_retries_are_no_storm() -> None:
    storm = replace(TOTALS, hasty=100, hasty_reruns=100)
    [found] = judged("CFG02", replace(RUNS, totals=(storm,)))
    assert found.severity is Severity.WARNING
    assert judged("CFG02", replace(RUNS, totals=(replace(storm, hasty_reruns=99),))) == ()
    assert judged("CFG02", replace(RUNS, totals=(replace(storm, hasty=99),))) == ()


def queues(**dead_letters: str | None) -> Mapping[str, QueueSetting]:
    return {name: QueueSetting(name, "standard", to, 900, None, True) for name, to in dead_letters.items()}


def test_loops_of_dead_letters() -> None:
    assert dead_letter_loop("a", queues(a="b", b="c", c=None)) == ()
    assert dead_letter_loop("a", queues(a="b", b="c", c="a")) == ("a", "b", "c")
    assert dead_letter_loop("a", queues(a="a")) == ("a",)
    assert dead_letter_loop("x", queues(x="a", a="b", b="a")) == (), "x only leads into one"
    assert dead_letter_loop("a", queues(a="gone")) == ()


def counters(age: float, **changes: object) -> Counters:
    one = CachedCounters("mail", ago(9e9), ago(age), 1, 0, 1, has_jobs=True)
    return Counters(46, (replace(one, **changes),), None, None)


def test_counters_are_stale_after_a_quarter_of_an_hour_unless_monitoring_is_slower() -> None:
    assert judged("SCH05", counters(899)) == ()
    [found] = judged("SCH05", counters(901))
    assert ": those of queue " in found.message
    assert found.certainty is Certainty.PROVEN
    assert judged("SCH05", replace(counters(901), interval_seconds=600.0)) == ()
    assert judged("SCH05", replace(counters(3600), backoff_until=NOW)) == ()
    assert judged("SCH05", counters(901, has_jobs=False)) == ()
    assert len(judged("SCH05", replace(counters(1, has_jobs=False), number=26))) == 1


MIGRATION = Migration(
    "build", 46, "in_progress", None, "job_common", "job_common_i14", "", None, ago(900), ago(301), False
)


@pytest.mark.parametrize(
    ("change", "subjects"),
    [
        ({}, ["abandoned build"]),
        ({"locked": True}, []),
        ({"started_on": ago(299)}, []),
        ({"status": "failed"}, ["failed build"]),
        ({"status": "pending", "created_on": ago(901)}, ["waiting"]),
        ({"status": "pending", "created_on": ago(899)}, []),
    ],
)
def test_when_a_migration_is_stuck(change: Mapping[str, object], subjects: list[str]) -> None:
    found = judged("SCH03", Migrations(46, (replace(MIGRATION, **change),), None))
    assert [one.subject for one in found] == subjects


def table(*suffixes: str, valid: bool = True, locked: bool = False) -> JobTable:
    indexes = tuple(JobIndex(f"job_common_{suffix}", False, valid, (suffix,)) for suffix in suffixes)
    return JobTable("job_common", None, None, locked, indexes)


def test_indexes_of_unknown_numbers_and_forks() -> None:
    assert judged("SCH02", JobIndexes("pgboss", 60, (table(),), {})) == ()
    assert [one.suffix for one in planned(table(), 25, "10")] == ["i5"], "a fork that calls its schema 25"
    assert [one.suffix for one in planned(table(), None, "11-12")] == []
    assert index_name(table(), "i5", 26) == "job_i5"
    assert index_name(table(), "i5", 27) == "job_common_i5"


def test_an_index_is_building_only_while_its_migration_is_not_failed_or_somebody_holds_the_lock() -> None:
    whole = [one.suffix for one in planned(table(), 45, "11-12")]
    rest = [suffix for suffix in whole if suffix != "i11"]
    plan = replace(MIGRATION, status="pending", builds="job_common_i11")

    def severities(number: int, tables: JobTable, *plans: Migration) -> list[Severity]:
        building = {one.builds: one for one in plans if one.builds}
        return [one.severity for one in judged("SCH02", JobIndexes("pgboss", number, (tables,), building))]

    assert severities(45, table(*whole)) == []
    assert severities(45, table(*rest)) == [Severity.ERROR]
    assert severities(45, table(*rest), plan) == [Severity.INFO]
    assert severities(45, table(*rest), replace(plan, status="failed")) == [Severity.ERROR]
    assert severities(45, table(*rest, locked=True)) == [Severity.ERROR]
    assert severities(45, table(*whole, valid=False, locked=True)) == [Severity.INFO]

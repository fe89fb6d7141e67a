"""The judge of SCH04 on readings made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bossctl.doctor import explain
from bossctl.doctor.check import Readings
from bossctl.models.common import Target
from bossctl.models.findings import Certainty, Finding, Severity
from bossctl.models.readings import Ground
from bossctl.models.readings_storage import HorizonHolder, LooseIndex, LooseTable, Storage, StorageWarning

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TARGET = Target("localhost", 5432, "app", "reader", "pgboss", "--dsn")


def before(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


DIRTY = LooseTable("job_common", None, 4000, 1000.0, 1000, 90_000, 250.0, before(10), True, True, None)
SLOT = HorizonHolder("replication slot", "standby", None, None, 5000, None)


def session(minutes: float | None) -> HorizonHolder:
    began = None if minutes is None else before(minutes)
    return HorizonHolder("session", "report", 77, "idle in transaction", 1, began)


def judged(
    *tables: LooseTable,
    indexes: tuple[LooseIndex, ...] = (),
    holders: tuple[HorizonHolder, ...] = (),
    warnings: tuple[StorageWarning, ...] = (),
) -> tuple[Finding, ...]:
    found = Storage("pgboss", tables, indexes, holders, warnings)
    return explain("SCH04").findings(Readings(Ground(NOW, "11-12"), {Storage: found}), TARGET)


@pytest.mark.parametrize(
    ("table", "holders", "sure", "because"),
    [
        (DIRTY, (), Certainty.POSSIBLE, "autovacuum is late"),
        (DIRTY, (session(5),), Certainty.POSSIBLE, "autovacuum is late"),
        (DIRTY, (session(20),), Certainty.LIKELY, "a session 77 (report), begun 20m ago (2026-03-01 11:40:00Z), 1 tr"),
        (DIRTY, (session(5), SLOT), Certainty.LIKELY, "a replication slot (standby) 5,000 transactions old, keeps"),
        (replace(DIRTY, vacuumed_on=None), (SLOT,), Certainty.POSSIBLE, "never vacuumed: autovacuum is late"),
        (replace(DIRTY, autovacuum=False), (), Certainty.PROVEN, "autovacuum is off for it"),
        (replace(DIRTY, autovacuum=False), (session(20),), Certainty.PROVEN, "off for it, and a session 77 (report)"),
    ],
)
def test_why_dead_rows_stay(
    table: LooseTable, holders: tuple[HorizonHolder, ...], sure: Certainty, because: str
) -> None:
    [found] = judged(table, holders=holders)
    assert (found.severity, found.certainty, found.count) == (Severity.INFO, sure, 90_000)
    assert because in found.message
    assert "holds 90,000 dead rows beside 1,000 live ones" in found.message


def test_a_table_is_too_large_from_four_times_its_rows_on() -> None:
    loose = replace(DIRTY, dirty=False, dead=0)
    assert judged(loose) == ()
    assert judged(replace(loose, needed=1000.0)) == ()
    [found] = judged(replace(loose, needed=999.0))
    assert (found.subject, found.certainty) == ("size of job_common", Certainty.LIKELY)
    assert len(judged(replace(loose, needed=0.0))) == 1
    assert {one.subject for one in judged(replace(DIRTY, needed=1.0))} == {
        "dead rows of job_common",
        "size of job_common",
    }


def test_indexes_are_told_by_table_largest_first() -> None:
    wide = LooseIndex("job_common_i1", "job_common", None, 400, 1900.0, 110.0)
    loose = tuple(LooseIndex(f"job_common_i{n}", "job_common", None, 100 * n, 9.0, 1.0) for n in (2, 9, 4, 5))
    own = LooseIndex("jabc_i5", "jabc", "mail", 700, 0.0, 1.0)
    shared, one = judged(indexes=(wide, *loose, own))
    assert [row["index"] for row in shared.evidence] == [f"job_common_i{n}" for n in (9, 5, 4, 2)]
    assert "4 indexes of job_common take" in shared.message
    assert "500 times what" in shared.message
    assert 'REINDEX INDEX CONCURRENTLY "pgboss"."job_common_i9"' in shared.remedy.text
    assert (one.queue, one.count) == ("mail", 1)
    assert "1 index of the partition of queue mail takes" in one.message


def test_each_kind_of_warning_is_a_finding_that_keeps_its_fingerprint() -> None:
    bloated = StorageWarning("index_bloat", 1, before(60), before(60), "job_common_i11")
    [found] = judged(warnings=(bloated,))
    [again] = judged(warnings=(replace(bloated, times=3, last_on=before(1)),))
    assert "pg-boss warned 1 time that indexes are bloated, last 1h ago" in found.message
    assert "3 times" in again.message
    assert found.fingerprint == again.fingerprint

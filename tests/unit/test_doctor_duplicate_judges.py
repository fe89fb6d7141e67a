"""The judges of DUP on readings made by hand: what they say, how sure they are, and what leaves them silent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from bossctl.doctor import explain
from bossctl.doctor.check import Readings
from bossctl.models.common import Target
from bossctl.models.findings import Certainty, Finding, Severity
from bossctl.models.readings import Ground, SchemaNumber, Symptom, SymptomGroup, Symptoms
from bossctl.models.readings_duplicates import (
    BrokenRule,
    BrokenSlot,
    Identical,
    IdenticalGroups,
    IdenticalJobs,
    PoliciesInUse,
    PolicySlots,
    PolicyUse,
    ScheduledSlots,
    SlotSend,
)
from bossctl.models.readings_schema import JobIndex, JobIndexes, JobTable, Migration
from bossctl.models.readings_storage import LongPayloads
from bossctl.models.unique_indexes import expected, in_place

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TARGET = Target("localhost", 5432, "app", "reader", "pgboss", "--dsn")
UNIQUE = {
    "i1": ("name", ""),
    "i2": ("name", ""),
    "i3": ("name", "state", ""),
    "i4": ("name", "singleton_on", ""),
    "i6": ("name", ""),
    "i8": ("name", "singleton_key"),
    "i13": ("name", "singleton_key"),
}


def judged(code: str, *taken: object, generation: str = "11-12") -> tuple[Finding, ...]:
    readings = Readings(Ground(NOW, generation), {type(one): one for one in taken})
    return explain(code).findings(readings, TARGET)


def symptoms(mask: Symptom, state: str = "retry", attempts: int = 1) -> Symptoms:
    group = SymptomGroup("mail", state, mask, 3, NOW, NOW, attempts, (str(UUID(int=1)),))
    return Symptoms((group,), {}, 120.0)


@pytest.mark.parametrize(
    ("code", "mask", "severity", "certainty"),
    [
        ("DUP03", Symptom.HEARTBEAT_LOST, Severity.WARNING, Certainty.LIKELY),
        ("DUP09", Symptom.SHUT_DOWN, Severity.WARNING, Certainty.LIKELY),
        ("DUP10", Symptom.COMPLETION_FAILED, Severity.WARNING, Certainty.LIKELY),
        ("DUP10", Symptom.DATABASE_ERROR, Severity.INFO, Certainty.POSSIBLE),
        ("DUP11", Symptom.RESET, Severity.INFO, Certainty.PROVEN),
        ("DUP04", Symptom.FINISHED_BEFORE, Severity.INFO, Certainty.PROVEN),
        ("DUP04", Symptom.FINISHED_BEFORE | Symptom.RESULT, Severity.ERROR, Certainty.LIKELY),
    ],
)
def test_symptoms_are_told_by_their_own_check_alone(
    code: str, mask: Symptom, severity: Severity, certainty: Certainty
) -> None:
    taken = symptoms(mask)
    [finding] = judged(code, taken)
    assert (finding.severity, finding.certainty, finding.count, finding.queue) == (severity, certainty, 3, "mail")
    assert "3 jobs of queue mail were" in finding.message
    for other in {"DUP02", "DUP03", "DUP04", "DUP09", "DUP10", "DUP11", "DUP16"} - {code}:
        assert judged(other, taken) == ()


def test_a_result_without_an_end_proves_something_on_9_only() -> None:
    taken = symptoms(Symptom.RESULT, "created")
    assert judged("DUP04", taken) == ()
    [finding] = judged("DUP04", taken, generation="8-9")
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("policy", "keyed", "told"),
    [("standard", True, True), ("short", True, False), (None, True, False), ("standard", False, False)],
)
def test_only_a_standard_queue_is_said_to_ignore_a_key(policy: str | None, keyed: bool, told: bool) -> None:
    group = IdenticalJobs("a" if keyed else None, 2, 1, NOW, NOW + timedelta(seconds=9), ("1", "2"))
    groups = IdenticalGroups("mail", keyed, policy, 1, 2, 1, NOW, (group,))
    [finding] = judged("DUP05", Identical(60, (groups,)), LongPayloads({"other": 3}, 8192))
    assert ("no effect" in finding.message) is told
    assert "not compared" not in finding.message
    assert finding.severity is Severity.INFO
    assert finding.evidence[0]["apart_seconds"] == 9


def test_a_queue_of_10_without_a_policy_is_a_standard_one() -> None:
    group = IdenticalJobs("a", 2, 1, NOW, NOW + timedelta(seconds=9), ("1", "2"))
    groups = IdenticalGroups("mail", True, None, 1, 2, 1, NOW, (group,))
    [finding] = judged("DUP05", Identical(60, (groups,)), LongPayloads({}, 8192), generation="10")
    assert "no effect" in finding.message


def test_payloads_that_were_not_compared_are_counted() -> None:
    group = IdenticalJobs(None, 2, 1, NOW, NOW + timedelta(seconds=9), ("1", "2"))
    groups = IdenticalGroups("mail", False, "standard", 1, 2, 1, NOW, (group,))
    long = LongPayloads({"mail": 1204, "other": 1}, 8192)
    [finding] = judged("DUP05", Identical(60, (groups,)), long)
    assert finding.message.endswith("; 1,204 payloads over 8 kB not compared")
    assert long.note == "DUP05 did not compare 1,205 payloads over 8 kB, of 2 queues"
    assert LongPayloads({}, 8192).note is None


def test_a_broken_slot_is_proven() -> None:
    slot = BrokenSlot("a", None, None, 2, ("1", "2"))
    [finding] = judged("DUP06", PolicySlots(True, (BrokenRule("solo", "singleton", 1, 2, NOW, (slot,)),)))
    assert (finding.severity, finding.certainty, finding.jobs) == (Severity.ERROR, Certainty.PROVEN, ("1", "2"))
    assert judged("DUP06", PolicySlots(False, ())) == ()


def table(name: str = "job_common", *, without: str = "", policy: str | None = None, valid: bool = True) -> JobTable:
    indexes = [
        JobIndex(f"{name}_{suffix}", True, valid or suffix != without, keys)
        for suffix, keys in UNIQUE.items()
        if suffix != without or not valid
    ]
    return JobTable(name, None if name == "job_common" else "solo", policy, False, tuple(indexes))


def missing(
    found: JobTable, *, number: int = 46, migration: Migration | None = None, used: bool = True
) -> tuple[Finding, ...]:
    building = {migration.builds or "": migration} if migration else {}
    uses = (PolicyUse(found.name, "singleton", 1, ("solo",)),) if used else ()
    return judged(
        "DUP07",
        JobIndexes("pgboss", number, (found,), building),
        PoliciesInUse(uses),
        SchemaNumber(number, "a – b", None),
    )


def test_indexes_in_place_are_no_finding() -> None:
    assert missing(table()) == ()


@pytest.mark.parametrize("valid", [True, False])
def test_a_missing_or_invalid_index_is_an_error_where_a_queue_needs_it(valid: bool) -> None:
    [finding] = missing(table(without="i2", valid=valid))
    assert (finding.severity, finding.certainty) == (Severity.ERROR, Certainty.PROVEN)
    assert ("is missing" if valid else "is not valid") in finding.message
    [unused] = missing(table(without="i2", valid=valid), used=False)
    assert unused.severity is Severity.INFO


@pytest.mark.parametrize(
    ("status", "severity"),
    [("pending", Severity.INFO), ("in_progress", Severity.INFO), ("failed", Severity.ERROR)],
)
def test_an_index_that_is_being_built_is_no_alarm(status: str, severity: Severity) -> None:
    migration = Migration("m", 28, status, None, "job_common", "job_common_i4", "CREATE …", "full", NOW, NOW, False)
    [finding] = missing(table(without="i4"), migration=migration)
    assert finding.severity is severity
    assert ("being built" in finding.message) is (severity is Severity.INFO)


def test_a_table_of_its_own_needs_the_index_of_its_policy_only() -> None:
    own = JobTable("jabc", "solo", "short", False, ())
    assert [guard.suffix for guard in expected(own, 26)] == ["i1", "i4"]
    assert [guard.suffix for guard in expected(own, 25)] == ["i1", "i2", "i3", "i4"]
    assert not any(in_place(own, guard) for guard in expected(own, 46))


def send(minutes: int, cron: str, number: int = 1) -> SlotSend:
    slot = NOW + timedelta(minutes=minutes)
    return SlotSend(str(UUID(int=number)), slot, slot, "tick", "", cron, "UTC")


@pytest.mark.parametrize(
    ("sends", "severities"),
    [
        ([send(0, "0 12 * * *")], []),
        ([send(0, "0 12 * * *"), send(1, "0 12 * * *", 2)], [Severity.WARNING]),
        ([send(1, "0 12 * * *")], [Severity.INFO]),
        ([send(25, "0 12 * * *")], [Severity.WARNING]),
        ([send(25, "0 12 * * *"), send(25, "25 * * * *")], []),
        ([send(25, "what is this")], []),
    ],
    ids=["due", "again", "moved", "elsewhere", "of another schedule", "unreadable"],
)
def test_minutes_without_an_occurrence(sends: list[SlotSend], severities: list[Severity]) -> None:
    findings = judged("DUP14", ScheduledSlots(tuple(sends)))
    assert [finding.severity for finding in findings] == severities
    assert {finding.certainty for finding in findings} <= {Certainty.LIKELY}

"""Two looks compared: which jobs started again, and what the watch makes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossctl.doctor import CHECKS, DoctorRequest
from bossctl.doctor.restarts import WATCHED, Memory, Restart, Restarts, restarts
from bossctl.doctor.watch import Watch, with_restarts
from bossctl.errors import UsageError
from bossctl.models.findings import Certainty, Severity, Status
from bossctl.models.watch import JobSeen, Sample
from tests.support.verdicts import finding, report

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
TIMED_OUT = ("job timed out", "job failed by timeout in active state", "handler execution exceeded 2s")


def at(seconds: float) -> datetime:
    """So long after noon."""
    return NOON + timedelta(seconds=seconds)


def job(state: str = "active", started: float | None = 0, **more: Any) -> JobSeen:
    """A job created a minute before noon."""
    told = {"id": "a", "queue": "mail", "retry_count": 0, "created_on": at(-60), "completed_on": None, "reason": None}
    begun = None if started is None else at(started)
    return JobSeen(**{**told, "state": state, "started_on": begun, "at": at(1), **more})


def compared(*looks: JobSeen) -> list[str]:
    """The codes of what was found when each of these looks followed the one before."""
    memory, found = Memory({}), []
    for look in looks:
        sample = Sample(look.at, (look,))
        found += restarts(memory, sample)
        memory = memory.with_sample(sample)
    return [one.code for one in found]


@pytest.mark.parametrize("later", ["active", "completed", "failed", "retry"])
def test_a_job_seen_completed_that_started_later_ran_after_completion(later: str) -> None:
    assert compared(job("completed", 0, completed_on=at(1)), job(later, 5)) == ["DUP04"]


def test_a_job_completed_without_ever_being_fetched_started_after_that() -> None:
    assert compared(job("completed", None, completed_on=at(1)), job("active", 5)) == ["DUP04"]


def test_a_job_seen_active_that_started_later_was_fetched_again() -> None:
    assert compared(job("active", 0), job("active", 5, retry_count=1)) == ["DUP16"]
    assert compared(job("active", 0), job("completed", 5, retry_count=1)) == ["DUP16"]


@pytest.mark.parametrize("reason", TIMED_OUT)
def test_an_expiry_in_the_row_says_why(reason: str) -> None:
    assert compared(job("active", 0), job("active", 5, reason=reason)) == ["DUP02"]


@pytest.mark.parametrize("reason", ["boom", "the job timed out", "pg-boss shut down while active", ""])
def test_any_other_reason_is_no_proof_of_an_expiry(reason: str) -> None:
    assert compared(job("active", 0), job("active", 5, reason=reason)) == ["DUP16"]


@pytest.mark.parametrize(
    "looks",
    [
        (job("active", 0), job("active", 0)),
        (job("active", 0), job("completed", 0, completed_on=at(3))),
        (job("active", 0), job("active", -5)),
        (job("failed", 0, completed_on=at(1)), job("active", 5)),
        (job("cancelled", 0, completed_on=at(1)), job("active", 5)),
        (job("completed", 0, completed_on=at(1)), job("completed", 0, completed_on=at(1))),
        (job("completed", 0, completed_on=at(1)), job("active", None)),
        (job("completed", 0, completed_on=at(1)), job("active", 5, created_on=at(4))),
        (job("completed", 0, completed_on=at(1)), job("active", 5, id="b")),
        (job("completed", 0, completed_on=at(1)), job("active", 5, queue="post")),
    ],
    ids=[
        *("still active", "ended", "started earlier", "a retried failure", "resumed after a cancellation"),
        *("still completed", "put back, not started", "the id of another job", "another job", "another queue"),
    ],
)
def test_no_restart(looks: tuple[JobSeen, ...]) -> None:
    assert compared(*looks) == []


def test_each_restart_is_counted_once_however_often_it_is_looked_at() -> None:
    first, second, third = job("active", 0), job("active", 5), job("completed", 9, completed_on=at(10))
    assert compared(first, first, second, second, third, third) == ["DUP16", "DUP16"]


@given(st.lists(st.tuples(st.sampled_from(["active", "completed", "failed"]), st.integers(0, 9)), max_size=12))
def test_there_are_never_more_restarts_than_later_starts(looks: list[tuple[str, int]]) -> None:
    starts = [started for _, started in looks]
    later = sum(now > before for before, now in pairwise(starts))
    found = compared(*(job(state, started) for state, started in looks))
    assert len(found) <= later
    if all(state != "failed" for state, _ in looks):
        assert len(found) == later


# memory


def test_what_is_kept_in_mind_is_bounded_and_the_oldest_goes() -> None:
    memory = Memory({})
    for number in range(5):
        memory = memory.with_sample(Sample(at(number), (job(id=str(number)),)), limit=3)
    assert [one.id for one in memory.jobs.values()] == ["2", "3", "4"]
    assert memory.forgotten == 2
    again = memory.with_sample(Sample(at(9), (job(id="2"),)), limit=3)
    assert [one.id for one in again.jobs.values()] == ["3", "4", "2"], "seen again is new again"
    assert again.forgotten == 2


def test_a_job_that_is_not_seen_for_a_while_is_still_known() -> None:
    memory = Memory({}).with_sample(Sample(at(1), (job("completed", 0, completed_on=at(1)),)))
    memory = memory.with_sample(Sample(at(2), ()))
    assert [one.code for one in restarts(memory, Sample(at(9), (job("active", 5),)))] == ["DUP04"]


# findings


def restart(code: str, number: int, *, queue: str = "mail", reason: str | None = None) -> Restart:
    before = job("completed" if code == "DUP04" else "active", 0, id=str(number), queue=queue, completed_on=at(1))
    return Restart(code, before, replace(before, state="active", started_on=at(number), reason=reason))


def test_findings_of_restarts() -> None:
    found = Restarts().with_more([restart("DUP04", number) for number in range(1, 31)])
    found = found.with_more([restart("DUP02", 40, queue="post", reason=TIMED_OUT[0]), restart("DUP16", 50)])
    made = with_restarts(report(), found, WATCHED, report().target)
    assert [(one.code, one.queue, one.count, one.severity) for one in made.findings] == [
        ("DUP04", "mail", 30, Severity.ERROR),
        ("DUP02", "post", 1, Severity.WARNING),
        ("DUP16", "mail", 1, Severity.INFO),
    ]
    first = made.findings[0]
    assert first.certainty is Certainty.PROVEN
    assert first.jobs == tuple(str(number) for number in range(30, 10, -1)), "the newest twenty"
    assert first.since == at(1)
    assert len(first.evidence) == 20
    assert first.evidence[0]["started_again_on"] == at(30)
    assert "started again 30 times after it had been seen completed" in first.message
    assert '"job timed out"' in made.findings[1].message
    assert {one.code: one.status for one in made.checks}["DUP04"] is Status.FAIL


def test_fingerprints_do_not_depend_on_how_often() -> None:
    once, twice = Restarts().with_more([restart("DUP16", 1)]), Restarts().with_more([restart("DUP16", 2)] * 2)
    prints = [with_restarts(report(), one, WATCHED, report().target).findings[0].fingerprint for one in (once, twice)]
    assert prints[0] == prints[1]


def test_a_recorded_failure_is_told_as_one() -> None:
    found = Restarts().with_more([restart("DUP16", 1, reason="boom"), restart("DUP16", 2)])
    [one] = with_restarts(report(), found, WATCHED, report().target).findings
    assert one.message.endswith("; 1 of these after a recorded failure")


def test_what_was_watched_takes_its_place_among_the_findings() -> None:
    stuck, known = finding("STK01"), finding("DUP16", severity=Severity.INFO)
    found = Restarts().with_more([restart("DUP04", 1), restart("DUP16", 2)])
    made = with_restarts(report(stuck, known), found, WATCHED, report().target)
    assert [one.code for one in made.findings] == ["DUP04", "STK01", "DUP16", "DUP16"]
    assert with_restarts(report(stuck, known), Restarts(), WATCHED, report().target) == report(stuck, known)


def test_watched_checks_speak_with_the_catalogues_words() -> None:
    catalogue = {check.code: check for check in CHECKS}
    for check in WATCHED:
        assert check.why == catalogue.get(check.code, check).why
    assert [check.code for check in WATCHED] == ["DUP02", "DUP04", "DUP16"]


def test_a_wrong_code_is_told_at_once() -> None:
    with pytest.raises(UsageError, match="there is no check"):
        Watch(DoctorRequest(only=("NOPE",)))

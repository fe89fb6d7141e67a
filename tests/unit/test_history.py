"""A job's life as its row tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bossctl.models.common import Payload
from bossctl.models.history import failure_reason, fetches, history
from bossctl.models.jobs import FieldValue, Job, JobRow

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def make(fields: Mapping[str, FieldValue] | None = None, output: str | None = None, **row: Any) -> Job:
    blank = JobRow(
        id="7a9d2c1e-0b7e-4e52-9d0e-0d4a2b1c3d4e",
        queue="email",
        state="created",
        priority=0,
        retry_count=0,
        retry_limit=2,
        created_on=NOON,
        start_after=NOON,
        started_on=None,
        completed_on=None,
        keep_until=at(60 * 24 * 14),
        singleton_key=None,
        dead_letter=None,
        archived=False,
        blocked=False,
    )
    return Job(
        replace(blank, **row),
        fields or {},
        Payload("{}", 2),
        Payload(output, len(output or "")),
        read_at=at(60),
    )


def told(job: Job) -> list[tuple[datetime | None, str, bool]]:
    return [(event.at, event.what, event.sure) for event in history(job)]


def test_a_new_job() -> None:
    assert told(make()) == [
        (NOON, "sent", True),
        (at(60 * 24 * 14), "kept until then, and removed after it even if it never ran", True),
    ]


def test_a_deferred_job() -> None:
    assert (at(90), "due, deferred by its sender", True) in told(make(start_after=at(90)))


def test_a_job_that_ran_once() -> None:
    job = make({"deletion_seconds": 60}, state="completed", started_on=at(1), completed_on=at(1.5))
    assert told(job) == [
        (NOON, "sent", True),
        (at(1), "attempt 1 was fetched", True),
        (at(1.5), "completed after 30 s", True),
        (at(2.5), "deleted by maintenance any time after", True),
    ]


def test_retries_are_proven_but_not_timed() -> None:
    job = make(output='{"message": "boom"}', state="failed", retry_count=2, started_on=at(5), completed_on=at(6))
    assert told(job) == [
        (NOON, "sent", True),
        (None, "attempts 1 to 2 were fetched; their times are overwritten", False),
        (at(5), "attempt 3 was fetched", True),
        (at(6), "failed after 60 s: boom", True),
    ]


def test_one_earlier_attempt_is_singular() -> None:
    job = make(state="completed", retry_count=1, started_on=at(5), completed_on=at(6))
    assert (None, "attempt 1 was fetched; its time is overwritten", False) in told(job)


def test_waiting_for_a_retry() -> None:
    job = make(output='{"value": {"message": "job timed out"}}', state="retry", started_on=at(1), start_after=at(9))
    assert told(job)[1:4] == [
        (at(1), "attempt 1 was fetched", True),
        (None, "attempt 1 failed: job timed out", True),
        (at(9), "due again", True),
    ]


def test_a_retry_by_hand_shows_while_completed_on_is_left() -> None:
    job = make(state="retry", started_on=at(1), completed_on=at(2))
    assert (None, "retried by hand: it had failed for good before", False) in told(job)


def test_an_active_job_keeps_its_last_failure_and_its_expiry() -> None:
    fields: dict[str, FieldValue] = {"expire_seconds": 900, "heartbeat_on": at(50)}
    job = make(fields, '{"message": "first"}', state="active", retry_count=1, started_on=at(30))
    events = told(job)
    assert (None, "attempt 1 failed: first", False) in events
    assert (at(50), "last heartbeat", True) in events
    assert (at(45), "passed its expiry and was not expired", True) in events
    assert (at(70), "expires", True) in told(make({"expire_seconds": 2400}, state="active", started_on=at(30)))


def test_an_expiry_beyond_time_is_left_out() -> None:
    assert len(told(make({"expire_seconds": 10**12}, state="active", started_on=at(30)))) == 2


def test_cancelled_before_it_ran() -> None:
    assert told(make(state="cancelled", completed_on=at(3)))[-1] == (at(3), "cancelled", True)


def test_resumed_after_a_fetch() -> None:
    what = [event.what for event in history(make(started_on=at(1)))]
    assert "put back to created after it had been fetched (resume or restore)" in what


def test_a_dead_letter_names_its_source() -> None:
    job = make({"source_name": "orders", "source_id": "8b"})
    assert told(job)[0] == (NOON, "arrived as the dead letter of job 8b in queue orders", True)


def test_blocked_by_parents() -> None:
    assert told(make({"pending_dependencies": 3}, blocked=True))[1] == (None, "waits for 3 unfinished parents", True)
    assert told(make(blocked=True))[1] == (None, "waits for an unfinished parent", True)


def test_archived_rows_are_not_kept_any_longer() -> None:
    job = make({"archived_on": at(50), "deletion_seconds": 60}, state="completed", completed_on=at(3), archived=True)
    assert told(job)[-1] == (at(50), "archived", True)


def test_kept_for_ever() -> None:
    assert told(make(keep_until=datetime.max.replace(tzinfo=UTC)))[-1][1] == "kept for ever"
    assert told(make({"deletion_seconds": 0}, state="completed", completed_on=at(3)))[-1] == (
        None,
        "kept for ever",
        True,
    )


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (None, None),
        ("null", None),
        ("{}", None),
        ('{"message": "boom", "stack": "…"}', "boom"),
        ('{"value": "pg-boss shut down while active"}', "pg-boss shut down while active"),
        ('{"value": {"message": "job timed out"}}', "job timed out"),
        ('"plain"', "plain"),
        ('{"code": "23505"}', '{"code": "23505"}'),
        ('{"message": {"deep": 1}}', '{"deep": 1}'),
        ('{"message": "cut off in the mi', '{"message": "cut off in the mi'),
        ('"' + "x" * 300 + '"', "x" * 199 + "…"),
        ("[" * 200_000, "[" * 199 + "…"),
    ],
)
def test_failure_reason(output: str | None, reason: str | None) -> None:
    assert failure_reason(output) == reason


def test_fetches() -> None:
    assert fetches(make().row) == 0
    assert fetches(make(started_on=NOON).row) == 1
    assert fetches(make(retry_count=2).row) == 3

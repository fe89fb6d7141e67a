"""What one row tells about its job's life."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from bossctl.models.jobs import Event, Job, JobRow

WAITING = ("created", "retry")
SLACK = timedelta(seconds=1)
REASON_LENGTH = 200
_FOREVER = datetime.max.replace(tzinfo=UTC)


def history(job: Job) -> tuple[Event, ...]:
    """Tell the job's life in order: sent, deferred, attempts, how it ended, how long it is kept.

    Only what the row proves is `sure`. `retry_count` proves that the job was fetched at least once more than it says,
    but the time of every attempt except the last is overwritten, so those have neither a time nor certainty. Times
    after `job.read_at` are still to come.
    """
    return (*_sent(job), *_waiting(job), *_attempts(job), *_outcome(job), *_kept(job))


def failure_reason(text: str | None) -> str | None:
    """The message inside an output, as pg-boss writes errors, at most 200 characters; None when there is none."""
    if text is None:
        return None
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return _short(text)
    for _ in range(2):  # {"value": {"message": …}} is how pg-boss wraps its own reasons
        if isinstance(value, dict):
            value = value.get("message") or value.get("value") or value
    if value in (None, {}, []):
        return None
    return _short(value if isinstance(value, str) else json.dumps(value))


def fetches(row: JobRow) -> int:
    """How often the job was fetched, at least."""
    return row.retry_count + 1 if row.retry_count or row.started_on else 0


def _short(text: str) -> str:
    return text if len(text) <= REASON_LENGTH else text[: REASON_LENGTH - 1] + "…"


def _sent(job: Job) -> Iterator[Event]:
    source = job.fields.get("source_name")
    if isinstance(source, str):
        original = job.fields.get("source_id")
        told = f"arrived as the dead letter of job {original} in queue {source}"
        yield Event(job.row.created_on, told, kind="sent")
    else:
        yield Event(job.row.created_on, "sent", kind="sent")


def _waiting(job: Job) -> Iterator[Event]:
    row = job.row
    if row.blocked:
        pending = job.fields.get("pending_dependencies")
        parents = (
            f"{pending} unfinished parents" if isinstance(pending, int) and pending > 1 else "an unfinished parent"
        )
        yield Event(None, f"waits for {parents}", kind="waits")
    deferred = row.start_after and row.created_on and row.start_after > row.created_on + SLACK
    if deferred and row.start_after and not row.retry_count and row.state != "retry":
        what = "due, deferred by its sender" if row.started_on is None else "due"
        yield Event(row.start_after, what, kind="due")


def _attempts(job: Job) -> Iterator[Event]:
    row, attempts = job.row, fetches(job.row)
    if attempts == 2:
        yield Event(None, "attempt 1 was fetched; its time is overwritten", False, "fetched")
    elif attempts > 2:
        yield Event(None, f"attempts 1 to {attempts - 1} were fetched; their times are overwritten", False, "fetched")
    if row.state == "active":
        yield from _previous_failure(job, attempts - 1)
    if row.started_on is not None:
        yield Event(row.started_on, f"attempt {attempts} was fetched", kind="fetched")
    heartbeat = job.fields.get("heartbeat_on")
    if isinstance(heartbeat, datetime) and row.state == "active":
        yield Event(heartbeat, "last heartbeat", kind="heartbeat")
    if row.state == "created" and row.started_on is not None:
        yield Event(None, "put back to created after it had been fetched (resume or restore)")


def _previous_failure(job: Job, attempt: int) -> Iterator[Event]:
    reason = failure_reason(job.output.text)
    if reason and attempt > 0:
        yield Event(None, f"attempt {attempt} failed: {reason}", False, "failed")


def _outcome(job: Job) -> Iterator[Event]:
    row = job.row
    if row.state == "active":
        yield from _expiry(job)
    elif row.state == "retry":
        reason = failure_reason(job.output.text)
        yield Event(None, f"attempt {fetches(row)} failed" + (f": {reason}" if reason else ""), kind="failed")
        if row.completed_on is not None:
            yield Event(None, "retried by hand: it had failed for good before", False)
        yield Event(row.start_after, "due again", kind="due")
    elif row.state not in WAITING:
        yield Event(row.completed_on, _ending(job), kind="ended")
    archived = job.fields.get("archived_on")
    if isinstance(archived, datetime):
        yield Event(archived, "archived", kind="archived")


def _ending(job: Job) -> str:
    row = job.row
    ran = ""
    if row.completed_on and row.started_on and row.completed_on >= row.started_on and row.state != "cancelled":
        ran = f" after {(row.completed_on - row.started_on).total_seconds():.3g} s"
    reason = failure_reason(job.output.text) if row.state in ("failed", "expired") else None
    return f"{row.state}{ran}" + (f": {reason}" if reason else "")


def _expiry(job: Job) -> Iterator[Event]:
    limit = job.fields.get("expire_seconds")
    if job.row.started_on is None or not isinstance(limit, (int, float)):
        return
    try:
        at = job.row.started_on + timedelta(seconds=limit)
    except OverflowError:
        return
    what = "expires" if at > job.read_at else "passed its expiry and was not expired"
    yield Event(at, what, kind="expires")


def _kept(job: Job) -> Iterator[Event]:
    row = job.row
    if row.archived:
        return
    if row.state in WAITING and row.keep_until is not None:
        yield Event(
            row.keep_until,
            "kept until then, and removed after it even if it never ran"
            if row.keep_until < _FOREVER
            else "kept for ever",
            kind="kept",
        )
    limit = job.fields.get("deletion_seconds")
    if row.completed_on is not None and row.state not in (*WAITING, "active") and isinstance(limit, int):
        if limit == 0:
            yield Event(None, "kept for ever", kind="kept")
            return
        yield Event(row.completed_on + timedelta(seconds=limit), "deleted by maintenance any time after", kind="kept")

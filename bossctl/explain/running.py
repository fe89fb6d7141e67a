"""A job that is active: since when, until when, in whose hands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bossctl.explain.keeping import keeping
from bossctl.explain.supervision import grace, supervised, supervision
from bossctl.explain.words import expiry, later, shown, stamp, when
from bossctl.explain.workers import holder_of
from bossctl.format import duration
from bossctl.models.explain_facts import JobFacts
from bossctl.models.explanation import Holds, Reason
from bossctl.models.history import failure_reason, fetches

HEARTBEAT_IGNORED_UNTIL = 36
"""Schema number of 12.25: until then a heartbeat that only the job has is ignored."""


def running(facts: JobFacts) -> Iterator[Reason]:
    """What holds of a job at work."""
    yield _since(facts)
    yield from holder_of(facts)
    yield from _expires(facts)
    yield from _heartbeat(facts)
    yield from _failed_before(facts)
    yield from supervision(facts)
    yield from keeping(facts)


def _since(facts: JobFacts) -> Reason:
    row = facts.job.row
    at = when(row.started_on, facts.now) if row.started_on else "at an unknown time"
    usual = facts.activity.usual_seconds if facts.activity else None
    told = f"; a first attempt in this queue usually takes {_length(usual)}" if usual is not None else ""
    text = f"active: attempt {fetches(row)} was fetched {at}{told}"
    return Reason("active", Holds.CERTAIN, text, until=expiry(row.started_on, facts.job.fields.get("expire_seconds")))


def _length(seconds: float) -> str:
    return duration(seconds) if seconds >= 1 else "less than 1s"


def _expires(facts: JobFacts) -> Iterator[Reason]:
    seconds = facts.job.fields.get("expire_seconds")
    at = expiry(facts.job.row.started_on, seconds)
    if at is None or not isinstance(seconds, (int, float)):
        return
    again = _afterwards(facts)
    if at > facts.now:
        text = f"it expires {when(at, facts.now)}, {duration(seconds)} after its start; {again}"
        yield Reason("expires", Holds.CERTAIN, text, until=at)
        return
    text = f"it is past its expiry ({duration(seconds)} after its start) since {stamp(at, facts.now)}"
    if _maintenance_is_due(at, facts):
        yield Reason("expiring", Holds.CERTAIN, f"{text}: the next maintenance sees to it; {again}")
        return
    text += ", and nobody expired it: its worker is gone, or the handler still runs"
    late = "" if supervised(facts) else "; no maintenance is to be seen that would"
    yield Reason("past-expiry", Holds.CERTAIN, f"{text}{late}; {again}")


def _maintenance_is_due(since: datetime, facts: JobFacts) -> bool:
    """It is late by no more than maintenance usually takes to come, and comes at all."""
    return supervised(facts) and (facts.now - since).total_seconds() <= grace(facts)


def _afterwards(facts: JobFacts) -> str:
    """What expiry makes of it."""
    row = facts.job.row
    if row.retry_count < row.retry_limit:
        left = row.retry_limit - row.retry_count
        return f"then it is retried ({left:,} of {row.retry_limit:,} retries left), also while the handler goes on"
    ends = "expired" if facts.era.generation == "8-9" else "failed"
    copy = f", with a dead letter in {shown(row.dead_letter)}" if row.dead_letter else ""
    return f"then it ends as {ends}: no retries left{copy}"


def _heartbeat(facts: JobFacts) -> Iterator[Reason]:
    fields = facts.job.fields
    beat, seconds = fields.get("heartbeat_on"), fields.get("heartbeat_seconds")
    if not isinstance(seconds, int):
        return
    due = later(beat, seconds) if isinstance(beat, datetime) else None
    if not isinstance(beat, datetime) or due is None:
        return
    number = facts.era.number
    unseen = facts.queue.heartbeat_seconds is None and (number is None or number <= HEARTBEAT_IGNORED_UNTIL)
    nobody = "; the queue sets no heartbeat, and 12.12 to 12.25 then ignore the job's own" if unseen else ""
    if due > facts.now:
        text = f"its last heartbeat was {when(beat, facts.now)}; one is expected every {duration(seconds)}"
        yield Reason("heartbeat", Holds.CERTAIN, f"{text}{nobody}", until=due)
        return
    text = f"its last heartbeat was {when(beat, facts.now)}, and {duration(seconds)} without one is allowed"
    if not unseen and _maintenance_is_due(due, facts):
        yield Reason("heartbeat-late", Holds.CERTAIN, f"{text}: the next maintenance gives the attempt up")
        return
    text += ": its worker"
    yield Reason("heartbeat-stale", Holds.CERTAIN, f"{text} is gone, frozen or blocked{nobody}")


def _failed_before(facts: JobFacts) -> Iterator[Reason]:
    """While it runs again, output still is the former attempt's."""
    row = facts.job.row
    cause = failure_reason(facts.job.output.text)
    if row.retry_count and cause:
        text = f"attempt {row.retry_count} failed: {shown(cause)}"
        yield Reason("failed-before", Holds.CERTAIN, text)
    if row.completed_on is not None:
        text = f"it had ended {when(row.completed_on, facts.now)} and was put back by hand"
        yield Reason("retried-by-hand", Holds.CERTAIN, text)

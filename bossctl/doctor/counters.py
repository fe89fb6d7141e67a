"""SCH05: counters kept in the queue table that are old or known to be wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from bossctl.doctor.check import Case, Check, Readings
from bossctl.doctor.words import some
from bossctl.format import duration
from bossctl.models.findings import Certainty, Severity
from bossctl.models.readings_settings import CachedCounters, Counters

STALE_SECONDS = 900.0
"""Supervisors count every one or two minutes by default."""

BACKOFF_SECONDS = 7200.0
"""Where monitoring holds itself back (12.30 and newer), counts may be an hour late."""

STUCK_NUMBERS = (25, 26)
"""11.0.0 to 12.5.2 never count a queue without rows again."""


def counters_frozen(readings: Readings) -> Iterator[Case]:
    """One case per queue whose counts are of jobs that are gone, and one for all whose counts are old."""
    found, now = readings[Counters], readings.ground.now
    for one in found.queues:
        if found.number in STUCK_NUMBERS and not one.has_jobs and one.queued + one.active + one.total > 0:
            yield _wrong_case(one)
    usual = max(STALE_SECONDS, 3 * (found.interval_seconds or 0))
    allowed = max(usual, BACKOFF_SECONDS) if found.backoff_until else usual
    stale = [one for one in found.queues if one.has_jobs and _age(one, now) > allowed]
    if stale:
        yield _stale_case(stale, now)


def _age(one: CachedCounters, now: datetime) -> float:
    return (now - (one.monitor_on or one.created_on)).total_seconds()


def _wrong_case(one: CachedCounters) -> Case:
    return Case(
        queue=one.queue,
        subject="wrong counters",
        certainty=Certainty.PROVEN,
        count=1,
        since=one.monitor_on,
        message=f"queue {one.queue} has no jobs, but its cached counters say {one.queued:,} queued,"
        f" {one.active:,} active and {one.total:,} in all",
        evidence=[
            {
                "queued_count": one.queued,
                "active_count": one.active,
                "total_count": one.total,
                "jobs": 0,
                "monitor_on": one.monitor_on,
            }
        ],
        advice="upgrade to 12.5.3 or newer, which counts empty queues too; until then take exact counts",
        command=("queue", "show", one.queue),
    )


def _stale_case(stale: Sequence[CachedCounters], now: datetime) -> Case:
    oldest = max(stale, key=lambda one: _age(one, now))
    return Case(
        queue=None,
        subject="stale counters",
        certainty=Certainty.PROVEN,
        count=len(stale),
        since=min((one.monitor_on for one in stale if one.monitor_on), default=None),
        message=f"the cached counters of {some(len(stale), 'queue')} are old: those of queue {oldest.queue}"
        f" {'were never taken' if oldest.monitor_on is None else 'are ' + duration(_age(oldest, now)) + ' old'}",
        evidence=[
            {"queue": one.queue, "monitor_on": one.monitor_on, "age_seconds": round(_age(one, now), 1)}
            for one in sorted(stale, key=lambda one: -_age(one, now))[:20]
        ],
        advice="run a pg-boss process with supervision on (the default); a dashboard that shows these counters shows"
        " the past",
        command=("worker", "list"),
    )


CHECKS: tuple[Check, ...] = (
    Check(
        code="SCH05",
        slug="counters-frozen",
        title="cached counters are stale or known wrong",
        severity=Severity.WARNING,
        needs=(Counters,),
        what="Compares when supervisors last counted the queues that have jobs with the clock (15 minutes are long, two"
        " hours where monitoring holds itself back), and in 11.0 to 12.5 looks for counts of queues that are empty.",
        why="Dashboards, warnings and, up to 12.35, fetching itself go by these counters.",
        confirm="bossctl queue list shows each count with its age.",
        fix="Keep a supervisor running; upgrade to 12.5.3 or newer.",
        releases="11.0.0 and newer; counts of empty queues 11.0.0 to 12.5.2",
        judge=counters_frozen,
    ),
)

"""What the seeded database of a release holds: the description that the builder follows and that tests compare with.

plan("10.4.2").counts["mail"]      {"completed": 40, "failed": 5, …}: rows of the job table
plan("10.4.2").archived["mail"]    {"completed": 10, "created": 2}: rows of the archive table (up to 10.x)
plan("10.4.2").queue("mail")       its policy and options
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from tests.seed import hostile
from tests.support.releases import at_least, generation


@dataclass(frozen=True)
class QueuePlan:
    """One queue: how many jobs end in which state, and what was set on the queue.

    `timed_out` jobs were active until maintenance ended them; `deferred` are created with a start in the future;
    `archived` and `abandoned` (never run) were moved to the archive. `keyed` are single jobs by state and singleton
    key, on queues whose policy looks at it. `extra` counts jobs that steps of their own make.
    """

    name: str
    policy: str = "standard"
    options: Mapping[str, Any] = field(default_factory=dict)
    completed: int = 0
    failed: int = 0
    timed_out: int = 0
    cancelled: int = 0
    active: int = 0
    retry: int = 0
    created: int = 0
    deferred: int = 0
    archived: int = 0
    abandoned: int = 0
    keyed: tuple[tuple[str, str], ...] = ()
    extra: Mapping[str, int] = field(default_factory=dict)

    def counts(self, release: str) -> dict[str, int]:
        """Rows of the job table by state; states without rows are absent."""
        by_state = Counter(
            completed=self.completed,
            failed=self.failed,
            cancelled=self.cancelled,
            active=self.active,
            retry=self.retry,
            created=self.created + self.deferred,
        )
        by_state["failed" if generation(release) >= 10 else "expired"] += self.timed_out
        by_state.update(state for state, _ in self.keyed)
        by_state.update(self.extra)
        return {state: number for state, number in by_state.items() if number}


@dataclass(frozen=True)
class SchedulePlan:
    """One schedule; `key` is empty before 11."""

    name: str
    cron: str
    timezone: str
    key: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """Everything in the seeded database of one release, but for pg-boss's own `__pgboss__…` queues."""

    release: str
    queues: tuple[QueuePlan, ...]
    schedules: tuple[SchedulePlan, ...]

    @cached_property
    def counts(self) -> dict[str, dict[str, int]]:
        """Queue → state → rows of the job table, without queues that have none."""
        counted = {one.name: one.counts(self.release) for one in self.queues}
        return {name: states for name, states in counted.items() if states}

    @cached_property
    def archived(self) -> dict[str, dict[str, int]]:
        """Queue → state → rows of the archive table."""
        counted = {one.name: {"completed": one.archived, "created": one.abandoned} for one in self.queues}
        return {name: states for name, states in counted.items() if any(states.values())}

    def queue(self, name: str) -> QueuePlan:
        """The plan of one queue. Raises KeyError."""
        return {one.name: one for one in self.queues}[name]


# The queues whose names a test may want; which of them exist depends on the release.
BUSY = "mail"
DEAD_LETTER = "mail-dead"
PARTITIONED = "thumbnails"
STUCK = "webhooks"
UNWORKED = "exports"
SCHEDULED = "cleanup"
HOSTILE = "hostile"
STALE_HEARTBEAT = "transcode"
FLOW = "steps"
NOTIFYING = "push"
EMPTY = "unused"
COMPLETION = f"__state__completed__{BUSY}"


@cache
def plan(release: str) -> Plan:
    """The description of the database that `tests.seed.build` makes for `release`."""
    queues = [*_everywhere(release), *_names(release)]
    if generation(release) < 10:
        queues.append(QueuePlan(COMPLETION, extra={"created": 1}))
    else:
        queues += [QueuePlan(DEAD_LETTER, extra={"created": 5}), QueuePlan(EMPTY), *_policies(release)]
    return Plan(release, (*queues, *_late_arrivals(release)), _schedules(release))


def _everywhere(release: str) -> list[QueuePlan]:
    has_archive = generation(release) <= 10
    mail = {"retryLimit": 3, "retryDelay": 30, "retryBackoff": True, "expireInSeconds": 300}
    if generation(release) >= 10:
        mail["deadLetter"] = DEAD_LETTER
    hostile_jobs = len(hostile.PAYLOADS) + 2
    return [
        QueuePlan(
            BUSY,
            options=mail,
            completed=40,
            failed=5,
            cancelled=2,
            active=2,
            retry=3,
            created=6,
            deferred=4,
            archived=10 if has_archive else 0,
            abandoned=2 if has_archive else 0,
            extra={"completed": 1} if generation(release) < 10 else {},
        ),
        QueuePlan(PARTITIONED, options=_from(release, "11", partition=True), completed=300, created=20),
        QueuePlan(STUCK, options={"expireInSeconds": 60, "retryLimit": 0}, completed=5, timed_out=1, active=1),
        QueuePlan(UNWORKED, options=_from(release, "11", warningQueueSize=5), created=12),
        QueuePlan("imports", completed=8, extra={"created": 3}),
        QueuePlan(SCHEDULED, completed=7),
        QueuePlan(HOSTILE, options={"retryLimit": 0}, extra={"created": hostile_jobs, "failed": len(hostile.ERRORS)}),
    ]


def _names(release: str) -> list[QueuePlan]:
    names: tuple[str, ...] = hostile.NAMES_UP_TO_11
    if generation(release) < 10:
        names += hostile.NAMES_UP_TO_9
    if generation(release) >= 12:
        names = hostile.NAMES_FROM_12
    if at_least(release, "12.13"):
        names += hostile.NAMES_FROM_12_13
    return [QueuePlan(name, created=1) for name in names]


def _policies(release: str) -> list[QueuePlan]:
    queues = [
        QueuePlan("report-short", "short", keyed=(("active", "a"), ("created", "a"), ("created", "b"))),
        QueuePlan("sync-singleton", "singleton", keyed=(("active", "a"), ("created", "a"), ("created", "b"))),
        QueuePlan("billing-stately", "stately", keyed=(("retry", ""), ("active", ""), ("created", ""))),
    ]
    if at_least(release, "11.1"):
        keyed = (("retry", "c"), ("active", "a"), ("created", "b"))
        queues.append(QueuePlan("nightly-exclusive", "exclusive", keyed=keyed))
    if at_least(release, "12.10"):
        keyed = (("failed", "k1"), ("active", "k2"), ("created", "k1"), ("created", "k1"), ("created", "k2"))
        queues.append(QueuePlan("ledger-fifo", "key_strict_fifo", keyed=keyed))
    return queues


def _late_arrivals(release: str) -> list[QueuePlan]:
    queues: list[QueuePlan] = []
    if at_least(release, "12.12"):
        queues.append(QueuePlan(STALE_HEARTBEAT, options={"heartbeatSeconds": 30}, active=1))
    if at_least(release, "12.19"):
        queues.append(QueuePlan(FLOW, extra={"completed": 1, "failed": 1, "created": 5}))
    if at_least(release, "12.21"):
        taken_by_the_dead = {"active": 1} if at_least(release, "12.36") else {"created": 1}
        queues.append(QueuePlan(NOTIFYING, options={"notify": True}, extra=taken_by_the_dead))
    return queues


def _schedules(release: str) -> tuple[SchedulePlan, ...]:
    daily = SchedulePlan(SCHEDULED, "0 3 * * *", "Europe/Berlin", data={"days": 30})
    if generation(release) < 11:
        return (daily,)
    schedules = (daily, SchedulePlan(SCHEDULED, "30 4 * * 0", "America/New_York", key="weekly"))
    if at_least(release, "12.31"):
        rule = "FREQ=MONTHLY;BYDAY=1MO;BYHOUR=5;BYMINUTE=0"
        schedules += (SchedulePlan(SCHEDULED, rule, "Asia/Tokyo", key="monthly"),)
    return schedules


def _from(release: str, first: str, **options: Any) -> dict[str, Any]:
    return options if at_least(release, first) else {}

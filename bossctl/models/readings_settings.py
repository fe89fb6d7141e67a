"""Readings about how queues are set up, and what their jobs show of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class QueueSetting:
    """What a queue is set to. `asked` says that the run is about it."""

    name: str
    policy: str | None
    dead_letter: str | None
    expire_seconds: int | None
    heartbeat_seconds: int | None
    asked: bool


@dataclass(frozen=True)
class UnreadDeadLetters:
    """Jobs that wait in a dead-letter queue of which none was ever fetched."""

    queue: str
    jobs: int
    first_on: datetime


@dataclass(frozen=True)
class QueueSettings:
    """Every queue by name, and the dead-letter queues nobody has read."""

    queues: Mapping[str, QueueSetting]
    unread: tuple[UnreadDeadLetters, ...]


@dataclass(frozen=True)
class RunTotals:
    """What a queue's open jobs and those finished in the window add up to.

    `beyond` completed at or after their expiry, `overran` failed because their handler outlived it, `hasty`
    ran again without delay or backoff (`hasty_reruns` times), `lost` failed for good without a dead letter, `long` ran
    for long without a heartbeat.
    """

    queue: str
    jobs: int
    completed: int
    beyond: int
    overran: int
    hasty: int
    hasty_reruns: int
    lost: int
    long: int


@dataclass(frozen=True)
class RunTimes:
    """The run times of one queue in seconds; what overran counts as its expiry. `expire_seconds` is the usual one.

    `counted` is how many runs of pg-boss's own histograms the percentiles are of, 0 when they are exact. `rows` says
    that jobs are left; where none are, all of it comes of the histograms.
    """

    queue: str
    runs: int
    beyond: int
    overran: int
    p50: float
    p95: float
    p99: float
    longest: float
    expire_seconds: float
    queue_expire_seconds: int | None
    first_on: datetime | None
    samples: tuple[str, ...]
    counted: int = 0
    rows: bool = True


@dataclass(frozen=True)
class Runs:
    """Totals of every queue, and exact run times of those whose totals call for it.

    `settable` says that this schema has queues whose options can be set, `dead_letters` names those that are one.
    """

    totals: tuple[RunTotals, ...]
    times: tuple[RunTimes, ...]
    settable: bool
    heartbeats: bool
    dead_letters: frozenset[str]
    long_seconds: float


@dataclass(frozen=True)
class ForgottenPolicy:
    """A standard queue with jobs of another policy, all older than its last update."""

    queue: str
    was: str
    jobs: int
    updated_on: datetime
    first_on: datetime
    last_on: datetime


@dataclass(frozen=True)
class ForgottenPolicies:
    """All of them."""

    queues: tuple[ForgottenPolicy, ...]


@dataclass(frozen=True)
class IgnoredOptions:
    """A schedule whose jobs do not have the expiry or retention, in seconds, that its options ask for."""

    queue: str
    expire: float | None
    expire_got: float | None
    retention: float | None
    retention_got: float | None
    jobs: int
    first_on: datetime
    samples: tuple[str, ...]


@dataclass(frozen=True)
class ScheduleOptions:
    """All of them."""

    ignored: tuple[IgnoredOptions, ...]


@dataclass(frozen=True)
class KeyOverlap:
    """Jobs of a standard queue made while another with the same singleton key was not finished."""

    queue: str
    jobs: int
    keys: int
    first_on: datetime
    samples: tuple[str, ...]


@dataclass(frozen=True)
class KeyOverlaps:
    """All of them."""

    queues: tuple[KeyOverlap, ...]


@dataclass(frozen=True)
class CachedCounters:
    """The counters kept in the queue table, and whether the queue has any job."""

    queue: str
    created_on: datetime
    monitor_on: datetime | None
    queued: int
    active: int
    total: int
    has_jobs: bool


@dataclass(frozen=True)
class Counters:
    """The counters of every queue. `interval_seconds` is how often live supervisors count, where they record it."""

    number: int | None
    queues: tuple[CachedCounters, ...]
    backoff_until: datetime | None
    interval_seconds: float | None

"""What doctor's readings hand to its judges: counted symptoms and the rows that show them, no database attached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntFlag

from bossctl.models.workers import Worker


class Symptom(IntFlag):
    """What one row of the job table can show; the numbers are those of the statement `suspects`."""

    OVERRAN = 1
    """Failed by its worker while the handler was still running."""
    OVERFLOWED = 2
    """The same, because an expiry over 24.8 days made the timer fire at once (8/9)."""
    TIMED_OUT = 4
    """Failed by maintenance because it stayed active past its expiry."""
    EXPIRED = 8
    """In 8/9's state `expired` after more than one attempt."""
    SILENT_RETRY = 16
    """Waits to run again and no failure was recorded; 8/9's maintenance expires like that."""
    FINISHED_BEFORE = 32
    """Waits or runs although it had finished: put back by hand."""
    RERUN = 64
    """Completed after more than one attempt."""
    RESUMED = 128
    """Waits as if new although it had been fetched, and no failure was recorded."""
    PAST_EXPIRY = 256
    """Active past its expiry by more than two maintenance intervals."""
    RESULT = 512
    """Waits or runs although a result that is no error was recorded."""
    HEARTBEAT_LOST = 1024
    """Failed by maintenance because its heartbeat stayed away."""
    SHUT_DOWN = 2048
    """Given back by a worker that was shut down while the handler ran."""
    DATABASE_ERROR = 4096
    """Failed by an error of PostgreSQL, thrown by the handler as far as the row tells."""
    COMPLETION_FAILED = 8192
    """The same, thrown while pg-boss completed it."""
    RESET = 16384
    """Ended before, and its counters say that it was never fetched, or only once."""


@dataclass(frozen=True)
class Ground:
    """What every judge may need: the server's clock at the snapshot, and the generation the tables show."""

    now: datetime
    generation: str


@dataclass(frozen=True)
class SchemaNumber:
    """What the schema says of itself. `note` says in a sentence when its number and its tables disagree."""

    number: int | None
    releases: str | None
    note: str | None


@dataclass(frozen=True)
class SymptomGroup:
    """All jobs of one queue and state with exactly these symptoms: how many, when, and some of their ids.

    `attempts` is the largest number of times one of them was fetched at least.
    """

    queue: str
    state: str
    symptoms: Symptom
    jobs: int
    first_on: datetime | None
    last_on: datetime | None
    attempts: int
    samples: tuple[str, ...]


@dataclass(frozen=True)
class JobEvidence:
    """The columns of one job that prove a symptom. `reason` is the beginning of the recorded failure."""

    id: str
    queue: str
    state: str
    retry_count: int
    retry_limit: int
    created_on: datetime | None
    start_after: datetime | None
    started_on: datetime | None
    completed_on: datetime | None
    expire_seconds: float | None
    reason: str | None
    archived: bool


@dataclass(frozen=True)
class Symptoms:
    """One pass over the suspects. `grace_seconds` is what PAST_EXPIRY allowed beyond the expiry."""

    groups: tuple[SymptomGroup, ...]
    evidence: Mapping[tuple[str, str], JobEvidence]
    grace_seconds: float


@dataclass(frozen=True)
class Send:
    """A row of the scheduler's send queue, and the ids of the jobs that came of it."""

    id: str
    sent_on: datetime
    jobs: tuple[str, ...]


@dataclass(frozen=True)
class Slot:
    """One minute in which a schedule was sent more often than it should have been."""

    minute: datetime
    due: int
    sends: tuple[Send, ...]


@dataclass(frozen=True)
class DoubledSchedule:
    """A schedule with doubled slots.

    `cron` is None when it is no longer scheduled. `slots_seen` counts the minutes it was sent in at all, `doubled`
    those with too many sends, `sends` what was sent in these, `surplus` how much of it was too much; all exact.
    `shown` holds the newest of the doubled slots.
    """

    queue: str
    key: str
    cron: str | None
    slots_seen: int
    doubled: int
    sends: int
    surplus: int
    first_minute: datetime
    last_minute: datetime
    shown: tuple[Slot, ...]


@dataclass(frozen=True)
class ScheduleSends:
    """What the scheduler sent without a throttling slot, where that gave more than one job per minute."""

    doubled: tuple[DoubledSchedule, ...]


@dataclass(frozen=True)
class Supervision:
    """Who maintains the schema and when that last showed.

    `stamps` maps a column's name to its time; only columns this schema has. `instances` is None where there is no
    registry. `interval_seconds` is the pass interval of live supervising instances where they record it.
    """

    stamps: Mapping[str, datetime | None]
    backoff_until: datetime | None
    jobs: bool
    old_jobs: bool
    instances: tuple[Worker, ...] | None
    interval_seconds: float | None

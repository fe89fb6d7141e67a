"""What doctor reads of work that does not move: open jobs, flows, slots that policies keep, what schedules sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntFlag


class OpenSymptom(IntFlag):
    """What one waiting or running row can show; the numbers are those of the statement `suspects`."""

    DUE = 1
    """Waits and could be taken now."""
    WORKED = 2
    """Active, neither past its expiry nor silent."""
    HEARTBEAT_MISSED = 4
    """Active, its last heartbeat older than it may be."""
    NEW_PAST_KEEPING = 8
    """Never ran, and is kept no longer."""
    NEW_KEPT_TOO_SHORT = 16
    """Never ran, and becomes due only when it is kept no longer."""
    AGAIN_PAST_KEEPING = 32
    """Waits to run again, and is kept no longer."""
    AGAIN_KEPT_TOO_SHORT = 64
    """Waits to run again, and becomes due only when it is kept no longer."""
    ENDED_LONG_AGO = 128
    """Waits or runs, and its completion is so long ago that maintenance removes it."""


@dataclass(frozen=True)
class OpenGroup:
    """All open jobs of one queue and state with exactly these symptoms.

    `oldest_due` is the first moment from which one of them could have been taken, None where no row tells it.
    """

    queue: str
    state: str
    symptoms: OpenSymptom
    jobs: int
    oldest_due: datetime | None
    first_keep_until: datetime | None
    oldest_heartbeat: datetime | None
    samples: tuple[str, ...]


@dataclass(frozen=True)
class OpenJob:
    """The columns of one open job that prove a symptom. `deletion_seconds` is None where jobs have none (up to 10)."""

    id: str
    queue: str
    state: str
    retry_count: int
    created_on: datetime | None
    start_after: datetime | None
    started_on: datetime | None
    completed_on: datetime | None
    keep_until: datetime | None
    deletion_seconds: int | None
    heartbeat_on: datetime | None
    heartbeat_seconds: int | None
    expire_seconds: float | None


@dataclass(frozen=True)
class Pace:
    """How a queue was worked so far: when a job was last taken, and how long those taken had waited on average."""

    last_started: datetime | None
    mean_wait_seconds: float | None


@dataclass(frozen=True)
class Backlog:
    """Due work of a queue that nobody works and no policy holds back."""

    queue: str
    jobs: int
    oldest_due: datetime
    first_keep_until: datetime | None
    samples: tuple[str, ...]
    pace: Pace
    dead_letter: bool


@dataclass(frozen=True)
class OpenWork:
    """One pass over what waits or runs. `grace_seconds` is what maintenance is given beyond an expiry or heartbeat.

    `backlogs` holds the queues whose oldest due job waits longer than WAIT_SECONDS and of which no job is at work.
    """

    groups: tuple[OpenGroup, ...]
    evidence: Mapping[tuple[str, str], OpenJob]
    backlogs: tuple[Backlog, ...]
    grace_seconds: float


@dataclass(frozen=True)
class Heartbeats:
    """What queues ask for: queue → heartbeat_seconds, None where it sets none."""

    of_queues: Mapping[str, int | None]


@dataclass(frozen=True)
class BlockedJob:
    """A blocked job and one of the parents it waits for in vain."""

    id: str
    created_on: datetime | None
    keep_until: datetime | None
    pending: int
    parent_queue: str | None
    parent: str | None
    parent_ended: datetime | None


@dataclass(frozen=True)
class BlockedGroup:
    """Blocked jobs of one queue that wait in vain. `kind` says what became of their parent.

    `failed` and `cancelled` are its state, `gone` means it is not stored any more, `unlinked` that no job has a link to
    its parents any more, `unresolved` that it completed and nobody told its children.
    """

    queue: str
    kind: str
    jobs: int
    first_on: datetime | None
    shown: tuple[BlockedJob, ...]


@dataclass(frozen=True)
class Flows:
    """Blocked jobs that wait in vain, and when the background resolver last passed (None before 12.22)."""

    groups: tuple[BlockedGroup, ...]
    flow_on: datetime | None


@dataclass(frozen=True)
class Timetable:
    """A schedule, and the minutes of the last day in which something was sent that may have come of it."""

    queue: str
    key: str
    cron: str
    timezone: str | None
    kind: str | None
    set_on: datetime | None
    sent: frozenset[datetime]


@dataclass(frozen=True)
class Scheduler:
    """The schedules, the stamp of the passes over them, and the scheduler's own queue.

    `first_send` is the oldest send that is still stored: nothing is known of slots before it. `waiting` counts sends
    that were due longer ago than `patience_seconds`. `cron_parsers` are the versions of cron-parser that releases with
    such a schema may have.
    """

    timetables: tuple[Timetable, ...]
    cron_on: datetime | None
    first_send: datetime | None
    waiting: int
    oldest_waiting: datetime | None
    last_taken: datetime | None
    samples: tuple[str, ...]
    patience_seconds: float
    cron_parsers: tuple[int, ...]


@dataclass(frozen=True)
class HeldKey:
    """A job that keeps its policy's slot though it failed or is past its expiry, and how many wait for the slot.

    `retrying` of those that wait are in state retry.
    """

    queue: str
    policy: str
    key: str
    holder: str
    state: str
    since: datetime | None
    waiting: int
    retrying: int
    oldest_waiting: datetime | None
    samples: tuple[str, ...]


@dataclass(frozen=True)
class RefusedRetry:
    """A retry whose key the queue lists as active although no job with it is: 11.0 never fetches it."""

    queue: str
    key: str
    id: str
    start_after: datetime
    monitor_on: datetime


@dataclass(frozen=True)
class HeldSlots:
    """What the slots of policies keep from running."""

    held: tuple[HeldKey, ...]
    refused: tuple[RefusedRetry, ...]


@dataclass(frozen=True)
class Orphan:
    """Jobs of a queue that has no row."""

    queue: str
    jobs: int
    open: int
    first_on: datetime | None


@dataclass(frozen=True)
class Orphans:
    """What no queue row stands for: jobs by their queue, and partitions with the values they hold."""

    jobs: tuple[Orphan, ...]
    partitions: tuple[tuple[str, str], ...]

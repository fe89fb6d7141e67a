"""What doctor reads of queues whose policy looks at keys: jobs that one key keeps from being fetched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Hiding(StrEnum):
    """Why a due job is not fetched though the slot of its key is free; the values are those of `starved_keys`."""

    HEAD = "head"
    """The job fetched first has its slot taken, so that the whole fetch fails."""
    KEYLESS = "keyless"
    """It has no key, and the queue lists active keys."""
    CLOSED = "closed"
    """The queue lists a job without a key as active, which hides every job."""
    STALE = "stale"
    """The queue lists its key as active though no job with it is."""


@dataclass(frozen=True)
class Head:
    """The job that is fetched first, and the one that holds the slot of its key."""

    id: str
    key: str
    due_on: datetime
    holder: str
    holder_state: str
    held_since: datetime | None


@dataclass(frozen=True)
class Starved:
    """Due jobs of one queue whose slots are free and which are not fetched. `keys` counts their keys.

    `since` is the first moment from which all of what hides them held. `monitor_on` is when the queue's list of active
    keys was last written, None where there is no such list; `last_started` when a job of the queue was last fetched.
    """

    queue: str
    policy: str
    hiding: Hiding
    jobs: int
    keys: int
    oldest_due: datetime
    since: datetime
    samples: tuple[str, ...]
    head: Head | None
    monitor_on: datetime | None
    last_started: datetime | None


@dataclass(frozen=True)
class Colliding:
    """The first two due jobs of a queue have one key, whose slot is free. `since` is when the second became due."""

    queue: str
    policy: str
    key: str
    since: datetime
    samples: tuple[str, ...]
    last_started: datetime | None


@dataclass(frozen=True)
class Starvation:
    """Queues in which one key keeps the others waiting. `grace_seconds` is what maintenance is given elsewhere too."""

    number: int | None
    starved: tuple[Starved, ...]
    colliding: tuple[Colliding, ...]
    grace_seconds: float


@dataclass(frozen=True)
class RetryingHolder:
    """A job in state retry that keeps its key, and how many due jobs wait for it. It is due at `start_after`."""

    queue: str
    key: str
    holder: str
    started_on: datetime | None
    start_after: datetime
    waiting: int
    oldest_waiting: datetime | None
    samples: tuple[str, ...]


@dataclass(frozen=True)
class RetryingHolders:
    """Keys of key_strict_fifo queues that jobs keep which are not due for long, or have been due for long."""

    held: tuple[RetryingHolder, ...]


@dataclass(frozen=True)
class CutRetry:
    """A job that failed although it had retries left."""

    id: str
    key: str
    retry_count: int
    retry_limit: int
    completed_on: datetime


@dataclass(frozen=True)
class QueueCuts:
    """Such jobs of one stately queue; `shown` holds the newest."""

    queue: str
    jobs: int
    first_on: datetime
    shown: tuple[CutRetry, ...]


@dataclass(frozen=True)
class CutRetries:
    """All of them."""

    queues: tuple[QueueCuts, ...]

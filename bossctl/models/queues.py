"""Queues: options in one vocabulary for all generations, counts with their truth, ages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bossctl.models.common import Count

STATES: tuple[str, ...] = ("created", "retry", "active", "completed", "cancelled", "failed")
"""The six job states. 8/9's seventh, `expired`, is counted as failed."""

OPTION_NAMES: tuple[str, ...] = (
    "policy",
    "retry_limit",
    "retry_delay",
    "retry_backoff",
    "retry_delay_max",
    "expire_in",
    "retention",
    "delete_after",
    "dead_letter",
    "warning_queued",
    "heartbeat",
    "notify",
    "partition",
)
"""Spelled as in the ensure file; durations are whole seconds."""

OptionValue = int | bool | str | None


@dataclass(frozen=True)
class Queue:
    """One queue as the list shows it.

    `options` holds the options this schema has (keys of OPTION_NAMES); a None value means NULL in the database:
    not set, and in 10.x "the client's default". `implicit` is True on 8/9, where a queue exists only through its
    jobs. `counts` has the six STATES as keys. `extra` has counts beyond the states: `deferred`, `blocked`,
    `ready`. `storage` is `job` (ordinary table), `shared` (job_common) or `partition` with the
    table's name in `table`.
    """

    name: str
    options: Mapping[str, OptionValue]
    counts: Mapping[str, Count]
    extra: Mapping[str, Count]
    oldest_due_seconds: float | None
    failed_last_hour: Count
    storage: str
    table: str
    implicit: bool = False
    created_on: datetime | None = None
    updated_on: datetime | None = None
    monitor_age_seconds: float | None = None

    @property
    def dead_letter(self) -> str | None:
        """The dead-letter queue's name, or None."""
        value = self.options.get("dead_letter")
        return value if isinstance(value, str) else None


@dataclass(frozen=True)
class QueueDetail:
    """A queue with what surrounds it.

    `feeds` are the queues that dead-letter into this one; `schedules` are the keys of its schedules ('' for the
    unnamed one). `total_bytes` is known where the queue has a table of its own. `elapsed_ms` is the database time.
    """

    queue: Queue
    feeds: tuple[str, ...]
    schedules: tuple[str, ...]
    failed_last_day: Count
    completed_last_hour: Count
    total_bytes: int | None
    elapsed_ms: float = 0.0


@dataclass(frozen=True)
class QueueOverview:
    """All queues at one moment. `taken_at` is the server's clock, `elapsed_ms` the database time it cost."""

    queues: tuple[Queue, ...]
    taken_at: datetime
    elapsed_ms: float
    truth_note: str | None = None


@dataclass(frozen=True)
class StateHistogram:
    """Exact or labelled counts of the six states per queue: {queue: {state: Count}}."""

    queues: Mapping[str, Mapping[str, Count]] = field(default_factory=dict)
    elapsed_ms: float = 0.0

"""What goes on in queues right now: how many jobs end per minute, and who was seen at work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

MINUTES = 15
"""So many minutes are looked back."""

Rates = tuple[float | None, ...]
"""Jobs per minute, oldest first; the last are those of the latest minute. None where it is not known."""


@dataclass(frozen=True)
class QueuePulse:
    """One queue. `failed` are failures for good. `age_seconds` is how long before the reading the rates were taken.

    `workers` is the number of live instances that work the queue, None where no registry tells (before schema 44).
    Then `seen_on` is when a job of the queue was last fetched or its heartbeat came, None for never.
    """

    completed: Rates
    failed: Rates
    age_seconds: float = 0.0
    workers: int | None = None
    seen_on: datetime | None = None


NO_PULSE = QueuePulse((), ())


@dataclass(frozen=True)
class Pulse:
    """All queues at one moment of the server's clock. A queue that is not there had nothing to tell."""

    queues: Mapping[str, QueuePulse]
    taken_at: datetime
    elapsed_ms: float

    def of(self, queue: str) -> QueuePulse:
        """The pulse of a queue."""
        return self.queues.get(queue, NO_PULSE)

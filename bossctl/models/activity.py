"""What went through one queue lately: jobs per stretch of time, and how long they waited and ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bossctl.models.schedules import Schedule


@dataclass(frozen=True)
class Span:
    """How far one looks back, and in which steps; both in seconds."""

    name: str
    seconds: int
    step: int

    @property
    def steps(self) -> int:
        """How many there are."""
        return self.seconds // self.step


SPANS: Mapping[str, Span] = {
    span.name: span for span in (Span("1h", 3_600, 60), Span("24h", 86_400, 1_800), Span("7d", 604_800, 10_800))
}


@dataclass(frozen=True)
class QueueActivity:
    """Jobs that are still kept, by when they were created, completed, or failed for good; one number per step.

    The steps begin at `begin`, at whole multiples of their length since the epoch; the last one is not over yet.
    """

    queue: str
    span: Span
    begin: datetime
    created: tuple[int, ...]
    completed: tuple[int, ...]
    failed: tuple[int, ...]
    elapsed_ms: float = 0.0

    def start_of(self, step: int) -> datetime:
        """When a step begins."""
        return self.begin + timedelta(seconds=step * self.span.step)


@dataclass(frozen=True)
class Percentiles:
    """Of `jobs` durations in seconds; None without any."""

    jobs: int
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


@dataclass(frozen=True)
class QueueLatency:
    """Of jobs that completed or failed within the span and are still kept, their last attempt, exactly.

    `wait` is from when a job was due until it was fetched, `run` from there until it ended.
    """

    queue: str
    span: Span
    wait: Percentiles
    run: Percentiles
    elapsed_ms: float = 0.0


@dataclass(frozen=True)
class NextRun:
    """A schedule and when it runs next, in UTC; or why that cannot be told. Its last job is not looked for."""

    schedule: Schedule
    at: datetime | None
    reason: str | None = None

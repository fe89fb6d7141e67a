"""Failures grouped by what they say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorGroup:
    """Failed jobs of one queue whose messages are alike; all counts are exact.

    `message` has placeholders where the jobs differ, None where nothing is recorded. `fingerprint` is the same in
    every run. `selector` selects these jobs, and others of the queue only where no text tells them apart.
    """

    fingerprint: str
    message: str | None
    queue: str
    count: int
    last_hour: int
    last_day: int
    last_week: int
    sample_id: str
    selector: str


@dataclass(frozen=True)
class JobErrors:
    """The largest groups. `total` counts all groups and `jobs` all their jobs; `note` says when it took a long scan.

    `elapsed_ms` is the database time.
    """

    groups: tuple[ErrorGroup, ...]
    total: int
    jobs: int
    note: str | None
    elapsed_ms: float = 0.0

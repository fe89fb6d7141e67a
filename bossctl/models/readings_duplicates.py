"""Readings about work that was sent, kept or held more than once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class IdenticalJobs:
    """Jobs of one payload and key that lie within the window of a neighbour; `surplus` all but the first of each row.

    `ids` holds the oldest of them.
    """

    key: str | None
    jobs: int
    surplus: int
    first_on: datetime
    last_on: datetime
    ids: tuple[str, ...]


@dataclass(frozen=True)
class IdenticalGroups:
    """All groups of one queue, those with a singleton key apart from those without; the counts are exact.

    `policy` is the queue's, None where queues have none. `shown` holds the largest groups.
    """

    queue: str
    keyed: bool
    policy: str | None
    groups: int
    jobs: int
    surplus: int
    since: datetime
    shown: tuple[IdenticalJobs, ...]


@dataclass(frozen=True)
class Identical:
    """Identical jobs of the last day at most, at most `window_seconds` apart."""

    window_seconds: int
    found: tuple[IdenticalGroups, ...]

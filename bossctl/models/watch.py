"""What a look at running work saw, to be compared with the next one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class JobSeen:
    """One row as it was seen at `at`. `reason` is the recorded failure of an active row, as far as it is told."""

    id: str
    queue: str
    state: str
    retry_count: int
    created_on: datetime | None
    started_on: datetime | None
    completed_on: datetime | None
    reason: str | None
    at: datetime


@dataclass(frozen=True)
class Sample:
    """What ran at `at` and what had ended shortly before. `limit` is the number of rows it was cut at, or None."""

    at: datetime
    jobs: tuple[JobSeen, ...]
    limit: int | None = None

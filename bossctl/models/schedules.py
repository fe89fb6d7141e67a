"""Cron schedules and what came of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class LastJob:
    """The newest job the scheduler asked for: of the user's queue when it is found, else of the send queue."""

    id: str
    queue: str
    state: str
    created_on: datetime | None


@dataclass(frozen=True)
class Schedule:
    """One schedule. `key` is '' for the unnamed one (the only one before schema 25); `kind` is cron or rrule.

    `timezone` None is read as UTC. `last_job` None: none found among the rows that are left.
    """

    queue: str
    key: str
    cron: str
    timezone: str | None
    kind: str
    created_on: datetime | None
    updated_on: datetime | None
    last_job: LastJob | None

"""Jobs: a row of the list, one job whole, a page with its cursor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bossctl.models.common import Payload

FieldValue = str | int | float | bool | datetime | None


@dataclass(frozen=True)
class JobRow:
    """A job as lists show it; never its payload.

    `state` is the database's own word (8/9 also `expired`). `archived` says the row is in an archive table.
    `blocked` is True while a flow's parent is unfinished (schema 31+). `more` holds further fields that were asked
    for, by name (`policy`, `data.user.id`); one that was too large to look into is not there.
    """

    id: str
    queue: str
    state: str
    priority: int
    retry_count: int
    retry_limit: int
    created_on: datetime | None
    start_after: datetime | None
    started_on: datetime | None
    completed_on: datetime | None
    keep_until: datetime | None
    singleton_key: str | None
    dead_letter: str | None
    archived: bool
    blocked: bool
    more: Mapping[str, FieldValue] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class JobPage:
    """One page in the order asked for. `next` is an opaque cursor for the following page or None at the end.

    `note` says in a sentence when the page had to be found by a scan or under a cap.
    """

    jobs: tuple[JobRow, ...]
    next: str | None
    elapsed_ms: float
    note: str | None = None


@dataclass(frozen=True)
class Event:
    """One step of a job's life as far as the row tells it.

    `at` None when the time is not recorded. `sure` False marks what is inferred (an attempt whose start was
    overwritten by a later one). `kind` is sent, waits, due, fetched, heartbeat, failed, expires, ended, archived, kept
    (until when) or told.
    """

    at: datetime | None
    what: str
    sure: bool = True
    kind: str = field(default="told", compare=False)


@dataclass(frozen=True)
class Job:
    """One job with every field this schema has.

    `fields` holds, under canonical names, the columns JobRow does not have and this schema does.
    """

    row: JobRow
    fields: Mapping[str, FieldValue]
    data: Payload
    output: Payload
    read_at: datetime

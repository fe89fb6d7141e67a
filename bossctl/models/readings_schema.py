"""Readings about the schema itself: the indexes of the job tables, background migrations, the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class JobIndex:
    """An index of a job table. `keys` are its key columns in order, an expression being the empty string.

    `valid` says that the planner may use it.
    """

    name: str
    unique: bool
    valid: bool
    keys: tuple[str, ...]


@dataclass(frozen=True)
class JobTable:
    """A table that holds jobs: `job`, `job_common` or a partition, which alone has a queue and a policy.

    `locked` says that somebody holds the lock that building an index takes (as vacuuming does).
    """

    name: str
    queue: str | None
    policy: str | None
    locked: bool
    indexes: tuple[JobIndex, ...]


@dataclass(frozen=True)
class Migration:
    """A background migration that is not completed. `status` is pending, in_progress or failed.

    `builds` is the index its command makes, None if it makes none. `locked` as in JobTable.
    """

    name: str
    version: int
    status: str
    queue: str | None
    table: str
    builds: str | None
    command: str
    error: str | None
    created_on: datetime | None
    started_on: datetime | None
    locked: bool


@dataclass(frozen=True)
class JobIndexes:
    """Every job table with its indexes, and the migrations that may still build some of them, by index name."""

    schema: str
    number: int | None
    tables: tuple[JobTable, ...]
    building: Mapping[str, Migration]


@dataclass(frozen=True)
class Migrations:
    """The background migrations left to do. `worked_on` is when a process last looked for some."""

    number: int | None
    unfinished: tuple[Migration, ...]
    worked_on: datetime | None


@dataclass(frozen=True)
class Clock:
    """Whether the schema's clock function was replaced by a test's."""

    overridden: bool

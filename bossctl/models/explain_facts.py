"""What was read around one job before its explanation is put together: no database attached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bossctl.models.jobs import Job


class Keys(StrEnum):
    """How fetch deals with a job whose key is active (FACTS §5, head-of-line).

    none: no policies (8, 9); blind: it takes the oldest and fails on it (10); listed: it leaves out the keys that the
    queue's row lists as active (11 to 12.35); unsure: listed or probed (12.36, 12.37); probed: it looks (12.38).
    """

    NONE = "none"
    BLIND = "blind"
    LISTED = "listed"
    UNSURE = "unsure"
    PROBED = "probed"


@dataclass(frozen=True)
class Era:
    """What this schema's releases do that matters here.

    `number` is the schema number where it fits the tables, else None. `heads`: key_strict_fifo looks for the head of
    each key. `fenced`: a late completion no longer lands on a newer attempt. `resolver`: blocked jobs are released in
    the background. `source_link`: dead letters name their original.
    """

    generation: str
    number: int | None = None
    releases: str | None = None
    keys: Keys = Keys.NONE
    heads: bool = False
    fenced: bool = False
    resolver: bool = False
    source_link: bool = False

    @property
    def stored(self) -> bool:
        """Whether limits of retention are in the database; up to 10 the client has them."""
        return self.generation == "11-12"

    @property
    def removes(self) -> str:
        """What maintenance does with a row past its time."""
        return "deletes" if self.stored else "archives"


@dataclass(frozen=True)
class QueueFacts:
    """The queue's row. `exists` False: there is none, where there must be one; 8 and 9 have none at all (`implicit`).

    `keys_active` are the keys that 11.0 to 12.35 leave out of a fetch; `keys_listed`: the list is
    not empty, be it by a job without a key; `closed`: nothing at all is fetched, None where releases differ.
    """

    name: str
    exists: bool = True
    implicit: bool = False
    policy: str | None = None
    retry_limit: int | None = None
    dead_letter: str | None = None
    heartbeat_seconds: int | None = None
    keys_active: tuple[str, ...] = ()
    keys_listed: bool = False
    closed: bool | None = False
    monitor_on: datetime | None = None
    guarded: bool | None = None
    """Whether the unique index of the job's policy is there and valid; None: not looked at."""


@dataclass(frozen=True)
class Neighbour:
    """Another job that has to do with this one."""

    id: str
    queue: str
    state: str
    singleton_key: str | None = None
    created_on: datetime | None = None
    started_on: datetime | None = None
    completed_on: datetime | None = None
    expire_seconds: float | None = None
    archived: bool = False


@dataclass(frozen=True)
class Head:
    """The first job in the order of fetching, with the job that holds its slot, if any."""

    job: Neighbour
    holder: Neighbour | None


@dataclass(frozen=True)
class Parent:
    """A job this one waits for; `state` None: not stored any more."""

    id: str
    queue: str
    state: str | None
    blocking: bool = False
    completed_on: datetime | None = None


@dataclass(frozen=True)
class WorkCall:
    """One work() call of a registered instance on this queue, with the options that narrow what it takes."""

    instance: str
    name: str | None
    host: str | None
    pid: int | None
    release: str | None
    alive: bool
    heartbeat_on: datetime | None
    stopped_on: datetime | None
    active: int
    last_fetched_on: datetime | None
    min_priority: int | None = None
    max_priority: int | None = None
    group_limit: int | None = None


@dataclass(frozen=True)
class Registry:
    """The registered instances: how many there are, how many live, how many of these supervise."""

    registered: int
    alive: int
    supervising: int
    calls: tuple[WorkCall, ...]


@dataclass(frozen=True)
class Activity:
    """What the queue's rows tell of its being worked: the last fetch, jobs at work within their expiry, usual run time.

    `usual_seconds` is the median of the `runs` first attempts that completed (of the newest rows only from 12.38 on).
    """

    last_started: datetime | None
    running: int
    usual_seconds: float | None
    runs: int = 0


@dataclass(frozen=True)
class Copy:
    """A job made of this one, or of which this one was made. `linked` False: told by its time and payload only."""

    job: Neighbour
    source_id: str | None
    linked: bool


@dataclass(frozen=True)
class Ahead:
    """Due jobs that are fetched before this one; `capped`: there are at least so many."""

    jobs: int
    capped: bool


@dataclass(frozen=True)
class JobFacts:
    """One row and what stands around it, all of one snapshot. What is None does not apply or could not be read.

    `unseen` says in sentences what could not be read and why. `stamps` are the signs of supervision by column.
    """

    job: Job
    now: datetime
    era: Era
    queue: QueueFacts
    holders: tuple[Neighbour, ...] = ()
    older_of_key: Neighbour | None = None
    head: Head | None = None
    ahead: Ahead | None = None
    parents: tuple[Parent, ...] = ()
    children: tuple[str, ...] = ()
    blocked_children: int = 0
    group_active: int | None = None
    registry: Registry | None = None
    activity: Activity | None = None
    stamps: Mapping[str, datetime | None] = field(default_factory=dict)
    interval_seconds: float | None = None
    backoff_until: datetime | None = None
    copies: tuple[Copy, ...] = ()
    source: Neighbour | None = None
    unseen: tuple[str, ...] = ()

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


@dataclass(frozen=True)
class SlotJob:
    """A job that came of a slot."""

    id: str
    queue: str
    state: str
    created_on: datetime | None
    archived: bool


@dataclass(frozen=True)
class Sent:
    """A row of the scheduler's own queue, which its worker turns into a job of the schedule's queue.

    `slot` is the minute that pg-boss itself filed it under where it says so (12.31 and newer). Without `throttled`
    nothing held a second one for the same minute back. `jobs` None: they could not be read.
    """

    id: str
    created_on: datetime
    slot: datetime | None
    throttled: bool
    state: str
    jobs: tuple[SlotJob, ...] | None


@dataclass(frozen=True)
class ScheduleSlot:
    """One slot of a schedule, and what was sent for it.

    `due` says whether the expression fires then; None where that is not known: it cannot be foretold, or the schedule
    was set since. `awaited`: it is so young that it may still be sent. `twice` says that more was sent than was due.
    """

    at: datetime
    due: bool | None
    sends: tuple[Sent, ...]
    awaited: bool = False
    twice: bool = False

    @property
    def missed(self) -> bool:
        """Whether it was due and nothing was sent."""
        return self.due is True and not self.sends and not self.awaited

    @property
    def jobs(self) -> tuple[SlotJob, ...] | None:
        """The jobs that came of it; None where they could not be read."""
        if any(sent.jobs is None for sent in self.sends):
            return None
        return tuple(job for sent in self.sends for job in sent.jobs or ())


@dataclass(frozen=True)
class ScheduleRecord:
    """A schedule, when it runs next, and what became of its last slots, the newest first.

    `no_next` is why fewer runs are told than asked for. `looked`, `missed` and `doubled` count slots of the last day:
    those that could be compared with what was sent, those for which nothing was sent, those with more than one send or
    job. A count is None where it cannot be known; `unknown` says why `missed` is.
    """

    schedule: Schedule
    next: tuple[datetime, ...]
    no_next: str | None
    slots: tuple[ScheduleSlot, ...]
    looked: int
    missed: int | None
    doubled: int | None
    unknown: str | None

    @property
    def last(self) -> ScheduleSlot | None:
        """The newest slot that is over."""
        return next((slot for slot in self.slots if not slot.awaited), None)


@dataclass(frozen=True)
class ScheduleBook:
    """All schedules by the server's clock. `cron_on` is when somebody last passed over them.

    `note` says what could not be read.
    """

    records: tuple[ScheduleRecord, ...]
    taken_at: datetime
    cron_on: datetime | None
    elapsed_ms: float
    note: str | None

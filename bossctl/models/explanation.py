"""Why a job has not run, or what is known of how it did: what `job explain` tells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bossctl.models.jobs import Job


class Holds(StrEnum):
    """How sure it is that a reason holds.

    certain: the rows prove it; likely and possible: other explanations are left; unknown: the database cannot tell.
    """

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Reason:
    """One thing that holds a job back or happened to it. `code` is for programs, `text` one sentence with numbers.

    `ids` are the other jobs it names; `until` is when it ends by itself, where that is known.
    """

    code: str
    holds: Holds
    text: str
    ids: tuple[str, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True)
class Attempt:
    """What is known of one fetch, or of all from `attempt` to `through` of which equally little is known.

    `outcome` is running, completed, failed, overran, expired, heartbeat-lost, shut-down, database-error, cancelled or
    unknown; times are None where a later fetch overwrote them.
    """

    attempt: int
    through: int
    outcome: str
    holds: Holds
    text: str
    started_on: datetime | None = None
    ended_on: datetime | None = None


@dataclass(frozen=True)
class Unknown:
    """A question the database does not answer, and why."""

    code: str
    text: str


@dataclass(frozen=True)
class Explanation:
    """One row's explanation. `verdict` is one sentence; `next` holds the words after `bossctl` to type next."""

    job: Job
    verdict: str
    reasons: tuple[Reason, ...]
    attempts: tuple[Attempt, ...]
    unknown: tuple[Unknown, ...]
    next: tuple[str, ...]

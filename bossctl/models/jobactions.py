"""Actions on jobs: what is asked, what it would do, what it did, and the operator's own log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bossctl.selector import Selector


class JobAction(StrEnum):
    """What can be done to jobs, and taking it back."""

    RETRY = "retry"
    CANCEL = "cancel"
    RESUME = "resume"
    DEFER = "defer"
    REDRIVE = "redrive"
    ARCHIVE = "archive"
    RESTORE = "restore"
    RESEND = "resend"
    DELETE = "delete"
    UNDO = "undo"


@dataclass(frozen=True)
class ActionRequest:
    """What is asked of which jobs.

    `selector` is the parsed selection, `text` the same as typed, for the log. `limit` acts on the first so many.
    `spread_seconds` spreads due times evenly. For defer exactly one of `by_seconds`, `until` and `now`; `to_queue`
    is where redrive sends jobs whose source is not known; `keep_seconds` is the longer life restore gives; `path`
    the file archive writes and restore reads.
    """

    action: JobAction
    selector: Selector
    text: str
    limit: int | None = None
    spread_seconds: int | None = None
    by_seconds: int | None = None
    until: datetime | None = None
    now: bool = False
    to_queue: str | None = None
    keep_seconds: int | None = None
    path: str | None = None


@dataclass(frozen=True)
class ActionPlan:
    """What an action would do, counted in one snapshot by the predicate that `apply` uses.

    `skipped` maps a reason (`not-failed`, `slot-taken`, `locked` …) to a count, `samples` the same reasons, and
    `eligible`, to up to 5 job ids, `holders` a sampled job whose slot is taken to the holder's id. `queues` maps
    queue → eligible jobs. `effect` says what changes, `consequences` what happens next (due when, which dead letter,
    what retention does), `warnings` what one should know before. `note` warns of a long scan; `log` is where the
    before-image goes. `for_good` is how many of those that would be changed undo cannot put back: they were active.
    """

    request: ActionRequest
    matched: int
    eligible: int
    skipped: Mapping[str, int]
    samples: Mapping[str, tuple[str, ...]]
    queues: Mapping[str, int]
    effect: str
    consequences: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    note: str | None = None
    log: str = ""
    statements: tuple[str, ...] = ()
    holders: Mapping[str, str] = field(default_factory=dict)
    for_good: int = 0


@dataclass(frozen=True)
class Progress:
    """How far an action is: jobs changed, jobs looked at, and how many the plan found eligible."""

    changed: int
    seen: int
    eligible: int


@dataclass(frozen=True)
class ActionOutcome:
    """What an action did.

    `operation` is its name in the log, empty where nothing was changed. `skipped` counts by reason, `samples` has up
    to 5 ids per reason and under `changed`; `holders` maps the id of a sampled job skipped as `slot-taken` to the
    holder's id. `stopped` says why it ended early (a lost connection …), and then running it again finishes it.
    """

    plan: ActionPlan
    changed: int
    skipped: Mapping[str, int]
    samples: Mapping[str, tuple[str, ...]]
    holders: Mapping[str, str] = field(default_factory=dict)
    operation: str = ""
    stopped: str | None = None
    interrupted: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Operation:
    """One entry of the log. `by` is the role and, where known, person and host; `where` is `schema` or `file`.

    `undone` counts rows taken back; `undoes` is the operation this one took back.
    """

    operation: str
    action: str
    at: datetime
    by: str
    target: str
    selector: str
    changed: int
    undone: int
    where: str
    undoes: str | None = None
    finished: bool = True

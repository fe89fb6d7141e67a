"""What a kind of action is: a declaration the engine runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bossctl.actions.jobs.chosen import Chosen
from bossctl.sql.changes import Change
from bossctl.sql.text import Composable

if TYPE_CHECKING:
    from bossctl.actions.jobs.record import Record
    from bossctl.actions.jobs.steps import Steps
    from bossctl.models.jobactions import ActionRequest
    from bossctl.store import Store
    from bossctl.store.session import Transaction


@dataclass(frozen=True)
class Counted:
    """What the plan counted among the jobs it would change.

    `jobs` is how many will be changed (`--limit` and taken slots considered), `queues` queue → eligible jobs,
    `facts` the kind's own conditions (of all the eligible, but never more than `jobs`), `dead_letters` the dead-letter
    queues these jobs name.
    """

    jobs: int
    queues: Mapping[str, int]
    facts: Mapping[str, int] = field(default_factory=dict)
    dead_letters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Words:
    """What a plan says: what changes, what happens next, what one should know before.

    `for_good` counts the jobs that undo will not put back as they were.
    """

    effect: str
    consequences: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    for_good: int = 0


@dataclass(frozen=True)
class Batch:
    """At most a thousand jobs of one queue, locked in this transaction, eligible, their slots free.

    `chosen` are in the order in which jobs are taken (oldest first), `values` what the kind's expressions have bound.
    """

    transaction: Transaction
    request: ActionRequest
    kind: Kind
    chosen: Chosen
    values: Mapping[str, object]
    record: Record

    @property
    def queue(self) -> str:
        """Their queue."""
        return self.chosen.queue

    @property
    def ids(self) -> Sequence[str]:
        """Their ids."""
        return self.chosen.ids


@dataclass(frozen=True)
class Done:
    """What became of a batch: the ids of the changed jobs, and reason → ids of those that were left after all."""

    changed: Sequence[str]
    skipped: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Ending:
    """How an operation ended: whether any job may have been changed, and whether running it again has nothing left."""

    changed: bool
    complete: bool


Deed = Callable[[Batch], Awaitable[Done]]
AtOnce = Callable[["Store", "Record"], Awaitable["Steps | None"]]
Prepare = Callable[["Store", bool], Awaitable[None]]
Finish = Callable[[Ending], Awaitable[None]]


@dataclass(frozen=True)
class Kind:
    """One kind of action, for one request and one schema.

    `change` says which jobs and what becomes of them. `image` names the canonical columns kept for undo; None means
    whole rows with their flow links, () none. The engine updates the rows by `change.after` unless `deed` is given:
    that runs in the batch's transaction instead, after the image was taken and before the record counts. `prepare`
    runs once before the first batch, told whether the schema bossctl may be created; `finish` once after the last,
    also where it ended early. `wakes`: the jobs may become due now, in
    the queue they are in. `removes`: they leave the job table. `slots`: whether to look for taken slots.
    `statements`: named statements of `deed` with their slots, for those who ask to see them; `queue` and `ids` are
    bound. `at_once` tells, where the record allows it, how `deed` does the same in the statement that locks the jobs.
    """

    change: Change
    words: Callable[[Counted], Words]
    image: tuple[str, ...] | None
    deed: Deed | None = None
    prepare: Prepare | None = None
    finish: Finish | None = None
    wakes: bool = False
    removes: bool = False
    slots: bool = True
    statements: tuple[tuple[str, Mapping[str, Composable]], ...] = ()
    at_once: AtOnce | None = None

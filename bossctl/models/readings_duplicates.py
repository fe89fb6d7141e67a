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


@dataclass(frozen=True)
class BrokenSlot:
    """A slot with more than one job. `state` is told where the policy allows one per state, `slot` of a throttle."""

    key: str
    state: str | None
    slot: datetime | None
    jobs: int
    ids: tuple[str, ...]


@dataclass(frozen=True)
class BrokenRule:
    """All slots of one queue in which one rule (a policy, `throttle`, `singleton key`) is broken; counts are exact."""

    queue: str
    rule: str
    slots: int
    jobs: int
    since: datetime
    shown: tuple[BrokenSlot, ...]


@dataclass(frozen=True)
class PolicySlots:
    """Slots that hold more jobs than they may. Not looked for where every unique index is in place."""

    looked: bool
    broken: tuple[BrokenRule, ...]


@dataclass(frozen=True)
class PolicyUse:
    """The queues of one policy in one job table; `names` are some of them."""

    table: str
    policy: str | None
    queues: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class PoliciesInUse:
    """The policies of all queues by table; None where queues have none."""

    uses: tuple[PolicyUse, ...] | None


@dataclass(frozen=True)
class SeenTwice:
    """An id that several jobs of one queue had. `archived` counts those in the archive, `live` says it is in use."""

    id: str
    first_on: datetime
    last_on: datetime
    archived: int
    live: bool


@dataclass(frozen=True)
class QueueIds:
    """The ids of one queue that were seen twice: how many, and the newest of them."""

    queue: str
    ids: int
    since: datetime
    shown: tuple[SeenTwice, ...]


@dataclass(frozen=True)
class ReusedIds:
    """Ids that were used again after their job was archived."""

    queues: tuple[QueueIds, ...]


@dataclass(frozen=True)
class Batch:
    """Jobs that were fetched together, failed with the same words and wait to run again."""

    started_on: datetime
    jobs: int
    reason: str | None
    ids: tuple[str, ...]


@dataclass(frozen=True)
class QueueBatches:
    """The failed batches of one queue; `jobs` and `batches` are exact."""

    queue: str
    batches: int
    jobs: int
    since: datetime
    shown: tuple[Batch, ...]


@dataclass(frozen=True)
class FailedBatches:
    """Batches that one error failed."""

    queues: tuple[QueueBatches, ...]


@dataclass(frozen=True)
class Pair:
    """A dead letter, or the job redriven from it, that was fetched, and its original that left its end again."""

    original: str
    original_state: str
    original_started_on: datetime | None
    copy_queue: str
    copy: str
    copy_state: str
    copy_started_on: datetime
    copied_on: datetime


@dataclass(frozen=True)
class QueuePairs:
    """The pairs whose originals are of one queue."""

    queue: str
    pairs: int
    since: datetime
    shown: tuple[Pair, ...]


@dataclass(frozen=True)
class DeadLetterPairs:
    """Dead letters that ran beside their originals."""

    queues: tuple[QueuePairs, ...]


@dataclass(frozen=True)
class SlotSend:
    """A send of the scheduler with the minute it was filed under, and one schedule it can be of."""

    id: str
    slot: datetime
    created_on: datetime
    queue: str
    key: str
    cron: str
    timezone: str | None


@dataclass(frozen=True)
class ScheduledSlots:
    """The newest sends; one that several schedules may have made is there once for each."""

    sends: tuple[SlotSend, ...]


@dataclass(frozen=True)
class Twin:
    """Another pg-boss schema of the database with some of the same schedules, as pairs of queue and expression.

    `cron_on` and `other_cron_on` say when each schema's scheduler last passed.
    """

    schema: str
    cron_on: datetime | None
    other_cron_on: datetime | None
    schedules: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Twins:
    """Schemas beside this one that have schedules in common with it."""

    schema: str
    found: tuple[Twin, ...]

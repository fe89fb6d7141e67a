"""What generations record, and what a check can look at in this schema without looking."""

from __future__ import annotations

from collections.abc import Mapping

from bossctl.errors import MissingPrivilege, Unsupported
from bossctl.models.readings import ScheduleSends, SchemaNumber, Supervision, Symptoms
from bossctl.models.readings_duplicates import (
    DeadLetterPairs,
    FailedBatches,
    Identical,
    PoliciesInUse,
    PolicySlots,
    ReusedIds,
    ScheduledSlots,
)
from bossctl.models.readings_era import Shutdowns
from bossctl.models.readings_keys import CutRetries, RetryingHolders, Starvation
from bossctl.models.readings_schema import Clock, JobIndexes, Migrations
from bossctl.models.readings_settings import (
    Counters,
    ForgottenPolicies,
    KeyOverlaps,
    QueueSettings,
    Runs,
    ScheduleOptions,
)
from bossctl.models.readings_storage import LongPayloads
from bossctl.models.readings_stuck import Flows, Heartbeats, HeldSlots, OpenWork, Orphans, Scheduler
from bossctl.sql import require
from bossctl.sql.catalog import Catalog
from bossctl.store.readings_settings import FORGETS_POLICIES, IGNORES_OPTIONS, only_10
from bossctl.store.scope import Scope
from bossctl.store.session import Transaction

_JOBS = ("job", "archive")

TABLES: Mapping[type, tuple[str, ...]] = {
    Symptoms: _JOBS,
    ScheduleSends: (*_JOBS, "schedule"),
    Supervision: ("job", "version", "queue"),
    SchemaNumber: ("version",),
    Scheduler: (*_JOBS, "schedule", "version"),
    OpenWork: _JOBS,
    Identical: (*_JOBS, "schedule"),
    LongPayloads: _JOBS,
    ScheduledSlots: (*_JOBS, "schedule"),
    FailedBatches: _JOBS,
    PolicySlots: ("queue", "version", "bam"),
    PoliciesInUse: ("queue",),
    JobIndexes: ("queue", "version", "bam"),
    Runs: (*_JOBS, "queue"),
    ForgottenPolicies: (*_JOBS, "queue"),
    ScheduleOptions: (*_JOBS, "schedule"),
    Orphans: ("job", "queue"),
    HeldSlots: ("job", "queue"),
    RetryingHolders: ("job", "queue", "version"),
    CutRetries: ("job", "queue"),
    Starvation: ("job", "queue", "version"),
    Flows: ("job", "job_dependency", "version"),
    Heartbeats: ("queue",),
    ReusedIds: _JOBS,
    DeadLetterPairs: _JOBS,
    Migrations: ("bam", "version"),
    QueueSettings: (*_JOBS, "queue"),
    KeyOverlaps: (*_JOBS, "queue"),
    Counters: ("job", "queue", "version"),
}
"""What a reading must be allowed to read, where there is such a table."""

FACTS: Mapping[type, tuple[str, ...]] = {
    Orphans: ("queue",),
    HeldSlots: ("queue",),
    RetryingHolders: ("queue",),
    CutRetries: ("queue",),
    Starvation: ("queue",),
    Flows: ("job_dependency",),
    Heartbeats: ("job.heartbeat_on",),
    ReusedIds: ("archive",),
    DeadLetterPairs: ("job.source_id",),
    Migrations: ("bam",),
    Clock: ("fn:job_now",),
    QueueSettings: ("queue",),
    KeyOverlaps: ("queue",),
    Counters: ("queue.active_count",),
}
"""What a schema must have for a reading, as the headers of its statements say."""


async def take_shutdowns(transaction: Transaction, scope: Scope) -> Shutdowns:
    """Raises Unsupported on 8 and 9."""
    _shutdowns(transaction.queries.catalog)
    return Shutdowns()


def _shutdowns(catalog: Catalog) -> None:
    if catalog.generation == "8-9":
        raise Unsupported("8 and 9 give nothing back when a worker is stopped: its jobs stay active until they expire")


def check_reading(catalog: Catalog, kind: type) -> None:
    """Whether a reading could be taken as far as the catalog tells. Raises Unsupported or MissingPrivilege."""
    if kind is Shutdowns:
        _shutdowns(catalog)
    elif kind is ForgottenPolicies:
        only_10(catalog.generation, FORGETS_POLICIES)
    elif kind is ScheduleOptions:
        only_10(catalog.generation, IGNORES_OPTIONS)
    for fact in FACTS.get(kind, ()):
        require(catalog, fact)
    for name in TABLES.get(kind, ()):
        table = catalog.tables.get(name)
        if table is not None and not table.readable:
            raise MissingPrivilege(f"this role may not read {catalog.schema}.{name}")

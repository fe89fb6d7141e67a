"""The doctor's readings: named statements in, frozen readings out. All of a run share one snapshot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from psycopg import sql

from bossctl.models.readings import (
    DoubledSchedule,
    Ground,
    JobEvidence,
    ScheduleSends,
    SchemaNumber,
    Send,
    Slot,
    Supervision,
    Symptom,
    SymptomGroup,
    Symptoms,
)
from bossctl.models.readings_duplicates import (
    DeadLetterPairs,
    FailedBatches,
    Identical,
    PoliciesInUse,
    PolicySlots,
    ReusedIds,
    ScheduledSlots,
    Twins,
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
from bossctl.models.readings_storage import LongPayloads, Storage
from bossctl.models.readings_stuck import Flows, Heartbeats, HeldSlots, OpenWork, Orphans, Scheduler
from bossctl.store.connections import Row
from bossctl.store.passes import merged, suspects
from bossctl.store.queues import unhurried
from bossctl.store.readings_duplicates import (
    take_dead_letter_pairs,
    take_failed_batches,
    take_identical,
    take_policies,
    take_policy_slots,
    take_reused_ids,
    take_scheduled_slots,
    take_twins,
)
from bossctl.store.readings_era import take_shutdowns
from bossctl.store.readings_keys import take_cut_retries, take_retrying_holders, take_starvation
from bossctl.store.readings_schema import take_clock, take_job_indexes, take_migrations
from bossctl.store.readings_settings import (
    take_counters,
    take_forgotten_policies,
    take_key_overlaps,
    take_queue_settings,
    take_runs,
    take_schedule_options,
)
from bossctl.store.readings_storage import take_long_payloads, take_storage
from bossctl.store.readings_stuck import (
    take_flows,
    take_heartbeats,
    take_held_slots,
    take_open_work,
    take_orphans,
    take_scheduler,
)
from bossctl.store.scope import SAMPLES, Scope, pass_grace, pass_interval
from bossctl.store.session import Transaction
from bossctl.store.system import pgboss_info
from bossctl.store.workers import read_workers

OLD_JOB_SECONDS = 600
SLOTS_SHOWN = 20

EVIDENCE_ROWS = 1000
"""Rows of evidence in a whole run; many groups share them, the fewer each."""


Taker = Callable[[Transaction, Scope], Awaitable[object]]


async def take_ground(transaction: Transaction) -> Ground:
    """The server's clock, and the generation the tables show; needs no privilege."""
    return Ground(transaction.now, transaction.queries.catalog.generation)


async def known_queues(transaction: Transaction) -> tuple[str, ...]:
    """Every queue's name; on 8/9 also those that only the archive or a schedule knows."""
    return tuple(row["name"] for row in await transaction.rows("known_queues"))


async def take_symptoms(transaction: Transaction, scope: Scope) -> Symptoms:
    """The jobs of the window that are not plainly completed, by what they show, and the rows of some samples."""
    rows = await merged(await suspects(transaction, scope), "symptoms")
    groups = tuple([_group(row) async for row in unhurried(rows)])
    return Symptoms(groups, await _evidence(transaction, groups), await pass_grace(transaction))


async def take_sends(transaction: Transaction, scope: Scope) -> ScheduleSends:
    """Minutes in which a schedule was sent too often, with the jobs that came of the newest of them."""
    values = {"names": scope.bound_names, "shown": SLOTS_SHOWN}
    rows = await transaction.rows("doubled_sends", values, since=scope.since)
    jobs = await _sent_jobs(transaction, rows)
    schedules: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        schedules[row["queue"], row["key"]].append(row)
    return ScheduleSends(tuple(_doubled(mine, jobs) for mine in schedules.values()))


async def take_schema_number(transaction: Transaction, scope: Scope) -> SchemaNumber:
    """The number in the version table and what it stands for."""
    version = await transaction.row("version") or {}
    told = pgboss_info(transaction.queries.catalog, version.get("version"))
    return SchemaNumber(told.schema_number, told.releases, told.note)


async def take_supervision(transaction: Transaction, scope: Scope) -> Supervision:
    """The stamps supervisors leave, the registered instances, and whether there is anything to maintain."""
    catalog = transaction.queries.catalog
    found = await transaction.row("version") or {}
    if transaction.queries.supports("supervisor_stamps"):
        found |= await transaction.row("supervisor_stamps") or {}
    work = await transaction.row("work_to_maintain", {"old_seconds": OLD_JOB_SECONDS}) or {}
    registry = await read_workers(transaction) if catalog.has("instance") else None
    stamps = [stamp for stamp, facts in _SUPERVISOR_STAMPS.items() if any(map(catalog.has, facts))]
    return Supervision(
        stamps={stamp: found.get(stamp) for stamp in stamps},
        backoff_until=found.get("monitor_backoff_on"),
        jobs=bool(work["jobs"]),
        old_jobs=bool(work["old_jobs"]),
        instances=registry.workers if registry else None,
        interval_seconds=await pass_interval(transaction),
    )


READINGS: Mapping[type, tuple[str, Taker]] = {
    Symptoms: ("job symptoms", take_symptoms),
    ScheduleSends: ("scheduler sends", take_sends),
    Shutdowns: ("shutdowns", take_shutdowns),
    Supervision: ("supervisors", take_supervision),
    SchemaNumber: ("schema number", take_schema_number),
    Orphans: ("what has no queue", take_orphans),
    HeldSlots: ("slots of policies", take_held_slots),
    RetryingHolders: ("keys of retries", take_retrying_holders),
    CutRetries: ("retries cut off", take_cut_retries),
    Starvation: ("starved keys", take_starvation),
    Scheduler: ("the scheduler", take_scheduler),
    Flows: ("flows", take_flows),
    OpenWork: ("open work", take_open_work),
    Heartbeats: ("heartbeats of queues", take_heartbeats),
    Identical: ("identical jobs", take_identical),
    LongPayloads: ("long payloads", take_long_payloads),
    Twins: ("other schemas", take_twins),
    ScheduledSlots: ("slots of schedules", take_scheduled_slots),
    ReusedIds: ("reused ids", take_reused_ids),
    FailedBatches: ("failed batches", take_failed_batches),
    DeadLetterPairs: ("dead letters", take_dead_letter_pairs),
    PolicySlots: ("slots of policies", take_policy_slots),
    PoliciesInUse: ("policies in use", take_policies),
    JobIndexes: ("indexes", take_job_indexes),
    Migrations: ("background migrations", take_migrations),
    Storage: ("sizes", take_storage),
    Clock: ("clock", take_clock),
    QueueSettings: ("settings of queues", take_queue_settings),
    Runs: ("run times", take_runs),
    ForgottenPolicies: ("policies", take_forgotten_policies),
    ScheduleOptions: ("options of schedules", take_schedule_options),
    KeyOverlaps: ("singleton keys", take_key_overlaps),
    Counters: ("cached counters", take_counters),
}
"""What a check may need: what progress calls it, and how it is taken. `Ground` is always there."""

# bam_on is missing on purpose: instances that do not supervise stamp it too.
_SUPERVISOR_STAMPS = {
    "maintained_on": ("version.maintained_on",),
    "archived_on": ("archive.archivedon", "archive.archived_on"),
    "monitor_claim_on": ("queue.monitor_claim_on",),
    "monitor_on": ("queue.monitor_on",),
    "flow_on": ("version.flow_on",),
}


def _group(row: Row) -> SymptomGroup:
    return SymptomGroup(
        queue=row["queue"],
        state=row["state"],
        symptoms=Symptom(row["symptoms"]),
        jobs=row["jobs"],
        first_on=row["first_on"],
        last_on=row["last_on"],
        attempts=row["retry_count"] + 1,
        samples=row["samples"],
    )


async def _evidence(transaction: Transaction, groups: Sequence[SymptomGroup]) -> Mapping[tuple[str, str], JobEvidence]:
    each = max(1, min(SAMPLES, EVIDENCE_ROWS // max(1, len(groups))))
    wanted = [(group.queue, job_id) for group in groups for job_id in group.samples[:each]]
    if not wanted:
        return {}
    values = {"names": [queue for queue, _ in wanted], "ids": [job_id for _, job_id in wanted]}
    rows = await transaction.rows("symptom_evidence", values)
    return {(row["queue"], row["id"]): JobEvidence(**row) for row in rows}


async def _sent_jobs(transaction: Transaction, sends: list[Row]) -> Mapping[str, tuple[str, ...]]:
    if not sends:
        return {}
    values = {"ids": [row["id"] for row in sends], "names": list({row["queue"] for row in sends})}
    first = sql.Literal(min(row["created_on"] for row in sends))
    jobs: dict[str, list[str]] = defaultdict(list)
    for row in await transaction.rows("send_jobs", values, since=first):
        jobs[row["send"]].append(row["id"])
    return {send: tuple(ids) for send, ids in jobs.items()}


def _doubled(rows: list[Row], jobs: Mapping[str, tuple[str, ...]]) -> DoubledSchedule:
    slots: dict[datetime, list[Send]] = defaultdict(list)
    due = {row["minute"]: row["due"] for row in rows}
    for row in rows:
        slots[row["minute"]].append(Send(row["id"], row["created_on"], jobs.get(row["id"], ())))
    first = rows[0]
    return DoubledSchedule(
        queue=first["queue"],
        key=first["key"],
        cron=first["cron"],
        slots_seen=first["slots_seen"],
        doubled=first["doubled"],
        sends=int(first["sends"]),
        surplus=int(first["surplus"]),
        first_minute=first["first_minute"],
        last_minute=first["last_minute"],
        shown=tuple(Slot(minute, due[minute], tuple(sends)) for minute, sends in slots.items()),
    )

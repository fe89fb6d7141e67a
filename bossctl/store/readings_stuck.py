"""The doctor's readings of work that does not move."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from psycopg import sql

from bossctl.models.readings_stuck import (
    Backlog,
    BlockedGroup,
    BlockedJob,
    Flows,
    Heartbeats,
    HeldKey,
    HeldSlots,
    OpenGroup,
    OpenJob,
    OpenSymptom,
    OpenWork,
    Orphan,
    Orphans,
    Pace,
    RefusedRetry,
    Scheduler,
    Timetable,
)
from bossctl.slots import DAY
from bossctl.store.connections import Row
from bossctl.store.passes import dead_letters, merged, paces, suspects
from bossctl.store.queues import unhurried
from bossctl.store.readings_keys import unlinked_children
from bossctl.store.schedules import SEND_SECONDS, cron_parsers
from bossctl.store.scope import SAMPLES, Scope, pass_grace
from bossctl.store.session import Transaction

WAIT_SECONDS = 300.0
"""Due work that waits no longer is nobody's fault: a fleet may just have been restarted."""

RESOLVER_SILENT_SECONDS = 120.0
"""The resolver of flows passes every five seconds by default."""

EVIDENCE_ROWS = 500

_HOLDING = ("singleton", "stately", "exclusive", "key_strict_fifo")
_SHOWN = ~(OpenSymptom.DUE | OpenSymptom.WORKED)


async def take_open_work(transaction: Transaction, scope: Scope) -> OpenWork:
    """What waits or runs, by what it shows; then more about the queues whose due work nobody seems to take."""
    rows = await merged(await suspects(transaction, scope), "open")
    groups = tuple([_group(row) async for row in unhurried(rows)])
    return OpenWork(
        groups=groups,
        evidence=await _evidence(transaction, [group for group in groups if group.symptoms & _SHOWN]),
        backlogs=await _backlogs(transaction, scope, groups),
        grace_seconds=await pass_grace(transaction),
    )


async def take_heartbeats(transaction: Transaction, scope: Scope) -> Heartbeats:
    """The heartbeats that queues ask for."""
    rows = await transaction.rows("queue_heartbeats")
    return Heartbeats({row["name"]: row["heartbeat_seconds"] for row in rows})


async def take_flows(transaction: Transaction, scope: Scope) -> Flows:
    """Blocked jobs whose parents will never release them."""
    values = {
        "names": scope.bound_names,
        "resolver": transaction.queries.catalog.has("version.flow_on"),
        "patience": RESOLVER_SILENT_SECONDS,
        "shown": SAMPLES,
    }
    rows = await transaction.rows("blocked_flows", values) or await unlinked_children(transaction, scope)
    version = await transaction.row("version") or {}
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["queue"], row["kind"]].append(row)
    return Flows(tuple(_blocked(mine) for mine in groups.values()), version.get("flow_on"))


async def take_scheduler(transaction: Transaction, scope: Scope) -> Scheduler:
    """The schedules with what was sent in the last day, and what waits to be sent."""
    sends = await transaction.row("send_queue", {"patience": SEND_SECONDS}) or {}
    since = sql.Literal(scope.now - DAY)
    rows = await transaction.rows("send_minutes", since=since)
    version = await transaction.row("version") or {}
    minutes = {(row["queue"], row["key"]): frozenset[datetime](row["minutes"]) for row in rows}
    return Scheduler(
        timetables=tuple(
            Timetable(
                queue=row["name"],
                key=row["key"] or "",
                cron=row["cron"],
                timezone=row["timezone"],
                kind=row["kind"],
                set_on=row["updated_on"] or row["created_on"],
                sent=minutes.get((row["name"], row["key"] or ""), frozenset()),
            )
            for row in await transaction.rows("schedules")
            if scope.names is None or row["name"] in scope.names
        ),
        cron_on=version.get("cron_on"),
        first_send=sends.get("first_send"),
        waiting=sends.get("waiting") or 0,
        oldest_waiting=sends.get("oldest_waiting"),
        last_taken=sends.get("last_taken"),
        samples=tuple(sends.get("samples") or ()),
        patience_seconds=SEND_SECONDS,
        cron_parsers=cron_parsers(transaction.queries.catalog),
    )


async def take_held_slots(transaction: Transaction, scope: Scope) -> HeldSlots:
    """Slots that failed or overdue jobs keep, and retries that 11.0 refuses."""
    grace = await pass_grace(transaction)
    held = await transaction.rows("held_keys", {"grace": grace, "names": scope.bound_names})
    catalog = transaction.queries.catalog
    refused: list[Row] = []
    if catalog.has("queue.singletons_active") and not catalog.has("index:i6"):
        refused = await transaction.rows("refused_retries", {"patience": grace, "names": scope.bound_names})
    return HeldSlots(
        tuple(HeldKey(**{**row, "samples": tuple(row["samples"])}) for row in held),
        tuple(RefusedRetry(**row) for row in refused),
    )


async def take_orphans(transaction: Transaction, scope: Scope) -> Orphans:
    """Jobs and partitions without a queue."""
    names = [row["name"] for row in await transaction.rows("orphaned_queues")]
    wanted = [name for name in names if scope.names is None or name in scope.names]
    jobs = await transaction.rows("orphaned_jobs", {"names": wanted}) if wanted else []
    partitions = await transaction.rows("orphaned_partitions", {"schema": transaction.queries.catalog.schema})
    return Orphans(
        tuple(Orphan(**row) for row in jobs),
        tuple((row["partition"], row["bound"] or "") for row in partitions if scope.names is None),
    )


def _blocked(rows: Sequence[Row]) -> BlockedGroup:
    first = rows[0]
    shown = tuple(
        BlockedJob(
            id=row["id"],
            created_on=row["created_on"],
            keep_until=row["keep_until"],
            pending=row["pending"],
            parent_queue=row["parent_name"],
            parent=row["parent_id"],
            parent_ended=row["parent_ended"],
        )
        for row in rows
    )
    return BlockedGroup(first["queue"], first["kind"], first["jobs"], first["first_on"], shown)


def _group(row: Row) -> OpenGroup:
    return OpenGroup(
        queue=row["queue"],
        state=row["state"],
        symptoms=OpenSymptom(row["open"]),
        jobs=row["jobs"],
        oldest_due=row["oldest_due"],
        first_keep_until=row["first_keep_until"],
        oldest_heartbeat=row["oldest_heartbeat"],
        samples=row["samples"],
    )


async def _evidence(transaction: Transaction, groups: Sequence[OpenGroup]) -> Mapping[tuple[str, str], OpenJob]:
    each = max(1, min(SAMPLES, EVIDENCE_ROWS // max(1, len(groups))))
    wanted = [(group.queue, job_id) for group in groups for job_id in group.samples[:each]]
    if not wanted:
        return {}
    values = {"names": [queue for queue, _ in wanted], "ids": [job_id for _, job_id in wanted]}
    return {(row["queue"], row["id"]): OpenJob(**row) for row in await transaction.rows("open_evidence", values)}


async def _backlogs(transaction: Transaction, scope: Scope, groups: Sequence[OpenGroup]) -> tuple[Backlog, ...]:
    now = scope.now
    due = _due(groups, now)
    if not due:
        return ()
    pace = await paces(transaction, scope, sorted(due))
    queues = await transaction.rows("policies_of") if transaction.queries.supports("policies_of") else []
    held = [row["name"] for row in queues if row["name"] in due and row["policy"] in _HOLDING]
    dead = {row["dead_letter"] for row in queues} | await dead_letters(transaction, scope)
    free = {row["queue"]: row for row in await transaction.rows("free_work", {"names": held})} if held else {}
    samples = await _due_samples(transaction, sorted(due.keys() - set(held)))
    found = []
    for name, waiting in due.items():
        row = free.get(name) if name in held else waiting
        if row is None or not _old(row["oldest_due"], now):
            continue
        found.append(
            Backlog(
                queue=name,
                jobs=row["jobs"],
                oldest_due=row["oldest_due"],
                first_keep_until=row["first_keep_until"],
                samples=tuple(row["samples"][:SAMPLES]) if name in held else samples[name],
                pace=pace.get(name, Pace(None, None)),
                dead_letter=name in dead,
            )
        )
    return tuple(found)


async def _due_samples(transaction: Transaction, names: list[str]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {name: [] for name in names}
    for row in await transaction.rows("due_samples", {"names": names, "shown": SAMPLES}) if names else []:
        found[row["queue"]].append(row["id"])
    return {name: tuple(sorted(ids)) for name, ids in found.items()}


def _due(groups: Sequence[OpenGroup], now: datetime) -> dict[str, Row]:
    """The queues with old due work of which nothing is at work, with what waits in each."""
    worked = {group.queue for group in groups if group.symptoms & OpenSymptom.WORKED}
    found: dict[str, Row] = {}
    for group in groups:
        if group.symptoms & OpenSymptom.DUE and group.queue not in worked:
            row = found.setdefault(group.queue, {"jobs": 0, "oldest_due": None, "first_keep_until": None})
            row["jobs"] += group.jobs
            row["oldest_due"] = _first(row["oldest_due"], group.oldest_due)
            row["first_keep_until"] = _first(row["first_keep_until"], group.first_keep_until)
    return {name: row for name, row in found.items() if _old(row["oldest_due"], now)}


def _first(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)


def _old(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and now - moment > timedelta(seconds=WAIT_SECONDS)

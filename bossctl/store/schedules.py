"""Schedules: when they run, what the scheduler sent at their slots, the jobs that came of it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from psycopg import sql

from bossctl.errors import StatementTimeout
from bossctl.models.schedules import LastJob, Schedule, ScheduleBook, ScheduleRecord, Sent, SlotJob
from bossctl.slots import DAY, Known, recorded
from bossctl.sql.catalog import Catalog
from bossctl.store.connections import Row
from bossctl.store.session import Transaction

MOST_SENDS = 10_000
"""So many sends are looked at, the newest; of older ones nothing is said."""

SENDS_SHOWN = 60
"""So many of each schedule are looked at however old they are."""

JOBS_SECONDS = 5.0
"""How long the jobs may be looked for: not every schema has an index that finds them by time."""

SEND_SECONDS = 120.0
"""The scheduler's own worker takes what is to be sent every five seconds by default."""

Key = tuple[str, str]


@dataclass(frozen=True)
class _Stored:
    """Rows as they are stored. `jobs` None: they could not be read."""

    schedules: Sequence[Row]
    sends: Sequence[Row]
    jobs: Sequence[Row] | None
    first_send: datetime | None


async def read_schedules(transaction: Transaction) -> ScheduleBook:
    """All schedules with their next runs and what became of their last slots."""
    rows = await transaction.rows("schedules")
    version = await transaction.row("version") or {}
    stored = await _stored(transaction, rows) if rows else _Stored((), (), (), None)
    note = None
    if stored.jobs is None:
        note = f"the jobs of the slots took longer than {JOBS_SECONDS:g}s to find and are not shown"
    # A day of a schedule for every minute takes 20 ms to work out: a screen may want to be drawn meanwhile.
    parsers = cron_parsers(transaction.queries.catalog)
    records = await asyncio.to_thread(_records, stored, transaction.now, parsers)
    return ScheduleBook(records, transaction.now, version.get("cron_on"), transaction.elapsed_ms, note)


def cron_parsers(catalog: Catalog) -> tuple[int, ...]:
    """The versions it may be, the older first: 11.1 and 12.0 to 12.5 have the same schema; 12 brought version 5."""
    if catalog.generation != "11-12" or not catalog.has("index:i6"):
        return (4,)
    return (5,) if catalog.has("bam") else (4, 5)


async def _stored(transaction: Transaction, schedules: Sequence[Row]) -> _Stored:
    queue = await transaction.row("send_queue", {"patience": SEND_SECONDS}) or {}
    values = {"limit": MOST_SENDS, "shown": SENDS_SHOWN}
    sends = await transaction.rows("schedule_sends", values, since=sql.Literal(transaction.now - DAY))
    try:
        async with transaction.savepoint(JOBS_SECONDS):
            jobs = await _jobs(transaction, sends) if sends else []
    except StatementTimeout:
        jobs = None
    return _Stored(schedules, sends, jobs, queue.get("first_send"))


async def _jobs(transaction: Transaction, sends: Sequence[Row]) -> Sequence[Row]:
    values = {"ids": [row["id"] for row in sends], "names": list({row["queue"] for row in sends})}
    first = sql.Literal(min(row["created_on"] for row in sends))
    return await transaction.rows("send_jobs", values, since=first)


def _records(stored: _Stored, now: datetime, parsers: tuple[int, ...]) -> tuple[ScheduleRecord, ...]:
    jobs = None if stored.jobs is None else _by_send(stored.jobs)
    sends: dict[Key, list[Sent]] = defaultdict(list)
    for row in stored.sends:
        sends[row["queue"], row["key"]].append(_sent(row, jobs))
    known = Known(now, _complete_since(stored), parsers)
    return tuple(_record(row, sends.get((row["name"], row["key"] or ""), []), known) for row in stored.schedules)


def _by_send(rows: Sequence[Row]) -> Mapping[str, tuple[SlotJob, ...]]:
    """Send → the jobs that came of it. A job that may be of several is of the one that was taken last before it."""
    may_be: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        may_be[row["id"]].append(row)
    found: dict[str, list[SlotJob]] = defaultdict(list)
    for choices in may_be.values():
        taken = max(row["started_on"] for row in choices)
        # What was taken together is of like schedules, and has one job each.
        together = [row for row in choices if row["started_on"] == taken]
        row = min(together, key=lambda row: (len(found[row["send"]]), row["send"]))
        found[row["send"]].append(SlotJob(row["id"], row["queue"], row["state"], row["created_on"], row["archived"]))
    return {send: tuple(jobs) for send, jobs in found.items()}


def _sent(row: Row, jobs: Mapping[str, tuple[SlotJob, ...]] | None) -> Sent:
    return Sent(
        id=row["id"],
        created_on=row["created_on"],
        slot=_named(row["slot"]),
        throttled=row["throttled"],
        state=row["state"],
        jobs=None if jobs is None else jobs.get(row["id"], ()),
    )


def _named(slot: str | None) -> datetime | None:
    """The minute a send names, as pg-boss writes it: `2026-01-01 05:00:00`, in UTC."""
    try:
        return datetime.strptime(slot, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) if slot else None
    except ValueError:
        return None


def _complete_since(stored: _Stored) -> datetime | None:
    """From when on nothing that was sent is missing here."""
    return stored.first_send if len(stored.sends) < MOST_SENDS else stored.sends[-1]["created_on"]


def _record(row: Row, sends: Sequence[Sent], known: Known) -> ScheduleRecord:
    if len(sends) >= SENDS_SHOWN and known.since is not None:
        known = replace(known, since=max(known.since, sends[-1].created_on))
    schedule = Schedule(
        queue=row["name"],
        key=row["key"] or "",
        cron=row["cron"],
        timezone=row["timezone"],
        kind=row["kind"],
        created_on=row["created_on"],
        updated_on=row["updated_on"],
        last_job=_last_job(sends),
    )
    return recorded(schedule, sends, known)


def _last_job(sends: Sequence[Sent]) -> LastJob | None:
    """The first job of the newest send, or that itself."""
    for sent in sends[:1]:
        for job in sent.jobs or ():
            return LastJob(job.id, job.queue, job.state, job.created_on)
        return LastJob(sent.id, "__pgboss__send-it", sent.state, sent.created_on)
    return None

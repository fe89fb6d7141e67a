"""Schedules: when they run, what the scheduler sent at their slots, the jobs that came of it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
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


async def read_schedules(transaction: Transaction) -> ScheduleBook:
    """All schedules with their next runs and what became of their last slots."""
    rows = await transaction.rows("schedules")
    version = await transaction.row("version") or {}
    sends, note = await _sends(transaction) if rows else ({}, None)
    queue = await transaction.row("send_queue", {"patience": SEND_SECONDS}) or {} if rows else {}
    since = _complete_since(sends, queue.get("first_send"))
    known = Known(transaction.now, since, cron_parsers(transaction.queries.catalog))
    # A day of a schedule for every minute takes 20 ms to work out.
    records = await asyncio.to_thread(_records, rows, sends, known)
    return ScheduleBook(records, transaction.now, version.get("cron_on"), transaction.elapsed_ms, note)


def cron_parsers(catalog: Catalog) -> tuple[int, ...]:
    """The versions it may be, the older first: 11.1 and 12.0 to 12.5 have the same schema; 12 brought version 5."""
    if catalog.generation != "11-12" or not catalog.has("index:i6"):
        return (4,)
    return (5,) if catalog.has("bam") else (4, 5)


async def _sends(transaction: Transaction) -> tuple[Mapping[Key, list[Sent]], str | None]:
    """The sends of each schedule, the newest first, with their jobs; and why these could not be read."""
    values = {"limit": MOST_SENDS, "shown": SENDS_SHOWN}
    rows = await transaction.rows("schedule_sends", values, since=sql.Literal(transaction.now - DAY))
    jobs: Mapping[str, tuple[SlotJob, ...]] | None = None
    note = None
    try:
        async with transaction.savepoint(JOBS_SECONDS):
            jobs = await _jobs(transaction, rows)
    except StatementTimeout:
        note = f"the jobs of the slots took longer than {JOBS_SECONDS:g}s to find and are not shown"
    found: dict[Key, list[Sent]] = defaultdict(list)
    for row in rows:
        found[row["queue"], row["key"]].append(_sent(row, jobs))
    return found, note


async def _jobs(transaction: Transaction, sends: Sequence[Row]) -> Mapping[str, tuple[SlotJob, ...]]:
    """Send → the jobs that came of it. A job that may be of several is of the one that was taken last before it."""
    if not sends:
        return {}
    values = {"ids": [row["id"] for row in sends], "names": list({row["queue"] for row in sends})}
    first = sql.Literal(min(row["created_on"] for row in sends))
    may_be: dict[str, list[Row]] = defaultdict(list)
    for row in await transaction.rows("send_jobs", values, since=first):
        may_be[row["id"]].append(row)
    found: dict[str, list[SlotJob]] = defaultdict(list)
    for rows in may_be.values():
        taken = max(row["started_on"] for row in rows)
        # What was taken together is of like schedules, and has one job each.
        row = min(
            (row for row in rows if row["started_on"] == taken), key=lambda row: (len(found[row["send"]]), row["send"])
        )
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


def _complete_since(sends: Mapping[Key, list[Sent]], first_send: datetime | None) -> datetime | None:
    """From when on nothing that was sent is missing here."""
    if sum(map(len, sends.values())) < MOST_SENDS:
        return first_send
    return min(sent.created_on for mine in sends.values() for sent in mine[-1:])


def _records(rows: Sequence[Row], sends: Mapping[Key, list[Sent]], known: Known) -> tuple[ScheduleRecord, ...]:
    return tuple(_record(row, sends.get((row["name"], row["key"] or ""), []), known) for row in rows)


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

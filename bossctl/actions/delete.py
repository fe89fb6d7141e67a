"""`queue delete`: through the schema's own delete_queue, and never jobs that nobody agreed to lose."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from time import monotonic

from bossctl.actions import limits
from bossctl.actions.ensure import run
from bossctl.actions.planning import typed
from bossctl.errors import BossctlError, MissingPrivilege, StatementTimeout
from bossctl.format import clean
from bossctl.models.operations import QueueDeletion
from bossctl.models.options import is_internal
from bossctl.models.queues import STATES
from bossctl.sql import Queries
from bossctl.sql.grants import joining
from bossctl.sql.writes import Write, lock, own_table
from bossctl.store import Store
from bossctl.store.connections import Row
from bossctl.store.queues import no_such_queue
from bossctl.store.session import Transaction
from bossctl.store.translate import Deadlock, SchemaChanged

BATCH_ROWS = 5_000
"""Jobs in a shared table go in transactions of this many, so that none of them lasts long."""

PATIENCE_SECONDS = 30.0

Refusal = tuple[str, str | None]


async def plan_delete(store: Store, name: str, *, with_jobs: bool) -> QueueDeletion:
    """What it would do, from one snapshot."""
    limits.need_queues(store.catalog)
    async with store.snapshot() as transaction:
        return await _plan(transaction, name, with_jobs=with_jobs)


async def delete_queue(store: Store, name: str, *, with_jobs: bool) -> QueueDeletion:
    """Do it: the jobs of a shared table in batches, then the rest and the queue itself in one transaction."""
    planned = await plan_delete(store, name, with_jobs=with_jobs)
    if planned.reason is not None:
        return planned
    if planned.storage == "partition":
        _may_drop(store)
    gone = 0
    try:
        while planned.storage == "shared" and planned.jobs - gone > BATCH_ROWS and (batch := await _batch(store, name)):
            gone += batch
        done = await _attempts(store, name, with_jobs=with_jobs)
    except (Deadlock, SchemaChanged):
        raise
    except BossctlError as error:
        if not gone:
            raise
        done = replace(planned, reason=str(error), hint="running it again finishes it")
    return replace(done, counts=planned.counts, gone=planned.jobs if done.applied else gone)


async def _batch(store: Store, name: str) -> int:
    async with store.session.write() as transaction:
        row = await transaction.row("delete_jobs", {"name": name, "limit": BATCH_ROWS})
    return row["rows"] if row else 0


async def _attempts(store: Store, name: str, *, with_jobs: bool) -> QueueDeletion:
    started = monotonic()
    while True:
        with suppress(_Busy):
            return await _attempt(store, name, with_jobs=with_jobs, last=monotonic() - started > PATIENCE_SECONDS)
        await asyncio.sleep(random.uniform(0.02, 0.3))


class _Busy(Exception):
    """A table that must be locked is in use."""


async def _attempt(store: Store, name: str, *, with_jobs: bool, last: bool) -> QueueDeletion:
    async with store.session.write() as transaction:
        catalog = transaction.queries.catalog
        await run(transaction, lock(catalog, "delete-queue"))
        row = await _row(transaction, name)
        try:
            await run(transaction, _claim(transaction.queries, row))
        except StatementTimeout:
            if last or not _owns_table(transaction.queries, row):
                raise
            raise _Busy from None
        planned = await _plan(transaction, name, with_jobs=with_jobs)
        if planned.reason is not None:
            return planned
        for write in _writes(transaction.queries, row, planned.jobs):
            await run(transaction, write)
        return replace(planned, applied=True)


def _claim(queries: Queries, row: Row) -> Write:
    """What keeps new jobs out: the tables are locked, or the queue's row, for which each job's commit must wait."""
    if _owns_table(queries, row):
        return Write("lock_own_table", slots=own_table(queries.catalog, row["table_name"]))
    return Write("queue_row_claimed", {"name": row["name"]})


def _writes(queries: Queries, row: Row, jobs: int) -> list[Write]:
    """What ends the queue once its tables are locked."""
    own = _owns_table(queries, row)
    writes = [Write("delete_queue", {"name": row["name"]})]
    if jobs and queries.catalog.layout == "queues":
        writes.insert(0, Write("empty_own_table", slots=own_table(queries.catalog, row["table_name"])))
    if own and queries.supports("forget_migrations"):
        writes.append(Write("forget_migrations", {"table": row["table_name"]}))
    return writes


def _owns_table(queries: Queries, row: Row) -> bool:
    return queries.catalog.layout == "queues" or (queries.catalog.layout == "common" and row["partition"] is True)


async def _row(transaction: Transaction, name: str) -> Row:
    rows = await transaction.rows("queues", {"names": [name]})
    if not rows:
        raise await no_such_queue(transaction, name)
    return rows[0]


async def _plan(transaction: Transaction, name: str, *, with_jobs: bool) -> QueueDeletion:
    queries = transaction.queries
    row = await _row(transaction, name)
    counts = dict.fromkeys(STATES, 0)
    for group in await transaction.rows("histogram", {"names": [name]}):
        counts[group["state"]] = group["rows"]
    schedules = await transaction.rows("queue_schedules", {"queue": name})
    subscriptions = await transaction.row("subscriptions", {"name": name})
    jobs = sum(counts.values())
    reason, hint = await _refusal(transaction, name, counts, with_jobs=with_jobs) or (None, None)
    writes = [lock(queries.catalog, "delete-queue"), _claim(queries, row), *_writes(queries, row, jobs)]
    return QueueDeletion(
        queue=name,
        applied=False,
        counts=counts,
        schedules=len(schedules),
        subscriptions=subscriptions["rows"] if subscriptions else 0,
        storage="partition" if _owns_table(queries, row) else "shared",
        reason=reason,
        hint=hint,
        notices=_notices(name, counts, len(schedules)),
        statements=() if reason else tuple(write.written(queries) for write in writes),
    )


async def _refusal(
    transaction: Transaction, name: str, counts: Mapping[str, int], *, with_jobs: bool
) -> Refusal | None:
    jobs = sum(counts.values())
    if jobs and not with_jobs:
        ten = " (pg-boss 10's own deleteQueue fails with 23503 then)" if _is_ten(transaction) else ""
        return f"the queue holds {_amount(jobs, 'job')}: {_by_state(counts)}{ten}", "--with-jobs deletes them too"
    feeds = [row["name"] for row in await transaction.rows("dead_letter_feeds", {"queue": name}) if row["name"] != name]
    if feeds:
        return (
            f"it is the dead-letter queue of {', '.join(map(clean, feeds))}",
            f"point it elsewhere first: bossctl queue ensure --dead-letter none {typed(feeds[0])}",
        )
    held = await transaction.rows("dead_letter_jobs", {"name": name})
    if held:
        return (
            f"jobs of other queues name it as their dead letter, and the database keeps it for them: {_listed(held)}",
            "delete it when those jobs are gone",
        )
    if transaction.queries.supports("waiting_children"):
        children = await transaction.rows("waiting_children", {"name": name})
        if children:
            return (
                f"jobs of other queues wait for jobs of this one, and would wait for ever: {_listed(children)}",
                "let the flows end, or cancel the waiting jobs",
            )
    return None


def _is_ten(transaction: Transaction) -> bool:
    return transaction.queries.catalog.layout == "queues"


def _notices(name: str, counts: Mapping[str, int], schedules: int) -> tuple[str, ...]:
    found = []
    if is_internal(name):
        found.append("pg-boss made this queue for itself: cron stops until an instance with scheduling starts again")
    if counts.get("active"):
        found.append(f"{_amount(counts['active'], 'job')} may be running; the handlers go on, their results are lost")
    if schedules:
        found.append(f"{_amount(schedules, 'schedule')} of the queue goes with it")
    return tuple(found)


def _may_drop(store: Store) -> None:
    if not store.catalog.is_owner:
        owner, role = clean(store.catalog.owner), clean(store.target.user)
        raise MissingPrivilege(
            f"the queue has a table of its own, which only the owner of the table job can drop; role {role} is not",
            f"run it as {owner}, or {joining(store.catalog)}",
        )


def _by_state(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{rows:,} {state}" for state, rows in counts.items() if rows)


def _listed(rows: list[Row]) -> str:
    return ", ".join(f"{row['rows']:,} in {clean(row['queue'])}" for row in rows)


def _amount(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"

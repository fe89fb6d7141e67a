"""Readings of what went through one queue lately, and of what its schedules will send."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from psycopg import sql

from bossctl.cron import next_runs
from bossctl.models.activity import NextRun, Percentiles, QueueActivity, QueueLatency, Span
from bossctl.models.job_errors import JobErrors
from bossctl.models.schedules import Schedule
from bossctl.selector import And, Archived, QueueGlob
from bossctl.sql.catalog import Catalog
from bossctl.store.connections import Row
from bossctl.store.job_errors import read_job_errors
from bossctl.store.session import Transaction

LONGEST_SECONDS = 10.0
"""So long such a reading may take: somebody is looking at a screen."""

GROUPS = 100


async def read_activity(transaction: Transaction, queue: str, span: Span) -> QueueActivity:
    """Jobs created, completed and failed for good, by steps of the span."""
    begin = _first_step(transaction.now, span)
    until = begin + timedelta(seconds=span.steps * span.step)
    values = {"queue": queue, "step": span.step}
    rows = await transaction.rows("queue_activity", values, since=sql.Literal(begin), until=sql.Literal(until))
    steps = {row["step"]: row for row in rows}

    def line(what: str) -> tuple[int, ...]:
        return tuple(steps[step][what] if step in steps else 0 for step in range(span.steps))

    return QueueActivity(queue, span, begin, line("created"), line("completed"), line("failed"), transaction.elapsed_ms)


def _first_step(now: datetime, span: Span) -> datetime:
    """Such that the step that `now` lies in is the last."""
    last = int(now.timestamp()) // span.step
    return datetime.fromtimestamp((last - span.steps + 1) * span.step, UTC)


async def read_latency(transaction: Transaction, queue: str, span: Span) -> QueueLatency:
    """Percentiles of how long jobs waited and ran that ended within the span."""
    since = sql.Literal(transaction.now - timedelta(seconds=span.seconds))
    until = sql.Literal(transaction.now + timedelta(days=1))
    row = await transaction.row("queue_latency", {"queue": queue}, since=since, until=until)
    if row is None:
        raise LookupError("an aggregate returns one row")
    wait, run = _percentiles(row["waits"], row["wait"]), _percentiles(row["runs"], row["run"])
    return QueueLatency(queue, span, wait, run, transaction.elapsed_ms)


def _percentiles(jobs: int, found: Sequence[float | None] | None) -> Percentiles:
    return Percentiles(jobs, *(found or ()))


async def read_queue_errors(transaction: Transaction, queue: str) -> JobErrors:
    """Failures for good of one queue by what they say; those in pg-boss's archive count where it has one."""
    mine = QueueGlob.exactly(queue)
    moved = transaction.queries.catalog.has("archive")
    return await read_job_errors(transaction, And((mine, Archived("any"))) if moved else mine, limit=GROUPS)


async def read_queue_schedules(transaction: Transaction, queue: str) -> tuple[NextRun, ...]:
    """Its schedules with their next run by the server's clock."""
    parser = _cron_parser(transaction.queries.catalog)
    rows = await transaction.rows("schedules_of", {"queue": queue})
    return tuple(_next_run(row, transaction.now, parser) for row in rows)


def _cron_parser(catalog: Catalog) -> int:
    """cron-parser 5 came with pg-boss 12; of schema 26, which 11.1 and 12.0 share, the newer is assumed."""
    return 4 if catalog.has("archive") or not catalog.has("index:i6") else 5


def _next_run(row: Row, now: datetime, cron_parser: int) -> NextRun:
    schedule = Schedule(
        queue=row["name"],
        key=row["key"],
        cron=row["cron"],
        timezone=row["timezone"],
        kind=row["kind"],
        created_on=row["created_on"],
        updated_on=row["updated_on"],
        last_job=None,
    )
    found = next_runs(schedule.cron, schedule.timezone, schedule.kind, after=now, count=1, cron_parser=cron_parser)
    return NextRun(schedule, found.runs[0] if found.runs else None, found.reason)

"""The doctor's readings about how queues are set up."""

from __future__ import annotations

from bossctl.errors import Unsupported
from bossctl.models.readings_settings import (
    CachedCounters,
    Counters,
    ForgottenPolicies,
    ForgottenPolicy,
    IgnoredOptions,
    KeyOverlap,
    KeyOverlaps,
    QueueSetting,
    QueueSettings,
    Runs,
    RunTimes,
    RunTotals,
    ScheduleOptions,
    UnreadDeadLetters,
)
from bossctl.store.connections import Row
from bossctl.store.readings_latency import with_histograms
from bossctl.store.scope import Scope, pass_interval
from bossctl.store.session import Transaction

LONG_SECONDS = 600.0
"""A run of ten minutes is one that a heartbeat would help."""

FORGETS_POLICIES = "forgets a queue's policy on update"
IGNORES_OPTIONS = "ignores options of schedules"


async def take_queue_settings(transaction: Transaction, scope: Scope) -> QueueSettings:
    """Every queue's settings. Raises Unsupported where there is no queue table."""
    values = {"names": scope.bound_names}
    queues = [QueueSetting(**row) for row in await transaction.rows("queue_settings", values)]
    unread = [UnreadDeadLetters(**row) for row in await transaction.rows("unread_dead_letters", values)]
    return QueueSettings({one.name: one for one in queues}, tuple(unread))


async def take_runs(transaction: Transaction, scope: Scope) -> Runs:
    """Totals in one pass, then exact run times of the queues of which one run in a hundred reached its expiry."""
    values = {"names": scope.bound_names, "long": LONG_SECONDS}
    totals = [RunTotals(**row) for row in await transaction.rows("run_totals", values, since=scope.since)]
    settable = transaction.queries.catalog.has("queue")
    settings = await transaction.rows("queue_settings", {"names": None}) if settable else []
    near = [one.queue for one in totals if 0 < one.completed + one.overran <= 100 * (one.beyond + one.overran)]
    times = await transaction.rows("run_percentiles", {"names": near}, since=scope.since) if near else []
    expiries = {row["name"]: row["expire_seconds"] for row in settings}
    exact = [_times(row, expiries.get(row["queue"])) for row in times]
    return Runs(
        totals=tuple(sorted(totals, key=lambda one: one.queue)),
        times=await with_histograms(transaction, scope, exact, {one.queue for one in totals}),
        settable=settable,
        heartbeats=transaction.queries.catalog.has("job.heartbeat_seconds"),
        dead_letters=frozenset(row["dead_letter"] for row in settings if row["dead_letter"]),
        long_seconds=LONG_SECONDS,
    )


async def take_forgotten_policies(transaction: Transaction, scope: Scope) -> ForgottenPolicies:
    """Raises Unsupported in any generation but 10."""
    only_10(transaction.queries.catalog.generation, FORGETS_POLICIES)
    rows = await transaction.rows("forgotten_policies", {"names": scope.bound_names})
    return ForgottenPolicies(tuple(ForgottenPolicy(**row) for row in rows))


async def take_schedule_options(transaction: Transaction, scope: Scope) -> ScheduleOptions:
    """Raises Unsupported in any generation but 10."""
    only_10(transaction.queries.catalog.generation, IGNORES_OPTIONS)
    rows = await transaction.rows("ignored_schedule_options", {"names": scope.bound_names}, since=scope.since)
    return ScheduleOptions(tuple(IgnoredOptions(**{**row, "samples": tuple(row["samples"])}) for row in rows))


async def take_key_overlaps(transaction: Transaction, scope: Scope) -> KeyOverlaps:
    """Raises Unsupported where keys work on every queue (8/9)."""
    rows = await transaction.rows("key_overlaps", {"names": scope.bound_names}, since=scope.since)
    return KeyOverlaps(tuple(KeyOverlap(**{**row, "samples": tuple(row["samples"])}) for row in rows))


async def take_counters(transaction: Transaction, scope: Scope) -> Counters:
    """Raises Unsupported where no counters are kept."""
    rows = await transaction.rows("cached_counters", {"names": scope.bound_names})
    version = await transaction.row("version") or {}
    return Counters(
        number=version.get("version"),
        queues=tuple(CachedCounters(**row) for row in rows),
        backoff_until=version.get("monitor_backoff_on"),
        interval_seconds=await pass_interval(transaction),
    )


def only_10(generation: str, what: str) -> None:
    """Raises Unsupported in any other generation."""
    if generation != "10":
        raise Unsupported(f"only pg-boss 10 {what}; this schema is not one of its")


def _times(row: Row, queue_expiry: int | None) -> RunTimes:
    p50, p95, p99 = row["percentiles"]
    return RunTimes(
        queue=row["queue"],
        runs=row["runs"],
        beyond=row["beyond"],
        overran=row["overran"],
        p50=p50,
        p95=p95,
        p99=p99,
        longest=row["longest"],
        expire_seconds=row["expire_seconds"],
        queue_expire_seconds=queue_expiry,
        first_on=row["first_on"],
        samples=tuple(row["samples"]),
    )

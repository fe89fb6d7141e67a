"""The doctor's readings about how queues are set up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

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
from bossctl.store.passes import LONG_SECONDS, Mark, completed_runs, marked, suspects
from bossctl.store.readings_latency import with_histograms
from bossctl.store.scope import Scope, pass_interval
from bossctl.store.session import Transaction

FORGETS_POLICIES = "forgets a queue's policy on update"
IGNORES_OPTIONS = "ignores options of schedules"


async def take_queue_settings(transaction: Transaction, scope: Scope) -> QueueSettings:
    """Every queue's settings. Raises Unsupported where there is no queue table."""
    values = {"names": scope.bound_names}
    queues = [QueueSetting(**row) for row in await transaction.rows("queue_settings", values)]
    unread = [UnreadDeadLetters(**row) for row in await transaction.rows("unread_dead_letters", values)]
    return QueueSettings({one.name: one for one in queues}, tuple(unread))


async def take_runs(transaction: Transaction, scope: Scope) -> Runs:
    """Totals, then exact run times of the queues of which one run in a hundred reached its expiry."""
    totals = _totals(await completed_runs(transaction, scope), await suspects(transaction, scope))
    settable = transaction.queries.catalog.has("queue")
    settings = await transaction.rows("queue_settings", {"names": None}) if settable else []
    near = [one.queue for one in totals if 0 < one.completed + one.overran <= 100 * (one.beyond + one.overran)]
    times = await transaction.rows("run_percentiles", {"names": near}, since=scope.since) if near else []
    expiries = {row["name"]: row["expire_seconds"] for row in settings}
    exact = [_times(row, expiries.get(row["queue"])) for row in times]
    return Runs(
        totals=totals,
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
    """The queues whose policy does not look at keys and whose jobs have them. Raises Unsupported on 8 and 9."""
    settings = await transaction.rows("queue_settings", {"names": None})
    keyed = {row["queue"] for row in await completed_runs(transaction, scope) if row["keyed"]}
    keyed |= await marked(transaction, scope, Mark.KEYED)
    keyed -= {row["dead_letter"] for row in settings}
    names = [row["name"] for row in settings if row["name"] in keyed and row["policy"] in (None, "standard")]
    rows = await transaction.rows("key_overlaps", {"names": names}, since=scope.since) if names else []
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


def _totals(runs: Sequence[Row], rows: Sequence[Row]) -> tuple[RunTotals, ...]:
    completed = {row["queue"]: row for row in runs}
    others: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        others[row["queue"]].append(row)
    totals = (_total(queue, completed.get(queue, {}), others[queue]) for queue in sorted({*completed, *others}))
    return tuple(one for one in totals if one.jobs)


def _total(queue: str, runs: Row, rows: Sequence[Row]) -> RunTotals:
    def jobs(mark: Mark) -> int:
        return sum(row["jobs"] for row in rows if row["marks"] & mark)

    completed = runs.get("completed", 0)
    return RunTotals(
        queue=queue,
        jobs=completed
        + sum(row["jobs"] for row in rows if row["marks"] & Mark.COUNTED and row["state"] != "completed"),
        completed=completed,
        beyond=runs.get("beyond", 0),
        overran=jobs(Mark.OVERRAN),
        hasty=jobs(Mark.HASTY),
        hasty_reruns=sum(row["reruns"] for row in rows if row["marks"] & Mark.HASTY),
        lost=jobs(Mark.LOST),
        long=runs.get("long", 0),
    )


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

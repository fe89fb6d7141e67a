"""Run times from pg-boss's own histograms, beside those taken from rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bossctl.models.latency import at_least, percentile, upper_edge
from bossctl.models.readings_settings import RunTimes
from bossctl.store.connections import Row
from bossctl.store.scope import Scope
from bossctl.store.session import Transaction


@dataclass(frozen=True)
class _Histogram:
    runs: Mapping[int, int]
    first_on: datetime


async def with_histograms(
    transaction: Transaction, scope: Scope, times: Sequence[RunTimes], queues: Collection[str]
) -> tuple[RunTimes, ...]:
    """The run times with percentiles from histograms where there are some (12.36 and newer, if they are recorded).

    Queues of which no job is left to read (`queues` are those that have some) are added when their histograms say that
    runs outlasted the queue's expiry: the expiries of the jobs themselves are not known any more.
    """
    if not _recorded(transaction):
        return tuple(times)
    late = {
        row["queue"]: row["expire_seconds"] for row in await _late(transaction, scope) if row["queue"] not in queues
    }
    found = await _histograms(transaction, scope, [*(one.queue for one in times), *late])
    gone = (_of_histogram(name, found[name], expiry) for name, expiry in late.items() if name in found)
    return (*(_refined(one, found.get(one.queue)) for one in times), *gone)


def _recorded(transaction: Transaction) -> bool:
    catalog = transaction.queries.catalog
    history = catalog.tables.get("queue_stats")
    return (
        history is not None
        and history.readable
        and catalog.has("queue.run_bins")
        and catalog.has("queue_stats.run_bins")
    )


async def _late(transaction: Transaction, scope: Scope) -> list[Row]:
    return await transaction.rows("late_bins", {"names": scope.bound_names})


async def _histograms(transaction: Transaction, scope: Scope, names: Sequence[str]) -> Mapping[str, _Histogram]:
    if not names:
        return {}
    rows = await transaction.rows("run_bins", {"names": list(names)}, since=scope.since)
    without = sorted(set(names) - {row["queue"] for row in rows})
    if without:
        rows += await transaction.rows("last_run_bins", {"names": without}, since=scope.since)
    queues: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        queues[row["queue"]].append(row)
    return {
        name: _Histogram({row["slot"]: row["runs"] for row in mine}, min(row["first_on"] for row in mine))
        for name, mine in queues.items()
    }


def _refined(times: RunTimes, found: _Histogram | None) -> RunTimes:
    if found is None:
        return times
    p50, p95, p99 = (percentile(found.runs, percent) for percent in (50, 95, 99))
    return replace(times, p50=p50, p95=p95, p99=p99, counted=sum(found.runs.values()))


def _of_histogram(queue: str, found: _Histogram, expiry: int) -> RunTimes:
    p50, p95, p99 = (percentile(found.runs, percent) for percent in (50, 95, 99))
    runs = sum(found.runs.values())
    return RunTimes(
        queue=queue,
        runs=runs,
        beyond=at_least(found.runs, expiry),
        overran=0,
        p50=p50,
        p95=p95,
        p99=p99,
        longest=upper_edge(max(found.runs)),
        expire_seconds=float(expiry),
        queue_expire_seconds=expiry,
        first_on=found.first_on,
        samples=(),
        counted=runs,
        rows=False,
    )

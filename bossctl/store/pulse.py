"""The reading of what goes on in queues: from an index, from pg-boss's own counters, or by a pass over all jobs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from bossctl.models.pulse import MINUTES, Pulse, QueuePulse, Rates
from bossctl.store.connections import Row
from bossctl.store.queues import SCAN_ROWS, unhurried
from bossctl.store.session import Transaction
from bossctl.store.system import read_workers

MINUTES_BACK = {"minutes": MINUTES}


@dataclass
class _Beats:
    """What ended in each minute back from now, while a reading is put together."""

    completed: list[float] = field(default_factory=lambda: [0.0] * MINUTES)
    failed: list[float] = field(default_factory=lambda: [0.0] * MINUTES)
    seen_on: datetime | None = None

    def add(self, row: Row) -> None:
        if row["minute"] is not None and 0 <= row["minute"] < MINUTES:
            self.completed[row["minute"]] += row["completed"]
            self.failed[row["minute"]] += row["failed"]
        seen = row.get("seen_on")
        if seen is not None and (self.seen_on is None or seen > self.seen_on):
            self.seen_on = seen

    def pulse(self) -> QueuePulse:
        return QueuePulse(tuple(reversed(self.completed)), tuple(reversed(self.failed)), seen_on=self.seen_on)


async def read_pulse(transaction: Transaction) -> Pulse:
    """Who ends how many jobs a minute, and who works: as true as it can cheaply be."""
    taken_at = transaction.now
    queries = transaction.queries
    large = (queries.catalog.estimated_rows or 0) > SCAN_ROWS
    registry = queries.supports("instances")
    if queries.supports("pulse_minutes"):
        found = await _minutes(transaction, await transaction.rows("pulse_minutes", MINUTES_BACK))
    elif large and registry and queries.supports("pulse_deltas"):
        found = await _deltas(transaction)
    else:
        found = await _minutes(transaction, await transaction.rows("pulse_scan", MINUTES_BACK))
    if registry:
        found = await _with_workers(transaction, found)
    return Pulse(found, taken_at, transaction.elapsed_ms)


async def _minutes(transaction: Transaction, rows: list[Row]) -> dict[str, QueuePulse]:
    """Every queue there is: one in which nothing ended has zeros."""
    beats: dict[str, _Beats] = defaultdict(_Beats)
    async for row in unhurried(rows):
        beats[row["queue"]].add(row)
    if transaction.queries.catalog.has("queue"):
        for row in await transaction.rows("queue_names"):
            beats.setdefault(row["name"], _Beats())
    return {name: one.pulse() for name, one in beats.items()}


async def _deltas(transaction: Transaction) -> dict[str, QueuePulse]:
    former: dict[str, list[Row]] = defaultdict(list)
    if transaction.queries.supports("pulse_history"):
        for row in await transaction.rows("pulse_history", MINUTES_BACK):
            former[row["queue"]].append(row)
    rows = await transaction.rows("pulse_deltas")
    return {row["queue"]: _counted(row, former[row["queue"]]) for row in rows}


def _counted(row: Row, former: list[Row]) -> QueuePulse:
    # The newest of the former passes is the one the queue's own row tells of.
    passes = [*former[:-1], row] if former else [row]
    return QueuePulse(_rates(passes, "completed"), _rates(passes, "failed"), max(0.0, row["age_seconds"]))


def _rates(rows: Iterable[Row], column: str) -> Rates:
    return tuple(row[column] for row in rows)


async def _with_workers(transaction: Transaction, found: dict[str, QueuePulse]) -> dict[str, QueuePulse]:
    alive: dict[str, int] = defaultdict(int)
    for worker in (await read_workers(transaction)).workers:
        for queue in worker.queues if worker.alive else ():
            alive[queue] += 1
    names = {*found, *alive, *(row["name"] for row in await transaction.rows("queue_names"))}
    empty = QueuePulse((), ())
    return {name: replace(found.get(name, empty), workers=alive[name]) for name in names}

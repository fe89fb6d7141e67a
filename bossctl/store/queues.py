"""Readings of queues: options, and counts up the ladder of ARCHITECTURE §4."""

from __future__ import annotations

import asyncio
import difflib
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from bossctl.errors import NotFound
from bossctl.models.common import UNKNOWN, Count, Truth
from bossctl.models.queues import STATES, OptionValue, Queue, QueueDetail, QueueOverview, StateHistogram
from bossctl.sql.catalog import Catalog
from bossctl.sql.options import CANONICAL, option_columns
from bossctl.store.connections import Row
from bossctl.store.session import Transaction

_T = TypeVar("_T")

SCAN_ROWS = 250_000
"""Up to this many rows one exact pass over the table is cheap enough for every refresh (about 40 ms)."""

SAMPLE_ROWS = 10_000
"""How many rows a sample for an estimate should meet."""

ENDED_SAMPLE_ROWS = 5_000
"""The same where only completed and cancelled jobs are estimated, which most jobs are."""

ZERO = Count(0, Truth.EXACT)

_PLAIN = frozenset((int, bool, str, type(None)))
"""What an option can be."""


@dataclass
class Tally:
    """What is known of one queue's jobs so far, while a reading is put together."""

    counts: dict[str, Count] = field(default_factory=dict)
    extra: dict[str, Count] = field(default_factory=dict)
    oldest_due: datetime | None = None
    failed_hour: Count = UNKNOWN
    failed_day: Count = UNKNOWN
    finished_hour: Count = UNKNOWN

    def add(self, state: str, rows: int, truth: Truth = Truth.EXACT) -> None:
        """Count rows of a state; 8/9's `expired` is failed."""
        state = "failed" if state == "expired" else state
        before = self.counts.get(state)
        known = before.value if before and before.value is not None else 0
        self.counts[state] = Count(known + rows, truth)

    def add_extra(self, name: str, rows: int) -> None:
        """Count rows that share a property within the waiting states."""
        if rows:
            before = self.extra.get(name, ZERO)
            self.extra[name] = Count((before.value or 0) + rows, Truth.EXACT)

    def due_since(self, moment: datetime | None) -> None:
        """Note when the oldest due job became due."""
        if moment is not None and (self.oldest_due is None or moment < self.oldest_due):
            self.oldest_due = moment


Tallies = dict[str, Tally]


async def read_overview(
    transaction: Transaction, *, exact: bool = False, names: Sequence[str] | None = None
) -> QueueOverview:
    """All queues (or those named) with counts as true as they can cheaply be; `exact` scans whatever it costs."""
    bound = {"names": list(names) if names is not None else None}
    catalog = transaction.queries.catalog
    taken_at = transaction.now
    rows = await transaction.rows("queues", bound) if catalog.has("queue") else []
    complete = exact or (catalog.estimated_rows or 0) <= SCAN_ROWS
    tallies = await (_exact_tallies(transaction, bound) if complete else _cheap_tallies(transaction, bound, rows))
    if not catalog.has("queue"):
        rows = await _implicit_rows(transaction, tallies, names)
        _fill_zero(tallies, rows, ("created", "retry"))  # every one that waits was counted
    builder = _Builder(catalog, taken_at, complete)
    rows = sorted(rows, key=lambda row: _order(row["name"]))
    queues = [builder.queue(row, tallies.get(row["name"], Tally())) async for row in unhurried(rows)]
    note = None if complete else "counts of finished jobs are estimates"
    return QueueOverview(tuple(queues), taken_at, transaction.elapsed_ms, note)


async def read_glance(transaction: Transaction) -> QueueOverview:
    """All queues with what pg-boss last counted of them (active and failed jobs), with its age; the rest is unknown."""
    catalog = transaction.queries.catalog
    tallies: Tallies = defaultdict(Tally)
    if catalog.has("queue"):
        rows = await transaction.run(transaction.queries.get("queues"), {"names": None}, last=True)
    else:
        rows = await _implicit_rows(transaction, tallies, None)
    taken_at = transaction.now
    for row in rows:
        _take_cached(tallies[row["name"]], row)
    builder = _Builder(catalog, taken_at, complete=False, counted=False)
    queues = [builder.queue(row, tallies[row["name"]]) for row in sorted(rows, key=lambda row: _order(row["name"]))]
    return QueueOverview(tuple(queues), taken_at, transaction.elapsed_ms, "nothing was counted yet")


async def unhurried(rows: Sequence[_T]) -> AsyncIterator[_T]:
    """The rows one by one, with a breath after every hundred: a screen may want to be drawn meanwhile."""
    for number, row in enumerate(rows, start=1):
        yield row
        if number % 100 == 0:
            await asyncio.sleep(0)


async def read_queue(transaction: Transaction, name: str) -> QueueDetail:
    """One queue, counted exactly. Raises NotFound with near names."""
    catalog = transaction.queries.catalog
    bound = {"names": [name]}
    taken_at = transaction.now
    tallies = await _exact_tallies(transaction, bound)
    if catalog.has("queue"):
        rows = await transaction.rows("queues", bound)
        feeds = await transaction.rows("dead_letter_feeds", {"queue": name})
    else:
        rows, feeds = await _implicit_rows(transaction, tallies, [name]), []
    if not rows:
        raise await no_such_queue(transaction, name)
    tally = tallies.get(name, Tally())
    queue = _Builder(catalog, taken_at, complete=True).queue(rows[0], tally)
    schedules = await transaction.rows("queue_schedules", {"queue": name})
    return QueueDetail(
        queue,
        tuple(row["name"] for row in feeds),
        tuple(row["key"] for row in schedules),
        _or_zero(tally.failed_day),
        _or_zero(tally.finished_hour),
        await _table_size(transaction, queue),
        transaction.elapsed_ms,
    )


async def _table_size(transaction: Transaction, queue: Queue) -> int | None:
    if queue.storage != "partition":
        return None
    found = await transaction.row("table_size", {"schema": transaction.queries.catalog.schema, "table": queue.table})
    return found["total_bytes"] if found else None


async def read_histogram(transaction: Transaction, names: Sequence[str] | None = None) -> StateHistogram:
    """The six states of every queue, exact, in one pass. Queues without jobs are there with zeros."""
    bound = list(names) if names is not None else None
    found: dict[str, Tally] = defaultdict(Tally)
    for row in await transaction.rows("histogram", {"names": bound}):
        found[row["queue"]].add(row["state"], row["rows"])
    if transaction.queries.catalog.has("queue"):
        for row in await transaction.rows("queue_names"):
            if bound is None or row["name"] in bound:
                found.setdefault(row["name"], Tally())
    queues = {name: _six(found[name], complete=True) for name in sorted(found, key=_order)}
    return StateHistogram(queues, transaction.elapsed_ms)


def options_of(row: Row, catalog: Catalog) -> dict[str, OptionValue]:
    """The options of a row of `queues`, those this schema has; None is NULL."""
    return _options(row, tuple(option_columns(catalog)))


def _options(row: Row, names: Sequence[str]) -> dict[str, OptionValue]:
    found = {name: row[CANONICAL[name]] for name in names}
    if not _PLAIN.issuperset(map(type, found.values())):
        found = {name: value if type(value) in _PLAIN else None for name, value in found.items()}
    return found


async def _exact_tallies(transaction: Transaction, bound: Mapping[str, object]) -> Tallies:
    tallies: Tallies = defaultdict(Tally)
    async for row in unhurried(await transaction.rows("all_counts", bound)):
        tally = tallies[row["queue"]]
        _take_waiting(tally, row)
        if row["state"] in ("failed", "expired"):
            tally.failed_hour = _plus(tally.failed_hour, row["ended_hour"])
            tally.failed_day = _plus(tally.failed_day, row["ended_day"])
        elif row["state"] == "completed":
            tally.finished_hour = _plus(tally.finished_hour, row["ended_hour"])
    return tallies


def _plus(before: Count, rows: int) -> Count:
    return Count((before.value or 0) + rows, Truth.EXACT)


async def _cheap_tallies(transaction: Transaction, bound: Mapping[str, object], queues: Sequence[Row]) -> Tallies:
    """Rungs 2 to 4: what waits exactly, the rest from counters or a sample."""
    tallies: Tallies = defaultdict(Tally)
    catalog = transaction.queries.catalog
    if catalog.has("index:i14"):
        for row in await transaction.rows("open_counts", bound):
            _take_waiting(tallies[row["queue"]], row)
        _fill_zero(tallies, queues, ("created", "retry", "active", "failed"))
        for row in await transaction.rows("failed_recently", bound):
            tallies[row["queue"]].failed_hour = Count(row["failed_hour"], Truth.EXACT)
    else:
        await _waiting_tallies(transaction, bound, tallies)
        _fill_zero(tallies, queues, ("created", "retry"))
        for queue in queues:
            _take_cached(tallies[queue["name"]], queue)
    await _take_sample(transaction, bound, tallies)
    return tallies


async def _waiting_tallies(transaction: Transaction, bound: Mapping[str, object], tallies: Tallies) -> None:
    for row in await transaction.rows("waiting_counts", bound):
        _take_waiting(tallies[row["queue"]], {**row, "blocked": 0})
    if transaction.queries.supports("blocked_counts"):
        for row in await transaction.rows("blocked_counts", bound):
            tallies[row["queue"]].add(row["state"], row["rows"])
            tallies[row["queue"]].add_extra("blocked", row["rows"])


async def _take_sample(transaction: Transaction, bound: Mapping[str, object], tallies: Tallies) -> None:
    catalog = transaction.queries.catalog
    rows = ENDED_SAMPLE_ROWS if catalog.has("index:i14") else SAMPLE_ROWS
    percent = min(100.0, 100.0 * rows / (catalog.estimated_rows or rows))
    sampled: dict[tuple[str, str], int] = defaultdict(int)
    for row in await transaction.rows("sampled_counts", {**bound, "percent": percent}):
        state = "failed" if row["state"] == "expired" else row["state"]
        sampled[row["queue"], state] += row["rows"]
    for (queue, state), rows in sampled.items():
        tally = tallies[queue]
        if state not in tally.counts:
            tally.counts[state] = Count(round(rows * 100 / percent), Truth.ESTIMATE)


def _take_waiting(tally: Tally, row: Row) -> None:
    tally.add(row["state"], row["rows"])
    if row["state"] in ("created", "retry"):
        tally.add_extra("blocked", row["blocked"])
        tally.add_extra("deferred", row["deferred"])
        tally.due_since(row["oldest_due"])


def _take_cached(tally: Tally, queue: Row) -> None:
    age = queue["monitor_age_seconds"]
    if age is None:
        return
    for state, column in (("active", "active_count"), ("failed", "failed_count")):
        if queue[column] is not None and state not in tally.counts:
            tally.counts[state] = Count(queue[column], Truth.CACHED, max(0.0, age))


def _fill_zero(tallies: Tallies, queues: Sequence[Row], states: Sequence[str]) -> None:
    for queue in queues:
        for state in states:
            tallies[queue["name"]].counts.setdefault(state, ZERO)


@dataclass(frozen=True)
class _Builder:
    """Puts a queue together from its row and its tally.

    `complete` says that absence means zero, `counted` that it does for what is deferred or blocked.
    """

    catalog: Catalog
    taken_at: datetime
    complete: bool
    counted: bool = True

    @cached_property
    def options(self) -> tuple[str, ...]:
        return tuple(option_columns(self.catalog))

    @cached_property
    def layout(self) -> str:
        return self.catalog.layout

    @cached_property
    def implicit(self) -> bool:
        return not self.catalog.has("queue")

    def queue(self, row: Row, tally: Tally) -> Queue:
        kind, table = self._storage(row)
        due = tally.oldest_due
        unmet = ZERO if self.counted else UNKNOWN
        made = object.__new__(Queue)  # what a frozen class sets one by one takes longer than the reading itself
        made.__dict__.update(
            name=row["name"],
            options=_options(row, self.options),
            counts=_six(tally, self.complete),
            extra={name: tally.extra.get(name, unmet) for name in ("deferred", "blocked")},
            oldest_due_seconds=(self.taken_at - due).total_seconds() if due and due <= self.taken_at else None,
            failed_last_hour=_or_zero(tally.failed_hour) if self.complete else tally.failed_hour,
            storage=kind,
            table=table,
            implicit=self.implicit,
            created_on=row["created_on"],
            updated_on=row["updated_on"],
            monitor_age_seconds=row["monitor_age_seconds"],
        )
        return made

    def _storage(self, row: Row) -> tuple[str, str]:
        if self.layout == "plain":
            return "job", "job"
        own = self.layout == "queues" or row["partition"]
        return ("partition" if own else "shared"), row["table_name"]


def _six(tally: Tally, complete: bool) -> dict[str, Count]:
    absent = ZERO if complete else UNKNOWN
    return {state: tally.counts.get(state, absent) for state in STATES}


def _or_zero(count: Count) -> Count:
    return ZERO if count.truth is Truth.UNKNOWN else count


def _order(name: str) -> tuple[bool, str]:
    return name.startswith("__"), name


async def _implicit_rows(transaction: Transaction, tallies: Tallies, names: Sequence[str] | None) -> list[Row]:
    """Queues that exist through their jobs and schedules: those that were counted and those an index tells of."""
    known = "queue_names" if transaction.queries.catalog.has("index:name") else "schedules"
    more = {row["name"] for row in await transaction.rows(known)}
    found = {name for name in {*tallies, *more} if names is None or name in names}
    empty: Row = dict.fromkeys(CANONICAL.values())
    rest: Row = {"created_on": None, "updated_on": None, "monitor_age_seconds": None, "table_name": "job"}
    return [{"name": name, **empty, **rest} for name in sorted(found, key=_order)]


async def no_such_queue(transaction: Transaction, name: str) -> NotFound:
    known = [row["name"] for row in await transaction.rows("queue_names")]
    near = difflib.get_close_matches(name, known, n=3)
    hint = "did you mean " + ", ".join(near) + "?" if near else "bossctl queue list shows the queues there are"
    return NotFound(f'there is no queue "{name}"', hint)

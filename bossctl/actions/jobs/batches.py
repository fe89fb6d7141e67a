"""One batch: lock, look again, keep the image, change, count; all in one transaction."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter

from bossctl.actions.jobs.at_once import AtOnce, StepByStep
from bossctl.actions.jobs.chosen import Chosen, Displaced, TooLarge
from bossctl.actions.jobs.commits import commit_fate
from bossctl.actions.jobs.counters import reduce
from bossctl.actions.jobs.filelog import FileRecord
from bossctl.actions.jobs.kind import Batch, Done
from bossctl.actions.jobs.record import Record
from bossctl.actions.jobs.selected import Selected
from bossctl.actions.jobs.slices import BATCH_ROWS
from bossctl.actions.jobs.slots import Slots
from bossctl.actions.jobs.steps import Steps
from bossctl.actions.jobs.tally import Tally
from bossctl.actions.jobs.waking import listens, wake
from bossctl.errors import StatementTimeout, Unreachable
from bossctl.sql import Query
from bossctl.sql.catalog import Catalog
from bossctl.sql.changes import NO_LINE, assignments
from bossctl.sql.text import Composable, id_list, place_list
from bossctl.store import Store
from bossctl.store.connections import Row
from bossctl.store.session import Transaction
from bossctl.store.translate import Conflict, Deadlock

DEADLOCKS = 5
LOCK_SECONDS = 30.0
SURPRISES = 2
"""After so many unexpected conflicts in a row the batch is halved; before, what was in the way is looked for."""


@dataclass(frozen=True)
class Looked:
    """What became of a batch before anything was changed: the jobs that may be, and reason → ids of the others.

    `locked_by_others` are to be tried again; `retained` those the counters of schema 46 hold as finished,
    `lines` the free ones as the file of the log keeps them, where they were read on the way.
    """

    free: Chosen
    skipped: Mapping[str, Sequence[str]] = field(default_factory=dict)
    holders: Mapping[str, str] = field(default_factory=dict)
    locked_by_others: Sequence[str] = ()
    retained: frozenset[str] = frozenset()
    xid: str | None = None
    lines: str | None = None


Work = Callable[[Transaction, Chosen], Awaitable[tuple[Looked, Done]]]


class Unsettled(Exception):
    """The connection was lost while a batch was committed: it may have been, or not."""

    def __init__(self, looked: Looked, done: Done, cause: Unreachable) -> None:
        super().__init__(str(cause))
        self.looked = looked
        self.done = done
        self.cause = cause


class Batches:
    """The batches of one operation."""

    def __init__(
        self, store: Store, selected: Selected, tally: Tally, record: Record, at_once: AtOnce | None = None
    ) -> None:
        self._store = store
        self._selected = selected
        self._tally = tally
        self._record = record
        self._slots: dict[str, Slots] = {}
        self._listening: dict[str, bool] = {}
        self._spread: Mapping[str, object] | None = None
        self._locked: dict[str, list[str]] = {}
        self._composed: dict[str, Query] = {}
        self._at_once = at_once
        self.rows = BATCH_ROWS

    async def run(self, chosen: Chosen, *, last: bool = False) -> None:
        """Change what is still eligible of these jobs; those locked by others are held back, or the `last` time, out.

        Raises what ended it early; the tally has what was committed before.
        """
        await self._attempt(chosen, last=last)
        self.rows = min(BATCH_ROWS, 2 * self.rows)

    def held_back(self) -> list[tuple[str, list[str]]]:
        """Queue and ids of the jobs that others had locked; they are forgotten here."""
        held, self._locked = self._locked, {}
        return list(held.items())

    async def _attempt(self, chosen: Chosen, *, last: bool, surprises: int = 0) -> None:
        try:
            looked, done = await self._undeadlocked(chosen)
        except Displaced:
            await self._attempt(chosen.by_id(), last=last, surprises=surprises)
        except TooLarge as found:
            self.rows = rows = min(found.rows, max(1, len(chosen.ids) // 2))
            for start in range(0, len(chosen.ids), rows):
                await self._attempt(chosen.part(start, start + rows), last=last, surprises=surprises)
        except Conflict:
            await self._after_conflict(chosen.by_id(), last=last, surprises=surprises)
        else:
            self._count(chosen.queue, looked, done, last=last)

    async def _undeadlocked(self, chosen: Chosen) -> tuple[Looked, Done]:
        for attempt in range(DEADLOCKS):
            with suppress(Deadlock):
                return await self._settled(chosen)
            await asyncio.sleep(random.uniform(0, 0.1 * 2**attempt))
        return await self._settled(chosen)

    async def _after_conflict(self, chosen: Chosen, *, last: bool, surprises: int) -> None:
        """Nothing was changed. Look again, for what was in the way is committed now; else find it by halves."""
        rows = len(chosen.ids)
        if surprises < SURPRISES:
            await self._attempt(chosen, last=last, surprises=surprises + 1)
        elif rows == 1:
            self._tally.skip("slot-taken", chosen.ids)
            self._tally.seen += 1
        else:
            await self._attempt(chosen.part(0, rows // 2), last=last, surprises=surprises)
            await self._attempt(chosen.part(rows // 2, rows), last=last, surprises=surprises)

    async def _settled(self, chosen: Chosen) -> tuple[Looked, Done]:
        """One transaction, and what became of it where its last answer was lost."""
        try:
            return await self._transaction(chosen)
        except Unsettled as lost:
            fate = await commit_fate(self._store, lost.looked.xid)
            if fate == "committed":
                self._count(chosen.queue, lost.looked, lost.done, last=True)
            elif fate != "aborted":
                self._tally.uncertain(chosen.queue, lost.done.changed)
            raise lost.cause from None

    async def _transaction(self, chosen: Chosen) -> tuple[Looked, Done]:
        if self._at_once and self._at_once.fits(chosen):
            at_once = self._at_once
            hurried = at_once.lock_seconds
            started = perf_counter()
            try:
                done = await self._committed(chosen, partial(self._together, at_once), hurried or LOCK_SECONDS)
                at_once.took(perf_counter() - started)
                return done
            except StepByStep as found:
                if found.always:
                    at_once.bar(chosen.queue)
            except StatementTimeout:
                if hurried is None:
                    raise
                at_once.stood_still(chosen.queue)
            except Conflict:
                pass  # step by step it is found out with what
        return await self._committed(chosen, self._by_steps)

    async def _by_steps(self, transaction: Transaction, chosen: Chosen) -> tuple[Looked, Done]:
        looked = await self._look(transaction, chosen)
        return looked, await self._change(transaction, looked)

    async def _together(self, at_once: AtOnce, transaction: Transaction, chosen: Chosen) -> tuple[Looked, Done]:
        slots = await self._slots_of(transaction, chosen.queue)
        row = await at_once.run(transaction, chosen, slots, self._line(transaction.queries.catalog))
        mine = _confirmed(id_list(row["ids"]), chosen)
        missing = [id for id in chosen.ids if id not in mine]
        skipped, locked = await self._examine(transaction, Chosen(chosen.queue, missing))
        free = Chosen(chosen.queue, [id for id in chosen.ids if id in mine])
        looked = Looked(free, skipped, {}, locked, frozenset(id_list(row["retained"])), row["xid"], row["lines"])
        done = Done(free.ids)
        if free.ids:
            await self._tell(transaction, looked, at_once.steps)
            await self._follow(transaction, looked, done, at_once.steps)
        return looked, done

    async def _committed(self, chosen: Chosen, work: Work, lock_seconds: float = LOCK_SECONDS) -> tuple[Looked, Done]:
        complete: tuple[Looked, Done] | None = None
        try:
            async with self._store.session.write(batch=True, lock_timeout_seconds=lock_seconds) as transaction:
                complete = await work(transaction, chosen)
        except (Deadlock, StatementTimeout):
            raise
        except Unreachable as error:
            if complete is None or not complete[1].changed:
                raise
            raise Unsettled(*complete, error) from None
        return complete

    async def _look(self, transaction: Transaction, chosen: Chosen) -> Looked:
        slots = await self._slots_of(transaction, chosen.queue)
        row = await self._lock(transaction, chosen, slots)
        found = Chosen(chosen.queue, id_list(row["ids"]), place_list(row["places"]))
        mine = _confirmed(found.ids, chosen)
        missing = [id for id in chosen.ids if id not in mine]
        skipped, locked = await self._examine(transaction, Chosen(chosen.queue, missing))
        taken = await slots.taken(transaction, chosen.queue, id_list(row["slotted"])) if row["slotted"] else {}
        if taken:
            skipped["slot-taken"] = list(taken)
        lines = None if taken else row["lines"]
        free = _in_order(chosen.ids, found, taken)
        return Looked(free, skipped, taken, locked, frozenset(id_list(row["retained"])), row["xid"], lines)

    async def _lock(self, transaction: Transaction, chosen: Chosen, slots: Slots) -> Row:
        key = f"lock {bool(chosen.places)} {chosen.queue}"
        if key not in self._composed:
            queries = transaction.queries
            locking = self._selected.locking(queries, chosen, slots.possible, self._line(queries.catalog))
            self._composed[key] = queries.flat("action_lock", locking=locking)
        [row] = await transaction.run(self._composed[key], {**self._selected.values, **chosen.values})
        return row

    def _line(self, catalog: Catalog) -> Composable:
        """The image of a row as the file of the log keeps it: reading it while locking saves reading the row again."""
        kind = self._selected.kind
        if kind.image and kind.change.source is None and isinstance(self._record, FileRecord):
            return self._record.line(catalog, kind.image)
        return NO_LINE

    async def _examine(self, transaction: Transaction, missing: Chosen) -> tuple[dict[str, list[str]], list[str]]:
        """Why these could not be locked: what changed meanwhile, by reason, and those that another session holds."""
        ids = missing.ids
        if not ids:
            return {}, []
        selected = self._selected
        rows = await transaction.rows(
            "action_examine",
            {**selected.values, **missing.values},
            acted=selected.source,
            where=selected.selection.where,
            reason=selected.reason,
        )
        reasons = {row["id"]: row["reason"] or (None if row["selected"] else "not-selected") for row in rows}
        skipped: dict[str, list[str]] = {}
        for id in ids:
            reason = reasons.get(id, "gone")
            if reason is not None:
                skipped.setdefault(reason, []).append(id)
        return skipped, [id for id in ids if id in reasons and reasons[id] is None]

    async def _slots_of(self, transaction: Transaction, queue: str) -> Slots:
        if queue not in self._slots:
            targets = await self._selected.targets(transaction, [queue])
            self._slots[queue] = await Slots.read(transaction, self._selected, targets)
        return self._slots[queue]

    async def _listens(self, transaction: Transaction, queue: str) -> bool:
        if queue not in self._listening:
            self._listening[queue] = await listens(transaction, queue)
        return self._listening[queue]

    async def _change(self, transaction: Transaction, looked: Looked) -> Done:
        if not looked.free.ids:
            return Done(())
        kind, chosen = self._selected.kind, looked.free
        if not looked.lines and kind.image != ():
            await self._record.batch(transaction, chosen, kind.image)
        await self._tell(transaction, looked)
        values = {**self._selected.values, **self._spread_values(transaction)}
        batch = Batch(transaction, self._selected.request, kind, chosen, values, self._record)
        done = await (kind.deed or self._update)(batch)
        _confirmed(done.changed, chosen)
        await self._follow(transaction, looked, done)
        return done

    async def _tell(self, transaction: Transaction, looked: Looked, steps: Steps | None = None) -> None:
        """Give the record what was read of the rows by the way, or that they were moved."""
        if steps and steps.keeps_ids:
            await self._record.batch(transaction, looked.free, ())
        elif looked.lines and looked.xid and isinstance(self._record, FileRecord):
            image = None if steps and steps.lines else self._selected.kind.image
            self._record.told(transaction, looked.free.queue, image, looked.xid, looked.lines)

    async def _follow(self, transaction: Transaction, looked: Looked, done: Done, steps: Steps | None = None) -> None:
        """What goes with the change: a word to the workers, the counters of the queue, the record's count."""
        kind, queue = self._selected.kind, looked.free.queue
        if kind.wakes and await self._listens(transaction, queue):
            await wake(transaction, queue, done.changed)
        if not (steps and steps.reduces):
            await self._keep_counters(transaction, queue, looked, done)
        if not (steps and steps.counts):
            await self._record.count(transaction, len(done.changed))

    async def _update(self, batch: Batch) -> Done:
        """The deed of a kind that has none of its own: set the new values."""
        chosen, queries = batch.chosen, batch.transaction.queries
        key = f"update {bool(chosen.places)}"
        if key not in self._composed:
            values = assignments(batch.kind.change, queries.catalog)
            update = queries.get("action_update", chosen=chosen.where, assignments=values)
            self._composed[key] = queries.flat("action_changed", deed=update.text)
        [row] = await batch.transaction.run(self._composed[key], {**batch.values, **chosen.values})
        return Done(id_list(row["ids"]))

    async def _keep_counters(self, transaction: Transaction, queue: str, looked: Looked, done: Done) -> None:
        """As pg-boss takes what leaves the finished jobs, or the table, off the counts at once (schema 46)."""
        kind = self._selected.kind
        total = len(done.changed) if kind.removes else 0
        retained = len(looked.retained.intersection(done.changed)) if kind.removes or not kind.change.copies else 0
        await reduce(transaction, queue, retained=retained, total=total)

    def _spread_values(self, transaction: Transaction) -> Mapping[str, object]:
        """What due times are computed from: the first batch's time, the distance, and how many were done before."""
        seconds = self._selected.request.spread_seconds
        if seconds is None:
            return {}
        if self._spread is None:
            self._spread = {"spread_from": transaction.now, "spread_step": seconds / max(1, self._tally.wanted)}
        return {**self._spread, "spread_done": self._tally.changed}

    def _count(self, queue: str, looked: Looked, done: Done, *, last: bool) -> None:
        tally = self._tally
        tally.change(done.changed)
        for reason, ids in {**looked.skipped, **done.skipped}.items():
            tally.skip(reason, ids)
        tally.hold(looked.holders)
        if looked.locked_by_others and last:
            tally.skip("locked", looked.locked_by_others)
        elif looked.locked_by_others:
            self._locked.setdefault(queue, []).extend(looked.locked_by_others)
        tally.seen += sum(map(len, (looked.free.ids, *looked.skipped.values())))
        tally.seen += len(looked.locked_by_others) if last else 0


def _confirmed(ids: Iterable[str], chosen: Chosen) -> frozenset[str]:
    """These ids, all of which must be among the chosen. Raises Displaced."""
    found = frozenset(ids)
    if not found.issubset(chosen.ids):
        raise Displaced
    return found


def _in_order(ids: Sequence[str], found: Chosen, without: Container[str]) -> Chosen:
    """What was found, in the order of `ids`."""
    if not found.places:
        mine = frozenset(found.ids)
        return Chosen(found.queue, [id for id in ids if id in mine and id not in without])
    places = dict(zip(found.ids, found.places, strict=True))
    mine = [id for id in ids if id in places and id not in without]
    return Chosen(found.queue, mine, [places[id] for id in mine])

"""A batch in one statement, where nothing stands in the way: else it is done step by step (`batches`)."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from bossctl.actions.jobs import counters
from bossctl.actions.jobs.chosen import Chosen
from bossctl.actions.jobs.record import Record
from bossctl.actions.jobs.selected import Selected
from bossctl.actions.jobs.slots import Slots
from bossctl.actions.jobs.steps import Steps
from bossctl.sql import Queries, Query
from bossctl.sql.at_once import LOCKED, LOCKED_LINES, NOTHING, any_links, gone_first, last
from bossctl.sql.changes import assignments
from bossctl.sql.text import Composable
from bossctl.store import Store
from bossctl.store.connections import Row
from bossctl.store.session import Transaction

TAKING_SECONDS = 0.2
"""How long a statement that deletes may stand still for a row of others. No deadlock is looked for so soon (1 s).

It is more where a batch takes more: over a long way, or where a commit waits for a standby, the other lane holds what
counts for longer than this.
"""

STANDSTILLS = 5


class StepByStep(Exception):
    """Something stands in the way: nothing of this transaction may stay. `always`: it will for this queue's others."""

    def __init__(self, *, always: bool) -> None:
        super().__init__(always)
        self.always = always


async def steps_of(store: Store, selected: Selected, record: Record) -> Steps | None:
    """How one statement does this; None where it cannot."""
    steps = await _change_of(store, selected, record)
    if steps is None:
        return None
    reducing = counters.reducing(store.session.queries) if selected.kind.removes else {}
    counting = record.counting() if not steps.keeps_ids else None
    text, values = counting or (None, {})
    # PostgreSQL runs what nobody reads from last to first: rows are locked in the order of the steps, queue first, and
    # the operation's row, which all lanes count in, as late as can be.
    keeping = {"kept_moved": steps.moved} if steps.moved else {}
    after = last(**({"counted": text} if text else {}), **keeping, **reducing)
    values = {**steps.values, **values}
    return replace(steps, last=after, values=values, counts=text is not None, reduces=bool(reducing))


def possible(selected: Selected) -> bool:
    """Whether one statement may do all that is done to a batch."""
    kind, spread = selected.kind, selected.request.spread_seconds is not None
    return bool(kind.at_once or not (kind.deed or not kind.image or kind.change.source or spread))


async def _change_of(store: Store, selected: Selected, record: Record) -> Steps | None:
    kind = selected.kind
    if kind.at_once:
        return await kind.at_once(store, record)
    if not kind.image or not possible(selected):
        return None
    first, values = await record.keeping(kind.image)
    queries = store.session.queries
    changes = assignments(kind.change, queries.catalog)
    deed = queries.get("action_update", chosen=LOCKED, assignments=changes)
    return Steps(first, deed.text, values)


class AtOnce:
    """The statement of one operation, for each queue."""

    def __init__(self, selected: Selected, steps: Steps) -> None:
        self.steps = steps
        self._selected = selected
        self._composed: dict[str, Query] = {}
        self._barred: set[str] = set()
        self._stood_still: Counter[str] = Counter()
        self._fastest: float | None = None

    @property
    def lock_seconds(self) -> float | None:
        """How long it may wait for a lock; None for as long as any batch."""
        if not self.steps.takes:
            return None
        return max(TAKING_SECONDS, math.ceil(10 * (self._fastest or 0)) / 10)

    def fits(self, chosen: Chosen) -> bool:
        """Whether to try it for these jobs."""
        return bool(chosen.places) and chosen.queue not in self._barred

    def barred(self, queue: str) -> bool:
        """Whether the jobs of this queue go step by step."""
        return queue in self._barred

    def bar(self, queue: str) -> None:
        """Do not try it for this queue again."""
        self._barred.add(queue)

    def stood_still(self, queue: str) -> None:
        """A row of others was in the way for too long: what happens often is no longer tried."""
        self._stood_still[queue] += 1
        if self._stood_still[queue] >= STANDSTILLS:
            self.bar(queue)

    def took(self, seconds: float) -> None:
        """A batch was committed after so long."""
        self._fastest = seconds if self._fastest is None else min(self._fastest, seconds)

    async def run(self, transaction: Transaction, chosen: Chosen, slots: Slots, line: Composable) -> Row:
        """Lock, keep and change; its row. Raises StepByStep, and Conflict as any change may."""
        steps = self.steps
        if chosen.queue not in self._composed:
            self._composed[chosen.queue] = self._compose(transaction.queries, chosen, slots, line)
        values = {**self._selected.values, **steps.values, **chosen.values}
        [row] = await transaction.run(self._composed[chosen.queue], values, prepared_from=1)
        too_much = steps.lines and row["changed"] and row["lines"] is None
        if row["slotted"] or too_much or (row["linked"] and steps.unlinked):
            raise StepByStep(always=True)
        if not 0 < row["changed"] == row["locked"]:
            raise StepByStep(always=False)
        return row

    def _compose(self, queries: Queries, chosen: Chosen, slots: Slots, line: Composable) -> Query:
        steps, taking = self.steps, NOTHING
        if steps.takes:
            deleting, locking = self._selected.taking(queries, chosen)
            taking = gone_first(deleting)
        else:
            locking = self._selected.locking(queries, chosen, slots.possible, line)
        return queries.flat(
            "action_at_once",
            taking=taking,
            locking=locking,
            first=steps.first,
            deed=steps.deed,
            last=steps.last or NOTHING,
            linked=any_links(queries),
            lines=steps.lines or LOCKED_LINES,
        )

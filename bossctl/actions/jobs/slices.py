"""The eligible jobs of a queue, oldest first, handed out in parts to whoever asks."""

from __future__ import annotations

import asyncio

from bossctl.actions.jobs.chosen import Chosen
from bossctl.actions.jobs.selected import Selected
from bossctl.sql.changes import AFTER_SLICE
from bossctl.sql.selection import ALWAYS
from bossctl.sql.text import id_list, place_list
from bossctl.store import Store

SLICE_ROWS = 50_000
FIRST_ROWS = 5_000
"""Of the first slice, where an index gives them in order: all lanes wait for it."""
BATCH_ROWS = 1_000
FEW_ROWS = 10 * BATCH_ROWS
"""With no more than so many at hand the next slice is read, while the other lanes go on with these."""


class Slices:
    """The jobs of one queue, each handed out once; a slice of them is read in a short transaction of its own.

    `left` is how many may still be changed, where that is limited.
    """

    def __init__(self, selected: Selected, queue: str, left: int | None, *, lanes: int = 1) -> None:
        self.queue = queue
        self._selected = selected
        self._rows = SLICE_ROWS if left is None else min(SLICE_ROWS, max(BATCH_ROWS, 2 * left))
        self._few = FEW_ROWS if lanes > 1 else 0
        self._limit = FIRST_ROWS if lanes > 1 and selected.queries.catalog.has("index:i15") else self._rows
        self._values: dict[str, object] = {**selected.values, "queue": queue}
        self._after = ALWAYS
        self._slice = Chosen(queue, ())
        self._start = 0
        self._over = False
        self._asking = asyncio.Lock()

    async def part(self, store: Store, rows: int) -> Chosen | None:
        """At most so many that were not handed out before, read over `store` where need be; None at the end."""
        while self._ending and not (self._left and self._asking.locked()):
            async with self._asking:
                if self._ending:
                    await self._next(store)
        start, self._start = self._start, self._start + rows
        found = self._slice.part(start, self._start)
        return found if found.ids else None

    @property
    def _left(self) -> int:
        return max(0, len(self._slice.ids) - self._start)

    @property
    def _ending(self) -> bool:
        """Whether the next slice is to be read."""
        return not self._over and self._left <= self._few

    async def _next(self, store: Store) -> None:
        selected, limit = self._selected, self._limit + 1  # the one more tells whether another reading is needed
        async with store.snapshot() as transaction:
            row = await transaction.row(
                "action_slice",
                {**self._values, "limit": limit},
                acted=selected.source,
                place=selected.place,
                where=selected.selection.where,
                eligible=selected.eligible,
                after=self._after,
            )
        ids = id_list(row["ids"]) if row else []
        self._over = len(ids) < limit
        self._limit = self._rows
        if row is None or not ids:
            return
        left = self._slice.part(self._start, len(self._slice.ids))
        self._slice, self._start = Chosen(self.queue, [*left.ids, *ids], [*left.places, *place_list(row["places"])]), 0
        self._after = AFTER_SLICE
        self._values |= {"after_on": row["last_created_on"], "after_id": ids[-1]}

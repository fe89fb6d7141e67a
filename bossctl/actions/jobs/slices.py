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
BATCH_ROWS = 1_000


class Slices:
    """The jobs of one queue, each handed out once; a slice of them is read in a short transaction of its own.

    `left` is how many may still be changed, where that is limited.
    """

    def __init__(self, selected: Selected, queue: str, left: int | None) -> None:
        self.queue = queue
        self._selected = selected
        self._rows = SLICE_ROWS if left is None else min(SLICE_ROWS, max(BATCH_ROWS, 2 * left))
        self._values: dict[str, object] = {**selected.values, "queue": queue, "limit": self._rows}
        self._after = ALWAYS
        self._slice = Chosen(queue, ())
        self._start = 0
        self._over = False
        self._asking = asyncio.Lock()

    async def part(self, store: Store, rows: int) -> Chosen | None:
        """At most so many that were not handed out before, read over `store` where need be; None at the end."""
        async with self._asking:
            if self._start >= len(self._slice.ids):
                await self._next(store)
            start, self._start = self._start, self._start + rows
            return self._slice.part(start, self._start) if start < len(self._slice.ids) else None

    async def _next(self, store: Store) -> None:
        self._slice, self._start = Chosen(self.queue, ()), 0
        if self._over:
            return
        selected = self._selected
        async with store.snapshot() as transaction:
            row = await transaction.row(
                "action_slice",
                self._values,
                acted=selected.source,
                place=selected.place,
                where=selected.selection.where,
                eligible=selected.eligible,
                after=self._after,
            )
        ids = id_list(row["ids"]) if row else []
        self._over = len(ids) < self._rows
        if row is None or not ids:
            return
        self._slice = Chosen(self.queue, ids, place_list(row["places"]))
        self._after = AFTER_SLICE
        self._values |= {"after_on": row["last_created_on"], "after_id": ids[-1]}

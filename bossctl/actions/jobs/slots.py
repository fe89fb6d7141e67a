"""Slots of policies, throttles and keys that are taken: found before a job would run into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bossctl.actions.jobs.selected import Selected
from bossctl.sql.changes import BY_ID, NOT_JOINED
from bossctl.sql.slots import (
    SlotGroup,
    UniqueIndex,
    branches,
    candidates,
    filled,
    group,
    possible,
    touching,
)
from bossctl.sql.text import Composable, id_array
from bossctl.store.connections import Row
from bossctl.store.session import Transaction


@dataclass(frozen=True)
class Slots:
    """The unique indexes that the jobs of some queues could collide with."""

    selected: Selected
    groups: tuple[SlotGroup, ...]

    @classmethod
    async def read(cls, transaction: Transaction, selected: Selected, queues: Sequence[str]) -> Slots:
        """Read the indexes of the tables these queues have their jobs in."""
        catalog = transaction.queries.catalog
        if not selected.kind.slots or not queues:
            return cls(selected, ())
        if catalog.layout == "plain":
            tables = dict.fromkeys(queues, "job")
        else:
            rows = await transaction.rows("queue_tables", {"names": list(queues)})
            tables = {row["queue"]: row["job_table"] for row in rows}
        names = sorted(set(tables.values()))
        rows = await transaction.rows("unique_indexes", {"schema": catalog.schema, "names": names})
        found = touching(map(_index, rows), selected.kind.change, catalog)
        return cls(selected, tuple(group(found, tables, catalog)))

    @property
    def possible(self) -> Composable:
        """Whether a job would be in any of the indexes."""
        return possible(self.groups, self.selected.kind.change, self.selected.queries)

    async def counted(self, transaction: Transaction) -> list[Row]:
        """Queue, rows and samples (id, holder) of the eligible jobs that would find their slot taken."""
        found = []
        for one in self.groups:
            found += await transaction.rows(
                "slots_counted",
                {**self.selected.values, "names": list(one.queues)},
                where=self.selected.selection.where,
                eligible=self.selected.eligible,
                **self._slots(one),
            )
        return found

    async def taken(self, transaction: Transaction, queue: str, ids: Sequence[str]) -> dict[str, str]:
        """Which of these jobs would find their slot taken: id → id of the holder."""
        found: dict[str, str] = {}
        for one in self.groups:
            values = {**self.selected.values, "names": list(one.queues), "queue": queue, "ids": id_array(ids)}
            rows = await transaction.rows("slots_taken", values, chosen=BY_ID, **self._slots(one))
            found |= {row["id"]: row["holder"] for row in rows}
        return found

    def _slots(self, one: SlotGroup) -> dict[str, Composable]:
        change, queries = self.selected.kind.change, self.selected.queries
        return {
            "acted": self.selected.source,
            "joined": change.joined or NOT_JOINED,
            "candidates": candidates(one, change, queries),
            "filled": filled(one),
            "branches": branches(one, change, queries.catalog),
        }


def _index(row: Row) -> UniqueIndex:
    return UniqueIndex(
        row["job_table"], row["predicate"], tuple(row["keys"]), tuple(row["columns"]), not row["nulls_equal"]
    )

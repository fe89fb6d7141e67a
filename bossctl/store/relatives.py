"""The jobs that one job comes from, leads to, waits for or is waited for by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bossctl.errors import StatementTimeout, Unsupported
from bossctl.models.jobs import Job
from bossctl.models.relatives import Relative, Relatives
from bossctl.store.connections import Row
from bossctl.store.session import Transaction

LOOK_SECONDS = 10.0
"""How long one look may take; what takes longer is told as unknown."""

SHOWN = 20
"""Jobs of one kind that are listed."""

UNRECORDED = "which job it is the dead letter of: releases before 12.23 record no link"
UNLINKED = "which jobs came of it: 8 and 9 record no link between jobs, and have neither dead letters nor flows"


async def read_relatives(transaction: Transaction, job: Job) -> Relatives:
    """Everything that the rows tell. What this role may not see, or takes too long, is in `unknown`."""
    return await _Search(transaction, job).relatives()


@dataclass
class _Search:
    transaction: Transaction
    job: Job
    found: list[Relative] = field(default_factory=list)
    more: dict[str, int] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.catalog = self.transaction.queries.catalog
        self.row = self.job.row
        self.bound: dict[str, object] = {"queue": self.row.queue, "id": self.row.id, "limit": SHOWN}
        self.linked = self.catalog.has("job.source_id")

    async def relatives(self) -> Relatives:
        """One look after the other, in one snapshot."""
        if self.catalog.has("queue"):
            queues = await self._queues()
            await self._try("the job it comes from", lambda: self._source(queues))
            await self._try("its dead letters", lambda: self._copies(queues))
        else:
            self.unknown.append(UNLINKED)
        if self.catalog.has("job_dependency"):
            await self._try("its flow", self._flow)
        return Relatives(tuple(self.found), self.more, tuple(self.unknown))

    async def _try(self, what: str, look: Callable[[], Awaitable[None]]) -> None:
        try:
            async with self.transaction.savepoint(LOOK_SECONDS):
                await look()
        except (Unsupported, StatementTimeout) as error:
            self.unknown.append(f"{what}: {error}")

    async def _queues(self) -> Row:
        return await self.transaction.row("dead_letters_around", self.bound) or {"dead_letter": None, "sources": []}

    async def _source(self, queues: Row) -> None:
        name, source = self.job.fields.get("source_name"), self.job.fields.get("source_id")
        if isinstance(name, str) and isinstance(source, str):
            row = await self.transaction.row("neighbour", {"queue": name, "id": source})
            self.found.append(_relative("source", row) if row else Relative("source", source, name))
        elif queues["sources"] and not self.linked:
            rows = await self.transaction.rows("dead_letter_source", {**self.bound, "names": queues["sources"]})
            self.found += [_relative("source", row, sure=False) for row in rows]
            if not rows:
                self.unknown.append(UNRECORDED)

    async def _copies(self, queues: Row) -> None:
        """Dead letters and redrives of it, and the rest of the line they stand in."""
        names = sorted({name for name in (self.row.dead_letter, queues["dead_letter"]) if name})
        root = self.job.fields.get("source_root_id")
        if not (names or root or self.catalog.has("job.source_root_id")):
            return
        values = {**self.bound, "names": names, "root": root or self.row.id}
        source = self.job.fields.get("source_id")
        for row in await self.transaction.rows("dead_letter_copies", values):
            if row["id"] != source:
                own = not row["linked"] or row["source_id"] == self.row.id
                self.found.append(_relative("dead letter" if own else "lineage", row, sure=row["linked"]))

    async def _flow(self) -> None:
        for row in await self.transaction.rows("flow_neighbours", self.bound):
            self.found.append(_relative(row["relation"], row))
            if row["total"] > SHOWN:
                self.more[row["relation"]] = row["total"] - SHOWN


def _relative(relation: str, row: Row, *, sure: bool = True) -> Relative:
    return Relative(relation, row["id"], row["queue"], row["state"], row["created_on"], bool(row["archived"]), sure)

"""What doctor reads of the room that job tables, their indexes and payloads take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class LooseTable:
    """A table that holds jobs with many dead rows, or few rows for its pages.

    `rows` is what the planner counts on, `live` and `dead` what the statistics say. Autovacuum comes at `budget` dead
    rows, unless `autovacuum` is off; `dirty` says that there are far more. `needed` is how many pages the rows would
    take, None where that is not known or the table is not loose. `queue` is None for a shared table.
    """

    table: str
    queue: str | None
    pages: int
    rows: float
    live: int
    dead: int
    budget: float
    vacuumed_on: datetime | None
    autovacuum: bool
    dirty: bool
    needed: float | None


@dataclass(frozen=True)
class LooseIndex:
    """An index with few entries for its pages. `needed` is how many pages its entries would take."""

    index: str
    table: str
    queue: str | None
    pages: int
    entries: float
    needed: float


@dataclass(frozen=True)
class HorizonHolder:
    """What keeps dead rows from being removed: a session, a replication slot or a prepared transaction.

    `transactions` is how many began since, `began` when it did, None where this role may not see that or none is kept.
    """

    kind: str
    name: str | None
    pid: int | None
    state: str | None
    transactions: int
    began: datetime | None


@dataclass(frozen=True)
class StorageWarning:
    """A warning that pg-boss stored. `type` is index_bloat, xmin_horizon or autovacuum_disabled."""

    type: str
    times: int
    first_on: datetime
    last_on: datetime
    message: str


@dataclass(frozen=True)
class Storage:
    """Tables and indexes that look too large, who may be to blame, and what pg-boss itself has warned of."""

    schema: str
    tables: tuple[LooseTable, ...]
    indexes: tuple[LooseIndex, ...]
    holders: tuple[HorizonHolder, ...]
    warnings: tuple[StorageWarning, ...]


@dataclass(frozen=True)
class LongPayloads:
    """Queue → how many jobs of the last day at most were not compared because their payload is too long.

    `longest` is the most octets that are compared, as the table stores them.
    """

    of_queues: Mapping[str, int]
    longest: int

    @property
    def note(self) -> str | None:
        """A sentence for the report."""
        jobs = sum(self.of_queues.values())
        if not jobs:
            return None
        payloads = "1 payload" if jobs == 1 else f"{jobs:,} payloads"
        queues = "1 queue" if len(self.of_queues) == 1 else f"{len(self.of_queues):,} queues"
        return f"DUP05 did not compare {payloads} over {self.longest // 1024} kB, of {queues}"

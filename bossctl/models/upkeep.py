"""How a schema is kept: its background duties and counters, stored warnings, migrations, room, the horizon."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bossctl.models.readings_schema import JobIndexes, Migration
from bossctl.models.readings_storage import HorizonHolder
from bossctl.models.schema import Age


@dataclass(frozen=True)
class CounterAges:
    """When the cached counts of the queues were counted: `never` of `queues` not at all."""

    queues: int
    never: int
    oldest_on: datetime | None
    newest_on: datetime | None


@dataclass(frozen=True)
class Duties:
    """When the background duties ran last. `counters` is None where the schema caches no counts.

    Until `backoff_until` nobody counts, as the last count held back vacuum for too long (12.30+).
    """

    ages: tuple[Age, ...]
    counters: CounterAges | None
    backoff_until: datetime | None
    taken_at: datetime
    elapsed_ms: float


@dataclass(frozen=True)
class StoredWarning:
    """A warning as pg-boss stored it; `data` is JSON text, cut like `message` when long."""

    id: str
    type: str
    message: str
    data: str | None
    created_on: datetime


@dataclass(frozen=True)
class StoredWarnings:
    """The newest warnings, newest first. `more` says that there are older ones.

    Of `live` instances that register `keepers` store theirs; both None where nobody registers or it may not be seen.
    """

    rows: tuple[StoredWarning, ...]
    more: bool
    live: int | None
    keepers: int | None
    taken_at: datetime
    elapsed_ms: float


@dataclass(frozen=True)
class MigrationWork:
    """Background migrations: those left to do, and how many are done. `worked_on`: when a process last looked."""

    unfinished: tuple[Migration, ...]
    completed: int
    completed_on: datetime | None
    worked_on: datetime | None
    taken_at: datetime
    elapsed_ms: float


@dataclass(frozen=True)
class IndexRoom:
    """An index of a job table. `scans` counts its uses since the statistics were reset."""

    name: str
    table: str
    valid: bool
    total_bytes: int
    scans: int


@dataclass(frozen=True)
class IndexHealth:
    """What doctor judges the indexes of the job tables by, and the largest of `total` of them, the largest first."""

    indexes: JobIndexes
    largest: tuple[IndexRoom, ...]
    total: int
    generation: str
    taken_at: datetime
    elapsed_ms: float


@dataclass(frozen=True)
class TableRoom:
    """A table of the schema, each partition by itself. `queue` owns it, None for a shared one or where that is unknown.

    `rows` is the planner's number, None before the first ANALYZE. `live` and `dead` are what the server's statistics
    say, None while they have counted nothing; autovacuum comes at `budget` dead rows, unless `autovacuum` is off.
    """

    name: str
    queue: str | None
    total_bytes: int
    table_bytes: int
    index_bytes: int
    rows: int | None
    live: int | None
    dead: int | None
    budget: float
    vacuumed_on: datetime | None
    autovacuumed_on: datetime | None
    analyzed_on: datetime | None
    autovacuum: bool


@dataclass(frozen=True)
class TableRooms:
    """The largest of `total` tables, the largest first; all together take `total_bytes`."""

    tables: tuple[TableRoom, ...]
    total: int
    total_bytes: int
    taken_at: datetime
    elapsed_ms: float


@dataclass(frozen=True)
class Horizon:
    """What keeps vacuum from removing dead rows, the oldest first. `hidden`: since when is not for this role to see."""

    holders: tuple[HorizonHolder, ...]
    hidden: bool
    taken_at: datetime
    elapsed_ms: float

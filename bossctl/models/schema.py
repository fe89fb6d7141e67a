"""What a pg-boss schema is and can do: the answer of `bossctl info`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bossctl.models.common import Target
from bossctl.models.workers import Worker


@dataclass(frozen=True)
class ServerInfo:
    """The PostgreSQL server. `version` is its short form (`18.1`), `started_on` None when not visible."""

    version: str
    version_num: int
    standby: bool
    now: datetime
    started_on: datetime | None


@dataclass(frozen=True)
class PgBossInfo:
    """What the schema says it is.

    `schema_number` is the value in the `version` table and may lie in forks; `releases` is the range of releases
    that number stands for (FACTS §1), None when unknown; `generation` comes from the catalog alone: `8-9`, `10`
    or `11-12`. `note` says in a sentence when the two disagree or the number is newer than any known.
    """

    schema_number: int | None
    releases: str | None
    generation: str
    layout: str
    note: str | None


@dataclass(frozen=True)
class Capability:
    """A thing some releases have. `since` names the release and schema number that brought it."""

    name: str
    present: bool
    since: str


@dataclass(frozen=True)
class Age:
    """When a background duty last ran. `at` None: never, or this schema does not record it (`known` False)."""

    name: str
    at: datetime | None
    age_seconds: float | None
    known: bool


@dataclass(frozen=True)
class Relation:
    """Size of one relation (with its partitions) in bytes; `rows` is the planner's estimate or None."""

    name: str
    total_bytes: int
    table_bytes: int
    index_bytes: int
    rows: int | None


@dataclass(frozen=True)
class Info:
    """Everything `bossctl info` prints."""

    target: Target
    server: ServerInfo
    pgboss: PgBossInfo
    capabilities: tuple[Capability, ...]
    sizes: tuple[Relation, ...]
    ages: tuple[Age, ...]
    instances: tuple[Worker, ...]
    queues: int | None
    other_schemas: tuple[str, ...]

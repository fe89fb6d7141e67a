"""What is in a pg-boss schema: read once on connect, asked ever after instead of a version number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OWN_SCHEMA = "bossctl"
"""Where bossctl keeps what it must keep in the database: beside pg-boss's schema, never in it."""

OWN_MARK = "bossctl_format"
"""The table that shows that a schema of that name is ours."""

_INDEX_NUMBER = re.compile(r"_(i\d+)$")


@dataclass(frozen=True)
class Table:
    """A table of the schema: `kind` is pg_class.relkind, `columns` maps name → type as text.

    `rows` is the planner's estimate (None before the first ANALYZE); `readable` says whether this role may SELECT.
    """

    name: str
    kind: str
    columns: Mapping[str, str]
    rows: int | None
    readable: bool


@dataclass(frozen=True)
class Index:
    """An index on the job tables. `pattern`: it is led by a text in the order of `~<~`."""

    name: str
    table: str
    unique: bool
    valid: bool
    pattern: bool = False


@dataclass(frozen=True)
class Function:
    """A function of the schema with its argument types, and what its source shows."""

    name: str
    arguments: str
    ignores_conflict: bool
    test_clock: bool


@dataclass(frozen=True)
class Catalog:
    """Everything later statements are composed from.

    Facts understood by `has`: `table`, `table.column`, `index:i15` (a valid pg-boss index by its suffix),
    `fn:create_queue`, `state:expired`, `layout:plain|queues|common`, `own:archive` (a table of bossctl's own that can
    be read), `archives` (an archive of either kind); a leading `!` negates. `own` are the tables of the schema bossctl.
    `owner` owns the table job, `role` is who we are, `is_owner` whether we have the owner's rights, `own_hidden`
    whether there is a schema of bossctl's own that we may not read, `own_entered` whether we may use that schema.
    """

    schema: str
    server_version_num: int
    standby: bool
    tables: Mapping[str, Table]
    states: tuple[str, ...]
    functions: tuple[Function, ...]
    indexes: tuple[Index, ...]
    owner: str
    role: str
    is_owner: bool
    own: Mapping[str, Table] = field(default_factory=dict)
    own_hidden: bool = False
    own_entered: bool = False
    _facts: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def layout(self) -> str:
        """`plain` (8/9, or a later schema without partitions), `queues` (one partition each) or `common`."""
        if self.tables["job"].kind != "p":
            return "plain"
        return "queues" if "partition_name" in self.columns("queue") else "common"

    @property
    def generation(self) -> str:
        """`8-9`, `10` or `11-12`, from what is there and never from a number."""
        job = self.columns("job")
        if "retrylimit" in job:
            return "8-9"
        return "11-12" if "expire_seconds" in job else "10"

    def columns(self, table: str) -> Mapping[str, str]:
        """Columns of a table, empty if there is no such table."""
        found = self.tables.get(table)
        return found.columns if found else {}

    def has(self, fact: str) -> bool:
        """Whether a fact holds here."""
        if fact.startswith("!"):
            return not self.has(fact[1:])
        return fact in self._facts

    def function(self, name: str) -> Function | None:
        """The function of that name, or None."""
        return next((item for item in self.functions if item.name == name), None)

    @property
    def estimated_rows(self) -> int | None:
        """Planner's estimate of rows in the job table with all its partitions; None when it has none."""
        return self.tables["job"].rows

    @classmethod
    def from_row(cls, schema: str, row: Mapping[str, Any]) -> Catalog:
        """Build from the row of the statement `catalog`."""
        tables = {
            name: Table(name, item["kind"], item["columns"] or {}, item["rows"], item["readable"])
            for name, item in (row["tables"] or {}).items()
        }
        own = {
            name: Table(name, item["kind"], item["columns"] or {}, None, item["readable"])
            for name, item in (row["own"] or {}).items()
        }
        functions = tuple(Function(**item) for item in row["functions"] or ())
        indexes = tuple(Index(**item) for item in row["indexes"] or ())
        states = tuple(row["states"] or ())
        bare = cls(
            schema,
            row["server_version_num"],
            row["standby"],
            tables,
            states,
            functions,
            indexes,
            row["owner"],
            row["role"],
            row["is_owner"],
            own if OWN_MARK in own else {},
            row["own_exists"] and not all(name in own and own[name].readable for name in ("operation", "archive")),
            bool(own),
        )
        return cls(**{**bare.__dict__, "_facts": _facts(bare)})


def _facts(catalog: Catalog) -> frozenset[str]:
    facts = set(catalog.tables)
    facts |= {f"{table.name}.{column}" for table in catalog.tables.values() for column in table.columns}
    facts |= {f"fn:{item.name}" for item in catalog.functions}
    facts |= {f"state:{label}" for label in catalog.states}
    for index in catalog.indexes:
        match = _INDEX_NUMBER.search(index.name)
        if match and index.valid:
            facts.add(f"index:{match.group(1)}")
        if index.name == "job_name" and index.valid and index.pattern:
            facts.add("index:name")
    facts |= {f"own:{table.name}" for table in catalog.own.values() if table.readable}
    if "archive" in facts or "own:archive" in facts:
        facts.add("archives")
    if "job" in catalog.tables:
        facts.add(f"layout:{catalog.layout}")
    return frozenset(facts)

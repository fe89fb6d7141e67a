"""What is written to queues, statement by statement: the same object runs it and shows it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from psycopg import sql

from bossctl.models.queues import OptionValue
from bossctl.sql import Queries
from bossctl.sql.catalog import Catalog
from bossctl.sql.options import assignments, option_columns

_BOUND = re.compile(r"%\((\w+)\)s")
_BLANKS = re.compile(r"\s+")
_PLAIN_SCHEMA = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True)
class Write:
    """A named statement with the values and slots it is run with."""

    name: str
    values: Mapping[str, object] = field(default_factory=dict)
    slots: Mapping[str, sql.Composable] = field(default_factory=dict)

    def written(self, queries: Queries) -> str:
        """The statement as a person would type it, on one line. Names and values keep every character they have."""
        return _written(queries.get(self.name, **self.slots).text, self.values).strip()


def lock(catalog: Catalog, duty: str) -> Write:
    """What keeps two of us, and pg-boss's own clients, from making or deleting queues at the same time.

    `duty` is `create-queue` or `delete-queue`, as in pg-boss's own locks; 10.x has none, there the queue table is
    locked.
    """
    if catalog.layout == "queues":
        return Write("lock_queue_table")
    return Write("lock_queues", {"schema": configured(catalog.schema), "duty": duty})


def configured(schema: str) -> str:
    """A schema's name as clients have it in their configuration: what is no plain name must be quoted there."""
    return schema if _PLAIN_SCHEMA.fullmatch(schema) else f'"{schema}"'


def create_queue(catalog: Catalog, name: str, options: Mapping[str, OptionValue]) -> Write:
    """The schema's own create_queue with all options given."""
    columns = option_columns(catalog)
    given = {columns[key].key: columns[key].stored(value) for key, value in options.items() if value is not None}
    return Write("create_queue", {"name": name, "options": json.dumps(given, ensure_ascii=False)})


def creation(catalog: Catalog, name: str, options: Mapping[str, OptionValue]) -> list[Write]:
    """What creates a queue; as the owner of the job table where the queue gets a table of its own."""
    own = catalog.layout == "queues" or options.get("partition") is True
    first = [Write("as_owner", slots={"owner": sql.Identifier(catalog.owner)})] if own else []
    return [*(first if catalog.role != catalog.owner else []), create_queue(catalog, name, options)]


def update_queue(catalog: Catalog, name: str, options: Mapping[str, OptionValue]) -> Write:
    """Set these options and no others."""
    columns = option_columns(catalog)
    values = {key: columns[key].stored(value) for key, value in options.items()}
    return Write("update_queue", {"name": name, **values}, {"assignments": assignments(columns, options)})


def own_table(catalog: Catalog, table: str) -> dict[str, sql.Composable]:
    """The slot that names a queue's own table."""
    return {"own_table": sql.Identifier(catalog.schema, table)}


def own_table_name(queue: str) -> str:
    """What pg-boss calls the table of a queue that has one."""
    return "j" + hashlib.sha224(queue.encode()).hexdigest()


def _written(part: sql.Composable, values: Mapping[str, object]) -> str:
    if isinstance(part, sql.Composed):
        return "".join(_written(one, values) for one in part)
    text = part.as_string(None)
    if not isinstance(part, (sql.SQL, sql.Placeholder)):
        return text
    flat = _BLANKS.sub(" ", text).replace("%%", "%")
    return _BOUND.sub(lambda found: sql.Literal(values[found[1]]).as_string(None), flat)

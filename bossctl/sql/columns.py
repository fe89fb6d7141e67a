"""Column lists for statements that list or show jobs; the alias is always `j`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg import sql

from bossctl.selector import ROOTS, path_of
from bossctl.sql.catalog import Catalog
from bossctl.sql.relations import job_columns
from bossctl.sql.text import trusted

LISTED: tuple[str, ...] = (
    "id",
    "name",
    "state",
    "priority",
    "retry_count",
    "retry_limit",
    "created_on",
    "start_after",
    "started_on",
    "completed_on",
    "keep_until",
    "singleton_key",
    "dead_letter",
    "archived",
    "blocked",
)

BIG: tuple[str, ...] = ("data", "output", "source_output", "trace_context")
"""Columns that may be megabytes long."""

_SPELLED = {"id": "j.id::text AS id", "name": "j.name AS queue", "state": "j.state::text AS state"}

HUGE_BYTES = 32 * 1024 * 1024
"""Stored documents above this are not turned into text unless asked for whole."""


def listed() -> sql.Composable:
    """The columns of a JobRow. `state` and `id` are cast here, outside any relation."""
    return trusted(", ".join(_SPELLED.get(name, f"j.{name}") for name in LISTED))


def raw() -> sql.Composable:
    """The columns `listed` is made of, uncast: cheap to sort many of."""
    return trusted(", ".join(f"j.{name}" for name in LISTED))


def other_fields(catalog: Catalog) -> tuple[str, ...]:
    """Canonical columns this schema has beyond LISTED and BIG."""
    return tuple(name for name in job_columns(catalog) if name not in LISTED and name not in BIG)


def details(catalog: Catalog, *, full: bool) -> sql.Composable:
    """Every other field, and payload and output as text: the first %(cut)s characters with the whole size in bytes."""
    fields = [f"j.{name}::text AS {name}" if name.endswith("_id") else f"j.{name}" for name in other_fields(catalog)]
    for name in ("data", "output", "source_output"):
        if name == "source_output" and not catalog.has("job.source_output"):
            continue
        if full:
            fields += [f"j.{name}::text AS {name}", f"octet_length(j.{name}::text) AS {name}_bytes"]
            continue
        small = f"CASE WHEN pg_column_size(j.{name}) <= {HUGE_BYTES} THEN"
        fields.append(f"{small} left(j.{name}::text, %(cut)s) END AS {name}")
        fields.append(f"{small} octet_length(j.{name}::text) ELSE pg_column_size(j.{name}) END AS {name}_bytes")
    return trusted(", ".join(fields))


LOOKED_INTO_BYTES = 64 * 1024
"""Payloads stored in more bytes are not looked into for a list."""

SHOWN_CHARACTERS = 200


def offered_fields(catalog: Catalog) -> tuple[str, ...]:
    """What `chosen_fields` takes beside paths: every short column a job has beyond those of a list."""
    return other_fields(catalog)


def chosen_fields(names: Sequence[str], catalog: Catalog) -> tuple[sql.Composable, Mapping[str, object]]:
    """Each name as an array of one value, with the values to bind; NULL where the payload is too large to look into.

    A name is one of `offered_fields` or a path such as `data.user.id`. Raises KeyError for any other.
    """
    fields: list[sql.Composable] = []
    values: dict[str, object] = {}
    for number, name in enumerate(names):
        path = path_of(name) if name.partition(".")[0] in ROOTS else None
        if path is None and name not in other_fields(catalog):
            raise KeyError(name)
        if path is None:
            inner = f"j.{name}::text" if name.endswith("_id") else f"j.{name}"
            fields.append(trusted(f"ARRAY[{inner}] AS field_{number}"))
            continue
        root, bound = path[0], f"path_{number}"
        values[bound] = list(path[1:])
        fields.append(
            trusted(
                f"CASE WHEN j.{root} IS NULL OR pg_column_size(j.{root}) <= {LOOKED_INTO_BYTES}"
                f" THEN ARRAY[left(j.{root} #>> %({bound})s::text[], {SHOWN_CHARACTERS})] END AS field_{number}"
            )
        )
    return sql.SQL(", ").join(fields), values

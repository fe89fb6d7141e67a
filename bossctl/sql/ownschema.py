"""Bossctl's own schema: its tables, and which of their columns keep which column of a job table.

The tables `image` and `archive` hold rows of job tables as typed columns under their raw names. Several pg-boss schemas
and several generations of one share them, so columns are added as job tables bring them, and each row names its
`shape`: the columns its job table had when it was stored. What is of a type that PostgreSQL does not bring is kept as
text; a column whose type has changed since is kept beside the old one, as `name:type`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from bossctl.sql.catalog import OWN_SCHEMA, Catalog
from bossctl.sql.spelling import spelled
from bossctl.sql.text import trusted
from bossctl.sql.writes import Write

_BUILT_IN = re.compile(r"[a-z][a-z0-9 ]*(\(\d+(,\d+)?\))?( with(out)? time zone)?(\[\])?")
KEPT_TABLES = ("image", "archive")
META = "bossctl_"
NOTHING = trusted("")
_FINISHING = ("create_own_image_index", "create_own_archive_index", "mark_own_schema", "share_own_tables")


@dataclass(frozen=True)
class Kept:
    """A column of a job table (`column`, of type `kind`), and the own column that keeps it."""

    column: str
    kind: str
    kept: str
    kept_kind: str


@dataclass(frozen=True)
class Shape:
    """Which columns stored rows have: raw names, the columns that keep them, and their types in the job table."""

    number: int
    columns: tuple[str, ...]
    kept: tuple[str, ...]


def kept_columns(catalog: Catalog, table: str) -> dict[str, Kept]:
    """Raw column of the job table → where the own table keeps it, whether or not it has that column yet."""
    held = catalog.own[table].columns if table in catalog.own else {}
    found = {}
    for column, kind in catalog.columns("job").items():
        kept_kind = kind if _BUILT_IN.fullmatch(kind) else "text"
        plain = not column.startswith(META) and held.get(column, kept_kind) == kept_kind
        found[column] = Kept(column, kind, column if plain else f"{column}:{kept_kind}", kept_kind)
    return found


def missing_columns(catalog: Catalog, table: str) -> list[Kept]:
    """Those of them that the own table does not have."""
    held = catalog.own[table].columns if table in catalog.own else {}
    return [one for one in kept_columns(catalog, table).values() if one.kept not in held]


def creation(catalog: Catalog, *, schema: bool) -> list[Write]:
    """What makes the own schema, where `schema` asks for it, and its tables, with the columns of this job table."""
    names = ("create_own_format", "create_own_operation", "create_own_shape", "create_own_link")
    writes = [Write("own_schema_claimed")]
    writes += [Write("create_own_schema")] if schema else []
    writes += [Write(name) for name in names]
    for table, name in (("image", "create_own_image"), ("archive", "create_own_archive")):
        columns = sql.SQL(", ").join(_definition(one) for one in missing_columns(catalog, table))
        writes.append(Write(name, slots={"definitions": columns}))
    return [*writes, *(Write(name) for name in _FINISHING)]


def additions(catalog: Catalog) -> list[Write]:
    """What adds the columns that a newer job table has."""
    writes = []
    for table in KEPT_TABLES:
        missing = missing_columns(catalog, table)
        if table in catalog.own and missing:
            added = sql.SQL(", ").join(
                sql.SQL("ADD COLUMN IF NOT EXISTS {}").format(_definition(one)) for one in missing
            )
            writes.append(Write("add_own_columns", slots={"table": own(table), "additions": added}))
    return [Write("own_schema_claimed"), *writes] if writes else []


def own(table: str) -> sql.Composable:
    """A table of the own schema."""
    return sql.Identifier(OWN_SCHEMA, table)


def stored(catalog: Catalog, table: str, columns: Sequence[str]) -> dict[str, sql.Composable]:
    """Slots for storing rows of the job table (alias `j`): `targets` and `sources`, besides id and name."""
    known = kept_columns(catalog, table)
    kept = [known[column] for column in columns if column not in ("id", "name")]
    targets = [sql.Identifier(one.kept) for one in kept]
    sources = [
        sql.SQL("j.{}{}").format(sql.Identifier(one.column), trusted("::text" if one.kind != one.kept_kind else ""))
        for one in kept
    ]
    return {"targets": _listed(targets), "sources": _listed(sources)}


def typed(value: sql.Composable, held: str | None, wanted: str, column: str, catalog: Catalog) -> sql.Composable:
    """A stored value as the job table's type has it. A state that a migration took away is `failed`."""
    if column == "state":
        known = sql.Literal(list(catalog.states))
        value = sql.SQL("CASE WHEN {0}::text = ANY ({1}) THEN {0}::text ELSE 'failed' END").format(value, known)
        return sql.SQL("({})::{}").format(value, trusted(wanted))
    # The type's name is PostgreSQL's own spelling of it, quoted where it has to be.
    return value if held == wanted else sql.SQL("{}::{}").format(value, trusted(wanted))


def kept_rows(
    catalog: Catalog, table: str, shape: Shape, where: sql.Composable, more: sql.Composable = NOTHING
) -> sql.Composed:
    """Stored rows of one shape as rows of the job table: its raw columns and types, as far as both know them.

    `more` are further columns over `o`, with a comma before each.
    """
    job = catalog.columns("job")
    kept = {column: kept for column, kept in zip(shape.columns, shape.kept, strict=True) if column in job}
    held = catalog.own[table].columns
    picked = [
        sql.SQL("{} AS {}").format(
            typed(sql.SQL("o.{}").format(sql.Identifier(name)), held.get(name), job[column], column, catalog),
            sql.Identifier(column),
        )
        for column, name in kept.items()
    ]
    columns = sql.SQL(", ").join(picked)
    return sql.SQL("(SELECT {}{} FROM {} AS o WHERE {})").format(columns, more, own(table), where)


def line_of(catalog: Catalog, columns: Sequence[str]) -> sql.Composable:
    """The same array over canonical columns (alias `j`); what this schema does not have is left out."""
    known = dict.fromkeys(name for name in columns if spelled(catalog, name) is not None)
    return trusted(f"json_build_array({', '.join(f'j.{name}::text' for name in known)})::text")


def as_line(columns: Sequence[str]) -> sql.Composable:
    """The arguments that make a JSON array of the same columns as texts."""
    return sql.SQL(", ").join(sql.SQL("j.{}::text").format(sql.Identifier(column)) for column in columns)


def as_texts(columns: Sequence[str]) -> sql.Composable:
    """Columns of the job table (alias `j`) as PostgreSQL writes them, named `t0`, `t1` …"""
    return sql.SQL(", ").join(
        sql.SQL("j.{}::text AS {}").format(sql.Identifier(column), sql.Identifier(f"t{number}"))
        for number, column in enumerate(columns)
    )


def _definition(one: Kept) -> sql.Composable:
    return sql.SQL("{} {}").format(sql.Identifier(one.kept), trusted(one.kept_kind))


def _listed(parts: Sequence[sql.Composable]) -> sql.Composable:
    """The parts, each with a comma before it."""
    return sql.SQL("").join(sql.SQL(", {}").format(part) for part in parts)

"""Which jobs would take a slot that is taken: any unique index of any fork, evaluated over the rows as they would be.

PostgreSQL gives the keys and the predicate of an index with bare column names, so they can stand over a sub-select that
has the table's columns with their new values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg import sql

from bossctl.sql import Queries
from bossctl.sql.catalog import Catalog
from bossctl.sql.changes import Change
from bossctl.sql.relations import job_columns
from bossctl.sql.spelling import spelled
from bossctl.sql.text import trusted


@dataclass(frozen=True)
class UniqueIndex:
    """A unique index as PostgreSQL writes it: its table, predicate, keys, and the columns it depends on."""

    table: str
    predicate: str | None
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    nulls_distinct: bool


@dataclass(frozen=True)
class SlotGroup:
    """Queues whose jobs lie under the same unique indexes. `table` is None where each has a table of its own."""

    table: str | None
    queues: tuple[str, ...]
    indexes: tuple[UniqueIndex, ...]


def touching(indexes: Iterable[UniqueIndex], change: Change, catalog: Catalog) -> tuple[UniqueIndex, ...]:
    """Those that the change can collide with and that can be looked at; the others are found by their error."""
    known = _canonical(catalog)
    moved = {spelled(catalog, name) for name in change.after}
    found = [one for one in indexes if moved & set(one.columns) and known.keys() >= set(one.columns)]
    return tuple(sorted(found, key=lambda one: (one.keys, one.predicate or "")))


def candidates(group: SlotGroup, change: Change, queries: Queries) -> sql.Composable:
    """The columns the indexes look at, as they would be after the change, by the names the table has for them."""
    catalog = queries.catalog
    known = _canonical(catalog)
    names = sorted({"id", "name", *(name for index in group.indexes for name in index.columns)})
    picked = [sql.SQL("{} AS {}").format(_after(known[name], change, catalog), sql.Identifier(name)) for name in names]
    return sql.SQL(", ").join([*picked, trusted("j.created_on AS born, j.name AS queue")])


def filled(group: SlotGroup) -> sql.Composable:
    """Whether a row would be in any of the indexes, with keys that another row's can be equal to."""
    return sql.SQL("({})").format(sql.SQL(" OR ").join(_inside(one) for one in group.indexes))


def possible(groups: Sequence[SlotGroup], change: Change, queries: Queries) -> sql.Composable:
    """Whether a row would be in any index of any group, as an expression over `j`; false for nearly all jobs."""
    indexes = {(one.predicate, one.columns): one for group in groups for one in group.indexes}
    if not indexes:
        return trusted("false")
    every = SlotGroup(None, (), tuple(indexes.values()))
    return sql.SQL("(SELECT {} FROM (SELECT {}) AS after)").format(filled(every), candidates(every, change, queries))


def branches(group: SlotGroup, change: Change, catalog: Catalog) -> sql.Composable:
    """One SELECT of (queue, id, holder) for each index."""
    return sql.SQL(" UNION ALL ").join(_branch(one, group, change, catalog) for one in group.indexes)


def _branch(index: UniqueIndex, group: SlotGroup, change: Change, catalog: Catalog) -> sql.Composable:
    own = group.table is None
    keys = [(trusted(f"k{place}"), trusted(_escaped(key))) for place, key in enumerate(index.keys)]
    partition = sql.SQL(", ").join([*(name for name, _ in keys), *([trusted("name")] if own else [])])
    equal = trusted("({key}) = c.{name}" if index.nulls_distinct else "({key}) IS NOT DISTINCT FROM c.{name}")
    same = [equal.format(key=key, name=name) for name, key in keys] + ([trusted("held.name = c.name")] if own else [])
    same += [] if change.copies else [trusted("held.id <> c.id")]
    return trusted(_BRANCH).format(
        keys=sql.SQL(", ").join(sql.SQL("({}) AS {}").format(key, name) for name, key in keys),
        inside=_inside(index),
        partition=partition,
        table=sql.Identifier(catalog.schema, "job" if group.table is None else group.table),
        predicate=_predicate(index),
        same=sql.SQL(" AND ").join(same),
    )


_BRANCH = """
SELECT c.queue, c.id::text AS id, coalesce(h.id, c.first)::text AS holder
FROM (
  SELECT k.*, row_number() OVER w AS place, first_value(k.id) OVER w AS first
  FROM (SELECT queue, id, name, born, {keys} FROM candidate WHERE {inside}) AS k
  WINDOW w AS (PARTITION BY {partition} ORDER BY born, id)
) AS c
LEFT JOIN LATERAL (SELECT held.id FROM {table} AS held WHERE {predicate} AND {same} LIMIT 1) AS h ON true
WHERE h.id IS NOT NULL OR c.place > 1
"""


def _after(canonical: str, change: Change, catalog: Catalog) -> sql.Composable:
    expression = trusted(change.after.get(canonical, f"j.{canonical}"))
    if canonical != "state":
        return expression
    return sql.SQL("CAST({} AS {})").format(expression, sql.Identifier(catalog.schema, "job_state"))


def _predicate(index: UniqueIndex) -> sql.Composable:
    return trusted(f"({_escaped(index.predicate)})" if index.predicate else "true")


def _inside(index: UniqueIndex) -> sql.Composable:
    keys = [sql.SQL("({}) IS NOT NULL").format(trusted(_escaped(key))) for key in index.keys]
    return sql.SQL("({})").format(sql.SQL(" AND ").join([_predicate(index), *(keys if index.nulls_distinct else ())]))


def _escaped(text: str) -> str:
    """Text of the catalog within a statement that has values bound."""
    return text.replace("%", "%%")


def _canonical(catalog: Catalog) -> dict[str, str]:
    """Column of the job table → canonical name."""
    found = {spelled(catalog, name): name for name in job_columns(catalog)}
    return {column: name for column, name in found.items() if column is not None}


def group(indexes: Sequence[UniqueIndex], tables: dict[str, str], catalog: Catalog) -> list[SlotGroup]:
    """Queues put together by the indexes over them. `tables` maps queue → table."""
    by_table: dict[str, tuple[UniqueIndex, ...]] = {
        table: tuple(one for one in indexes if one.table == table) for table in set(tables.values())
    }
    grouped: dict[tuple[object, ...], list[str]] = {}
    for queue, table in tables.items():
        shape = tuple((one.keys, one.predicate, one.nulls_distinct) for one in by_table[table])
        grouped.setdefault((None if catalog.layout == "queues" else table, shape), []).append(queue)
    return [
        SlotGroup(None if catalog.layout == "queues" else tables[queues[0]], tuple(queues), by_table[tables[queues[0]]])
        for queues in grouped.values()
        if by_table[tables[queues[0]]]
    ]

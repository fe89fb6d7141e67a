"""What an action asks of a job and makes of it: SQL over canonical columns (alias `j`), composed for one schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from psycopg import sql

from bossctl.sql import Queries
from bossctl.sql.catalog import Catalog
from bossctl.sql.spelling import computed, spelled
from bossctl.sql.text import trusted

_COLUMN = re.compile(r"\bj\.(\w+)")


@dataclass(frozen=True)
class Change:
    """Which jobs an action may change, and what becomes of them.

    `states` are the states it takes, in any other the reason is `unfit`. `reasons` are further ones, each a word with
    the condition under which a job is skipped for it, in this order. `after` maps a canonical column to the expression
    of its new value over the row as it was; columns this schema does not have are passed over. `facts` are conditions
    counted among the eligible jobs, for the words of the plan. `values` are bound in all of them. `source` is the
    relation the jobs are in, the live ones unless it is given. `joined` is joined to it where `after` is read, `copies`
    says that `after` describes a new row and the old one stays. `raw` are new values by the job table's own name of a
    column, where that is stored otherwise than the canonical one. `keyed` are reasons that a unique key finds as well
    when the rows are written. Nothing here may come from a user or a database but `values`.
    """

    states: tuple[str, ...]
    unfit: str
    reasons: tuple[tuple[str, str], ...] = ()
    after: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, object] = field(default_factory=dict)
    source: sql.Composable | None = None
    joined: sql.Composable | None = None
    copies: bool = False
    raw: Mapping[str, str] = field(default_factory=dict)
    keyed: frozenset[str] = frozenset()


def state_condition(change: Change, catalog: Catalog) -> str:
    """The states, written as pg-boss's partial indexes are."""
    known = [state for state in catalog.states if state in change.states]
    return f"j.state IN ({', '.join(map(_literal, known))})" if known else "false"


def reason(change: Change, catalog: Catalog) -> sql.Composable:
    """Why a job is skipped, as an expression; NULL for one that is eligible."""
    cases = [f"WHEN ({condition}) THEN {_literal(word)}" for word, condition in change.reasons]
    first = f"WHEN NOT ({state_condition(change, catalog)}) THEN {_literal(change.unfit)}"
    return trusted(f"CASE {' '.join([first, *cases])} END")


EACH = "/* each */"
"""Stands at the end of a sub-select that is to look for each row by itself where there are only some rows."""


def eligible(change: Change, catalog: Catalog, *, some: bool = False, keyed: bool = True) -> sql.Composable:
    """The same as a condition that can use an index; `some` says that it is asked of a batch and not of a whole queue.

    Else PostgreSQL reads the whole other table for the sake of a thousand rows. Without `keyed` it is left to the
    unique keys what they find.
    """
    rest = [f"({condition}) IS NOT TRUE" for word, condition in change.reasons if keyed or word not in change.keyed]
    text = f"({' AND '.join([state_condition(change, catalog), *rest])})"
    return trusted(text.replace(EACH, "OFFSET 0") if some else text)


def assignments(change: Change, catalog: Catalog) -> sql.Composable:
    """What UPDATE sets, over the job table itself under the alias `j`."""
    pairs = (
        sql.SQL("{} = {}").format(sql.Identifier(column), trusted(over_table(expression, catalog)))
        for column, expression in new_values(change, catalog).items()
    )
    return sql.SQL(", ").join(pairs)


def new_values(change: Change, catalog: Catalog) -> dict[str, str]:
    """Column of the job table → canonical expression of its new value, for the columns this schema has."""
    found = {spelled(catalog, name): expression for name, expression in change.after.items()}
    return {column: expression for column, expression in found.items() if column is not None}


def over_table(expression: str, catalog: Catalog) -> str:
    """An expression over canonical columns as one over the job table itself."""

    def column(found: re.Match[str]) -> str:
        name = spelled(catalog, found[1])
        return f"({computed(catalog, found[1])})" if name is None else f'j."{name}"'

    return _COLUMN.sub(column, expression)


def _literal(word: str) -> str:
    return sql.Literal(word).as_string(None)


def retained(queries: Queries) -> sql.Composable:
    """Whether the counters of schema 46 hold a job of the queue that is bound among the finished ones (FACTS §3.1)."""
    if not queries.catalog.has("queue.retained_on"):
        return trusted("false")
    counted = sql.SQL("(SELECT counted.retained_on FROM {} AS counted WHERE counted.name = %(queue)s)").format(
        queries.relation("queue_table")
    )
    return sql.SQL("((j.state IN ('completed', 'cancelled') AND j.completed_on <= {}) IS TRUE)").format(counted)


def flags(change: Change) -> tuple[sql.Composable, sql.Composable]:
    """The facts as columns of each row, and their counts over the rows: two lists that begin with a comma."""
    columns = "".join(f", ({condition}) IS TRUE AS fact_{name}" for name, condition in change.facts.items())
    counts = "".join(f", count(*) FILTER (WHERE r.fact_{name}) AS fact_{name}" for name in change.facts)
    return trusted(columns), trusted(counts)


NOT_JOINED = trusted("")
BY_ID = trusted("j.name = %(queue)s AND j.id = ANY (%(ids)s::uuid[])")
BY_PLACE = trusted("j.name = %(queue)s AND j.ctid = ANY (%(places)s::tid[])")
"""The same jobs by where their rows lie: half the work of finding them by random ids in an index."""
PLACE = trusted("j.ctid")
NO_PLACE = trusted("NULL::tid")
NO_LINE = trusted("NULL::text")
AFTER_SLICE = trusted("(j.created_on, j.id) > (%(after_on)s::timestamptz, %(after_id)s::uuid)")


def inserted(change: Change, catalog: Catalog) -> tuple[sql.Composable, sql.Composable]:
    """Columns and their values of a new row made after `change`, over `j`."""
    values = {**new_values(change, catalog), **change.raw}
    columns = sql.SQL(", ").join(map(sql.Identifier, values))
    state = sql.SQL("CAST({} AS {})")
    kind = sql.Identifier(catalog.schema, "job_state")
    parts = [state.format(trusted(text), kind) if name == "state" else trusted(text) for name, text in values.items()]
    return columns, sql.SQL(", ").join(parts)


def target(change: Change) -> sql.Composable:
    """The queue a job is in once it is done."""
    return trusted(change.after["name"])

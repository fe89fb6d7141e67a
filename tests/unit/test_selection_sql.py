"""What a person types never becomes SQL: whatever the values are, the statement's text is the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossctl.selector import (
    Age,
    And,
    DataPath,
    ErrorText,
    Expr,
    Ids,
    Moments,
    Not,
    Numbers,
    Or,
    QueueGlob,
    RunTime,
    SelectorError,
    SingletonKey,
    parse,
)
from bossctl.sql.catalog import Catalog, Table
from bossctl.sql.selection import select
from tests.unit.test_selector_text import PIECES, TREES

STATES = ("created", "retry", "active", "completed", "cancelled", "failed")
NOTHING = "00000000-0000-0000-0000-000000000000"


def catalog(*states: str, **columns: str) -> Catalog:
    """A schema with these columns in its job table."""
    job = Table("job", "r", {"id": "uuid", "name": "text", **columns}, 5_000_000, True)
    facts = frozenset(("job", "queue", *(f"job.{name}" for name in columns), *(f"state:{state}" for state in states)))
    return Catalog("pgboss", 180000, False, {"job": job}, states, (), (), "o", "o", True, _facts=facts)


CATALOGS = (
    catalog(*STATES[:4], "expired", *STATES[4:], retrylimit="integer"),
    catalog(*STATES, expire_in="interval"),
    catalog(*STATES, expire_seconds="integer", blocked="boolean"),
)


def blanked(expr: Expr) -> Expr:
    """The same question about other values."""
    match expr:
        case And(items) | Or(items):
            return replace(expr, items=tuple(map(blanked, items)))
        case Not(item):
            return Not(blanked(item))
        case QueueGlob():
            return QueueGlob("*" if expr.literal is None else "x")
        case Ids():
            return Ids((NOTHING,))
        case SingletonKey() | ErrorText():
            return replace(expr, **{"value" if isinstance(expr, SingletonKey) else "text": "x"})
        case DataPath(root):
            return DataPath(root, ("x",), "x")
        case Numbers() | RunTime():
            return replace(expr, low=None if expr.low is None else 1, high=None if expr.high is None else 2)
        case Age(side):
            return Age(side, 1)
        case Moments(_, low, high):
            return replace(expr, low=low or None, high=high or None)
    return expr


def structure(expr: Expr, schema: Catalog) -> tuple[str, str]:
    selection = select(expr, schema)
    assert {name.removeprefix("selected_").isdigit() for name in selection.values} <= {True}
    return selection.where.as_string(None), selection.queues.as_string(None)


@pytest.mark.parametrize("schema", CATALOGS, ids=lambda schema: schema.generation)
@given(expr=TREES)
def test_no_value_changes_the_structure(schema: Catalog, expr: Expr) -> None:
    assert structure(expr, schema) == structure(blanked(expr), schema)


@pytest.mark.parametrize("schema", CATALOGS[-1:])
@given(text=st.lists(PIECES, max_size=14).map("".join) | st.text(st.characters(), max_size=40))
def test_no_text_changes_the_structure(schema: Catalog, text: str) -> None:
    try:
        expr = parse(text)
    except SelectorError:
        return
    assert structure(expr, schema) == structure(blanked(expr), schema)


@pytest.mark.parametrize("value", ["'; DROP TABLE job --", "%(evil)s", "{job}", "%s", "\\", '"', "$1", "'' OR true"])
def test_what_looks_like_sql_is_bound(value: str) -> None:
    for expr in (SingletonKey(value), ErrorText(value), DataPath("data", (value,), value), QueueGlob.exactly(value)):
        selection = select(expr, CATALOGS[-1])
        assert value not in selection.where.as_string(None)
        assert structure(expr, CATALOGS[-1]) == structure(blanked(expr), CATALOGS[-1])
        assert selection.values

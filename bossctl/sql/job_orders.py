"""The orders a list of jobs can have: what it is sorted by, how a page goes on after a row, which index serves it.

Every order ends in creation time, id and queue, so that no two jobs tie and pages never lose or repeat one. Jobs that
have no value to be sorted by (`completed_on` of a waiting job) come after all others: a list of its own, read only when
the first one ends, because an index that is partial on the value could not be used otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from psycopg import sql

from bossctl.format import count as short_count
from bossctl.models.joborders import DEFAULT_ORDER, ORDER_WORDS, OrderOffer
from bossctl.sql.catalog import Catalog
from bossctl.sql.selection import ALWAYS, Selection
from bossctl.sql.text import trusted

_RUN = (
    "CASE WHEN j.state = 'active' THEN %(as_of)s::timestamptz"
    " WHEN j.state > 'active' AND j.state <> 'cancelled' THEN j.completed_on END"
)
_MICROSECONDS = (
    f"CASE WHEN isfinite(j.started_on) AND isfinite({_RUN})"
    f" THEN (extract(epoch FROM {_RUN} - j.started_on) * 1000000)::bigint END"
)


@dataclass(frozen=True)
class JobOrder:
    """One order. `expression` over `j` is what it sorts by beyond the creation time, `kind` its type.

    `newest` says which way ties go, `index` the fact about the catalog that serves it, `nullable` that some jobs
    have no value, `due_only` that the index holds nothing but what is due or will be. `rest` marks the list of jobs
    without a value.
    """

    name: str
    expression: str | None = None
    kind: str = "timestamptz"
    newest: bool = True
    index: str | None = None
    nullable: bool = False
    due_only: bool = False
    rest: bool = False

    @property
    def as_of(self) -> bool:
        """Whether a moment is bound that must stay the same from page to page."""
        return self.expression is not None and "%(as_of)s" in self.expression

    @property
    def sorted_by(self) -> sql.Composable:
        """What to select beside the columns: the value a cursor goes on from."""
        return trusted(self.expression or "NULL")

    @property
    def by(self) -> sql.Composable:
        """What stands after ORDER BY."""
        way = "DESC" if self.newest else "ASC"
        ties = ", ".join(f"{column} {way}" for column in ("j.created_on", "j.id", "j.name"))
        return trusted(ties if self.expression is None or self.rest else f"{self.expression} DESC, {ties}")

    @property
    def lead(self) -> sql.Composable:
        """What it sorts by first."""
        return trusted(self.expression or "j.created_on")

    @property
    def way(self) -> sql.Composable:
        """Which way the first goes."""
        return trusted("ASC" if self.expression is None and not self.newest else "DESC")

    @property
    def until(self) -> sql.Composable:
        """The jobs that come no later than one with this lead."""
        sign = "<=" if self.expression is None and not self.newest else ">="
        return trusted(f"{self.expression or 'j.created_on'} {sign} %(cutoff)s::{self.kind}")

    @property
    def by_start(self) -> sql.Composable:
        """Near to this order among jobs of one live state, and in the order that index i14 has them."""
        return trusted("j.blocked DESC, j.start_after DESC" if self.newest else "j.blocked, j.start_after")

    @property
    def within(self) -> sql.Composable:
        """The jobs of this list."""
        if not self.nullable:
            return ALWAYS
        return trusted(f"({self.expression}) IS {'' if self.rest else 'NOT '}NULL")

    @property
    def after(self) -> sql.Composable:
        """The jobs behind the row a cursor names."""
        sign = "<" if self.newest else ">"
        columns, values = "j.created_on, j.id, j.name", "%(after_on)s::timestamptz, %(after_id)s::uuid, %(after_name)s"
        if self.expression is None or self.rest:
            return trusted(f"({columns}) {sign} ({values})")
        value = f"%(after_value)s::{self.kind}"
        if self.newest:
            return trusted(f"({self.expression}, {columns}) < ({value}, {values})")
        expression = self.expression
        return trusted(f"({expression} <= {value} AND ({expression} < {value} OR ({columns}) {sign} ({values})))")

    def of_rest(self) -> JobOrder:
        """The jobs this order has no value for."""
        return replace(self, rest=True, index=None)


_ORDERS: Mapping[str, JobOrder] = {
    order.name: order
    for order in (
        JobOrder("newest", index="index:i15"),
        JobOrder("oldest", newest=False, index="index:i15"),
        JobOrder("priority", "j.priority", "int", newest=False, index="index:i11", due_only=True),
        JobOrder("started", "j.started_on", nullable=True),
        JobOrder("completed", "j.completed_on", index="index:i16", nullable=True),
        JobOrder("run", _MICROSECONDS, "bigint", nullable=True),
        JobOrder("retries", "j.retry_count", "int"),
    )
}


def job_order(name: str) -> JobOrder | None:
    """The order of that name."""
    return _ORDERS.get(name)


def walks(order: JobOrder, selection: Selection, catalog: Catalog) -> bool:
    """Whether a short walk per queue along an index finds a page."""
    if order.index is None or not catalog.has(order.index) or not catalog.has("queue"):
        return False
    if order.due_only:
        return selection.relation == "job" and selection.due
    if order.name == "completed":
        return selection.relation == "job" and selection.dense
    return selection.walk


def _within_queue(order: JobOrder, selection: Selection, catalog: Catalog) -> bool:
    """Whether the index has the jobs of the one queue that is asked for in this order."""
    indexed = order.index is not None and catalog.has(order.index) and selection.relation == "job"
    return indexed and selection.keyed and (selection.due or not order.due_only)


def sort_note(order: JobOrder, selection: Selection, catalog: Catalog) -> str | None:
    """What this order costs, where no index gives it; the newest first has a note only where it is worth a word."""
    if walks(order, selection, catalog) or _within_queue(order, selection, catalog):
        return None
    if order.name == DEFAULT_ORDER:
        return selection.note
    rows = catalog.estimated_rows
    if selection.keyed:
        return "sorts all it selects, by no index"
    return (
        f"sorts after a scan of {short_count(rows, estimate=True)} jobs" if rows else "sorts after a scan of all jobs"
    )


def order_offers(selection: Selection, catalog: Catalog) -> tuple[OrderOffer, ...]:
    """Every order with what it would cost."""
    return tuple(
        OrderOffer(name, ORDER_WORDS[name], sort_note(order, selection, catalog)) for name, order in _ORDERS.items()
    )

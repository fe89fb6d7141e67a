"""Readings of jobs: pages by key, and single jobs whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import fields as dataclass_fields
from datetime import datetime
from operator import itemgetter
from uuid import UUID

from psycopg import sql

from bossctl.errors import NotFound, UsageError
from bossctl.models.common import Payload
from bossctl.models.joborders import DEFAULT_ORDER, ORDER_WORDS
from bossctl.models.jobs import FieldValue, Job, JobPage, JobRow
from bossctl.selector import Selector
from bossctl.sql.columns import details, listed, other_fields, raw
from bossctl.sql.job_orders import JobOrder, job_order, sort_note, walks
from bossctl.sql.selection import ABOVE_CUTOFF, ALWAYS, Selection, select
from bossctl.store.connections import Row
from bossctl.store.cursors import Cursor, decode, encode
from bossctl.store.grants import own_note
from bossctl.store.job_fields import key_of, read_fields
from bossctl.store.queues import SAMPLE_ROWS, SCAN_ROWS
from bossctl.store.session import Transaction

MAX_PAGE = 10_000
CUT_CHARACTERS = 64 * 1024
AGAIN = 2
"""Whoever looks at a job looks at others: from the second time on nothing is planned any more."""

_LISTED = tuple(field.name for field in dataclass_fields(JobRow) if field.name != "more")
_listed_of = itemgetter(*_LISTED)

FEWEST_HEADS = 8
"""How many jobs of each queue are looked at at least before a page of all queues is."""


async def read_page(
    transaction: Transaction,
    selector: Selector | None,
    *,
    limit: int,
    after: str | None,
    order: str = DEFAULT_ORDER,
    fields: Sequence[str] = (),
) -> JobPage:
    """One page of the selected jobs in one of the ORDER_WORDS, with further `fields` in each row's `more`.

    Raises UsageError for a limit outside 1 … MAX_PAGE, an unknown order or field, a cursor that is not one of ours.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise UsageError(f"--limit must be between 1 and {MAX_PAGE}", "page on with --after")
    sorting = job_order(order)
    if sorting is None:
        raise UsageError(f'there is no order "{order}"', f"orders: {', '.join(ORDER_WORDS)}")
    catalog = transaction.queries.catalog
    selection = select(selector, catalog)
    cursor = decode(after, sorting) if after is not None else None
    as_of = cursor.as_of if cursor is not None else None
    if sorting.as_of and as_of is None:
        as_of = transaction.now
    rows = await _rows(transaction, selection, sorting, cursor, as_of, limit + 1, last=not fields)
    found = rows[:limit]
    more = await read_fields(transaction, selection.relation, [row for _, row in found], fields) if fields else {}
    jobs = tuple(_job_row(row, more.get(key_of(row), {})) for _, row in found)
    following = encode(*found[-1], as_of or transaction.now) if len(rows) > limit else None
    hidden = own_note(catalog) if selection.relation != "job" else None
    return JobPage(jobs, following, transaction.elapsed_ms, hidden or sort_note(sorting, selection, catalog))


async def _rows(
    transaction: Transaction,
    selection: Selection,
    order: JobOrder,
    cursor: Cursor | None,
    as_of: datetime | None,
    limit: int,
    *,
    last: bool,
) -> list[tuple[JobOrder, Row]]:
    """The rows with the list each is of: those with a value to be sorted by, then those without.

    `last`: nothing is asked after them.
    """
    rows: list[tuple[JobOrder, Row]] = []
    if cursor is None or not cursor.rest:
        page = _Page(transaction, selection, order, limit, cursor, as_of, last=last and not order.nullable)
        rows = [(order, row) for row in await page.rows()]
        cursor = None
    if order.nullable and len(rows) < limit:
        rest = order.of_rest()
        page = _Page(transaction, selection, rest, limit - len(rows), cursor, as_of)
        rows += [(rest, row) for row in await page.rows()]
    return rows


class _Page:
    """The ways to find one page; which one pays depends on the indexes and the size of the table."""

    def __init__(
        self,
        transaction: Transaction,
        selection: Selection,
        order: JobOrder,
        limit: int,
        cursor: Cursor | None,
        as_of: datetime | None,
        *,
        last: bool = False,
    ) -> None:
        self._transaction = transaction
        self._last = last
        self._selection = selection
        self._order = order
        self._limit = limit
        self._first = cursor is None
        self._values: dict[str, object] = {**selection.values, **(cursor.values if cursor is not None else {})}
        if order.as_of:
            self._values["as_of"] = as_of
        self._slots = {
            "where": selection.where,
            "within": order.within,
            "after": ALWAYS if cursor is None else order.after,
        }

    async def rows(self) -> list[Row]:
        queries = self._transaction.queries
        if walks(self._order, self._selection, queries.catalog):
            return await self._walked()
        large = (queries.catalog.estimated_rows or 0) > SCAN_ROWS
        if large and self._selection.dense and self._order.name == DEFAULT_ORDER:
            recent = await self._recent()
            if len(recent) == self._limit:
                return recent
        if large and self._selection.relation == "job" and not (self._selection.keyed or self._selection.rare):
            slots = {**self._shape, **self._slots}
            narrow = queries.get("jobs_page_narrow", **slots)
            return await self._transaction.run(narrow, {**self._values, "limit": self._limit}, last=self._last)
        return await self._sorted(ALWAYS, {}, last=self._last)

    async def _walked(self) -> list[Row]:
        """The page by a walk per queue, none of which goes further than the page can reach."""
        if self._order.due_only:  # most jobs have the same priority: nothing could be left out
            return await self._by_queue(self._order.by, ALWAYS, {})
        every = self._selection.one_state and self._first and not self._order.nullable
        by = self._order.by_start if every else self._order.by
        heads = self._limit if every else min(self._limit, max(FEWEST_HEADS, self._limit // 6))
        slots = {"lead": self._order.lead, "way": self._order.way, "each_by": by, **self._walk}
        values = {**self._values, "heads": heads, "limit": self._limit}
        found = await self._transaction.row("walk_cutoff", values, **slots)
        if found is None:
            return await self._by_queue(by, ALWAYS, {})
        page = await self._by_queue(self._order.by, self._order.until, {"cutoff": found["cutoff"]})
        # An infinite cutoff comes back as the nearest time there is.
        return page if len(page) == self._limit else await self._by_queue(self._order.by, ALWAYS, {})

    async def _by_queue(self, by: sql.Composable, cutoff: sql.Composable, values: Mapping[str, object]) -> list[Row]:
        slots = {**self._shape, **self._walk, "each_by": by, "cutoff": cutoff}
        bound = {**self._values, **values, "limit": self._limit}
        return await self._transaction.rows("jobs_page_by_queue", bound, **slots)

    @property
    def _walk(self) -> dict[str, sql.Composable]:
        return {"queues": self._selection.queues, **self._slots}

    @property
    def _shape(self) -> dict[str, sql.Composable]:
        return {"columns": listed(), "raw": raw(), "sorted_by": self._order.sorted_by, "order": self._order.by}

    async def _recent(self) -> list[Row]:
        """The page if it lies above a sampled time; fewer rows than asked for say nothing."""
        total = self._transaction.queries.catalog.estimated_rows or SAMPLE_ROWS
        values = {**self._values, "percent": min(100.0, 100.0 * SAMPLE_ROWS / total)}
        slots = {"where": self._slots["where"], "after": self._slots["after"]}
        sample = await self._transaction.row("page_cutoff", values, **slots)
        if sample is None or sample["sampled"] < 3:
            return []
        return await self._sorted(ABOVE_CUTOFF, {"cutoff": sample["cutoff"]})

    async def _sorted(self, cutoff: sql.Composable, values: dict[str, object], *, last: bool = False) -> list[Row]:
        queries = self._transaction.queries
        slots = {**self._shape, "source": queries.relation(self._selection.relation), "cutoff": cutoff, **self._slots}
        query = queries.get("jobs_page", **slots)
        return await self._transaction.run(query, {**self._values, **values, "limit": self._limit}, last=last)


async def read_jobs_with_id(transaction: Transaction, job_id: str, *, full: bool) -> tuple[Job, ...]:
    """Every row with this id: usually one; it may also stand in an archive. Raises NotFound."""
    identifier = _uuid(job_id)
    catalog = transaction.queries.catalog
    values: dict[str, object] = {"id": identifier} if full else {"id": identifier, "cut": CUT_CHARACTERS}

    async def found(name: str, **more: object) -> list[Row]:
        query = transaction.queries.kept(
            name, f"full {full}", lambda: {"columns": listed(), "details": details(catalog, full=full)}
        )
        return await transaction.run(query, {**values, **more}, prepared_from=AGAIN)

    rows = await _by_key(transaction, identifier, found)
    if not rows and catalog.has("queue"):
        rows = await found("job_by_id_anywhere")
    if not rows:
        raise NotFound(f"there is no job {identifier}", own_note(catalog) or "bossctl job list shows the newest jobs")
    rows.sort(key=lambda row: row["archived"])
    return tuple(_job(row, other_fields(catalog), transaction.now) for row in rows)


async def _by_key(transaction: Transaction, id: str, found: Callable[..., Awaitable[list[Row]]]) -> list[Row]:
    if transaction.direct or not transaction.queries.supports("queues_of_id"):
        return await found("job_by_id")
    names = [row["name"] for row in await transaction.rows("queues_of_id", {"id": id})]
    return await found("job_of_queues", names=names) if names or transaction.queries.catalog.has("archives") else []


def _uuid(text: str) -> str:
    try:
        return str(UUID(text.strip()))
    except ValueError:
        raise UsageError(
            "a job id is a UUID such as 7a9d2c1e-0b7e-4e52-9d0e-0d4a2b1c3d4e", "bossctl job list shows ids"
        ) from None


def _job_row(row: Row, more: Mapping[str, FieldValue] | None = None) -> JobRow:
    made = object.__new__(JobRow)  # what a frozen class sets one by one takes longer than the page's reading
    made.__dict__.update(zip(_LISTED, _listed_of(row), strict=True), more=more or {})
    return made


def _job(row: Row, names: tuple[str, ...], read_at: datetime) -> Job:
    fields: dict[str, FieldValue] = {name: row[name] for name in names}
    if row.get("source_output") is not None:
        fields["source_output"] = row["source_output"]
    return Job(_job_row(row), fields, _payload(row, "data"), _payload(row, "output"), read_at)


def _payload(row: Row, column: str) -> Payload:
    text, size = row[column], row[f"{column}_bytes"]
    if size is None:
        return Payload(None, 0)
    return Payload(text or "", size, cut=text is None or len(text.encode()) < size)

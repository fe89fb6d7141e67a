"""A page of jobs as a table, for every screen that lists jobs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from bossctl import format as fmt
from bossctl.models.joborders import DEFAULT_ORDER, ORDER_WORDS
from bossctl.models.jobs import JobPage, JobRow
from bossctl.selector import Selector
from bossctl.tui.desk import Desk
from bossctl.tui.jobcolumns import JobColumn, columns_of
from bossctl.tui.jobtable import JobTable
from bossctl.tui.places import JobPlace
from bossctl.tui.polling import Poll
from bossctl.tui.widgets.rows import Row
from bossctl.tui.widgets.table import LineTable
from bossctl.tui.words import plural

PAGE = 100


class JobList(Vertical):
    """A keyset page of the jobs a selection names, read again and again by its screen's poll.

    `select`, `sort`, `set_columns` and the page actions make a new `poll`; the screen must drop what the old one still
    reads (`Turned`). Marks stay while one turns pages or sorts, and go with another selection. Columns are the
    remembered ones.
    """

    class Turned(Message):
        """Another page or selection is wanted: what is being read for the old one no longer counts."""

    def __init__(self, desk: Desk, selection: Selector | None = None, *, queue_column: bool = True) -> None:
        super().__init__()
        self.selection = selection
        self.order = DEFAULT_ORDER
        self._desk = desk
        self._queue_column = queue_column
        self._columns = self._chosen(desk.memory.remembered.columns)
        self._cursors: list[str | None] = [None]
        self._rows: dict[str, JobRow] = {}
        self._elsewhere: dict[str, JobRow] = {}
        self._every = False
        self._page_words = ""
        self.poll = self._new_poll()

    def _new_poll(self) -> Poll[JobPage]:
        desk, selection, after, order = self._desk, self.selection, self._cursors[-1], self.order
        fields = tuple(one.field for one in self._columns if one.field is not None)
        return Poll(
            lambda: desk.reader.jobs(selection, limit=PAGE, after=after, order=order, fields=fields),
            interval=desk.interval,
            cost=lambda page: page.elapsed_ms,
        )

    def compose(self) -> ComposeResult:
        """The table, and a line that says which page this is."""
        table = JobTable([one.column for one in self._columns], empty_text="no jobs")
        table.sorted_by = self._arrow
        yield table
        yield Static(classes="page", markup=False)

    @property
    def table(self) -> JobTable:
        """The rows."""
        return self.query_one(JobTable)

    # --- what is shown

    def show(self, page: JobPage) -> None:
        """Draw a reading of the present page."""
        now, table = self._desk.now(), self.table
        fresh = dict(_keyed(page.jobs))
        table.empty_text = "no jobs" if self.selection is None else "no job fits the selection"
        table.update(self._row(key, row, now) for key, row in fresh.items())
        known = {**self._rows, **fresh}
        self._rows = {key: known[key] for key in table.keys}
        self._mark_again(fresh)
        self._page_words = self._page_line(page)
        self._say_page()

    def _mark_again(self, fresh: Iterable[str]) -> None:
        """Mark what was marked when this page, or another that showed it, was left."""
        here = {key for key in fresh if key in self._elsewhere}
        if here:
            self._elsewhere = {key: row for key, row in self._elsewhere.items() if key not in here}
            self.table.set_marks(self.table.marks | here)
        if self._every:
            self._every = False
            self.table.mark_every()

    def _row(self, key: str, row: JobRow, now: datetime) -> Row:
        cells = tuple(one.draw(row, now) for one in self._columns)
        return Row(key, cells, "muted" if row.archived else "")

    def _page_line(self, page: JobPage) -> str:
        number = len(self._cursors)
        parts = [f"page {number}" if number > 1 or page.next else "all", plural(len(page.jobs), "job")]
        parts.append(ORDER_WORDS[self.order])
        if page.note:
            parts.append(fmt.clean(page.note))
        if page.next:
            parts.append("n for the next page")
        return " · ".join(parts)

    def _say_page(self) -> None:
        words = [self.marks_words, self._more_words, self._page_words]
        self.query_one(".page", Static).update(Content(" · ".join(filter(None, words))))

    # --- order and columns

    def sort(self, order: str) -> None:
        """List the same jobs in another order, from the first page; `order` is one of ORDER_WORDS."""
        self.order = order
        self._turn([None])

    @on(LineTable.HeaderSelected)
    def _title(self, event: LineTable.HeaderSelected) -> None:
        """A title asks for its orders one after the other, and then for the usual one."""
        found = next((one for one in self._columns if one.key == event.column), None)
        if found is not None and found.orders:
            orders = tuple(dict.fromkeys((*found.orders, DEFAULT_ORDER)))
            here = orders.index(self.order) if self.order in found.orders else -1
            self.sort(orders[(here + 1) % len(orders)])

    @property
    def _arrow(self) -> tuple[str, bool] | None:
        found = next((one.key for one in self._columns if self.order in one.orders), None)
        return None if found is None else (found, self.order != "oldest")

    @property
    def fields(self) -> tuple[str, ...]:
        """What this schema has beyond the columns of every schema."""
        return self._desk.reader.job_fields() if self._desk.is_open else ()

    @property
    def column_keys(self) -> tuple[str, ...]:
        """The names of the columns, from the left."""
        return tuple(one.key for one in self._columns)

    def set_columns(self, keys: Sequence[str]) -> None:
        """Show these columns; names this schema does not have are passed over, none at all means the usual ones."""
        self._columns = self._chosen(keys)
        self._turn(self._cursors)

    def _chosen(self, keys: Sequence[str]) -> tuple[JobColumn, ...]:
        return columns_of(keys, self.fields, queue=self._queue_column)

    # --- marks

    @property
    def marked(self) -> tuple[JobRow, ...]:
        """The marked jobs, of this page in their order and then of other pages."""
        table = self.table
        here = table.selection if table.marks else ()
        return (*(self._rows[key] for key in here if key in self._rows), *self._elsewhere.values())

    @property
    def every(self) -> bool:
        """Whether all jobs of the selection are meant, however many there are."""
        return self._every or self.table.every

    @property
    def marks_words(self) -> str:
        """How much is marked; empty for nothing."""
        if self.every:
            return "all that match are marked"
        elsewhere, marked = len(self._elsewhere), len(self.table.marks) + len(self._elsewhere)
        return f"{marked} marked" + (f", {elsewhere} on other pages" if elsewhere else "") if marked else ""

    @property
    def _more_words(self) -> str:
        """How to mean more than all that are loaded."""
        loaded = bool(self.table.keys) and self.table.marks == frozenset(self.table.keys)
        more = self.poll.value is not None and self.poll.value.next is not None
        return "* again for all that match" if loaded and more and self.selection is not None and not self.every else ""

    def unmark(self) -> bool:
        """Forget all marks; whether there were any."""
        some = bool(self.marks_words)
        self._elsewhere, self._every = {}, False
        self.table.set_marks(())
        self._say_page()
        return some

    @on(JobTable.MarksChanged)
    def _marks_changed(self) -> None:
        self._say_page()

    @on(JobTable.Cleared)
    def _cleared(self) -> None:
        self.unmark()

    @on(JobTable.AllWanted)
    def _all_wanted(self) -> None:
        if self.selection is None:
            self.notify("filter first: an action never means all jobs there are", severity="warning", markup=False)
        else:
            self.table.mark_every()

    # --- what is chosen

    @property
    def row_here(self) -> JobRow | None:
        """The job under the cursor as it was read last."""
        return self._rows.get(self.table.cursor_key or "")

    @property
    def job_here(self) -> JobPlace | None:
        """The job under the cursor, even one that is gone from the page."""
        return self.place(self.table.cursor_key)

    def place(self, key: str | None) -> JobPlace | None:
        """The job of a row."""
        if key is None:
            return None
        row = self._rows.get(key)
        return JobPlace(key[:36]) if row is None else JobPlace(row.id, row.queue, row.archived)

    @property
    def queue_here(self) -> str | None:
        """The queue of the job under the cursor."""
        row = self.row_here
        return None if row is None else row.queue

    @property
    def singleton_keys(self) -> tuple[str, ...]:
        """The singleton keys on this page."""
        return tuple(dict.fromkeys(row.singleton_key for row in self._rows.values() if row.singleton_key))

    def select(self, selection: Selector | None) -> None:
        """List other jobs, from the first page."""
        self.selection = selection
        self.unmark()
        self._turn([None])

    def next_page(self) -> bool:
        """Go on to the next page; False at the end."""
        following = self.poll.value.next if self.poll.value is not None else None
        if following is not None:
            self._turn([*self._cursors, following])
        return following is not None

    def previous_page(self) -> bool:
        """Go back to the page before; False on the first."""
        back = len(self._cursors) > 1
        if back:
            self._turn(self._cursors[:-1])
        return back

    def _turn(self, cursors: list[str | None]) -> None:
        self._cursors = cursors
        self.poll = self._new_poll()
        self._every = self.every
        self._elsewhere |= {key: self._rows[key] for key in self.table.marks if key in self._rows}
        self._elsewhere = {} if self._every else self._elsewhere
        self._rows = {}
        self.table.sorted_by = self._arrow
        self.table.columns = [one.column for one in self._columns]
        self._page_words = ""
        self._say_page()
        self.post_message(self.Turned())


def _keyed(rows: tuple[JobRow, ...]) -> Iterator[tuple[str, JobRow]]:
    """Rows with keys that differ even where an archive holds an id twice."""
    seen: dict[tuple[str, str, bool], int] = {}
    for row in rows:
        identity = (row.id, row.queue, row.archived)
        seen[identity] = number = seen.get(identity, 0) + 1
        yield f"{row.id} {'archived' if row.archived else 'live'} {number} {row.queue}", row

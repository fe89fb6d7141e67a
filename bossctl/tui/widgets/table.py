"""The table of every list screen: rows by key, drawn by the line, changed lines only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from time import monotonic
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.timer import Timer

from bossctl.tui.widgets import table_messages as messages
from bossctl.tui.widgets.columns import Column
from bossctl.tui.widgets.rows import Row, RowFilter, RowOrder, plain
from bossctl.tui.widgets.table_drawing import GUTTER, TableDrawing


class LineTable(TableDrawing):
    """A table of rows with keys.

    Give it columns once and `update(rows)` as often as there is news. The cursor follows the key of its row.
    Scroll position, marks, sort arrow and filter stay.

    The order is *held* while rows are marked, while `hold_order` is set (a dialog is open), and for
    `HOLD_SECONDS` after the user moved, clicked, marked or scrolled. While it is held rows are updated where they
    stand, new rows are appended, and rows that are gone stay, greyed with a `×`. When the hold ends the
    latest snapshot is shown as given; only a marked row that is gone stays, at the end, until its mark goes.

    A change of order leaves the scroll position alone, except within `FOLLOW_SECONDS` of the user's last touch:
    then the view follows the cursor's row, so that what somebody is reading does not run away.
    """

    HOLD_SECONDS: float = 3.0
    FOLLOW_SECONDS: float = 60.0

    RowHighlighted = messages.RowHighlighted
    RowSelected = messages.RowSelected
    HeaderSelected = messages.HeaderSelected
    CellClicked = messages.CellClicked
    MarksChanged = messages.MarksChanged

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Open", show=False, id="table.open"),
        Binding("space", "mark", "Mark", show=False, id="table.mark"),
        Binding("shift+down", "mark_by(1)", "Mark downwards", show=False, id="table.mark-down"),
        Binding("shift+up", "mark_by(-1)", "Mark upwards", show=False, id="table.mark-up"),
        Binding("ctrl+@,v", "mark_range", "Mark from the last mark", show=False, id="table.mark-range"),
        Binding("asterisk,ctrl+a", "mark_all", "Mark all shown, or none", show=False, id="table.mark-all"),
        Binding("escape", "clear_marks", "Clear marks", show=False, id="table.clear-marks"),
    ]

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        empty_text: str = "nothing here",
        zebra: bool = False,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """`empty_text` is shown when there are no rows; until the first `update` a skeleton stands there."""
        super().__init__(columns, empty_text=empty_text, zebra=zebra, id=id, classes=classes)
        self._cursor_key: str | None = None
        self._anchor: str | None = None
        self._hold_order = False
        self._touched_at = float("-inf")
        self._thaw_timer: Timer | None = None

    # --- what the screen gives

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns. Setting them forgets the rows (not the cursor's key) until the next `update`."""
        return self._columns

    @columns.setter
    def columns(self, columns: Sequence[Column]) -> None:
        self.set_marks(())
        order = RowOrder()
        order.row_filter = self._order.row_filter
        self._columns, self._order, self._loaded = tuple(columns), order, False
        self._widest.clear()
        self.share_width()

    def show_skeleton(self) -> None:
        """Forget the rows and show that they are being read."""
        self.columns = self._columns

    @property
    def row_filter(self) -> RowFilter | None:
        """Rows it refuses are not shown, and lose their mark. Setting it applies at once, hold or not."""
        return self._order.row_filter

    @row_filter.setter
    def row_filter(self, row_filter: RowFilter | None) -> None:
        self._order.row_filter = row_filter
        if self._order.drop_hidden_marks():
            self.post_message(self.MarksChanged(self, self.marks))
        self._show(held=False)

    @property
    def hold_order(self) -> bool:
        """Set it while a dialog about these rows is open."""
        return self._hold_order

    @hold_order.setter
    def hold_order(self, hold: bool) -> None:
        self._hold_order = hold
        self._thaw()

    def update(self, rows: Iterable[Row], *, reorder: bool = False) -> None:
        """Show a new snapshot, drawing only what changed. Raises ValueError if a key comes twice.

        `reorder` shows the given order even during a hold: for an order the user has just asked for.
        """
        self._order.take(rows)
        first, self._loaded = not self._loaded, True
        self._show(held=self.held and not reorder and not first)
        if first:
            self.refresh()

    # --- what the screen asks

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the rows on display, in order, those that are gone included."""
        return tuple(self._order.keys)

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor."""
        return self._cursor_key if self.cursor_line >= 0 else None

    def texts(self, key: str) -> tuple[str, ...]:
        """The cells of a row as text, without those that draw themselves; KeyError for a key that is not there."""
        return tuple(text for cell in self._order.rows[key].cells if (text := plain(cell)))

    @property
    def marks(self) -> frozenset[str]:
        """The keys of the marked rows."""
        return frozenset(self._order.marks)

    @property
    def selection(self) -> tuple[str, ...]:
        """What an action is about: the marked rows in their order, else the row under the cursor."""
        marked = tuple(key for key in self._order.keys if key in self._order.marks)
        here = self.cursor_key
        return marked or (() if here is None else (here,))

    def is_gone(self, key: str) -> bool:
        """Whether a row on display is no longer in the latest snapshot."""
        return key in self._order.gone

    @property
    def held(self) -> bool:
        """Whether the order is held at this moment."""
        return self._hold_order or bool(self._order.marks) or self._busy_for() > 0

    @property
    def pending(self) -> bool:
        """Whether the end of the hold would change order or membership: worth a word on screen."""
        return self._loaded and self._order.pending

    # --- showing

    def _show(self, *, held: bool) -> None:
        order, former = self._order, self._order.keys
        line_before = self.cursor_line
        top, count = self.scroll_offset.y, self.page_lines
        before = order.window(top, count)
        order.show(held=held)
        self.prune_strips()
        if self.measure() or not (former and order.keys):
            self.share_width()
        elif len(former) != len(order.keys):
            self.fit_extent()
        for line, (old, new) in enumerate(zip_longest(before, order.window(top, count)), top):
            if not (old and new and old[0] == new[0] and old[2] == new[2] and old[1].same(new[1])):
                self.redraw_line(line)
        self._follow_cursor(former, line_before)
        if held and order.pending:
            self._arm_thaw()

    def _follow_cursor(self, former: Sequence[str], line_before: int) -> None:
        key = self._cursor_key
        if self._order.index(key) < 0:
            key = next(iter(self._order.keys), None) if key is None else self._order.neighbour(key, former)
            self._set_cursor(key)
        line = self._order.index(key)
        if line not in (-1, line_before) and self.in_view(line_before) and self._attended():
            self.scroll_to(y=self.scroll_offset.y + line - line_before, animate=False, force=True)
            self.reveal(line)

    def resized(self) -> None:
        """Share the new width; a cursor that was in view stays in view."""
        line = self.cursor_line
        self.share_width()
        if line >= 0 and self._attended():
            self.reveal(line)

    # --- holding the order

    def touch(self) -> None:
        """Note that the user is at work here."""
        self._touched_at = monotonic()

    def _busy_for(self) -> float:
        return self._touched_at + self.HOLD_SECONDS - monotonic()

    def _attended(self) -> bool:
        return monotonic() - self._touched_at < self.FOLLOW_SECONDS

    def _arm_thaw(self) -> None:
        if self._thaw_timer is not None:
            self._thaw_timer.stop()
        self._thaw_timer = self.set_timer(max(self._busy_for(), 0.0) + 0.01, self._thaw)

    def _thaw(self) -> None:
        """Show the latest snapshot as given, once nothing holds the order any more."""
        if not self.pending or self._hold_order or self._order.marks:
            return
        if self.held:
            self._arm_thaw()
        else:
            self._show(held=False)

    # --- cursor

    @property
    def cursor_line(self) -> int:
        """The display line of the cursor's row, -1 when there is none."""
        return self._order.index(self._cursor_key)

    def _set_cursor(self, key: str | None) -> None:
        old, self._cursor_key = self._cursor_key, key
        if old != key:
            self.redraw_line(self._order.index(old))
            self.redraw_line(self._order.index(key))
            self.post_message(self.RowHighlighted(self, key))

    def cursor_moved(self, line: int) -> None:
        """Follow the row the user moved to."""
        self.touch()
        self._set_cursor(self._order.keys[line])

    def go_to(self, key: str) -> bool:
        """Put the cursor on a row and bring it into view; False when it is not on display."""
        line = self._order.index(key)
        if line >= 0:
            self._set_cursor(key)
            self.reveal(line)
        return line >= 0

    def begin_at_top(self) -> None:
        """Put the cursor on the first row, as long as the user has not been at work here."""
        if self._touched_at == float("-inf") and self._order.keys:
            self._set_cursor(self._order.keys[0])

    def action_select(self) -> None:
        """Open the row under the cursor; if it is out of view, only show it."""
        self.touch()
        line = self.cursor_line
        if line >= 0 and self.in_view(line):
            self.post_message(self.RowSelected(self, self._order.keys[line]))
        elif line >= 0:
            self.reveal(line)

    # --- marks

    def set_marks(self, keys: Iterable[str]) -> None:
        """Mark exactly these rows, as far as they are on display."""
        marks = {key for key in keys if self._order.index(key) >= 0}
        changed = marks ^ self._order.marks
        if not changed:
            return
        if bool(marks) != bool(self._order.marks):
            self.refresh_bindings()
        self._order.marks = marks
        for key in changed:
            self.redraw_line(self._order.index(key))
        self.post_message(self.MarksChanged(self, self.marks))
        self._thaw()

    def _mark_to(self, key: str | None) -> None:
        """Mark from the last marked row to this one."""
        here, there = self._order.index(key), self._order.index(self._anchor)
        if here >= 0:
            low, high = sorted((here, here if there < 0 else there))
            self.set_marks(self._order.marks.union(self._order.keys[low : high + 1]))
            self._anchor = key

    def _toggle_mark(self, key: str | None) -> None:
        if key is not None:
            self._anchor = key
            self.set_marks(self._order.marks ^ {key})

    def action_mark(self) -> None:
        """Mark or unmark the row and go on to the next."""
        self.touch()
        self._toggle_mark(self.cursor_key)
        self.action_cursor_by(1)

    def action_mark_by(self, lines: int) -> None:
        """Mark from here to the row the cursor moves to."""
        self._anchor = self.cursor_key
        self.action_cursor_by(lines)
        self._mark_to(self.cursor_key)

    def action_mark_range(self) -> None:
        """Mark all rows from the last marked one to the cursor."""
        self.touch()
        self._mark_to(self.cursor_key)

    def action_mark_all(self) -> None:
        """Mark every row on display; unmark all when they were."""
        self.touch()
        everything = set(self._order.keys)
        self.set_marks(() if everything == self._order.marks else everything)

    def action_clear_marks(self) -> None:
        """Unmark all."""
        self.touch()
        self.set_marks(())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave Escape to the screen while nothing is marked."""
        if action == "clear_marks":
            return bool(self._order.marks)
        return super().check_action(action, parameters)

    # --- mouse

    def on_mouse_scroll_down(self) -> None:
        """The wheel counts as use."""
        self.touch()

    def on_mouse_scroll_up(self) -> None:
        """The wheel counts as use."""
        self.touch()

    def on_click(self, event: events.Click) -> None:
        """A title asks for its order; a row gets the cursor, a double click opens it."""
        line = self.line_at(event)
        placed = self.column_at(event.get_content_offset_capture(self).x)
        if line == -1 and placed is not None and placed.column.sortable:
            self.touch()
            self.post_message(self.HeaderSelected(self, placed.column.key))
        elif line is not None and line >= 0:
            self._row_clicked(event, line)

    def _row_clicked(self, event: events.Click, line: int) -> None:
        key = self._order.keys[line]
        if event.shift:
            self._anchor = self._anchor or self.cursor_key
            self._mark_to(key)
        elif event.ctrl:
            self._toggle_mark(key)
        self.move_cursor(line)
        if event.chain == 2:
            self.action_select()
        x = event.get_content_offset_capture(self).x
        placed = self.column_at(x)
        if event.chain == 1 and placed is not None:
            inner = x + self.scroll_offset.x - GUTTER - placed.x
            if inner < placed.width:
                cell = self.CellClicked(self, key, placed.column.key, inner, placed.width)
                self.post_message(cell)

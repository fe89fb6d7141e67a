"""The operator's own actions, newest first: each in full, and taking one back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import VerticalScroll
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from bossctl import format as fmt
from bossctl.models.jobactions import Operation
from bossctl.models.oplog import OperationRecord
from bossctl.tui import logtexts as texts
from bossctl.tui.commands import Command, bindings
from bossctl.tui.desk import Desk
from bossctl.tui.filterline import FilterLine
from bossctl.tui.places import LogPlace
from bossctl.tui.polling import Poll
from bossctl.tui.screens.base import Reading
from bossctl.tui.screens.wordfilter import WordFilter
from bossctl.tui.widgets.rows import Row
from bossctl.tui.widgets.table import LineTable

if TYPE_CHECKING:
    from bossctl.tui.copying import Copyable

MOST = 200
"""So many operations are listed."""

SLOWEST, RECORD_SECONDS = 5.0, 30.0
"""Seconds between readings of the list and of one record: both look into files."""


class LogScreen(WordFilter):
    """Operations above; Enter opens the whole record of the one under the cursor below."""

    heading = "Log"
    COMMAND_LIST = (
        Command("log.record", "enter", "Record", "all that was kept of it", "Log", footer=True, action="record"),
        Command("log.filter", "slash", "Filter", "by words", "Log", footer=True, action="filter", opens_line=True),
        Command(
            "app.undo",
            "U",
            "Undo",
            "the operation under the cursor",
            "Changes",
            ("operation?",),
            footer=True,
            changes=True,
            action="undo",
        ),
        Command("log.down", "right_square_bracket", "Read on", "scroll the record", "Log", action="read_on"),
        Command("log.up", "left_square_bracket", "Read back", "scroll the record", "Log", action="read_back"),
    )
    BINDINGS: ClassVar = bindings(COMMAND_LIST)

    found: reactive[tuple[Operation, ...] | None] = reactive(None, always_update=True, init=False)
    opened: reactive[bool] = reactive(False, init=False)

    def __init__(self, desk: Desk, place: LogPlace) -> None:
        super().__init__(desk, place)
        self._poll = Poll(lambda: desk.operator.operations(limit=MOST), interval=lambda: max(SLOWEST, desk.interval()))
        self._record: Poll[OperationRecord] | None = None
        self._recorded = ""
        self._operations: dict[str, Operation] = {}

    def body(self) -> list[Widget]:
        """The table, the record, the filter line."""
        record = VerticalScroll(Static(id="record", markup=False), id="record-scroll", can_focus=False)
        table = LineTable(texts.COLUMNS, empty_text="nothing was done to jobs here with bossctl", id="operations")
        return [table, record, FilterLine(placeholder="words of an action, a selector, a person …")]

    @property
    def table(self) -> LineTable:
        """The operations."""
        return self.query_one("#operations", LineTable)

    def readings(self) -> list[Reading]:
        """The list, and the record that is open."""
        found: list[Reading] = [(self._poll, self._took)]
        if self._record is not None:
            found.append((self._record, self._took_record))
        return found

    def _took(self, found: tuple[Operation, ...]) -> None:
        self.found = found

    def _took_record(self, _record: OperationRecord) -> None:
        self._show_record()

    # --- what is shown

    def watch_found(self, found: tuple[Operation, ...] | None) -> None:
        """Draw it."""
        if found is None:
            return
        now = self.desk.now()
        self._operations = {one.operation: one for one in found}
        self.table.update(texts.row(one, now) for one in found)
        self._show_record()
        self.refresh_bindings()

    def watch_opened(self) -> None:
        """Show or hide the record."""
        self.set_class(self.opened, "-opened")
        self._show_record()

    def _show_record(self) -> None:
        one = self._here
        if not self.opened or one is None:
            self._record, self._recorded = None, ""
            self.query_one("#record", Static).update("")
            return
        if one.operation != self._recorded:
            self._recorded = one.operation
            self._record = Poll(lambda: self.desk.operator.operation_record(one.operation), interval=RECORD_SECONDS)
            self.query_one("#record-scroll").scroll_home(animate=False)
            self.drop_stale()
        record = self._record.value if self._record is not None else None
        self.query_one("#record", Static).update(texts.detail(one, record, self.desk.now()))

    @on(LineTable.RowHighlighted)
    def _highlighted(self) -> None:
        self._show_record()
        self.refresh_bindings()

    def about(self) -> str:
        """How many there are."""
        if self.found is None:
            return ""
        return texts.summary(self.found, len(self.table.keys), self.filter_words, MOST)

    @property
    def _here(self) -> Operation | None:
        return self._operations.get(self.table.cursor_key or "")

    def to_copy(self) -> Copyable | None:
        """The name of the operation."""
        from bossctl.tui.copying import Copyable

        return Copyable("the operation's name", self._here.operation) if self._here else None

    # --- what the user does

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what has nothing to work on."""
        if action in ("record", "undo"):
            return True if self._here else None
        return super().check_action(action, parameters)

    def action_record(self) -> None:
        """Open the record, or close it."""
        self.table.action_select()

    @on(LineTable.RowSelected)
    def _selected(self) -> None:
        self.opened = not self.opened

    def action_undo(self, operation: str = "") -> None:
        """Take back the operation named, or under the cursor."""
        from bossctl.tui.screens.jobactions import open_undo

        name = operation or (self._here.operation if self._here else "")
        if name:
            open_undo(self, name)

    def action_read_on(self, lines: int = 4) -> None:
        """Scroll the record."""
        self.query_one("#record-scroll").scroll_relative(y=lines, animate=False)

    def action_read_back(self) -> None:
        """Scroll the record back."""
        self.action_read_on(-4)

    # --- the filter

    def go_back(self) -> bool:
        """Close the record, drop the filter."""
        if self.opened:
            self.opened = False
            return True
        return super().go_back()

    def show_only(self, words: str) -> None:
        """The operations that have all these words."""
        super().show_only(words)
        wanted = fmt.clean(self.filter_words).casefold().split()
        self.table.empty_text = f'nothing has "{self.filter_words}"' if wanted else "nothing was done to jobs here"

        def has(row: Row) -> bool:
            one = self._operations.get(row.key)
            return one is not None and all(word in texts.words(one) for word in wanted)

        self.table.row_filter = has if wanted else None
        self.say_status()

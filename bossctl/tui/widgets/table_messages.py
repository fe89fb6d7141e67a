"""What a table tells its screen. Handlers are named `on_line_table_…`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from bossctl.tui.widgets.table_drawing import TableDrawing


class TableMessage(Message, bubble=True):
    """Base of the table's messages; `table` is the sender, for use with `@on(…, "#id")`."""

    def __init__(self, table: TableDrawing) -> None:
        super().__init__()
        self.table = table

    @property
    def control(self) -> TableDrawing:
        """The sender."""
        return self.table


class RowHighlighted(TableMessage, namespace="line_table"):
    """The cursor is on another row; `key` is None when the table has become empty."""

    def __init__(self, table: TableDrawing, key: str | None) -> None:
        super().__init__(table)
        self.key = key


class RowSelected(TableMessage, namespace="line_table"):
    """A row was opened by Enter or a double click."""

    def __init__(self, table: TableDrawing, key: str) -> None:
        super().__init__(table)
        self.key = key


class HeaderSelected(TableMessage, namespace="line_table"):
    """The title of a sortable column was clicked."""

    def __init__(self, table: TableDrawing, column: str) -> None:
        super().__init__(table)
        self.column = column


class CellClicked(TableMessage, namespace="line_table"):
    """A cell was clicked once: which, how many cells from its left edge, and how wide it is."""

    def __init__(self, table: TableDrawing, key: str, column: str, x: int, width: int) -> None:
        super().__init__(table)
        self.key = key
        self.column = column
        self.x = x
        self.width = width


class MarksChanged(TableMessage, namespace="line_table"):
    """Other rows are marked now."""

    def __init__(self, table: TableDrawing, marks: frozenset[str]) -> None:
        super().__init__(table)
        self.marks = marks

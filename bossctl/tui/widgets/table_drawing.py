"""How a table looks: columns, header, rows as cached strips, skeleton and empty text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual import events
from textual.content import Content
from textual.strip import Strip
from textual.style import Style

from bossctl.tui.widgets.cells import Look, as_content, cell_pieces, cell_width, fit, joined
from bossctl.tui.widgets.columns import Column, Placed, place
from bossctl.tui.widgets.cursor_view import CursorView
from bossctl.tui.widgets.rows import Canvas, Row, RowOrder

GUTTER = 2
"""Cells before the first column: the mark and a blank."""
ROOMY = 96
"""From this width on columns stand two cells apart instead of one."""
REVERSE: Look = (Style(reverse=True), RichStyle(reverse=True))


class TableDrawing(CursorView):
    """The table without its behaviour: what it draws follows from the columns, the order and the cursor."""

    FIXED = 1

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--header",
        "table--header-sorted",
        "table--alternate",
        "table--muted",
        "table--warning",
        "table--error",
        "table--marked",
        "table--gone",
        "table--hover",
        "table--cursor",
        "table--cursor-blurred",
        "table--skeleton",
        "table--empty",
    }

    DEFAULT_CSS = """
    TableDrawing {
        background: $surface;
        color: $foreground;
        & > .table--header { background: $panel; color: $foreground; text-style: bold; }
        & > .table--header-sorted { color: $text-accent; }
        & > .table--alternate { background: $foreground 3%; }
        & > .table--muted { color: $text-muted; }
        & > .table--warning { color: $text-warning; }
        & > .table--error { color: $text-error; }
        & > .table--marked { background: $accent 20%; text-style: bold; }
        & > .table--gone { color: $text-disabled; text-style: italic; }
        & > .table--hover { background: $foreground 8%; }
        & > .table--cursor { background: $primary 25%; text-style: bold; }
        &:dark > .table--cursor { background: $primary 45%; }
        & > .table--cursor-blurred { background: $foreground 12%; }
        & > .table--skeleton { color: $foreground 15%; }
        & > .table--empty { color: $text-muted; }
    }
    """

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        empty_text: str,
        zebra: bool,
        id: str | None,
        classes: str | None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._columns = tuple(columns)
        self._empty_text = empty_text
        self._zebra = zebra
        self._order = RowOrder()
        self._loaded = False
        self._sorted_by: tuple[str, bool] | None = None
        self._widest: dict[str, int] = {}
        self._placed: tuple[Placed, ...] = ()
        self._strips: dict[str, tuple[Row, tuple[str, ...], Strip]] = {}
        self._painted_on: list[Canvas] = []

    @property
    def line_count(self) -> int:
        """How many rows are on display."""
        return len(self._order.keys)

    # --- columns

    @property
    def sorted_by(self) -> tuple[str, bool] | None:
        """The column whose title carries the sort arrow, and whether it points down (largest first)."""
        return self._sorted_by

    @sorted_by.setter
    def sorted_by(self, sorted_by: tuple[str, bool] | None) -> None:
        self._sorted_by = sorted_by
        self.redraw_fixed()

    @property
    def empty_text(self) -> str:
        """The sentence shown when there are no rows."""
        return self._empty_text

    @empty_text.setter
    def empty_text(self, text: str) -> None:
        if text != self._empty_text:
            self._empty_text = text
            self.refresh()

    @property
    def shown_columns(self) -> tuple[str, ...]:
        """The keys of the columns there is room for."""
        return tuple(placed.column.key for placed in self._placed)

    def column_width(self, key: str) -> int:
        """How many cells a column has at this width; 0 when it is not shown."""
        return next((placed.width for placed in self._placed if placed.column.key == key), 0)

    def column_at(self, x: int) -> Placed | None:
        """The column at a cell of the view."""
        x += self.scroll_offset.x - GUTTER
        found = [placed for placed in self._placed if placed.x <= x]
        return found[-1] if found else None

    def measure(self) -> bool:
        """Note how wide the cells of fitted columns are; whether one of them now wants more room."""
        grown = False
        for index, column in enumerate(self._columns):
            if column.fit:
                widest = max((cell_width(row.cells[index]) for row in self._order.rows.values()), default=0)
                if widest > self._widest.get(column.key, 0):
                    self._widest[column.key] = widest
                    grown = True
        return grown

    def share_width(self) -> None:
        """Place the columns anew and draw everything again."""
        available = self.inner_width - GUTTER - 1  # a blank before the scroll bar
        gap = 2 if available >= ROOMY else 1
        self._placed = place(self._columns, available, gap=gap, widest=self._widest)
        self._strips.clear()
        self._painted_on = []
        self.fit_extent()
        self.refresh()

    def fit_extent(self) -> None:
        """Tell the scroll bars how many rows there are."""
        self.set_extent(GUTTER + max((placed.x + placed.width for placed in self._placed), default=0))

    def prune_strips(self) -> None:
        """Let go of the strips of rows that are no longer there."""
        if len(self._strips) > len(self._order.keys):
            self._strips = {key: strip for key, strip in self._strips.items() if key in self._order.rows}

    def notify_style_update(self) -> None:
        """Draw all rows again when a theme or a pseudo class changes."""
        self._strips.clear()
        self._painted_on = []
        super().notify_style_update()

    # --- drawing

    def line_strip(self, line: int) -> Strip:
        """A row, from the cache unless it or its look has changed."""
        key = self._order.keys[line]
        row = self._order.rows[key]
        names = self._look_names(line, key, row)
        cached = self._strips.get(key)
        if cached is None or cached[1] != names or not cached[0].same(row):
            cached = (row, names, self._draw(row, names))
        self._strips[key] = (row, names, cached[2])
        return cached[2]

    def _look_names(self, line: int, key: str, row: Row) -> tuple[str, ...]:
        names = [f"table--{row.tone}"] if row.tone else []
        if self._zebra and line % 2:
            names.append("table--alternate")
        if key in self._order.gone:
            names.append("table--gone")
        if key in self._order.marks:
            names.append("table--marked")
        if line == self.hover_line:
            names.append("table--hover")
        if line == self.cursor_line:
            names.append("table--cursor" if self.has_focus else "table--cursor-blurred")
        return tuple(names)

    def _look(self, names: tuple[str, ...]) -> Look:
        style, rich_style = self.line_style(*names)
        # Without colour a tinted background may not show at all.
        if "table--cursor" in names and self.app.no_color:
            return style + REVERSE[0], rich_style + REVERSE[1]
        return style, rich_style

    def _draw(self, row: Row, names: tuple[str, ...]) -> Strip:
        look = self._look(names)
        gone, marked = "table--gone" in names, "table--marked" in names
        sign = ("⊗" if gone else "●") if marked else ("×" if gone else " ")
        pieces = [(sign + " ", look[1])]
        end = 0
        parse = self.app.stylesheet.parse_style
        for placed, canvas in zip(self._placed, self._canvases(), strict=True):
            if placed.x > end:
                pieces.append((" " * (placed.x - end), look[1]))
            cell = row.cells[placed.index]
            if gone and not isinstance(cell, str):
                cell = as_content(cell, replace(canvas, colour=False)).plain
            pieces += cell_pieces(cell, canvas, placed.column.align, look, parse)
            end = placed.x + placed.width
        missing = max(0, self.inner_width - GUTTER - end)
        pieces.append((" " * missing, look[1]))
        return Strip(joined(pieces), GUTTER + end + missing)

    def _canvases(self) -> list[Canvas]:
        """What painters of each shown column are told; the theme is asked once."""
        if not self._painted_on:
            dark, colour = self.app.current_theme.dark, not self.app.no_color
            self._painted_on = [Canvas(placed.width, dark, colour) for placed in self._placed]
        return self._painted_on

    def fixed_strip(self, y: int) -> Strip:
        """The titles."""
        base = self.line_style("table--header")[1]
        segments = [Segment(" " * GUTTER, base)]
        end = 0
        for placed in self._placed:
            segments.append(Segment(" " * (placed.x - end), base))
            segments.append(self._title(placed))
            end = placed.x + placed.width
        return Strip(segments).extend_cell_length(max(self.inner_width, self.virtual_size.width), base)

    def _title(self, placed: Placed) -> Segment:
        column, width = placed.column, placed.width
        if self._sorted_by is None or self._sorted_by[0] != column.key:
            return Segment(fit(column.title, width, column.align), self.line_style("table--header")[1])
        arrow = "▼" if self._sorted_by[1] else "▲"
        title = column.title if len(column.title) < width else fit(column.title, width - 1)
        style = self.line_style("table--header", "table--header-sorted")[1]
        return Segment(fit(title + arrow, width, column.align), style)

    def blank_strip(self, y: int) -> Strip:
        """Below the last row: nothing, or a skeleton, or the sentence that there are no rows."""
        if not self._loaded:
            return self._skeleton(y)
        if not self._order.keys and y == 1:
            text = Content(self._empty_text).truncate(max(1, self.inner_width - 4), ellipsis=True).plain
            return Strip([Segment("  " + text, self.line_style("table--empty")[1])])
        return super().blank_strip(y)

    def _skeleton(self, y: int) -> Strip:
        style = self.line_style("table--skeleton")[1]
        segments = [Segment(" " * GUTTER, style)]
        end = 0
        for placed in self._placed:
            bar = max(1, placed.width * (3 + (y * 7 + placed.index * 3) % 5) // 8)
            segments.append(Segment(" " * (placed.x - end), style))
            segments.append(Segment(fit("▒" * bar, placed.width, placed.column.align), style))
            end = placed.x + placed.width
        return Strip(segments)

    # --- mouse

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show the tooltip of the title under the mouse."""
        placed = self.column_at(event.x) if self.line_at(event) == -1 else None
        tooltip = (placed.column.tooltip or None) if placed else None
        if tooltip != self.tooltip:
            self.tooltip = tooltip

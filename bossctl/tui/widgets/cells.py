"""From a table's cells to segments of exact width: cut by cell width, never read as markup."""

from __future__ import annotations

from collections.abc import Callable

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style as RichStyle
from rich.text import Text
from textual.content import Content
from textual.style import Style

from bossctl.tui.widgets.columns import Align
from bossctl.tui.widgets.rows import Cell

ELLIPSIS = "…"
Look = tuple[Style, RichStyle]
ParseStyle = Callable[[str | Style], Style]


def text_width(text: str) -> int:
    """How many cells a text takes, as the terminal is believed to see it."""
    return len(text) if text.isascii() and text.isprintable() else cell_len(text)


def fit(text: str, width: int, align: Align = "left") -> str:
    """`text` in exactly `width` cells: padded, or cut with an ellipsis; a wide character is never halved."""
    length = text_width(text)
    if length > width:
        return set_cell_size(text, width - 1) + ELLIPSIS if width > 0 else ""
    padding = " " * (width - length)
    return padding + text if align == "right" else text + padding


def cell_width(cell: Cell) -> int:
    """How many cells a cell would like; 0 for cells that draw themselves."""
    if isinstance(cell, str):
        return text_width(cell)
    if isinstance(cell, Content):
        return cell.cell_length
    return cell.cell_len if isinstance(cell, Text) else 0


def as_content(cell: Cell, width: int) -> Content:
    """The cell as Content; a cell that draws itself is asked for `width` cells."""
    if isinstance(cell, Content):
        return cell
    if isinstance(cell, str):
        return Content(cell)
    return Content.from_rich_text(cell) if isinstance(cell, Text) else cell.paint(width)


def cell_segments(cell: Cell, width: int, align: Align, look: Look, parse: ParseStyle) -> list[Segment]:
    """Segments of exactly `width` cells, over the row's look."""
    if isinstance(cell, str):
        return [Segment(fit(cell, width, align), look[1])]
    content = as_content(cell, width)
    if not content.spans:
        return [Segment(fit(content.plain, width, align), look[1])]
    content = content.truncate(width, ellipsis=True)
    segments = [Segment(text, style.rich_style) for text, style in content.render(look[0], "", parse)]
    padding = Segment(" " * (width - content.cell_length), look[1])
    if not padding.text:
        return segments
    return [padding, *segments] if align == "right" else [*segments, padding]

"""From a table's cells to segments of exact width: cut by cell width, never read as markup."""

from __future__ import annotations

from collections.abc import Callable

from rich.segment import Segment
from rich.style import Style as RichStyle
from rich.text import Text
from textual.content import Content
from textual.style import Style

from bossctl.format import cell_width as format_width
from bossctl.format import clean, truncate
from bossctl.tui.widgets.columns import Align
from bossctl.tui.widgets.rows import Canvas, Cell

Look = tuple[Style, RichStyle]
ParseStyle = Callable[[str | Style], Style]
Piece = tuple[str, RichStyle]


def fit(text: str, width: int, align: Align = "left") -> str:
    """`text`, made harmless, in exactly `width` cells: padded, or cut with an ellipsis, wide signs kept whole."""
    shown = truncate(clean(text[: 8 * width + 8]), width)
    padding = " " * (width - format_width(shown))
    return padding + shown if align == "right" else shown + padding


def cell_width(cell: Cell) -> int:
    """How many cells a cell would like; 0 for cells that draw themselves."""
    if isinstance(cell, str):
        return format_width(cell)
    if isinstance(cell, Content):
        return cell.cell_length
    return cell.cell_len if isinstance(cell, Text) else 0


def as_content(cell: Cell, canvas: Canvas) -> Content:
    """The cell as Content; a cell that draws itself is given the canvas."""
    if isinstance(cell, Content):
        return cell
    if isinstance(cell, str):
        return Content(cell)
    return Content.from_rich_text(cell) if isinstance(cell, Text) else cell.paint(canvas)


def cell_pieces(cell: Cell, canvas: Canvas, align: Align, look: Look, parse: ParseStyle) -> list[Piece]:
    """Styled texts of together exactly the canvas's width, over the row's look."""
    width = canvas.width
    if isinstance(cell, str):
        return [(fit(cell, width, align), look[1])]
    content = as_content(cell, canvas)
    if not content.spans:
        return [(fit(content.plain, width, align), look[1])]
    content = content.truncate(width, ellipsis=True)
    pieces = _spanned(content, look, parse)
    if missing := width - content.cell_length:
        pieces.insert(0 if align == "right" else len(pieces), (" " * missing, look[1]))
    return pieces


def _spanned(content: Content, look: Look, parse: ParseStyle) -> list[Piece]:
    """Content's own `render`, without its stack where no spans overlap: it is half of the time of a row."""
    text, pieces, at = content.plain, list[Piece](), 0
    for begin, end, style in content.spans:
        if begin < at:
            return [(part, style.rich_style) for part, style in content.render(look[0], "", parse)]
        if begin > at:
            pieces.append((text[at:begin], look[1]))
        if end > begin:
            pieces.append((text[begin:end], (look[0] + parse(style)).rich_style))
        at = max(begin, end)
    if at < len(text):
        pieces.append((text[at:], look[1]))
    return pieces


def joined(pieces: list[Piece]) -> list[Segment]:
    """Segments, neighbours of one style object made one: every segment costs at each later stage."""
    segments: list[Segment] = []
    texts: list[str] = []
    last: RichStyle | None = None
    for text, style in pieces:
        if style is not last and texts:
            segments.append(Segment("".join(texts), last))
            texts = []
        texts.append(text)
        last = style
    if texts:
        segments.append(Segment("".join(texts), last))
    return segments

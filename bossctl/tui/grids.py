"""Columns of text that wrap within themselves, as a Rich renderable: laid out once for each width."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.text import Text

GAP = 1
_NEW_LINE = Segment.line()


@dataclass(frozen=True)
class GridColumn:
    """How a column stands: one that does not fold has the width of its widest cell."""

    style: str = ""
    folds: bool = False
    right: bool = False
    min_width: int = 0


class Grid:
    """Rows of harmless texts beneath columns. Rich's own table takes five times as long."""

    def __init__(self, columns: Sequence[GridColumn], rows: Iterable[Sequence[Text]]) -> None:
        self._columns = tuple(columns)
        self._rows = [tuple(row) for row in rows]
        self._drawn: tuple[int, list[Segment]] = (-1, [])

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """From a cell for each column that folds up to all on one line."""
        widths, gaps = self._wanted(), GAP * (len(self._columns) - 1)
        least = [1 if column.folds else width for column, width in zip(self._columns, widths, strict=True)]
        return Measurement(sum(least) + gaps, sum(widths) + gaps).with_maximum(options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """All lines; kept, since Textual asks for the height first and then for the lines."""
        if self._drawn[0] != options.max_width:
            widths = self._widths(options.max_width)
            self._drawn = options.max_width, [one for row in self._rows for one in self._lines(row, widths, console)]
        return iter(self._drawn[1])

    def _wanted(self) -> list[int]:
        return [
            max([column.min_width, *(cell_len(line) for row in self._rows for line in row[at].plain.split("\n"))])
            for at, column in enumerate(self._columns)
        ]

    def _widths(self, room: int) -> list[int]:
        """What is too wide is taken from the widest of the columns that fold."""
        widths = self._wanted()
        folding = [at for at, column in enumerate(self._columns) if column.folds]
        for _ in range(sum(widths) + GAP * (len(widths) - 1) - room):
            widest = max(folding, key=lambda at: widths[at])
            widths[widest] = max(1, widths[widest] - 1)
        return widths

    def _lines(self, row: Sequence[Text], widths: Sequence[int], console: Console) -> Iterable[Segment]:
        cells = [
            list(text.wrap(console, max(1, width), overflow="fold")) if column.folds else [text]
            for text, column, width in zip(row, self._columns, widths, strict=True)
        ]
        for number in range(max(map(len, cells))):
            gap = 0
            for lines, column, width in zip(cells, self._columns, widths, strict=True):
                line = lines[number] if number < len(lines) else Text()
                space = width - line.cell_len
                if gap + space * column.right > 0:
                    yield Segment(" " * (gap + space * column.right))
                yield from _rendered(line, column.style, console)
                gap = GAP + (0 if column.right else space)
            yield _NEW_LINE


def _rendered(line: Text, style: str, console: Console) -> Iterable[Segment]:
    if not line.plain:
        return ()
    whole = console.get_style(style) + console.get_style(line.style)
    if not line.spans:
        return (Segment(line.plain, whole),)
    return Segment.apply_style(line.render(console), console.get_style(style))

"""Tables: fitted to the terminal in colour, or plain aligned text with nothing cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bossctl.format import cell_width, clean

if TYPE_CHECKING:
    from rich.text import Text

STATE_STYLES = {
    "created": "blue",
    "retry": "yellow",
    "active": "green",
    "completed": "dim",
    "cancelled": "magenta",
    "failed": "red",
    "expired": "red",
}
GAP = 2


@dataclass(frozen=True)
class Column:
    """A column.

    `whole` cells are never cut, nor are numbers (`right`); others keep `least` cells. On a narrow terminal the column
    with the highest `rank` goes first, one of rank 0 never.
    """

    title: str
    right: bool = False
    whole: bool = False
    rank: int = 0
    least: int = 8

    def narrowest(self, natural: int) -> int:
        """The fewest cells it can do with when its longest text needs `natural`."""
        return natural if self.whole or self.right else min(natural, self.least)


@dataclass(frozen=True)
class Cell:
    """Text with a rich style; `spans` styles the characters from the left on, as (length, style)."""

    text: str
    style: str = ""
    spans: tuple[tuple[int, str], ...] = ()

    @classmethod
    def of(cls, parts: Iterable[tuple[str, str]]) -> Cell:
        """One cell of several (text, style) parts."""
        pieces = [(text, style) for text, style in parts if text]
        return cls("".join(text for text, _ in pieces), spans=tuple((len(text), style) for text, style in pieces))


@dataclass(frozen=True)
class Table:
    """Columns and rows; the text is cleaned when it is drawn."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell | str]]


def state_cell(state: str, text: str | None = None) -> Cell:
    """`text` (or the state's name) in the state's colour."""
    return Cell(state if text is None else text, STATE_STYLES.get(state, ""))


def plain(table: Table) -> str:
    """Aligned columns, one line per row, whole text, no trailing blanks."""
    header = [column.title for column in table.columns]
    rows = [*([header] if _titled(table) else []), *([_cell(cell).text for cell in row] for row in table.rows)]
    widths = [max(cell_width(row[index]) for row in rows) for index in range(len(table.columns))]
    return "".join(_plain_line(row, table.columns, widths) for row in rows)


def fitted(table: Table, width: int, *, colour: bool) -> str:
    """Fit the table to `width` cells: columns of the highest rank go, long text ends in an ellipsis, ids stay whole."""
    import io

    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    keep, least = _kept(table, width)
    drawn = RichTable(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold", show_header=_titled(table))
    for index in keep:
        column = table.columns[index]
        drawn.add_column(
            Text(column.title, no_wrap=True, overflow="ellipsis"),
            justify="right" if column.right else "left",
            min_width=column.narrowest(_natural(table, index)),
            no_wrap=column.whole or column.right,
        )
    for row in table.rows:
        cells = [_cell(row[index]) for index in keep]
        drawn.add_row(*(_rich(cell) for cell in cells))
    target = io.StringIO()
    console = Console(
        file=target,
        width=max(width, least),
        force_terminal=True,
        color_system="standard" if colour else None,
        highlight=False,
    )
    console.print(drawn, crop=False, no_wrap=True)
    return "".join(f"{line.rstrip()}\n" for line in target.getvalue().splitlines())


def _titled(table: Table) -> bool:
    return any(column.title for column in table.columns)


def _rich(cell: Cell) -> Text:
    from rich.text import Text

    text = Text(cell.text, cell.style, no_wrap=True, overflow="ellipsis")
    start = 0
    for length, style in cell.spans:
        text.stylize(style, start, start + length)
        start += length
    return text


def _cell(cell: Cell | str) -> Cell:
    return Cell(clean(cell.text), cell.style, cell.spans) if isinstance(cell, Cell) else Cell(clean(cell))


def _plain_line(row: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    padded = []
    for text, column, width in zip(row, columns, widths, strict=True):
        blanks = " " * (width - cell_width(text))
        padded.append(blanks + text if column.right else text + blanks)
    return (" " * GAP).join(padded).rstrip() + "\n"


def _natural(table: Table, index: int) -> int:
    cells = (cell_width(_cell(row[index]).text) for row in table.rows)
    return max(cell_width(table.columns[index].title), *cells, 0)


def _kept(table: Table, width: int) -> tuple[list[int], int]:
    """The columns that stay, and the fewest cells they need together."""
    keep = list(range(len(table.columns)))
    least = [column.narrowest(_natural(table, index)) for index, column in enumerate(table.columns)]
    while (needed := sum(least[index] + GAP for index in keep)) - GAP > width:
        last = max(keep, key=lambda index: (table.columns[index].rank, index))
        if table.columns[last].rank == 0:
            break
        keep.remove(last)
    return keep, needed - GAP

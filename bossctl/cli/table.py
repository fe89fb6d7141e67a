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
NARROWEST = 8


@dataclass(frozen=True)
class Column:
    """A column. `whole` cells are never cut; on a narrow terminal the column with the highest `rank` goes first."""

    title: str
    right: bool = False
    whole: bool = False
    rank: int = 0


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

    keep = _kept(table, width)
    drawn = RichTable(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold", show_header=_titled(table))
    for index in keep:
        column = table.columns[index]
        natural = _natural(table, index)
        least = natural if column.whole else min(natural, NARROWEST)
        drawn.add_column(
            Text(column.title), justify="right" if column.right else "left", min_width=least, no_wrap=column.whole
        )
    for row in table.rows:
        cells = [_cell(row[index]) for index in keep]
        drawn.add_row(*(_rich(cell) for cell in cells))
    target = io.StringIO()
    console = Console(
        file=target, width=width, force_terminal=True, color_system="standard" if colour else None, highlight=False
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


def _kept(table: Table, width: int) -> list[int]:
    keep = list(range(len(table.columns)))
    natural = [_natural(table, index) for index in keep]
    least = [size if table.columns[index].whole else min(size, NARROWEST) for index, size in enumerate(natural)]
    while sum(least[index] + GAP for index in keep) - GAP > width:
        last = max(keep, key=lambda index: (table.columns[index].rank, index))
        if table.columns[last].rank == 0:
            break
        keep.remove(last)
    return keep

"""Rows of a table: which are shown, in what order, which are marked; no drawing in here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from rich.text import Text
from textual.content import Content

Tone = Literal["", "muted", "warning", "error"]


@dataclass(frozen=True)
class Canvas:
    """What a cell that draws itself must know: its width in cells, and whether the theme is dark and has colour."""

    width: int
    dark: bool = True
    colour: bool = True


@runtime_checkable
class CellPainter(Protocol):
    """A cell that draws itself for the width its column happens to get; compared by `==`."""

    def paint(self, canvas: Canvas) -> Content:
        """The cell's content, as wide as the canvas or narrower."""
        ...


Cell = str | Text | Content | CellPainter


@dataclass(frozen=True, eq=False)
class Row:
    """One row of a snapshot. `key` is unique within it; `cells` has one entry per column."""

    key: str
    cells: tuple[Cell, ...]
    tone: Tone = ""

    def same(self, other: Row) -> bool:
        """Whether both would be drawn alike."""
        if self is other:
            return True
        return self.tone == other.tone and self.cells == other.cells and self._same_spans(other)

    def _same_spans(self, other: Row) -> bool:
        # Content compares by its text alone; a change of colour must be seen too.
        return all(
            isinstance(theirs, Content) and mine.is_same(theirs)
            for mine, theirs in zip(self.cells, other.cells, strict=True)
            if isinstance(mine, Content)
        )


RowFilter = Callable[[Row], bool]


class RowOrder:
    """The rows on display and what the last snapshot said.

    `keys` is the order on display. While the order is held, rows stay where they are and are updated in place,
    new rows are appended, and rows the snapshot no longer has stay in `gone`. Without a hold the display is the
    snapshot as given, except that marked rows which vanished stay at the end.
    """

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.keys: list[str] = []
        self.gone: set[str] = set()
        self.marks: set[str] = set()
        self.snapshot: Mapping[str, Row] = {}
        self.row_filter: RowFilter | None = None
        self._index: dict[str, int] = {}

    def index(self, key: str | None) -> int:
        """Where the row is on display, or -1."""
        return -1 if key is None else self._index.get(key, -1)

    def take(self, rows: Iterable[Row]) -> None:
        """Store a snapshot without showing it yet. Raises ValueError if a key comes twice."""
        snapshot: dict[str, Row] = {}
        for row in rows:
            if row.key in snapshot:
                raise ValueError(f"two rows with the key {row.key!r}")
            snapshot[row.key] = row
        self.snapshot = snapshot

    def show(self, *, held: bool) -> None:
        """Bring the display in line with the snapshot."""
        shown = self.rows
        self.keys = self._held_order() if held else self._given_order()
        self.rows = {key: self.snapshot.get(key) or shown[key] for key in self.keys}
        self.gone = {key for key in self.keys if key not in self.snapshot}
        self._index = {key: line for line, key in enumerate(self.keys)}

    def window(self, top: int, count: int) -> list[tuple[str, Row, bool]]:
        """What stands on `count` display lines: the key, the row, whether it is gone."""
        return [(key, self.rows[key], key in self.gone) for key in self.keys[top : top + count]]

    def _held_order(self) -> list[str]:
        shown = set(self.keys)
        return self.keys + [key for key in self._wanted() if key not in shown]

    def _given_order(self) -> list[str]:
        wanted = self._wanted()
        shown = set(wanted)
        return wanted + [key for key in self.keys if key in self.marks and key not in shown]

    def _wanted(self) -> list[str]:
        if self.row_filter is None:
            return list(self.snapshot)
        return [key for key, row in self.snapshot.items() if self.row_filter(row)]

    @property
    def pending(self) -> bool:
        """Whether the display differs in order or membership from what an end of the hold would show."""
        return self.keys != self._given_order()

    def drop_hidden_marks(self) -> bool:
        """Forget the marks of rows the filter hides, so that nothing unseen is acted upon; whether any went."""
        if self.row_filter is None:
            return False
        keep = self.row_filter
        hidden = {key for key in self.marks if key in self.rows and not keep(self.rows[key])}
        self.marks -= hidden
        return bool(hidden)

    def neighbour(self, key: str, among: Sequence[str]) -> str | None:
        """The row nearest to a vanished one, by its place in the former order `among`."""
        start = among.index(key) if key in among else 0
        after = (other for other in among[start:] if other in self._index)
        before = (other for other in reversed(among[:start]) if other in self._index)
        return next(after, None) or next(before, None) or next(iter(self.keys), None)


def plain(cell: Cell) -> str:
    """A cell's text without its styles; empty for cells that draw themselves."""
    if isinstance(cell, str):
        return cell
    return cell.plain if isinstance(cell, Text | Content) else ""


def containing(text: str) -> RowFilter:
    """A filter for rows in which every word of `text` is found, in any cell, regardless of case."""
    words = text.casefold().split()

    def keep(row: Row) -> bool:
        hay = "\n".join(map(plain, row.cells)).casefold()
        return all(word in hay for word in words)

    return keep

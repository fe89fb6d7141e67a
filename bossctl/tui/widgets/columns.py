"""Columns of a table and how they share its width; no Textual in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Align = Literal["left", "right"]


@dataclass(frozen=True)
class Column:
    """One column. Widths are terminal cells.

    `width` is what it would like, `min_width` how far it may shrink (default: not at all), `flex` its share of
    spare room up to `max_width`. With `fit` the wish is the widest cell seen so far instead of `width`; it only
    grows, so that a refresh does not make columns jump. `priority` 0 is always kept; of the others the highest
    number is dropped first when the table is too narrow. `tooltip` is shown over the header.
    """

    key: str
    title: str
    width: int = 8
    min_width: int | None = None
    max_width: int | None = None
    flex: int = 0
    fit: bool = False
    align: Align = "left"
    sortable: bool = False
    priority: int = 0
    tooltip: str = ""

    @property
    def smallest(self) -> int:
        """The width below which the column is dropped instead."""
        return self.width if self.min_width is None else self.min_width

    def preferred(self, widest: int) -> int:
        """The width it would like when its widest cell has `widest` cells."""
        wish = max(widest, self.smallest) if self.fit else self.width
        return wish if self.max_width is None else min(wish, self.max_width)


@dataclass(frozen=True)
class Placed:
    """A column that is shown: its index among all columns, its first cell and its width."""

    index: int
    column: Column
    x: int
    width: int


def place(columns: Sequence[Column], available: int, *, gap: int, widest: Mapping[str, int]) -> tuple[Placed, ...]:
    """Choose the columns that fit into `available` cells and give each its width.

    Columns with priority 0 are kept even if they do not fit; the table then scrolls sideways.
    """
    kept = _fitting(columns, available, gap)
    widths = {index: columns[index].smallest for index in kept}
    spare = available - sum(widths.values()) - gap * (len(kept) - 1)
    for index in sorted(kept, key=lambda i: (columns[i].priority, i)):
        wish = columns[index].preferred(widest.get(columns[index].key, 0)) - widths[index]
        grown = max(0, min(spare, wish))
        widths[index] += grown
        spare -= grown
    _share(columns, widths, spare)
    return _positions(columns, widths, gap)


def _fitting(columns: Sequence[Column], available: int, gap: int) -> list[int]:
    kept = list(range(len(columns)))
    while kept and sum(columns[i].smallest for i in kept) + gap * (len(kept) - 1) > available:
        least = max(kept, key=lambda i: (columns[i].priority, i))
        if columns[least].priority == 0:
            break
        kept.remove(least)
    return kept


def _share(columns: Sequence[Column], widths: dict[int, int], spare: int) -> None:
    """Hand the spare cells to the flexible columns by weight, up to their limits."""
    growing = [index for index in widths if columns[index].flex > 0]
    while spare > 0 and growing:
        total = sum(columns[index].flex for index in growing)
        left = spare
        for index in list(growing):
            room = _room(columns[index], widths[index])
            grown = min(left, room, max(1, spare * columns[index].flex // total))
            widths[index] += grown
            left -= grown
            if grown == room:
                growing.remove(index)
        spare = left


def _room(column: Column, width: int) -> int:
    return 1_000_000 if column.max_width is None else max(0, column.max_width - width)


def _positions(columns: Sequence[Column], widths: Mapping[int, int], gap: int) -> tuple[Placed, ...]:
    placed: list[Placed] = []
    x = 0
    for index, width in widths.items():
        placed.append(Placed(index, columns[index], x, width))
        x += width + gap
    return tuple(placed)

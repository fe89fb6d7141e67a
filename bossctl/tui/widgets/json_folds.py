"""Which lines of an indexed JSON text are on display when some containers are folded."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate

from bossctl.tui.widgets.json_index import JsonIndex


class Folds:
    """Maps display rows to lines and back. Folds are remembered by where their container begins in the text."""

    def __init__(self) -> None:
        self.offsets: set[int] = set()
        self._first: list[int] = []
        self._last: list[int] = []
        self._row: list[int] = []
        self._hidden: list[int] = [0]

    def rebuild(self, index: JsonIndex) -> None:
        """Take the folds over to an index that has grown or is new."""
        known = index.position(len(index) - 1) if len(index) else -1
        spans: list[tuple[int, int]] = []
        for offset in sorted(offset for offset in self.offsets if offset <= known):
            line = index.line_of(offset)
            end = index.mate(line)
            if end > line and (not spans or line > spans[-1][1]):
                spans.append((line, end))
        self._first = [first for first, _ in spans]
        self._last = [last for _, last in spans]
        self._hidden = [0, *accumulate(last - first for first, last in spans)]
        self._row = [first - hidden for first, hidden in zip(self._first, self._hidden, strict=False)]

    @property
    def hidden(self) -> int:
        """How many lines are not on display."""
        return self._hidden[-1]

    def line_at(self, row: int) -> int:
        """The line on a display row."""
        return row + self._hidden[bisect_left(self._row, row)]

    def row_of(self, line: int) -> int:
        """The display row of a line, or of the fold it is in."""
        before = bisect_left(self._first, line)
        if before and line <= self._last[before - 1]:
            return self._row[before - 1]
        return line - self._hidden[before]

    def is_folded(self, line: int) -> bool:
        """Whether a line on display stands for all of its container."""
        at = bisect_right(self._first, line) - 1
        return at >= 0 and self._first[at] == line

"""The six job states as colour and shape: bars, words and sparklines for table cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from textual.color import Color
from textual.content import Content, Span
from textual.style import Style

from bossctl.format import UNKNOWN, sparkline, split_width
from bossctl.models.common import Count
from bossctl.models.queues import STATES
from bossctl.tui.widgets.rows import Canvas

GLYPHS: Mapping[str, str] = {
    "created": "○",
    "retry": "↻",
    "active": "◐",
    "completed": "✓",
    "cancelled": "⊘",
    "failed": "✗",
}
"""A sign per state; each has its own stand-in under `--ascii` too."""

# Chosen by search: at least 8 (OKLab × 100) apart for normal, protan, deutan and tritan sight, and 3:1 against
# the background. Hue alone would not do it, so they differ in lightness as well.
_DARK: Mapping[str, str] = {
    "created": "#abdff8",
    "retry": "#fcd65d",
    "active": "#2892e8",
    "completed": "#2c846f",
    "cancelled": "#a0a0a0",
    "failed": "#db3405",
}
_LIGHT: Mapping[str, str] = {
    "created": "#0b69b1",
    "retry": "#a66a0d",
    "active": "#171887",
    "completed": "#086252",
    "cancelled": "#7a7a7a",
    "failed": "#99211c",
}


def canonical(state: str) -> str:
    """The state among the six; 8/9's `expired` is a failure."""
    return "failed" if state == "expired" else state


def state_glyph(state: str) -> str:
    """The sign of a state; `?` for a word no release known to us uses."""
    return GLYPHS.get(canonical(state), UNKNOWN)


def state_colour(state: str, *, dark: bool) -> Color | None:
    """The colour of a state on a dark or light theme; None for an unknown word."""
    found = (_DARK if dark else _LIGHT).get(canonical(state))
    return None if found is None else Color.parse(found)


@cache
def state_style(state: str, *, dark: bool, colour: bool = True) -> Style:
    """The colour as a foreground style; none at all for terminals without colour."""
    found = state_colour(state, dark=dark) if colour else None
    return Style.null() if found is None else Style(foreground=found)


def values(counts: Mapping[str, Count]) -> tuple[int | None, ...]:
    """The plain numbers of six counts in the order of STATES; None where unknown or absent."""
    return tuple(counts[state].value if state in counts else None for state in STATES)


@dataclass(frozen=True)
class StateCell:
    """A table cell with one state: its sign in its colour, then its word as the database has it."""

    state: str

    def paint(self, canvas: Canvas) -> Content:
        """Sign and word, the sign alone when narrow."""
        sign = _sign(self.state, canvas)
        return sign if canvas.width < len(self.state) + 2 else sign + Content(" " + self.state)


@dataclass(frozen=True)
class StateBar:
    """A table cell with a bar of all six states: how a queue's jobs divide.

    `counts` in the order of STATES, None for unknown. With colour each part is filled and begins with its sign;
    without, the sign is repeated. An unknown count shows as a `?` at the end; a count above zero is never
    invisible while there are cells.
    """

    counts: tuple[int | None, ...]

    def paint(self, canvas: Canvas) -> Content:
        """The bar over the whole width; blank when there are no jobs."""
        text, spans = "", list[Span]()
        for state, cells in self._parts(canvas.width):
            begin = len(text)
            if state is None:
                text += UNKNOWN
                continue
            text += GLYPHS[state] * cells if not canvas.colour else GLYPHS[state].ljust(cells)
            if canvas.colour:
                spans.append(Span(begin, len(text), _fill(state, canvas.dark)))
        return Content(text, spans)

    def state_at(self, x: int, width: int) -> str | None:
        """The state drawn at a cell of a bar `width` cells wide: what a click means. None off the bar."""
        for state, cells in self._parts(width):
            if x < cells:
                return state
            x -= cells
        return None

    def _parts(self, width: int) -> list[tuple[str | None, int]]:
        unknown = any(count is None for count in self.counts)
        cells = split_width([count or 0 for count in self.counts], width - unknown)
        parts: list[tuple[str | None, int]] = [(s, n) for s, n in zip(STATES, cells, strict=True) if n]
        return [*parts, (None, 1)] if unknown else parts


@cache
def _fill(state: str, dark: bool) -> Style:
    colour = Color.parse((_DARK if dark else _LIGHT)[state])
    return Style(background=colour, foreground=colour.get_contrast_text(0.9))


@dataclass(frozen=True)
class SparkCell:
    """A table cell with the latest values as a sparkline, as many as fit; None is a gap, zero the lowest bar."""

    values: tuple[float | None, ...]
    style: str = "$foreground 70%"

    def paint(self, canvas: Canvas) -> Content:
        """Right-aligned, so that now is at the right edge."""
        line = Content(sparkline(self.values, canvas.width))
        return line.stylize(self.style) if canvas.colour else line


def _sign(state: str, canvas: Canvas) -> Content:
    style = state_style(state, dark=canvas.dark, colour=canvas.colour)
    return Content(state_glyph(state)).stylize(style)


def legend(canvas: Canvas, counts: Sequence[int | None] | None = None) -> Content:
    """All six signs with their words on one line; stands closer, with short words, then none, when it is narrow.

    With `counts` (in the order of STATES) only states that occur are named.
    """
    shown = [state for state, count in zip(STATES, counts or [1] * len(STATES), strict=True) if count != 0]
    for length, gap in ((9, 2), (9, 1), (4, 2), (0, 2)):
        words = [(state, state[:length]) for state in shown]
        if sum(len(word) + 1 + bool(word) for _, word in words) + gap * (len(words) - 1) <= canvas.width:
            break
    pieces = [_sign(state, canvas) + Content(f" {word}" if word else "") for state, word in words]
    return Content(" " * gap).join(pieces)

"""The histogram of states, large: a line per state with bar, count and share; and the legend."""

from __future__ import annotations

from collections.abc import Mapping

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from bossctl import format as fmt
from bossctl.models.common import UNKNOWN, Count, Truth
from bossctl.models.queues import STATES
from bossctl.tui.widgets.rows import Canvas
from bossctl.tui.widgets.states import GLYPHS, legend, state_style

_WORD = max(map(len, STATES)) + 2
_COUNT, _SHARE = 12, 5
LONGEST_BAR = 80


class StatePicked(Message):
    """A state was clicked in a histogram or legend: show only its jobs."""

    def __init__(self, sender: Widget, state: str) -> None:
        super().__init__()
        self.sender = sender
        self.state = state

    @property
    def control(self) -> Widget:
        """The histogram or legend."""
        return self.sender


class StateHistogram(Widget):
    """Six lines: sign and word, count (`~` when estimated), share of the known, bar (the largest count is full).

    Set `counts`; a click on a line posts `StatePicked`.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    StateHistogram { height: 6; width: 1fr; min-width: 36; }
    """
    counts: reactive[Mapping[str, Count]] = reactive(dict, always_update=False)

    def render(self) -> Content:
        """Six lines."""
        known = [count.value for count in map(self._count, STATES) if count.value is not None]
        top, total = max(known, default=0), sum(known)
        return Content("\n").join(self._line(state, top, total) for state in STATES)

    def _count(self, state: str) -> Count:
        return self.counts.get(state, UNKNOWN)

    def _line(self, state: str, top: int, total: int) -> Content:
        count = self._count(state)
        style = state_style(state, dark=self.app.current_theme.dark, colour=not self.app.no_color)
        number = f"{_exact(count):>{_COUNT}} {fmt.percent(count.value, total):>{_SHARE}}  "
        room = min(LONGEST_BAR, max(4, self.size.width - _WORD - len(number)))
        fill = GLYPHS[state] if self.app.no_color else "█"
        bar = Content(fill * _length(count.value, top, room))
        return Content(GLYPHS[state]).stylize(style) + f" {state:<{_WORD - 2}}{number}" + bar.stylize(style)

    def on_click(self, event: events.Click) -> None:
        """A line means its state."""
        offset = event.get_content_offset(self)
        if offset is not None and offset.y < len(STATES):
            self.post_message(StatePicked(self, STATES[offset.y]))


def _length(value: int | None, top: int, room: int) -> int:
    """Cells of a bar; at least one for anything above zero."""
    return max(1, value * room // top) if value and top else 0


def _exact(count: Count) -> str:
    if count.value is None:
        return fmt.UNKNOWN
    return ("~" if count.truth is Truth.ESTIMATE else "") + f"{count.value:,}".replace(",", " ")


class StateLegend(Widget):
    """One line with the six signs and their words; a click on one posts `StatePicked`."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    StateLegend { height: 1; width: 1fr; }
    """

    def render(self) -> Content:
        """The legend for the width there is."""
        return legend(Canvas(self.size.width, dark=self.app.current_theme.dark, colour=not self.app.no_color))

    def on_click(self, event: events.Click) -> None:
        """The sign or word under the mouse means its state."""
        offset = event.get_content_offset(self)
        before = self.render().plain[: offset.x + 1] if offset is not None else ""
        signs = [state for state in STATES if GLYPHS[state] in before]
        if signs:
            self.post_message(StatePicked(self, signs[-1]))

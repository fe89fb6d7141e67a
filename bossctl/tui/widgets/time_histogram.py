"""The histogram over time: jobs created, completed and failed in each step, drawn one above the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from bossctl import format as fmt
from bossctl.models.activity import SPANS, QueueActivity, Span
from bossctl.tui.widgets.states import GLYPHS, state_style

SERIES = ("created", "completed", "failed")
LABEL = 19
"""Cells of the words on the left."""
MOST = 10
"""Cells of the largest number where it stands on the right, for want of a second line."""
NONE = "·"
"""A step without any job."""

_PARTS = "▁▂▃▄▅▆▇█"


class SpanPicked(Message):
    """A span was clicked."""

    def __init__(self, sender: Widget, span: str) -> None:
        super().__init__()
        self.sender = sender
        self.span = span

    @property
    def control(self) -> Widget:
        """The histogram."""
        return self.sender


class TimeHistogram(Widget):
    """Set `activity`, the `span` that is wanted, and `trouble` when it cannot be read; a click on a span posts it.

    Each series has its own scale, whose largest number is told; the axis has the beginnings of the first and the last
    bar, in UTC.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    TimeHistogram { height: 1fr; min-height: 5; width: 1fr; }
    """
    activity: reactive[QueueActivity | None] = reactive(None)
    span: reactive[str] = reactive("24h")
    trouble: reactive[str] = reactive("")

    def render(self) -> Content:
        """The spans, the three series, the axis."""
        activity = self.activity
        if activity is None:
            return Content("\n").join([self._head(None), self._waiting()])
        rows = max(1, (self.size.height - 2) // len(SERIES))
        room = self.size.width - LABEL - (MOST if rows == 1 else 0)
        merged = merge_factor(activity.span.steps, max(1, room))
        bars = activity.span.steps // merged
        thick = max(1, room // bars)
        lines = [self._head(activity.span.step * merged)]
        for name in SERIES:
            values = merge(getattr(activity, name), merged)
            lines += self._series(name, values, rows, thick)
        last = activity.start_of(activity.span.steps - merged)
        axis = axis_line(activity.begin, last, activity.span, bars * thick)
        return Content("\n").join([*lines, Content(" " * LABEL + axis).stylize("$text-muted")])

    def _waiting(self) -> Content:
        text = f"{fmt.UNKNOWN} {self.trouble}" if self.trouble else "reading …"
        return Content(fmt.clean(text)).stylize("$text-muted")

    def _head(self, step: int | None) -> Content:
        spans = [
            Content(word).stylize("bold" if name == self.span else "$text-muted") for name, word in self._span_words()
        ]
        about = f"   per {fmt.duration(step)}, UTC, of jobs still kept" if step else ""
        if step and self.trouble:
            about = f"   {self.trouble}"
        return Content("").join([*spans, Content(fmt.clean(about)).stylize("$text-muted")])

    def _span_words(self) -> Iterator[tuple[str, str]]:
        for name in SPANS:
            yield name, f"[{name}]" if name == self.span else f" {name} "

    def _series(self, name: str, values: Sequence[int], rows: int, thick: int) -> Iterator[Content]:
        style = state_style(name, dark=self.app.current_theme.dark, colour=not self.app.no_color)
        most = f"most {fmt.count(max(values))}"
        first = f" {name:<9} {fmt.count(sum(values)):>6}  "
        for number, line in enumerate(plot(values, rows, thick)):
            label = Content(GLYPHS[name]).stylize(style) + first if number == 0 else Content(" " * LABEL)
            if number == 1:
                label = Content(f"  {most}".ljust(LABEL)).stylize("$text-muted")
            told = Content(f" {most}").stylize("$text-muted") if rows == 1 else Content("")
            yield label + Content(line).stylize(style) + told

    def on_click(self, event: events.Click) -> None:
        """A span's name means that span."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y:
            return
        x = offset.x
        for name, word in self._span_words():
            if 0 <= x < len(word):
                self.post_message(SpanPicked(self, name))
            x -= len(word)


def merge_factor(steps: int, room: int) -> int:
    """How many steps go into one bar, so that all bars are of the same length and there is room for them."""
    return next((number for number in range(1, steps) if steps % number == 0 and steps // number <= room), steps)


def merge(values: Sequence[int], number: int) -> list[int]:
    """So many neighbours added up."""
    return [sum(values[at : at + number]) for at in range(0, len(values), number)]


def plot(values: Sequence[int], rows: int, thick: int) -> list[str]:
    """Bars from the top line to the bottom one. The largest is full; what is above zero is never invisible."""
    top, whole = max(values, default=0), rows * len(_PARTS)
    levels = [max(1, value * whole // top) if value else 0 for value in values]
    return ["".join(_sign(level, row) * thick for level in levels) for row in reversed(range(rows))]


def _sign(level: int, row: int) -> str:
    above = level - row * len(_PARTS)
    if above <= 0:
        return " " if level or row else NONE
    return _PARTS[min(above, len(_PARTS)) - 1]


def axis_line(begin: datetime, last: datetime, span: Span, width: int) -> str:
    """When the first and the last bar begin, at the ends of a line; the last alone is left out for want of room."""
    first, final = (_moment(at, span) for at in (begin, last))
    between = width - len(first) - len(final)
    line = f" {'─' * (between - 2)} " if between > 2 else " " * between
    return f"{first}{line}{final}" if between > 0 else first


def _moment(at: datetime, span: Span) -> str:
    return f"{at.astimezone(UTC):{'%H:%M' if span.seconds < 86_400 else '%m-%d %H:%M'}}"

"""The widget that shows a timeline: as an axis, or as a list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from bossctl.tui.widgets.timeline import Line, Point, axis, column

STYLES = {
    "past": "bold",
    "label": "",
    "future": "$text-accent",
    "unknown": "italic $text-warning",
    "now": "bold $text-primary",
    "wait": "$text-muted",
    "run": "bold $text-success",
    "rest": "$text-muted",
    "length": "$text-muted",
    "leader": "$text-disabled",
}
"""How each role looks; every one can be told by its sign alone as well."""


class Timeline(Widget):
    """Points drawn for the width there is. `drawn_as` is axis or column."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Timeline { height: auto; }"

    def __init__(self, drawn_as: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._draw = axis if drawn_as == "axis" else column
        self._points: Sequence[Point] = ()
        self._drawn: dict[int, list[Line]] = {}
        self._now = datetime.min.replace(tzinfo=UTC)

    def show(self, points: Sequence[Point], now: datetime) -> None:
        """Draw these."""
        if (list(points), now) != (list(self._points), self._now):
            width = self.size.width
            before = len(self.lines(width))
            self._points, self._now, self._drawn = points, now, {}
            self.refresh(layout=not width or len(self.lines(width)) != before)

    def lines(self, width: int) -> list[Line]:
        """What is drawn at a width; nothing before there are points."""
        if not self._points or width <= 0:
            return []
        if width not in self._drawn:
            self._drawn = {width: self._draw(self._points, self._now, width)}
        return self._drawn[width]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as the drawing has."""
        return len(self.lines(width))

    def render(self) -> Content:
        """The drawing."""
        drawn = [
            Content.assemble(*[(text, STYLES[role]) for text, role in line]) for line in self.lines(self.size.width)
        ]
        return Content("\n").join(drawn)

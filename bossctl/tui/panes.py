"""One line with the names of panes, the chosen one marked; for screens that have no room to show all at once."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from bossctl.format import cell_width, clean


class PaneStrip(Widget):
    """Set `chosen` and `titles`; a click posts `Chosen`.

    Where not all names fit, those around the chosen one are shown whole; `‹` and `›` say, and a click on them brings,
    that there are more.
    """

    ALLOW_SELECT = False
    chosen: reactive[str] = reactive("")
    titles: reactive[Sequence[str]] = reactive(())

    class Chosen(Message):
        """A pane's name was clicked."""

        def __init__(self, pane: str) -> None:
            super().__init__()
            self.pane = pane

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = tuple(names)

    def _shown(self) -> list[str]:
        titles = self.titles or [name.capitalize() for name in self._names]
        return [f" {clean(title)} " for title in titles]

    def _seen(self) -> range:
        """Which names are shown: from the first on, or from so far on that the chosen one is among them."""
        widths = [cell_width(title) + 1 for title in self._shown()]
        here = self._names.index(self.chosen) if self.chosen in self._names else 0
        first = next(
            start for start in range(here + 1) if start == here or sum(widths[start : here + 1]) < self.size.width
        )
        end = next((end for end in range(len(widths), here, -1) if sum(widths[first:end]) < self.size.width), here + 1)
        return range(first, end)

    def render(self) -> Content:
        """The names side by side."""
        shown, seen = self._shown(), self._seen()
        pieces = [
            Content(shown[at]).stylize("bold reverse" if self._names[at] == self.chosen else "$text-muted")
            for at in seen
        ]
        before, after = ("‹" if seen.start else " "), ("›" if seen.stop < len(shown) else "")
        return Content(before) + Content(" ").join(pieces) + after

    def on_click(self, event: events.Click) -> None:
        """Choose the pane whose name is under the mouse; at an end that is not seen, the next there."""
        x, seen, shown = event.x - 1, self._seen(), self._shown()
        if x < 0 < seen.start:
            self.post_message(self.Chosen(self._names[seen.start - 1]))
        for at in seen:
            width = cell_width(shown[at])
            if 0 <= x < width:
                self.post_message(self.Chosen(self._names[at]))
            x -= width + 1
        if x == -1 and seen.stop < len(shown):
            self.post_message(self.Chosen(self._names[seen.stop]))

"""One line with the names of panes, the chosen one marked; for screens that have no room to show all at once."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from bossctl.format import clean


class PaneStrip(Widget):
    """Set `chosen` and `titles`; a click posts `Chosen`."""

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

    def render(self) -> Content:
        """The names side by side."""
        pieces = [
            Content(title).stylize("bold reverse" if name == self.chosen else "$text-muted")
            for name, title in zip(self._names, self._shown(), strict=True)
        ]
        return Content(" ") + Content(" ").join(pieces)

    def on_click(self, event: events.Click) -> None:
        """Choose the pane whose name is under the mouse."""
        x = event.x - 1
        for name, title in zip(self._names, self._shown(), strict=True):
            if 0 <= x < len(title):
                self.post_message(self.Chosen(name))
            x -= len(title) + 1

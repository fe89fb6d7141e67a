"""Small helpers for widget tests: wait for a condition, read the screen as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.app import App
from textual.filter import LineFilter
from textual.pilot import Pilot
from textual.strip import Strip

from bossctl.tui.linefilter import SAFE


class GatedApp(App[None]):
    """An app with the output gate in place, as bossctl's own."""

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's filters, then the gate."""
        return [*super().get_line_filters(), SAFE]


async def until(pilot: Pilot[None], condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Let the app run until the condition holds; fails after `seconds`."""
    for _ in range(int(seconds / 0.02)):
        await pilot.pause()
        if condition():
            return
        await pilot.pause(0.02)
    raise AssertionError(f"still not so after {seconds} s:\n{screen_text(pilot.app)}")


def screen_strips(app: App[None]) -> list[Strip]:
    """The strips as they go to the terminal, after all filters."""
    return app.screen._compositor.render_strips()


def screen_lines(app: App[None]) -> list[str]:
    """The screen as text, one string per line."""
    return [strip.text.rstrip() for strip in screen_strips(app)]


def screen_text(app: App[None]) -> str:
    """The screen as one text."""
    return "\n".join(screen_lines(app))

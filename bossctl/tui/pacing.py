"""How screens are opened and take other colours without the keyboard having to wait: in several steps of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from time import thread_time
from typing import Any, TypeVar

from textual import events
from textual.app import App
from textual.css.stylesheet import Stylesheet
from textual.geometry import Region, Size
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.widget import Widget

R = TypeVar("R")

STEP = 0.008
"""So many seconds of work are one step where work is divided."""
NODES = 4
"""So many widgets are styled before it is seen whether that was a step."""


class Turns:
    """Lets others have a turn whenever as much was done as a step may take."""

    def __init__(self) -> None:
        self._began = thread_time()

    async def take(self) -> None:
        """Go on at once, or after the others."""
        if thread_time() - self._began > STEP:
            await asyncio.sleep(0)
            self._began = thread_time()


class Paced(Screen[R]):
    """A screen that takes turns with the keyboard while it is opened, resized or come back to.

    Textual does all of that in one step of the loop: it applies the stylesheet a second time, lays out, draws, and
    draws again what was to be drawn anyway. Here the lines of the widgets are made beforehand, some at a time; they
    are kept until the widget changes.
    """

    styled = -1
    """By which of the app's looks it is styled."""
    _drawn_later = False
    """Whether the layout is not drawn with what is done now."""
    _laid_out = False
    """Whether the layout is yet to be drawn."""
    _ahead: Iterator[tuple[Widget, tuple[Region, Region]]] | None = None
    """Those whose lines are yet to be made before all of the screen is drawn."""

    def __init__(self) -> None:
        super().__init__()
        self._turns = Turns()

    async def _on_message(self, message: Message) -> None:
        if not isinstance(message, events.InputEvent):
            await self._turns.take()
        await super()._on_message(message)

    async def on_event(self, event: events.Event) -> None:
        """Let what is dear begin a step of its own."""
        if isinstance(event, events.Compose):
            self.styled = look_of(self)
        elif isinstance(event, events.ScreenResume | events.Resize):
            await asyncio.sleep(0)
            if isinstance(event, events.ScreenResume):
                event.refresh_styles = False
                if self.styled != look_of(self):
                    await restyle(self)
            self.refresh()
        await super().on_event(event)

    def _on_timer_update(self) -> None:
        if self._layout_required and self.is_current and not self.app._batch_count:
            began = thread_time()
            self._laid_out = True
            self._refresh_layout(scroll=self._scroll_required)
            self._layout_required = self._scroll_required = False
            if thread_time() - began > STEP:
                self._update_timer.resume()
                return
        if self._repaint_required and self.is_current and not self.app._batch_count and not self._made_ahead():
            self.call_later(self._on_timer_update)  # the timer's own next turn would be a frame later
            return
        if self._laid_out and self._compositor._dirty_regions and not (self._dirty_widgets or self._repaint_required):
            self._compositor_refresh()
        super()._on_timer_update()

    def _made_ahead(self) -> bool:
        """Whether the lines of all widgets are made; else some more of them are now."""
        if self._ahead is None:
            self._ahead = iter(list(self._compositor.visible_widgets.items()))
        began = thread_time()
        for widget, (region, clip) in self._ahead:
            seen = region.intersection(clip)
            if seen and widget.is_attached:
                widget.render_lines(Region(seen.x - region.x, seen.y - region.y, seen.width, seen.height))
            if thread_time() - began > STEP:
                return False
        self._ahead = None
        return True

    def _refresh_layout(self, size: Size | None = None, scroll: bool = False) -> None:
        """Lay out, and draw only where nothing else is going to: Textual draws after each layout, too."""
        self._drawn_later = self._repaint_required or self._laid_out
        try:
            super()._refresh_layout(size, scroll)
        finally:
            self._drawn_later = False

    def _compositor_refresh(self) -> None:
        if not self._drawn_later:
            self._laid_out = False
            super()._compositor_refresh()


class PacedDialog(Paced[R], ModalScreen[R]):
    """A dialog over a screen, opened at the same pace."""


class Restyling(App[None]):
    """An app that takes another theme in steps; screens that are not seen take it when they are shown again."""

    look = 0
    """How often the looks have changed."""

    async def on_event(self, event: events.Event) -> None:
        """A key is taken by what has the focus before the next one is handed on: it may give the focus away."""
        await super().on_event(event)
        if isinstance(event, events.Key):
            await asyncio.sleep(0)

    def refresh_css(self, animate: bool = True) -> None:
        """Style everything by the variables as they are now; nothing is animated."""
        self.run_worker(self._take_look(), group="look", exclusive=True)

    async def _take_look(self) -> None:
        former, variables = self.theme_variables, self.get_css_variables()
        self.theme_variables = former
        turns = Turns()
        while (fresh := await _parsed(self.stylesheet, variables, turns)) is None:
            pass
        self.theme_variables = variables
        self.stylesheet = fresh
        self.look += 1
        fresh.update_nodes([self])
        for screen in seen(self.screen_stack):
            await restyle(screen)
            screen.refresh(layout=True)


def look_of(screen: Screen[Any]) -> int:
    """Which of its looks the app has now."""
    return screen.app.look if isinstance(screen.app, Restyling) else 0


async def restyle(screen: Screen[Any]) -> None:
    """Apply the stylesheet to a screen in steps of which nothing is seen."""
    look, turns, styles = look_of(screen), Turns(), screen.app.stylesheet
    nodes = list(screen.walk_children(Widget, with_self=True))
    with screen.app.batch_update():
        for start in range(0, len(nodes), NODES):
            styles.update_nodes(node for node in nodes[start : start + NODES] if node.is_attached)
            await turns.take()
    if isinstance(screen, Paced):
        screen.styled = look


def seen(stack: Sequence[Screen[Any]]) -> Iterator[Screen[Any]]:
    """The screen in front, and those that can be seen behind it."""
    for screen in reversed(stack):
        yield screen
        if not screen.is_modal:
            return


async def _parsed(styles: Stylesheet, variables: dict[str, str], turns: Turns) -> Stylesheet | None:
    """The same rules by other variables; None when more rules have come in the meantime."""
    fresh = Stylesheet(variables=variables)
    for place, (css, default, tie_breaker, scope) in list(styles.source.items()):
        fresh.add_source(css, place, default, tie_breaker, scope)
        fresh.parse()
        await turns.take()
    return fresh if fresh.source.keys() == styles.source.keys() else None

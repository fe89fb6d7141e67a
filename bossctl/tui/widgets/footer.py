"""The footer: at most five keys, the rest is in `?` and `:`."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import events
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from bossctl.tui.commands import FOOTER_KEYS, Offer, offers, run


class FiveKeyFooter(Widget):
    """The footer commands of the screen, then of the app, as many as fit; the last of them always does."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"footer--key", "footer--title", "footer--off"}
    DEFAULT_CSS = """
    FiveKeyFooter {
        dock: bottom;
        height: 1;
        padding: 0 1;
        background: $footer-background;
        color: $footer-foreground;
        & > .footer--key { color: $footer-key-foreground; text-style: bold; }
        & > .footer--title { color: $footer-description-foreground; }
        & > .footer--off { color: $text-disabled; }
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._offers: list[Offer] = []

    def on_mount(self) -> None:
        """Follow the bindings of the screen."""
        self.screen.bindings_updated_signal.subscribe(self, self._update)
        self._update(self.screen)

    def _update(self, screen: Screen[Any]) -> None:
        if screen is self.screen:
            self._offers = [offer for offer in offers(screen) if offer.command.footer][:FOOTER_KEYS]
            self.refresh()

    @property
    def shown(self) -> list[Offer]:
        """What there is room for."""
        shown = list(self._offers)
        while len(shown) > 1 and sum(map(_width, shown)) - 2 > self.size.width:
            shown.pop(-2)
        return shown

    def render(self) -> Content:
        """Keys and titles."""
        key, title, off = (self.get_visual_style(f"footer--{name}") for name in ("key", "title", "off"))
        pieces = [
            Content(_keys(offer)).stylize(key if offer.enabled else off)
            + Content(f" {offer.command.title}").stylize(title if offer.enabled else off)
            for offer in self.shown
        ]
        return Content("  ").join(pieces)

    def _at(self, event: events.MouseEvent) -> Offer | None:
        offset = event.get_content_offset(self)
        x = -1 if offset is None else offset.x
        for offer in self.shown:
            if 0 <= x < _width(offer):
                return offer
            x -= _width(offer)
        return None

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show what the command under the mouse does."""
        offer = self._at(event)
        tooltip = (offer.command.tooltip or None) if offer else None
        if tooltip != self.tooltip:
            self.tooltip = tooltip

    async def on_click(self, event: events.Click) -> None:
        """Do it."""
        offer = self._at(event)
        if offer is not None and offer.enabled:
            await run(offer)


def _keys(offer: Offer) -> str:
    return offer.keys[0] if offer.keys else ":" + offer.command.name


def _width(offer: Offer) -> int:
    return len(_keys(offer)) + 1 + len(offer.command.title) + 2

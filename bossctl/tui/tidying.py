"""Memory: when to look for what nobody needs any more, and what Textual would keep of screens that were left."""

from __future__ import annotations

import gc
from collections.abc import Sequence

from textual._styles_cache import StylesCache
from textual.screen import Screen
from textual.widget import Widget

from bossctl.tui.pacing import seen

REST = 2
"""Ticks that the screens must have stayed the same before anything is collected: not while somebody goes about."""
RARELY = 100
"""Full collections that come by themselves are so many times rarer than those of the generation below."""
DRAWINGS = 100
"""Widgets whose drawings Textual may keep."""


class Tidying:
    """Collects after screens were left, a little later; asked on each tick of the app.

    A full collection over a thousand queues, their findings and all modules takes 30 to 100 ms. So it must not come in
    the middle of opening a screen, where most objects are made, and what stays for good is set aside: what is loaded,
    once. To set aside more than once would keep every cycle that happens to live just then.
    """

    def __init__(self) -> None:
        self._screens: Sequence[Screen] = ()
        self._wait = 0
        self._began = False

    def begin(self) -> None:
        """Take over from the interpreter; what is loaded by now stays anyway."""
        gc.freeze()
        often, seldom, _ = gc.get_threshold()
        gc.set_threshold(often, seldom, RARELY)
        self._began = True

    def settle(self) -> None:
        """What the other screens need was loaded: that stays, too. Once in a run."""
        if self._began:
            gc.collect()
            gc.freeze()

    def stir(self) -> None:
        """What was to stay will go, such as all of another database: visit everything once more."""
        gc.unfreeze()

    def tick(self, screens: Sequence[Screen]) -> None:
        """Tidy up where it is time; `screens` are those that are open now."""
        forget_drawings()
        forget_unseen(screens)
        if list(screens) != list(self._screens):
            self._screens, self._wait = screens, REST
        elif self._wait:
            self._wait -= 1
            if not self._wait and self._began:
                gc.collect()


def forget_drawings() -> None:
    """Textual remembers two styles by each of the last thousand widgets, and by that all that was drawn of them."""
    remembered = StylesCache.get_inner_outer
    if remembered.cache_info().currsize > DRAWINGS:
        remembered.cache_clear()


def forget_unseen(stack: Sequence[Screen]) -> None:
    """Drop what was drawn of screens that nobody sees; gone back to, they are drawn anew anyway."""
    for screen in {*stack}.difference(seen(stack)):
        for widget in screen.walk_children(Widget, with_self=True):
            widget._styles_cache.clear()

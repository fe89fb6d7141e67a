"""Memory: when to look for what nobody needs any more, and what Textual would keep of screens that were left."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from time import thread_time

from textual._styles_cache import StylesCache
from textual.screen import Screen

REST = 2
"""Ticks that the screens must have stayed the same before anything is collected: not while somebody goes about."""
RARELY = 100
"""Full collections that come by themselves are so many times rarer than those of the generation below."""
DRAWINGS = 100
"""Widgets whose drawings Textual may keep."""
LONG = 0.02
"""Seconds from which a collection is worth to be made shorter."""


class Tidying:
    """Collects after screens were left, a little later; asked on each tick of the app.

    A full collection over a thousand queues, their findings and all modules takes 30 to 100 ms. So it must not come in
    the middle of opening a screen, where most objects are made, and what stays anyway is not visited again. What is set
    aside like that is let go of as ever when nobody refers to it; only cycles among it would stay, and those that come
    and go are made of the screens in front. Hence it is done while only the first screen is open.
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
        """What was read for the first time is there now, and what is needed later was loaded: that stays, too."""
        self._collect(alone=True)

    def stir(self) -> None:
        """What was to stay will go, such as all of another database: visit everything once more."""
        gc.unfreeze()

    def tick(self, screens: Sequence[Screen], *, alone: bool = False) -> None:
        """Tidy up where it is time; `screens` are those that are open now, `alone` that they are what will stay."""
        forget_drawings()
        if list(screens) != list(self._screens):
            self._screens, self._wait = screens, REST
        elif self._wait:
            self._wait -= 1
            if not self._wait:
                self._collect(alone)

    def _collect(self, alone: bool) -> None:
        began = thread_time()
        gc.collect()
        if self._began and alone and thread_time() - began > LONG:
            gc.freeze()


def forget_drawings() -> None:
    """Textual remembers two styles by each of the last thousand widgets, and by that all that was drawn of them."""
    remembered = StylesCache.get_inner_outer
    if remembered.cache_info().currsize > DRAWINGS:
        remembered.cache_clear()

"""The end of a program whose terminal has gone.

What Textual draws is written by a thread, which ends when the terminal has; once its queue is full, drawing waits for
ever, and with it all that would end the program: signals too.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

GRACE_SECONDS = 5.0
"""How long the app has to end by itself: a lost terminal usually comes with a SIGHUP."""


@contextmanager
def ending_with_terminal() -> Iterator[None]:
    """While the block runs, the process does not outlive its terminal by more than a few seconds.

    It is ended outright then; an action's batch that was not committed is rolled back by the server.
    """
    over = threading.Event()
    if sys.__stdin__ and sys.__stdin__.isatty():
        watching = (sys.__stdin__.fileno(), over)
        threading.Thread(target=_watch, args=watching, name="hangup", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _watch(terminal: int, over: threading.Event) -> None:
    watched = select.poll()
    watched.register(terminal, 0)  # nothing but the end is reported without being asked for
    watched.poll()
    if not over.wait(GRACE_SECONDS):
        os._exit(128 + signal.SIGHUP)

"""Everything said on stderr: errors, hints, notes, progress. Never data, never a password, never a raw escape."""

from __future__ import annotations

import sys

from bossctl.dsn import redact


def say(text: str) -> None:
    """Write `text` to stderr, line by line cleaned and without passwords. A closed stderr is ignored."""
    from bossctl.format import clean

    if sys.stderr is None:  # closed by the caller; print would turn to stdout
        return
    lines = [clean(line) for line in redact(text).split("\n")]
    try:
        print(*lines, sep="\n", file=sys.stderr, flush=True)  # noqa: T201 - the one voice
    except OSError:
        return


def error(message: str, hint: str | None = None, *, place: str | None = None) -> None:
    """Say one sentence, the place it is about (an expression with a caret below it), and what to type next.

    A name in them may have line breaks of its own, which must not look like ours.
    """
    from bossctl.format import clean

    say(f"error: {clean(message)}")
    if place:
        say(place)
    if hint:
        say(f"hint: {clean(hint)}")


class Progress:
    """One changing line on a terminal's stderr; silent everywhere else, and where no escapes are wanted."""

    def __init__(self, *, colourless: bool) -> None:
        self.wanted = sys.stderr is not None and sys.stderr.isatty() and not colourless
        self.shown = False

    def __call__(self, text: str) -> None:
        """Show `text` in place of what was shown before."""
        if self.wanted:
            from bossctl.format import clean

            self.shown = True
            sys.stderr.write(f"\r\x1b[K{clean(redact(text))}")
            sys.stderr.flush()

    def done(self) -> None:
        """Wipe the line."""
        if self.shown:
            self.shown = False
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

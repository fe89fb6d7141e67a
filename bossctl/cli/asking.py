"""Questions to a person at a terminal. The answer comes from stdin, the question goes to stderr."""

from __future__ import annotations

import sys

from bossctl.cli import talk
from bossctl.errors import Refused, UsageError


def need_somebody(yes: bool, what: str) -> None:
    """Raise UsageError where `what` needs a yes and nobody is there to give it."""
    if not yes and not (sys.stdin and sys.stderr and sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{what} asks first, and there is no terminal to ask on", "--yes answers for you")


def typed(word: str, question: str) -> None:
    """Ask for `word` to be typed. Raises Refused for anything else."""
    from bossctl.format import clean

    talk.say(question)
    answer = sys.stdin.readline().rstrip("\r\n")
    if answer not in (word, clean(word)):
        raise Refused("declined: nothing was changed")


def agreed(question: str, *, count: int | None = None) -> None:
    """Ask for a yes, or where `count` is given for that number. Raises Refused for anything else."""
    talk.say(f"{question}\ntype {'yes' if count is None else f'{count} (the number of jobs)'} to go on:")
    answer = sys.stdin.readline().strip().lower().replace(",", "")
    if answer not in (("y", "yes") if count is None else (str(count),)):
        raise Refused("declined: nothing was changed")

"""How judges speak: numbers with their noun, moments, and commands that can be typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from bossctl.format import duration, timestamp
from bossctl.selector import And, Is, QueueGlob, to_text

TYPED_IDS = 5
"""So many ids a person still types or copies."""

_GLOB_SIGN = re.compile(r"[\\*?]")


def some(number: int, one: str, many: str | None = None) -> str:
    """`1 job`, `1,204 jobs`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(parts: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *head, last = parts
    return f"{', '.join(head)} and {last}" if head else last


def minute(moment: datetime) -> str:
    """A cron slot: `2026-01-02 03:04Z`."""
    return f"{timestamp(moment)[:-4]}Z"


def ago(moment: datetime, now: datetime) -> str:
    """`2h ago (2026-01-02 03:04:05Z)`."""
    return f"{duration((now - moment).total_seconds())} ago ({timestamp(moment)})"


def list_jobs(queue: str, *conditions: str) -> tuple[str, ...]:
    """The words of `bossctl job list` for one queue and `is:` conditions; the queue's name stands for itself."""
    named = QueueGlob(_GLOB_SIGN.sub(r"\\\g<0>", queue))
    selection = And((named, *map(Is, conditions))) if conditions else named
    return ("job", "list", to_text(selection))


def act_on_queue(action: str, queue: str, *conditions: str) -> tuple[str, ...]:
    """The words of an action on a queue's jobs: `bossctl job retry 'queue:mail is:stuck'`."""
    return ("job", action, list_jobs(queue, *conditions)[-1])


def act_on(action: str, ids: Sequence[str], *options: str, of: int, otherwise: Sequence[str]) -> tuple[str, ...]:
    """The words of an action on these jobs where they are all of the `of` jobs meant, and few; else what shows them."""
    if 0 < len(ids) == of <= TYPED_IDS:
        return ("job", action, *ids, *options)
    return tuple(otherwise)

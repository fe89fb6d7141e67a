"""How judges speak: numbers with their noun, moments, and commands that can be typed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from bossctl.format import timestamp

_PLAIN = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./-]*")
_SPECIAL = re.compile(r'[\\"*?]')


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


def list_jobs(queue: str, *terms: str) -> tuple[str, ...]:
    """The words of `bossctl job list` for one queue, with further terms of the selection language."""
    name = queue if _PLAIN.fullmatch(queue) else '"' + _SPECIAL.sub(r"\\\g<0>", queue) + '"'
    return ("job", "list", " ".join((f"queue:{name}", *terms)))

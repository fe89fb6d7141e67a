"""The orders a list of jobs can have, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_ORDER = "newest"

ORDER_WORDS: Mapping[str, str] = {
    "newest": "newest first",
    "oldest": "oldest first",
    "priority": "highest priority first",
    "started": "last started first",
    "completed": "last ended first",
    "run": "longest run first",
    "retries": "most retries first",
}


@dataclass(frozen=True)
class OrderOffer:
    """An order: its name, its words, and in a sentence what it costs where no index gives it (None: an index does)."""

    name: str
    words: str
    note: str | None

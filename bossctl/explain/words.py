"""How an explanation speaks: numbers with their noun, moments with their distance, database text made harmless."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from bossctl.format import clean, duration, timestamp, truncate
from bossctl.models.explain_facts import Neighbour

TEXT_CELLS = 160


def some(number: int, one: str, many: str | None = None) -> str:
    """`1 job`, `1,204 jobs`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def when(moment: datetime, now: datetime) -> str:
    """`2h ago (2026-01-02 03:04:05Z)`, or `in 2h (…)`; PostgreSQL's infinities stay words."""
    if endless(moment):
        return timestamp(moment)
    return f"{_far(moment, now)} ({timestamp(moment)})"


def stamp(moment: datetime, now: datetime) -> str:
    """`2026-01-02 03:04:05Z (2h ago)`, to follow words such as since, until and after."""
    if endless(moment):
        return timestamp(moment)
    return f"{timestamp(moment)} ({_far(moment, now)})"


def _far(moment: datetime, now: datetime) -> str:
    seconds = (moment - now).total_seconds()
    return f"in {duration(seconds)}" if seconds > 0 else f"{duration(-seconds)} ago"


def endless(moment: datetime) -> bool:
    """Whether it is one of PostgreSQL's infinities."""
    return moment.year in (datetime.min.year, datetime.max.year)


def later(moment: datetime | None, seconds: float | None) -> datetime | None:
    """The moment so many seconds later; None where there is none."""
    if moment is None or seconds is None or endless(moment):
        return None
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return None


def shown(text: str) -> str:
    """Text from the database inside a sentence: every sign visible, not too long."""
    return truncate(clean(text), TEXT_CELLS)


def named_key(key: str | None) -> str:
    """`key order-7`, or `no key`."""
    return f"key {shown(key)}" if key else "no key"


def standing(other: Neighbour, now: datetime) -> str:
    """What another job is doing: `active since 5m ago (…)`, `failed 2h ago (…)`."""
    at = other.started_on if other.state == "active" else other.completed_on
    if other.state in ("created", "retry") or at is None:
        return "waiting" if other.state == "created" else other.state
    return f"{'active, fetched' if other.state == 'active' else other.state} {when(at, now)}"


def expiry(started_on: datetime | None, seconds: object) -> datetime | None:
    """When an active job expires."""
    return later(started_on, float(seconds)) if isinstance(seconds, (int, float)) else None


def reason_key(text: str | None) -> str | None:
    """The bare message or value inside an output, whole, as pg-boss's own reasons are recognised by."""
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict) and "message" not in value:
        value = value.get("value", value)
    message = value.get("message") if isinstance(value, dict) else value
    return message if isinstance(message, str) else None

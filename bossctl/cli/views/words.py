"""Small words shared by the views."""

from __future__ import annotations

from datetime import datetime

from bossctl.cli.document import timestamp
from bossctl.format import age, size
from bossctl.models.common import Count, Truth

DASH = "-"


def number(value: Count) -> str:
    """A count with its truth: `12`, `~12` estimated, `12*` cached, `?` unknown."""
    if value.value is None:
        return "?"
    mark = {Truth.ESTIMATE: "~{}", Truth.CACHED: "{}*"}.get(value.truth, "{}")
    return mark.format(f"{value.value:,}")


def since(seconds: float | None) -> str:
    """A length of time in words, or a dash."""
    return DASH if seconds is None else age(seconds)


def when(value: datetime | None) -> str:
    """A moment to the second, UTC, or a dash."""
    if value is None:
        return DASH
    text = timestamp(value)
    return text if "infinity" in text else f"{value:%Y-%m-%d %H:%M:%S}Z"


def bytes_(value: int | None) -> str:
    """A size in words, or a dash."""
    return DASH if value is None else size(value)


def given(value: object) -> str:
    """An option's value: yes and no for flags, a dash for NULL."""
    if value is None or value == "":
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)

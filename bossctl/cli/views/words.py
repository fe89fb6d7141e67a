"""Small words shared by the views."""

from __future__ import annotations

from bossctl.format import ABSENT, duration, exact_duration, size
from bossctl.models.common import Count, Truth
from bossctl.models.queues import OptionValue

DURATIONS = ("retry_delay", "retry_delay_max", "expire_in", "retention", "delete_after", "heartbeat")


def number(value: Count) -> str:
    """A count with its truth: `12`, `~12` estimated, `12*` cached, `?` unknown."""
    if value.value is None:
        return "?"
    mark = {Truth.ESTIMATE: "~{}", Truth.CACHED: "{}*"}.get(value.truth, "{}")
    return mark.format(f"{value.value:,}")


def since(seconds: float | None) -> str:
    """A length of time in words, or a dash."""
    return ABSENT if seconds is None else duration(seconds)


def bytes_(value: int | None) -> str:
    """A size in words, or a dash."""
    return ABSENT if value is None else size(value)


def option(name: str, value: OptionValue, *, client_defaults: bool = False) -> str:
    """A queue option; durations in seconds and in words, `client default` where 10.x has NULL."""
    if value is None and client_defaults and name != "dead_letter":
        return "client default"
    if name in DURATIONS and isinstance(value, int):
        return f"{value} ({exact_duration(value)})" if value >= 60 else f"{value}s"
    return given(value)


def given(value: object) -> str:
    """An option's value: yes and no for flags, a dash for NULL."""
    if value is None or value == "":
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)

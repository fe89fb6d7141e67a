"""Words of the screens: numbers with their truth, moments as ages, database text made harmless."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from rich.text import Text

from bossctl import format as fmt
from bossctl.models.common import UNKNOWN, Count, Target, Truth
from bossctl.tui.grids import Grid, GridColumn

if TYPE_CHECKING:
    from bossctl.models.jobs import JobRow
    from bossctl.models.queues import Queue
    from bossctl.models.schema import Info

AGED = "·"
"""Stands between a number and how long ago it was counted."""
TRUTHS = "~ estimated   ? unknown   5·3m counted 3m ago"


def counted(count: Count) -> str:
    """A number with its truth: `12`, `~12k`, `12·3m` (counted three minutes ago), `?`."""
    text = fmt.count(count.value, estimate=count.truth is Truth.ESTIMATE)
    aged = count.value is not None and count.age_seconds is not None and count.age_seconds >= 1
    return f"{text}{AGED}{brief_age(count.age_seconds)}" if aged else text


def brief_age(seconds: float | None) -> str:
    """An age in its largest unit: `3m`, `2h`."""
    text = fmt.age(seconds)
    for at, sign in enumerate(text):
        if sign in "dhms∞?":
            return text[: at + 1]
    return text


def together(*counts: Count, less: tuple[Count, ...] = ()) -> Count:
    """The sum of counts, without those in `less`; as true as the least true of them, as old as the oldest."""
    total, truth, oldest = 0, Truth.EXACT, None
    for count in (*counts, *less):
        if count.value is None:
            return UNKNOWN
        total += count.value
        if count.truth is Truth.ESTIMATE or (count.truth is Truth.CACHED and truth is Truth.EXACT):
            truth = count.truth
        if count.age_seconds is not None:
            oldest = max(oldest or 0.0, count.age_seconds)
    total -= 2 * sum(count.value or 0 for count in less)
    return Count(max(0, total), truth, oldest if truth is Truth.CACHED else None)


def ready(queue: Queue) -> Count:
    """Jobs that a worker would take now: waiting, due and not blocked."""
    held = tuple(queue.extra[name] for name in ("deferred", "blocked") if name in queue.extra)
    return together(queue.counts["created"], queue.counts["retry"], less=held)


def place(target: Target) -> str:
    """`host:port/database`, harmless."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    return fmt.clean(f"{host}:{target.port}/{target.database}")


def moment(at: datetime | None, now: datetime) -> str:
    """A moment with its distance: `2026-01-02 03:04:05Z (3m10s ago)`."""
    if at is None:
        return fmt.ABSENT
    seconds = distance(at, now)
    if seconds is None:
        return fmt.timestamp(at)
    ago = f"in {fmt.age(-seconds)}" if seconds < 0 else f"{fmt.age(seconds)} ago"
    return f"{fmt.timestamp(at)} ({ago})"


def distance(at: datetime | None, now: datetime) -> float | None:
    """Seconds from `at` to now, negative for what is to come; None for no moment and for infinity."""
    if at is None or at.year in (datetime.max.year, datetime.min.year):
        return None
    return (now - at).total_seconds()


def lately(row: JobRow, now: datetime) -> str:
    """What a job is doing, or when it last did: `due 5m ago`, `due in 2h`, `runs 3m`, `ended 4m ago`."""
    if row.blocked:
        return "waits for parent"
    if row.state in ("created", "retry"):
        due = distance(row.start_after, now)
        return fmt.ABSENT if due is None else f"due in {fmt.age(-due)}" if due < 0 else f"due {fmt.age(due)} ago"
    if row.state == "active":
        return f"runs {fmt.age(distance(row.started_on, now))}"
    ended = distance(row.completed_on, now)
    return fmt.ABSENT if ended is None else f"ended {fmt.age(ended)} ago"


def run_time(row: JobRow, now: datetime) -> str:
    """How long it ran, or has been running."""
    if row.started_on is None or row.state in ("created", "retry", "cancelled"):
        return fmt.ABSENT
    end = now if row.state == "active" else row.completed_on
    return fmt.ABSENT if end is None or end < row.started_on else fmt.elapsed((end - row.started_on).total_seconds())


def pairs(rows: Iterable[tuple[str, Text | str]], *, width: int = 0) -> Grid:
    """Names, muted, with values beside them that wrap within their own column; texts are made harmless here."""
    columns = (GridColumn("dim", right=not width, min_width=width), GridColumn(folds=True))
    told = ((name, Text(fmt.clean(value)) if isinstance(value, str) else value) for name, value in rows)
    return Grid(columns, ((Text(fmt.clean(name)), value) for name, value in told))


def plural(number: int, word: str) -> str:
    """`1 queue`, `2 queues`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


SUPERVISION = ("maintenance", "monitor", "counters", "flow resolver")
"""What an instance with supervise: true does; the youngest of them tells that there is one."""


def supervision(info: Info, now: datetime) -> tuple[str, ...]:
    """When pg-boss's supervisor was last seen at work, in fewer and fewer words: `supervisor 1m40s ago` … `sup 1m`."""
    stamps = [age.at for age in info.ages if age.name in SUPERVISION and age.at is not None]
    if stamps:
        age = max(0.0, (now - max(stamps)).total_seconds())
        return f"supervisor {fmt.age(age)} ago", f"supervisor {brief_age(age)}", f"sup {brief_age(age)}"
    known = any(age.known for age in info.ages if age.name in SUPERVISION)
    return ("no supervisor seen", "no supervisor") if known else ("supervisor ?", "sup ?")

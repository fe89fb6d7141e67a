"""Queues as lines of the list: columns, cells, tones; no reading in here."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from textual.content import Content

from bossctl import format as fmt
from bossctl.models.common import Count, Truth
from bossctl.tui.overviews import LATE_SECONDS, VERY_LATE_SECONDS, Line
from bossctl.tui.widgets.columns import Column
from bossctl.tui.widgets.rows import Cell, Row
from bossctl.tui.widgets.states import SparkCell, StateBar, values
from bossctl.tui.words import brief_age, counted, distance

if TYPE_CHECKING:
    from bossctl.models.findings import Report

OLD_SECONDS = 60.0
"""A rate from longer ago carries its age."""

COLUMNS = (
    Column("queue", "QUEUE", min_width=14, max_width=40, fit=True, flex=1, sortable=True),
    Column(
        "found",
        "FOUND",
        width=6,
        min_width=5,
        priority=1,
        sortable=True,
        tooltip="what doctor found: the worst, and how often",
    ),
    Column(
        "policy", "POLICY", min_width=9, max_width=15, fit=True, priority=8, tooltip="how many jobs may wait or run"
    ),
    Column("jobs", "JOBS", width=14, min_width=8, max_width=36, flex=2, priority=2, tooltip="all six states"),
    Column("ready", "READY", min_width=6, max_width=11, fit=True, align="right", sortable=True, tooltip="due, waiting"),
    Column("active", "ACTIVE", min_width=7, max_width=11, fit=True, align="right", sortable=True),
    Column("failed", "FAILED", min_width=7, max_width=11, fit=True, align="right", sortable=True),
    Column("due", "OLDEST", width=7, align="right", sortable=True, tooltip="how long the oldest due job has waited"),
    Column(
        "done",
        "DONE/M",
        width=7,
        min_width=6,
        align="right",
        priority=4,
        sortable=True,
        tooltip="completed within the last minute",
    ),
    Column(
        "fail",
        "FAIL/M",
        width=7,
        min_width=6,
        align="right",
        priority=3,
        sortable=True,
        tooltip="failed for good within the last minute",
    ),
    Column(
        "trend", "ENDED", width=8, min_width=6, max_width=15, flex=1, priority=7, tooltip="jobs that ended, by minutes"
    ),
    Column(
        "workers",
        "WORKERS",
        width=8,
        align="right",
        priority=5,
        sortable=True,
        tooltip="live instances that work it; before schema 44 when a job was last fetched",
    ),
    Column(
        "depth",
        "DEAD",
        width=6,
        align="right",
        priority=6,
        sortable=True,
        tooltip="jobs that wait in its dead-letter queue",
    ),
    Column("hour", "FAIL/H", width=7, align="right", priority=9, sortable=True, tooltip="failed within the last hour"),
    Column("dead", "DEAD LETTER", min_width=11, max_width=24, fit=True, priority=10),
)


def row_of(line: Line) -> Row:
    """A queue as a row."""
    queue, numbers = line.queue, values(line.queue.counts)
    cells: tuple[Cell, ...] = (
        fmt.clean(queue.name),
        _found(line.found),
        "implicit" if queue.implicit else fmt.clean(str(queue.options.get("policy") or "standard")),
        StateBar(numbers),
        counted(line.ready),
        counted(queue.counts["active"]),
        _alarming(queue.counts["failed"], "$text-warning"),
        _waiting(queue.oldest_due_seconds),
        _rate(line.done, line, ""),
        _rate(line.fail, line, "$text-error"),
        SparkCell(line.trend),
        _workers(line),
        fmt.ABSENT if line.depth is None else _alarming(line.depth, "$text-warning"),
        _alarming(queue.failed_last_hour, "$text-error"),
        fmt.clean(queue.dead_letter or ""),
    )
    return Row(queue.name, cells, "" if line.alarm or any(numbers) else "muted")


def unsure(line: Line) -> bool:
    """Whether one of its counts is less than exact."""
    counts = line.queue.counts
    return any(count.truth is not Truth.EXACT for count in (*counts.values(), line.queue.failed_last_hour))


def findings_by_queue(report: Report) -> dict[str, tuple[int, ...]]:
    """The numbers of errors, warnings and infos of each queue that has any."""
    found: dict[str, list[int]] = {}
    for one in report.findings:
        if one.queue is not None:
            found.setdefault(one.queue, [0, 0, 0])[one.severity.rank] += 1
    return {queue: tuple(numbers) for queue, numbers in found.items()}


NOTHING_FOUND = (0, 0, 0)
_BADGES = (("✗", "$text-error"), ("▲", "$text-warning"), ("·", "$text-primary"))


def _found(found: tuple[int, ...] | None) -> Cell:
    """The worst severity and how many findings have it."""
    if found is None:
        return fmt.UNKNOWN
    for number, (sign, style) in zip(found, _BADGES, strict=True):
        if number:
            return _styled(f"{sign} {number}", style)
    return ""


def _rate(per_minute: float | None, line: Line, style: str) -> Cell:
    if per_minute is None or line.pulse is None:
        return fmt.UNKNOWN
    age = line.pulse.age_seconds
    old = age >= OLD_SECONDS
    text = counted(Count(round(per_minute), Truth.CACHED if old else Truth.EXACT, age if old else None))
    if 0 < per_minute < 0.5:
        text = "<1"
    return _styled(text, style) if style and per_minute else text


def _workers(line: Line) -> Cell:
    """How many there are, or when one was last seen; where nothing tells, a question mark."""
    if line.pulse is None:
        return fmt.UNKNOWN
    if line.pulse.workers is not None:
        idle = line.pulse.workers == 0 and line.ready.value
        return _styled("0", "$text-error") if idle else str(line.pulse.workers)
    age = distance(line.pulse.seen_on, line.now) if line.now is not None else None
    return fmt.UNKNOWN if age is None else f"{brief_age(max(0.0, age))} ago"


def _alarming(count: Count, style: str) -> Cell:
    return _styled(counted(count), style) if count.value else counted(count)


@lru_cache(4096)
def _styled(text: str, style: str) -> Content:
    return Content(text).stylize(style)


def _waiting(seconds: float | None) -> Cell:
    if seconds is None:
        return fmt.ABSENT
    text = fmt.age(seconds)
    if seconds < LATE_SECONDS:
        return text
    return _styled(text, "$text-error" if seconds >= VERY_LATE_SECONDS else "$text-warning")

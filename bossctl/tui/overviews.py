"""What the queues screen makes of its readings: cheap and exact ones merged, the worst first, trends."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from bossctl.models.common import Count, Truth
from bossctl.models.queues import Queue, QueueOverview
from bossctl.tui.words import ready

READINGS_KEPT = 60
LATE_SECONDS, VERY_LATE_SECONDS = 60, 3600
"""From these ages of the oldest due job on a queue is noticed, and alarming."""


def merge(cheap: QueueOverview, exact: QueueOverview | None) -> QueueOverview:
    """The cheap reading with what it could only estimate taken from the last exact one, marked with its age."""
    if exact is None or cheap.truth_note is None:
        return cheap
    if exact.taken_at >= cheap.taken_at:
        return exact
    age = (cheap.taken_at - exact.taken_at).total_seconds()
    known = {queue.name: queue for queue in exact.queues}
    return replace(cheap, queues=tuple(_merged(queue, known.get(queue.name), age) for queue in cheap.queues))


def _merged(queue: Queue, exact: Queue | None, age: float) -> Queue:
    if exact is None:
        return queue
    counts = {state: _better(count, exact.counts[state], age) for state, count in queue.counts.items()}
    failed = _better(queue.failed_last_hour, exact.failed_last_hour, age)
    return replace(queue, counts=counts, failed_last_hour=failed)


def _better(count: Count, exact: Count, age: float) -> Count:
    if count.truth is Truth.EXACT or exact.truth is not Truth.EXACT:
        return count
    if count.truth is Truth.CACHED and (count.age_seconds or 0.0) <= age:
        return count
    return Count(exact.value, Truth.CACHED, age)


class Line(NamedTuple):
    """A queue with what its row shows beyond the reading; `alarm` is 0 to 2."""

    queue: Queue
    ready: Count
    alarm: int
    trend: tuple[float | None, ...]


def line_of(queue: Queue, trend: tuple[float | None, ...]) -> Line:
    """The line of a queue."""
    return Line(queue, ready(queue), _alarm(queue), trend)


def _alarm(queue: Queue) -> int:
    """2 for failures in the last hour or very late work, 1 for any failure or late work, else 0."""
    late = queue.oldest_due_seconds or 0.0
    if queue.failed_last_hour.value or late >= VERY_LATE_SECONDS:
        return 2
    return 1 if queue.counts["failed"].value or late >= LATE_SECONDS else 0


def worst_first(line: Line) -> tuple[object, ...]:
    """Sort key. Amounts count by their magnitude only, or the order would never come to rest."""
    queue = line.queue
    amounts = (
        queue.failed_last_hour.value or 0,
        int((queue.oldest_due_seconds or 0.0) / LATE_SECONDS),
        queue.counts["failed"].value or 0,
        line.ready.value or 0,
        queue.counts["active"].value or 0,
    )
    return (queue.name.startswith("__"), -line.alarm, *(-amount.bit_length() for amount in amounts), queue.name)


SORTS: Mapping[str, str] = {
    "worst": "worst first",
    "queue": "by name",
    "ready": "by ready",
    "active": "by active",
    "failed": "by failed",
    "due": "by oldest due",
    "hour": "by failures in the last hour",
}


def ordered(lines: Iterable[Line], sort: str) -> list[Line]:
    """Lines in one of the SORTS; numbers largest first, unknown last."""
    if sort == "worst":
        return sorted(lines, key=worst_first)
    listed = sorted(lines, key=lambda line: line.queue.name)
    return listed if sort == "queue" else sorted(listed, key=lambda line: _amount(line, sort), reverse=True)


def _amount(line: Line, sort: str) -> float:
    queue = line.queue
    if sort == "due":
        return -1.0 if queue.oldest_due_seconds is None else queue.oldest_due_seconds
    count = line.ready if sort == "ready" else queue.failed_last_hour if sort == "hour" else queue.counts[sort]
    return -1.0 if count.value is None else float(count.value)


class Trends:
    """Ready jobs per queue over the last readings."""

    def __init__(self) -> None:
        self._values: dict[str, deque[float | None]] = {}

    def add(self, queue: Queue) -> None:
        """Note a queue's part of a reading."""
        self._values.setdefault(queue.name, deque(maxlen=READINGS_KEPT)).append(ready(queue).value)

    def keep(self, names: Collection[str]) -> None:
        """Forget queues that are gone."""
        for name in self._values.keys() - set(names):
            del self._values[name]

    def of(self, queue: str) -> tuple[float | None, ...]:
        """How far the values of a queue lay above the lowest of them, oldest first: a steady queue is a flat line."""
        values = self._values.get(queue, ())
        lowest = min((value for value in values if value is not None), default=0.0)
        return tuple(None if value is None else value - lowest for value in values)

"""What the queues screen makes of its readings: cheap and exact ones merged, the worst first, trends."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace

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


def alarm(queue: Queue) -> int:
    """How bad it looks: 2 for failures in the last hour or very late work, 1 for any failure or late work, else 0."""
    late = queue.oldest_due_seconds or 0.0
    if queue.failed_last_hour.value or late >= VERY_LATE_SECONDS:
        return 2
    return 1 if queue.counts["failed"].value or late >= LATE_SECONDS else 0


def worst_first(queue: Queue) -> tuple[object, ...]:
    """Sort key. Amounts count by their magnitude only, or the order would never come to rest."""
    amounts = (
        queue.failed_last_hour.value or 0,
        int((queue.oldest_due_seconds or 0.0) / LATE_SECONDS),
        queue.counts["failed"].value or 0,
        ready(queue).value or 0,
        queue.counts["active"].value or 0,
    )
    return (queue.name.startswith("__"), -alarm(queue), *(-amount.bit_length() for amount in amounts), queue.name)


SORTS: Mapping[str, str] = {
    "worst": "worst first",
    "queue": "by name",
    "ready": "by ready",
    "active": "by active",
    "failed": "by failed",
    "due": "by oldest due",
    "hour": "by failures in the last hour",
}


def ordered(queues: Iterable[Queue], sort: str) -> list[Queue]:
    """Queues in one of the SORTS; numbers largest first, unknown last."""
    listed = sorted(queues, key=lambda queue: queue.name)
    if sort == "worst":
        return sorted(listed, key=worst_first)
    if sort == "queue":
        return listed
    return sorted(listed, key=lambda queue: _amount(queue, sort), reverse=True)


def _amount(queue: Queue, sort: str) -> float:
    if sort == "due":
        return -1.0 if queue.oldest_due_seconds is None else queue.oldest_due_seconds
    count = {"ready": ready, "hour": lambda one: one.failed_last_hour}.get(sort, lambda one: one.counts[sort])(queue)
    return -1.0 if count.value is None else float(count.value)


class Trends:
    """Ready jobs per queue over the last readings."""

    def __init__(self) -> None:
        self._values: dict[str, deque[float | None]] = {}

    def add(self, queues: Iterable[Queue]) -> None:
        """Note one reading; queues that are gone are forgotten."""
        noted = {queue.name: ready(queue).value for queue in queues}
        for name in self._values.keys() - noted.keys():
            del self._values[name]
        for name, value in noted.items():
            self._values.setdefault(name, deque(maxlen=READINGS_KEPT)).append(value)

    def of(self, queue: str) -> tuple[float | None, ...]:
        """How far the values of a queue lay above the lowest of them, oldest first: a steady queue is a flat line."""
        values = self._values.get(queue, ())
        lowest = min((value for value in values if value is not None), default=0.0)
        return tuple(None if value is None else value - lowest for value in values)

"""What the queues screen makes of its readings: cheap and exact ones merged, the worst first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from bossctl.models.common import Count, Truth
from bossctl.models.pulse import QueuePulse, Rates
from bossctl.models.queues import Queue, QueueOverview
from bossctl.tui.words import ready, together

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
    """A queue with what its row shows beyond the reading; `alarm` is 0 to 2.

    `pulse` None: not read yet. `depth` counts what waits in its dead-letter queue, None without one. `found` are the
    numbers of doctor's errors, warnings and infos, None while doctor has not looked. `now` is the server's clock.
    """

    queue: Queue
    ready: Count
    alarm: int
    pulse: QueuePulse | None = None
    depth: Count | None = None
    found: tuple[int, ...] | None = None
    now: datetime | None = None

    @property
    def done(self) -> float | None:
        """Jobs completed in the last minute."""
        return self.pulse.completed[-1] if self.pulse and self.pulse.completed else None

    @property
    def fail(self) -> float | None:
        """Jobs that failed for good in the last minute."""
        return self.pulse.failed[-1] if self.pulse and self.pulse.failed else None

    @property
    def trend(self) -> Rates:
        """Jobs that ended per minute, oldest first."""
        if self.pulse is None:
            return ()
        return tuple(
            None if one is None or other is None else one + other
            for one, other in zip(self.pulse.completed, self.pulse.failed, strict=False)
        )


def line_of(
    queue: Queue,
    pulse: QueuePulse | None = None,
    *,
    depth: Count | None = None,
    found: tuple[int, ...] | None = None,
    now: datetime | None = None,
) -> Line:
    """The line of a queue."""
    return Line(queue, ready(queue), _alarm(queue), pulse, depth, found, now)


def depths(queues: Iterable[Queue]) -> dict[str, Count]:
    """What waits in each queue, deferred or not: of a dead-letter queue its depth."""
    return {queue.name: together(queue.counts["created"], queue.counts["retry"]) for queue in queues}


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
    "done": "by completions in the last minute",
    "fail": "by failures in the last minute",
    "workers": "by workers",
    "depth": "by dead letters",
    "found": "by findings",
}


def ordered(lines: Iterable[Line], sort: str) -> list[Line]:
    """Lines in one of the SORTS; numbers largest first, unknown last."""
    if sort == "worst":
        return sorted(lines, key=worst_first)
    listed = sorted(lines, key=lambda line: line.queue.name)
    return listed if sort == "queue" else sorted(listed, key=lambda line: _amount(line, sort), reverse=True)


def _amount(line: Line, sort: str) -> float:
    known = _AMOUNTS[sort](line)
    return -1.0 if known is None else float(known)


def _gravity(line: Line) -> float | None:
    """Findings as one number: any error weighs more than all warnings."""
    if line.found is None:
        return None
    return float(sum(number * 1000**weight for weight, number in enumerate(reversed(line.found))))


_AMOUNTS: Mapping[str, Callable[[Line], float | None]] = {
    "ready": lambda line: line.ready.value,
    "active": lambda line: line.queue.counts["active"].value,
    "failed": lambda line: line.queue.counts["failed"].value,
    "due": lambda line: line.queue.oldest_due_seconds,
    "hour": lambda line: line.queue.failed_last_hour.value,
    "done": lambda line: line.done,
    "fail": lambda line: line.fail,
    "workers": lambda line: line.pulse.workers if line.pulse else None,
    "depth": lambda line: line.depth.value if line.depth else None,
    "found": _gravity,
}

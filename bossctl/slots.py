"""The slots of schedules: which were due, and what was sent for each.

pg-boss asks about twice a minute whether an expression had an occurrence within the last 60 seconds, and sends one row
of `__pgboss__send-it` for it (12.31 and newer: for the minute it names); that row's worker makes the job.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from bossctl import cron
from bossctl.models.schedules import Schedule, ScheduleRecord, ScheduleSlot, Sent

DAY = timedelta(days=1)
"""How far back slots are compared with what was sent."""

SETTLED = timedelta(minutes=3)
"""A younger slot may still be sent: passes come once or twice a minute, and at most 45 s apart by setting."""

RUNS = 10
RECENT = 20
"""So many slots are shown, however old."""

MOST_SLOTS = 1_440
_MINUTE = timedelta(minutes=1)
_EARLIER, _LATER = timedelta(minutes=1), timedelta(minutes=2)
_TICK = timedelta(seconds=1)


@dataclass(frozen=True)
class Known:
    """What the slots are judged by: the clock, from when on every send is stored, versions of cron-parser it may be."""

    now: datetime
    since: datetime | None
    cron_parsers: tuple[int, ...]


def judged_since(set_on: datetime | None, known: Known) -> datetime | None:
    """From when on slots can be compared with what was sent; None where nothing is known of any.

    It is not known what fired before the schedule was last set, and not what was sent before the oldest send stored.
    """
    if set_on is None or known.since is None:
        return None
    return max(set_on, known.since) + _MINUTE


def due_slots(
    expression: str, zone: str | None, kind: str | None, *, since: datetime, until: datetime, parsers: Sequence[int]
) -> Iterator[datetime]:
    """The occurrences before `until`, the newest first, that each of these cron-parsers sees."""
    first, *others = parsers
    for moment in cron.previous_runs(expression, zone, kind, before=until, cron_parser=first):
        if moment < since:
            return
        if all(cron.has_occurrence(expression, zone, moment, kind, cron_parser=one) for one in others):
            yield moment


def several_a_minute(expression: str | None) -> bool:
    """A sixth field in front names seconds: more than one of them makes several runs a minute due."""
    fields = expression.split() if expression else []
    return len(fields) == 6 and not fields[0].isdigit()


def recorded(schedule: Schedule, sends: Sequence[Sent], known: Known) -> ScheduleRecord:
    """What became of the slots of a schedule; `sends` are its own, the newest first."""
    told = cron.next_runs(
        schedule.cron,
        schedule.timezone,
        schedule.kind,
        after=known.now,
        count=RUNS,
        cron_parser=known.cron_parsers[-1],
    )
    blind = None if told.runs else told.reason
    since = judged_since(schedule.updated_on or schedule.created_on, known)
    due = _recent(schedule, since, known) if blind is None and since is not None else []
    slots = _slots(schedule, sends, due, since, known)
    a_day = [slot for slot in slots if slot.at >= known.now - DAY]
    judged = [slot for slot in a_day if slot.due and not slot.awaited]
    unknown = blind or _unjudged(schedule, since, judged, known)
    return ScheduleRecord(
        schedule=schedule,
        next=told.runs,
        no_next=told.reason,
        slots=slots,
        looked=len(judged),
        missed=None if unknown else sum(slot.missed for slot in judged),
        doubled=_doubled(a_day, unknown),
        unknown=unknown,
    )


def _recent(schedule: Schedule, since: datetime, known: Known) -> list[datetime]:
    """Those of the last day, and older ones as far as there are few."""
    found: list[datetime] = []
    slots = due_slots(
        schedule.cron,
        schedule.timezone,
        schedule.kind,
        since=since,
        until=known.now,
        parsers=known.cron_parsers,
    )
    for moment in islice(slots, MOST_SLOTS):
        if moment < known.now - DAY and len(found) >= RECENT:
            break
        found.append(moment)
    return found


def _unjudged(schedule: Schedule, since: datetime | None, judged: Sequence[ScheduleSlot], known: Known) -> str | None:
    """Why nothing can be said of the slots of the last day, if there were any."""
    if judged:
        return None
    born = max(known.now - DAY, schedule.created_on or known.now - DAY)
    was_due = due_slots(
        schedule.cron,
        schedule.timezone,
        schedule.kind,
        since=born,
        until=known.now - SETTLED,
        parsers=known.cron_parsers[-1:],
    )
    last = next(was_due, None)
    if last is None:
        return None
    if since is not None and last >= since:
        return "the releases that have such a schema do not read its expression alike"
    if known.since is None:
        return "nothing that the scheduler sent is stored"
    set_on = schedule.updated_on or schedule.created_on
    if since is not None and set_on is not None and set_on >= known.since:
        return "it was set after its last slot"
    return "what was sent at its last slots is no longer stored"


def _slots(
    schedule: Schedule, sends: Sequence[Sent], due: Sequence[datetime], since: datetime | None, known: Known
) -> tuple[ScheduleSlot, ...]:
    settled, others = _settled(sorted(due), sends)
    several = several_a_minute(schedule.cron)
    found = [
        ScheduleSlot(at, True, tuple(mine), not mine and at > known.now - SETTLED, _twice(mine, several=several))
        for at in due
        for mine in [settled.get(at, [])]
    ]
    stray: dict[datetime, list[Sent]] = defaultdict(list)
    for sent in others:
        stray[_minute(sent)].append(sent)
    for at, mine in stray.items():
        comparable = since is not None and at >= since
        if not (comparable and due and at < due[-1] - _EARLIER):
            off = comparable and _fires(schedule, at, known) is False
            found.append(ScheduleSlot(at, False if off else None, tuple(mine), twice=_twice(mine, several=several)))
    return tuple(sorted(found, key=lambda slot: slot.at, reverse=True))


def _settled(due: Sequence[datetime], sends: Sequence[Sent]) -> tuple[dict[datetime, list[Sent]], list[Sent]]:
    """Each send with the slot it is of (`due` in order of time), and those that are of none."""
    minutes = {moment.replace(second=0, microsecond=0): moment for moment in due}
    settled: dict[datetime, list[Sent]] = defaultdict(list)
    others: list[Sent] = []
    for sent in sends:
        slot = minutes.get(sent.slot) if sent.slot else _slot_of(due, sent.created_on)
        if slot is None:
            others.append(sent)
        else:
            settled[slot].append(sent)
    return settled, others


def _slot_of(due: Sequence[datetime], sent_on: datetime) -> datetime | None:
    """The last slot before it was sent; the next one where a clock was ahead."""
    place = bisect_right(due, sent_on + _TICK)
    if place and sent_on - due[place - 1] <= _LATER:
        return due[place - 1]
    return due[place] if place < len(due) and due[place] - sent_on <= _EARLIER else None


def _minute(sent: Sent) -> datetime:
    return sent.slot or sent.created_on.astimezone(UTC).replace(second=0, microsecond=0)


def _twice(sends: Sequence[Sent], *, several: bool) -> bool:
    """Whether there are more of them, or of their jobs, than were due."""
    jobs = sum(len(sent.jobs or ()) for sent in sends)
    return (len(sends) > 1 and not several) or jobs > max(1, len(sends))


def _doubled(slots: Sequence[ScheduleSlot], unknown: str | None) -> int | None:
    doubled = sum(slot.twice for slot in slots)
    seen = [slot for slot in slots if slot.sends]
    if not doubled and ((unknown and not seen) or any(slot.jobs is None for slot in seen)):
        return None
    return doubled


def _fires(schedule: Schedule, at: datetime, known: Known) -> bool | None:
    """Whether any of the cron-parsers sees an occurrence in that minute."""
    told = [
        cron.has_occurrence(schedule.cron, schedule.timezone, at, schedule.kind, cron_parser=one)
        for one in known.cron_parsers
    ]
    return None if None in told else any(told)

"""DUP14: sends of the scheduler in minutes for which the cron expression has no occurrence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from bossctl.cron import has_occurrence
from bossctl.doctor.check import JOBS_SHOWN, Case, Check, Readings
from bossctl.doctor.words import list_jobs, minute, some
from bossctl.models.findings import Certainty, EvidenceValue, Severity
from bossctl.models.readings_duplicates import ScheduledSlots, SlotSend

_MINUTE = timedelta(minutes=1)
_CRON_PARSERS = (5, 4)


def off_slot(readings: Readings) -> Iterator[Case]:
    """Two cases per schedule at most: sends beside their occurrence's own, and sends that only came late."""
    schedules: dict[tuple[str, str], list[SlotSend]] = defaultdict(list)
    for sends in _by_id(readings[ScheduledSlots].sends).values():
        due = next((one for one in sends if _may_be_due(one, one.slot)), None)
        told = due or sends[0]
        schedules[told.queue, told.key].append(told)
    for sends in schedules.values():
        yield from _cases(sends)


def _by_id(sends: Sequence[SlotSend]) -> Mapping[str, Sequence[SlotSend]]:
    found: dict[str, list[SlotSend]] = defaultdict(list)
    for send in sends:
        found[send.id].append(send)
    return found


def _may_be_due(send: SlotSend, moment: datetime) -> bool:
    """Whether one of the cron readers that pg-boss had sees an occurrence then, or cannot tell."""
    return any(
        has_occurrence(send.cron, send.timezone, moment, cron_parser=parser) is not False for parser in _CRON_PARSERS
    )


def _cases(sends: Sequence[SlotSend]) -> Iterator[Case]:
    off = [send for send in sends if not _may_be_due(send, send.slot)]
    sent = {send.slot for send in sends if send not in off}
    late = [send for send in off if _only_moved(send, sent)]
    more = [send for send in off if send not in late]
    if more:
        yield _case(more, len(sends), moved=False)
    if late:
        yield _case(late, len(sends), moved=True)


def _only_moved(send: SlotSend, sent: set[datetime]) -> bool:
    """Whether an occurrence beside it has no send of its own, so that this one may be it."""
    beside = (send.slot - _MINUTE, send.slot + _MINUTE)
    due = [moment for moment in beside if _may_be_due(send, moment)]
    return any(moment not in sent for moment in due)


def _case(off: Sequence[SlotSend], seen: int, *, moved: bool) -> Case:
    newest = max(off, key=lambda send: send.slot)
    key = f" key {newest.key!r}" if newest.key else ""
    what = (
        "the minute beside, and its own had none: sent once, filed under the wrong minute"
        if moved
        else "minutes for which it has no occurrence"
    )
    return Case(
        queue=newest.queue,
        subject=f"schedule {newest.key} {'moved' if moved else 'off slot'}",
        certainty=Certainty.LIKELY,
        severity=Severity.INFO if moved else None,
        count=len(off),
        since=min(send.slot for send in off),
        message=f"the schedule of queue {newest.queue}{key} ({newest.cron}, {newest.timezone or 'UTC'}) was sent"
        f" {some(len(off), 'time')} of {seen:,} in {what}; the last was {minute(newest.slot)}",
        evidence=[_evidence(send) for send in sorted(off, key=lambda send: send.slot, reverse=True)[:JOBS_SHOWN]],
        advice="keep the clocks of all servers in step (NTP) and upgrade to 12.33.7 or newer, which files a send under"
        " the minute of its occurrence",
        command=("schedule", "list") if moved else list_jobs(newest.queue),
    )


def _evidence(send: SlotSend) -> Mapping[str, EvidenceValue]:
    return {"slot": minute(send.slot), "sent_on": send.created_on, "send_id": send.id, "cron": send.cron}


CHECKS: tuple[Check, ...] = (
    Check(
        code="DUP14",
        slug="schedule-off-slot",
        title="a job in a minute for which the cron has no occurrence",
        severity=Severity.WARNING,
        needs=(ScheduledSlots,),
        what="Compares the minutes in which the scheduler sent (the slots of __pgboss__send-it) with the occurrences of"
        " the cron expression in its time zone. Left out: schedules changed since, expressions that cannot be read"
        " or foretold, schedules for every minute. A send beside an occurrence that has none is told as info.",
        why="The slot is what keeps an occurrence from being sent twice: filed under another minute it is sent again in"
        " its own.",
        confirm="Compare the jobs of the queue around the minutes named, and the clocks of the servers.",
        fix="Keep clocks in step, upgrade to 12.33.7 or newer, make the scheduled work safe to repeat.",
        releases="10.1.0 to 12.33.6; from 12.33.7 on the slot is that of the occurrence; 8 and 9 too",
        judge=off_slot,
    ),
)

"""Schedules and their slots as they are shown: columns, rows, times in two zones, what is not known; harmless text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.text import Text
from textual.content import Content

from bossctl import format as fmt
from bossctl.cron import zone_of
from bossctl.models.schedules import ScheduleBook, ScheduleRecord, ScheduleSlot
from bossctl.tui.widgets.columns import Column
from bossctl.tui.widgets.rows import Cell, Row
from bossctl.tui.widgets.states import state_glyph
from bossctl.tui.words import distance, plural

SILENT_SECONDS = 180.0
"""Passes over the schedules come once or twice a minute."""

SLOTS_SHOWN = 60
"""So many slots are listed; older ones of the last day only where something was wrong."""

SCHEDULES = (
    Column("queue", "QUEUE", min_width=8, max_width=28, fit=True, flex=1),
    Column("key", "KEY", min_width=4, max_width=16, fit=True, priority=2),
    Column("cron", "CRON", min_width=12, max_width=24, fit=True, priority=1),
    Column("zone", "ZONE", min_width=4, max_width=20, fit=True, priority=5),
    Column("kind", "KIND", width=5, priority=7),
    Column("next", "NEXT, ITS ZONE", min_width=15, max_width=20, fit=True, tooltip="in the schedule's time zone"),
    Column("local", "NEXT, LOCAL", min_width=11, max_width=16, fit=True, priority=4, tooltip="where you are"),
    Column("last", "LAST SLOT", min_width=20, max_width=34, fit=True, tooltip="in its zone, and what came of it"),
    Column("missed", "MISSED", min_width=6, fit=True, align="right", tooltip="of the slots looked at, in a day"),
    Column("doubled", "TWICE", width=5, align="right", priority=3, tooltip="slots with more than one job, in a day"),
)
SLOTS = (
    Column("at", "SLOT, ITS ZONE", min_width=15, max_width=20, fit=True),
    Column("local", "LOCAL", min_width=11, max_width=16, fit=True, priority=2),
    Column("what", "WHAT CAME OF IT", min_width=15, max_width=44, fit=True, flex=1),
    Column("after", "AFTER", width=6, align="right", priority=4, tooltip="from the slot to its first job"),
    Column("jobs", "JOBS", width=36, min_width=8, flex=1, priority=3),
)
_BAD, _DOUBTFUL = "$text-error", "$text-warning"


def key_of(record: ScheduleRecord) -> str:
    """The row of a schedule: a queue may have one for each key."""
    return f"{record.schedule.queue}\n{record.schedule.key}"


def slot_key(slot: ScheduleSlot) -> str:
    """The row of a slot."""
    return slot.at.astimezone(UTC).isoformat()


def name(record: ScheduleRecord) -> str:
    """Queue and key."""
    key = f" key {record.schedule.key}" if record.schedule.key else ""
    return fmt.clean(f"{record.schedule.queue}{key}")


# --- times


def zoned(at: datetime, record: ScheduleRecord, now: datetime) -> str:
    """A time in the schedule's own zone, named: `11-23 03:00 CET`; in UTC where the zone is unknown."""
    there = _there(at, record)
    return f"{_day_and_time(there, now)} {fmt.clean(there.tzname() or '?')}"


def _there(at: datetime, record: ScheduleRecord) -> datetime:
    return at.astimezone(zone_of(record.schedule.timezone) or UTC)


def local(at: datetime, now: datetime) -> str:
    """The same time where the terminal is."""
    return _day_and_time(at.astimezone(), now)


def local_zone(now: datetime) -> str:
    """What the zone of this machine is called."""
    return fmt.clean(now.astimezone().tzname() or "?")


def _day_and_time(at: datetime, now: datetime) -> str:
    year = "" if at.year == now.astimezone(at.tzinfo).year else f"{at:%Y}-"
    seconds = f"{at:%S}"
    return f"{year}{at:%m-%d %H:%M}" + (f":{seconds}" if seconds != "00" else "")


# --- the list


def row(record: ScheduleRecord, now: datetime) -> Row:
    """A schedule as a line."""
    one, runs = record.schedule, record.next
    wrong = bool(record.missed or record.doubled)
    cells: tuple[Cell, ...] = (
        fmt.clean(one.queue),
        fmt.clean(one.key),
        fmt.clean(one.cron),
        fmt.clean(one.timezone or "UTC"),
        fmt.clean(one.kind),
        zoned(runs[0], record, now) if runs else "not foretold",
        local(runs[0], now) if runs else fmt.UNKNOWN,
        _last(record, now),
        _missed(record),
        _styled(fmt.count(record.doubled), _BAD if record.doubled else ""),
    )
    return Row(key_of(record), cells, "warning" if wrong else "")


def _last(record: ScheduleRecord, now: datetime) -> Cell:
    slot = record.last
    if slot is None:
        return fmt.UNKNOWN if record.unknown else fmt.ABSENT
    text, style = outcome(slot)
    return _styled(f"{_day_and_time(_there(slot.at, record), now)} {text}", style)


def _missed(record: ScheduleRecord) -> Cell:
    if record.missed is None:
        return fmt.UNKNOWN
    return _styled(f"{record.missed}/{record.looked}", _BAD if record.missed else "")


def _styled(text: str, style: str) -> Cell:
    return Content(text).stylize(style) if style else text


# --- one slot


def outcome(slot: ScheduleSlot) -> tuple[str, str]:
    """What came of a slot, and how it is coloured."""
    jobs = slot.jobs
    if slot.awaited:
        return "· is being sent", ""
    if slot.missed:
        return "✗ no job", _BAD
    if slot.twice:
        doubled = plural(len(jobs), "job") if jobs and len(jobs) > 1 else plural(len(slot.sends), "send")
        return f"▲ {doubled}", _BAD
    if jobs is None:
        return f"{fmt.UNKNOWN} jobs not read", _DOUBTFUL
    if len(jobs) > 1:
        return f"· {plural(len(jobs), 'job')}", ""
    for job in jobs:
        return f"{state_glyph(job.state)} {fmt.clean(job.state)}", ""
    if any(sent.state in ("created", "retry", "active") for sent in slot.sends):
        return "· waits to be sent", _DOUBTFUL
    return "· sent, no job found", _DOUBTFUL


def slot_row(slot: ScheduleSlot, record: ScheduleRecord, now: datetime) -> Row:
    """A slot as a line."""
    text, style = outcome(slot)
    note = " (fires at no such time)" if slot.due is False else ""
    jobs = slot.jobs or ()
    first = min((job.created_on for job in jobs if job.created_on), default=None)
    cells: tuple[Cell, ...] = (
        zoned(slot.at, record, now),
        local(slot.at, now),
        _styled(text + note, style or (_DOUBTFUL if note else "")),
        "" if first is None else fmt.age(max(0.0, (first - slot.at).total_seconds())),
        fmt.clean(" ".join(job.id for job in jobs)),
    )
    return Row(slot_key(slot), cells, "muted" if slot.due is None else "")


def no_slots(record: ScheduleRecord) -> str:
    """Why none is listed."""
    return fmt.clean(record.unknown or "none yet since it can be looked at")


def shown_slots(record: ScheduleRecord) -> Iterator[ScheduleSlot]:
    """The newest slots, and of the older ones those where something was wrong."""
    for number, slot in enumerate(record.slots):
        if number < SLOTS_SHOWN or slot.missed or slot.twice or slot.due is False:
            yield slot


# --- what stands around it


def runs(record: ScheduleRecord, now: datetime) -> Text:
    """The next runs in both zones, or why there are none."""
    told = Text()
    if record.next:
        here = f"local ({local_zone(now)})"
        told.append(f"{'its zone':<21}{here:<18}in\n", "dim")
    for at in record.next:
        told.append(f"{zoned(at, record, now):<21}{local(at, now):<18}{fmt.age(-(distance(at, now) or 0.0))}\n")
    if record.no_next:
        told.append(f"{'no more: ' if record.next else 'no next run: '}{fmt.clean(record.no_next)}\n")
    return told


def note(record: ScheduleRecord | None, now: datetime) -> str:
    """What the columns mean, and what is not known of the schedule under the cursor."""
    told = []
    if record is not None and record.no_next and not record.next:
        told.append(f"{name(record)}: no next run is told: {fmt.clean(record.no_next)}")
    if record is not None and record.unknown and record.unknown != record.no_next:
        told.append(f"{name(record)}: what was missed is not known: {fmt.clean(record.unknown)}")
    return "\n".join(told) or (
        f"its zone: the schedule's own, also of its last slot · local: here, {local_zone(now)}"
        " · missed, twice: in the last day"
    )


def summary(book: ScheduleBook) -> str:
    """How many there are, whether anybody fires them, what went wrong."""
    records = book.records
    if not records:
        return "none"
    missed = sum(record.missed or 0 for record in records)
    doubled = sum(record.doubled or 0 for record in records)
    blind = sum(record.missed is None for record in records)
    told = f"{missed} missed, {doubled} twice in a day" + (f", {blind} not known" if blind else "")
    passes, silent = _passes(book)
    parts = [str(len(records)), *([passes, told] if silent else [told, passes])]
    return " · ".join([*parts, *([book.note] if book.note else [])])


def _passes(book: ScheduleBook) -> tuple[str, bool]:
    """When somebody last looked whether anything is due, and whether that is too long ago."""
    seconds = distance(book.cron_on, book.taken_at)
    if seconds is None:
        return "nobody ever passed over them", True
    last = f"last pass {fmt.age(seconds)} ago"
    return (f"nobody passes over them: {last}", True) if seconds > SILENT_SECONDS else (last, False)

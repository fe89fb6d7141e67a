"""When pg-boss fires a cron schedule: its dialect (cron-parser's) in the schedule's own time zone.

A supervisor pass asks, about twice a minute, whether the expression's *previous* occurrence lies within the last
60 seconds, and sends at most one job per minute. So what counts is which minutes of the wall clock match:

- an expression of six fields (seconds first) fires at most once a minute; its run is given as the first matching
  second of each matching minute;
- a time that a clock change skips does not fire that day, and one that it repeats fires twice. (pg-boss's own
  `previewSchedule()` looks forward instead and shows other times on these two days.)

Macros (`@daily`), names, `L`, `#`, `?`, Sunday as 7, and days that match by the month *or* the week when both are
given are as in cron-parser 5. `cron_parser=4` decides as the version before it, which came with pg-boss 8 to 11: a
list may repeat a value, and days that are all named (`1-31`, `*/1`) restrict as little as `*` does.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from bossctl.errors import Unpredictable
from bossctl.format import clean, truncate

if TYPE_CHECKING:
    from bossctl.recurrence import Recurrence

_LONGEST = 1024
_MOST_STEPS = 10_000
_LARGEST_OVERLAP = timedelta(hours=3)
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@hourly": "0 * * * *",
    "@minutely": "* * * * *",
    "@secondly": "* * * * * *",
    "@weekdays": "0 0 * * 1-5",
    "@weekends": "0 0 * * 0,6",
}
_DEFAULTS = ("0", "*", "*", "*", "*", "*")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_ITEM = re.compile(r"(?:[*?]|([0-9]+)(?:-([0-9]+))?)(?:/([0-9]+))?")
_NTH = re.compile(r"([0-9]|[*?])#([1-5])")
_LAST = re.compile(r"([0-7]?)L")
_HASHED = re.compile(r"H(?:\([0-9]+-[0-9]+\))?(?:/[0-9]+)?(?:#.*)?")
_RRULE = re.compile(r"^[ \t]*[a-z][a-z0-9-]*[;:]|(?:^|[\s;])FREQ=", re.IGNORECASE | re.MULTILINE)
_HOST_ZONES = ("local", "system", "default")
_OFFSET = re.compile(r"(?:utc([+-][0-9]{1,2})(?::([0-9]{2}))?|([+-][0-9]{2})(?::?([0-9]{2}))?)", re.IGNORECASE)
_NOT_ZONES = ("posix", "right", "posixrules", "localtime", "factory")


@dataclass(frozen=True)
class Prediction:
    """The next runs, aware and in UTC; or none, and the reason why they cannot be told."""

    runs: tuple[datetime, ...]
    reason: str | None


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_SECOND = _Field("second", 0, 59)
_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day-of-month", 1, 31)
_MONTH = _Field("month", 1, 12, _MONTHS)
_WEEKDAY = _Field("day-of-week", 0, 7, _DAYS)


@dataclass(frozen=True)
class _Schedule:
    """An expression as cronsim reads it, and the second of the minute at which it first matches."""

    expression: str
    second: int


def next_runs(
    cron: str, zone: str | None, kind: str | None = "cron", *, after: datetime, count: int = 3, cron_parser: int = 5
) -> Prediction:
    """The first `count` runs after `after`; fewer only with a reason.

    `zone` is the schedule's time zone, None being UTC; `kind` is the schedule's, `cron` or `rrule`. Never raises
    for what a schedule can hold: what cannot be read or foretold is a reason.
    """
    try:
        runs = tuple(islice(_after(cron, zone, kind, cron_parser, _utc(after)), count))
    except Unpredictable as unpredictable:
        return Prediction((), str(unpredictable))
    except OverflowError:
        runs = ()
    return Prediction(runs, None if len(runs) == count else "no occurrence in the next fifty years")


def previous_run(
    cron: str, zone: str | None, kind: str | None = "cron", *, before: datetime, cron_parser: int = 5
) -> datetime | None:
    """The last run before `before`, in UTC; None if there is none or it cannot be told."""
    return next(previous_runs(cron, zone, kind, before=before, cron_parser=cron_parser), None)


def previous_runs(
    cron: str, zone: str | None, kind: str | None = "cron", *, before: datetime, cron_parser: int = 5
) -> Iterator[datetime]:
    """The runs before `before`, the newest first, in UTC: maybe without end; none if they cannot be told."""
    with suppress(Unpredictable, OverflowError):
        end = _utc(before)
        if _is_rule(cron, kind):
            yield from _rule(cron, zone).before(end)
            return
        schedule, where = _read(cron, zone, cron_parser)
        yield from (run for run in _instants(schedule, where, end, -1) if run < end)


def zone_of(name: str | None) -> tzinfo | None:
    """The time zone of that name, as pg-boss reads it; None where it is not known here."""
    try:
        return _zone(name)
    except Unpredictable:
        return None


def has_occurrence(
    cron: str, zone: str | None, minute: datetime, kind: str | None = "cron", *, cron_parser: int = 5
) -> bool | None:
    """Whether the expression fires in the minute `minute` lies in; None if that cannot be told."""
    try:
        if _is_rule(cron, kind):
            return _rule(cron, zone).fires_in(_utc(minute))
        schedule, where = _read(cron, zone, cron_parser)
        wall = _utc(minute).astimezone(where)
    except (Unpredictable, OverflowError):
        return None
    fields = _fields(schedule.expression)
    at_this_time = wall.minute in fields.minutes and wall.hour in fields.hours and wall.month in fields.months
    return at_this_time and fields.match_day(wall.date())


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _instants(schedule: _Schedule, zone: tzinfo, start: datetime, direction: int) -> Iterator[datetime]:
    """Runs from about `start` on, in order of time, forward (1) or backward (-1).

    Wall-clock times come in order, but a repeated one stands for two moments, of which the farther waits in
    `pending` until the walk has passed it. A skipped one stands for none.
    """
    margin = timedelta(minutes=1) + (timedelta() if zone is UTC else _LARGEST_OVERLAP)
    wall = start.astimezone(zone).replace(tzinfo=None, second=0, microsecond=0) - margin * direction
    pending: list[tuple[float, datetime]] = []
    for time in islice(CronSim(schedule.expression, wall, reverse=direction < 0), _MOST_STEPS):
        moments = _moments(time.replace(second=schedule.second), zone)[::direction]
        if not moments:
            continue
        near = moments[0].timestamp() * direction
        while pending and pending[0][0] < near:
            yield heapq.heappop(pending)[1]
        for moment in moments:
            heapq.heappush(pending, (moment.timestamp() * direction, moment))
        if len(moments) == 1 and len(pending) == 1:
            yield pending.pop()[1]
    yield from (moment for _, moment in sorted(pending))


def _moments(wall: datetime, zone: tzinfo) -> list[datetime]:
    """The moments at which clocks in `zone` show `wall`, in order: none, one or two."""
    found: list[datetime] = []
    for fold in (0, 1):
        moment = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) == wall and moment not in found:
            found.append(moment)
    return found


def _after(cron: str, zone: str | None, kind: str | None, cron_parser: int, start: datetime) -> Iterator[datetime]:
    if _is_rule(cron, kind):
        return _rule(cron, zone).after(start)
    schedule, where = _read(cron, zone, cron_parser)
    return (run for run in _instants(schedule, where, start, 1) if run > start)


def _is_rule(cron: str, kind: str | None) -> bool:
    # Whatever the column says, pg-boss goes by how the expression is written when it cannot be read otherwise.
    return kind == "rrule" or _RRULE.search(cron) is not None


def _read(cron: str, zone: str | None, cron_parser: int) -> tuple[_Schedule, tzinfo]:
    return _schedule(cron, cron_parser), _zone(zone)


@lru_cache(256)
def _rule(expression: str, zone: str | None) -> Recurrence:
    # Few databases have such schedules, and dateutil takes as long to import as a bare statement.
    from bossctl import recurrence

    return recurrence.read(expression, _zone(zone), _zone)


@lru_cache(512)
def _fields(expression: str) -> CronSim:
    return CronSim(expression, datetime(2000, 1, 1))


@lru_cache(512)
def _schedule(cron: str, cron_parser: int) -> _Schedule:
    second, minute, hour, day, month, weekday = (
        _values(field, text, cron_parser)
        for field, text in zip(
            (_SECOND, _MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY), _split(_MACROS.get(cron, cron)), strict=True
        )
    )
    schedule = _Schedule(" ".join(["0", *map(_joined, (minute, hour, day, month, weekday))]), int(second[0]))
    try:
        _fields(schedule.expression)
    except CronSimError:
        raise Unpredictable("invalid cron expression: no month has such a day") from None
    return schedule


def _split(cron: str) -> tuple[str, ...]:
    if len(cron) > _LONGEST:
        raise Unpredictable(f"invalid cron expression: longer than {_LONGEST} characters")
    texts = cron.split()
    if not texts:
        raise Unpredictable("invalid cron expression: it is empty")
    if len(texts) > 6:
        raise Unpredictable("invalid cron expression: more than six fields")
    return (*_DEFAULTS[: 6 - len(texts)], *texts)


def _joined(values: list[str]) -> str:
    return ",".join(values)


def _bad(field: _Field, text: str) -> Unpredictable:
    return Unpredictable(f'invalid cron expression: bad {field.name} "{truncate(clean(text), 40)}"')


def _numbered(field: _Field, text: str) -> str:
    """`text` with its names as numbers."""
    if not field.names:
        return text
    found = re.findall(r"[A-Za-z]{3}", text)
    if any(name.lower() not in field.names for name in found):
        raise _bad(field, text)
    return re.sub(r"[A-Za-z]{3}", lambda name: str(field.names.index(name[0].lower()) + field.low), text)


def _values(field: _Field, text: str, cron_parser: int) -> list[str]:
    """A field for cronsim: `*` where it restricts nothing, else its values one by one, numbers in order."""
    numbered = _numbered(field, text)
    items = numbered.split(",")
    if any(_HASHED.fullmatch(item) for item in items):
        raise Unpredictable("cannot predict: H (hashed) fields")
    nth = _NTH.fullmatch(numbered)
    if nth and field is _WEEKDAY:
        return [f"{number % 7}#{nth[2]}" for number in _numbers(field, nth[1], text)]
    last = [item for item in items if _is_last(field, item)]
    listed = [number for item in items if item not in last for number in _numbers(field, item, text)]
    numbers = set(listed)
    if cron_parser >= 5 and len(numbers) + len(set(last)) < len(listed) + len(last):
        raise Unpredictable(f"invalid cron expression: {field.name} repeats a value, which pg-boss 12 refuses")
    if field in (_DAY, _WEEKDAY) and _is_wild(field, text, numbers, cron_parser):
        return ["*"]
    return [*map(str, sorted(numbers)), *last]


def _is_last(field: _Field, item: str) -> bool:
    match = _LAST.fullmatch(item)
    return match is not None and field in (_DAY, _WEEKDAY) and (field is _WEEKDAY) == (match[1] != "")


def _is_wild(field: _Field, text: str, numbers: set[int], cron_parser: int) -> bool:
    if cron_parser < 5:
        return len(numbers) == field.high - field.low + 1
    return text in ("*", "?")


def _numbers(field: _Field, item: str, text: str) -> list[int]:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise _bad(field, text)
    first, last, step = match.groups()
    low = field.low if first is None else int(first)
    high = int(last) if last else field.high if first is None or step else low
    every = 1 if step is None else int(step)
    if not (field.low <= low <= high <= field.high and every):
        raise _bad(field, text)
    numbers = list(range(low, high + 1, every))
    if field is not _WEEKDAY or 7 not in numbers:
        return numbers
    # Sunday is 0 and 7. A range up to 7 holds both, which tells `0-7` from `0-6`.
    return [0] if first and last is None and step is None else [*{0: None, **dict.fromkeys(numbers)}]


@lru_cache(256)
def _zone(name: str | None) -> tzinfo:
    if name is None or name.lower() in ("utc", "gmt"):
        return UTC
    if name.lower() in _HOST_ZONES:
        raise Unpredictable(f"cannot predict: time zone '{name.lower()}' is that of the host pg-boss runs on")
    offset = _OFFSET.fullmatch(name)
    found = _fixed(offset) if offset else _named(name)
    if found is None and not _zones():
        raise Unpredictable("cannot predict: this machine has no time zones (the tzdata package brings them)")
    if found is None:
        raise Unpredictable(f"cannot predict: unknown time zone '{truncate(clean(name), 40)}'")
    return found


def _fixed(offset: re.Match[str]) -> tzinfo | None:
    hours = offset[1] or offset[3]
    minutes = int(hours) * 60 + int(offset[2] or offset[4] or 0) * (-1 if hours[0] == "-" else 1)
    return timezone(timedelta(minutes=minutes)) if abs(minutes) < 24 * 60 else None


def _named(name: str) -> tzinfo | None:
    if name.split("/")[0].lower() in _NOT_ZONES:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # pg-boss takes names in any case.
        known = _zones().get(name.lower())
        return ZoneInfo(known) if known else None


@lru_cache(1)
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}

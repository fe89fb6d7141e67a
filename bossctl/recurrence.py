"""When pg-boss (12.31 and newer) fires a schedule that is a recurrence rule of iCalendar (RFC 5545).

python-dateutil finds the times on the wall clock; what pg-boss's own reader (rrule-temporal) makes of them is told
here: a rule without DTSTART recurs from 1970 in the schedule's zone, a time that a clock change skips does not fire,
one that it repeats fires once. HOURLY and MINUTELY rules are told where the clocks never change.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from heapq import merge
from itertools import islice, takewhile

from dateutil.rrule import rrule, rrulestr

from bossctl.errors import Unpredictable
from bossctl.format import clean, truncate

_EPOCH = "19700101T000000"
_PROPERTY = re.compile(r"([A-Z][A-Z0-9-]*)(;[^:]*)?:(.*)", re.IGNORECASE | re.DOTALL)
_MOMENT = re.compile(r"(\d{8})(?:T(\d{6})(Z)?)?", re.IGNORECASE)
_OFTEN = {"MINUTELY": timedelta(minutes=1), "HOURLY": timedelta(hours=1)}
_LONGER = ("WEEKLY", "MONTHLY", "YEARLY")
_PARTS = (
    *("UNTIL", "COUNT", "INTERVAL", "FREQ", "WKST", "BYSECOND", "BYMINUTE", "BYHOUR"),
    *("BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS"),
)
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_LONGEST = 4096
_STEADY = 2038
_MOST = 2_000
_MOST_STEPS = 100_000
_MOST_AT_ONCE = 5_000
_YEARS = timedelta(days=366 * 50)
# dateutil looks for the next time up to the year 9999, however long: the calendar repeats itself every 400 years, and
# so near its end a rule that never fires takes a fraction of a second instead of minutes.
_FOUR_CENTURIES = timedelta(days=146_097)
_LAST_YEAR = 9900

Zones = Callable[[str], tzinfo]


@dataclass(frozen=True)
class Recurrence:
    """One rule. `start` is DTSTART on the wall clock of `zone`; `parts` are those of the rule that name its times."""

    frequency: str
    interval: int
    week_start: int
    parts: str
    start: datetime
    zone: tzinfo
    count: int | None
    until: datetime | None
    more: tuple[datetime, ...]
    without: frozenset[datetime]

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The runs after `moment`, in UTC: the first of each minute, none later than fifty years on."""
        return _by_minute(takewhile(lambda run: run < moment + _YEARS, self._runs(moment + timedelta(microseconds=1))))

    def before(self, moment: datetime) -> Iterator[datetime]:
        """The runs before `moment`, the newest first, in UTC: the first of each minute."""
        first = min([_utc(self.start, self.zone), *self.more])
        end, width = moment, timedelta(hours=1)
        while end > first and moment - end < _YEARS:
            start = (end - width).replace(second=0, microsecond=0)
            runs = takewhile(lambda run, end=end: run < end, self._runs(start))
            found = list(islice(_by_minute(runs), _MOST_AT_ONCE))
            if len(found) == _MOST_AT_ONCE:
                width /= 2
                continue
            yield from reversed(found)
            end, width = start, width if len(found) > 100 else width * 4

    def fires_in(self, minute: datetime) -> bool:
        """Whether there is a run in the minute `minute` lies in."""
        start = minute.astimezone(UTC).replace(second=0, microsecond=0)
        return any(run < start + timedelta(minutes=1) for run in islice(self._runs(start), 1))

    def _runs(self, since: datetime) -> Iterator[datetime]:
        """All from `since` on, in order, in UTC."""
        start = _utc(self.start, self.zone)
        ruled = islice(self._walk(start), self.count) if self.count is not None else self._walk(since)
        for run in merge(ruled if self._recurs else (), self.more):
            if run >= since and run not in self.without:
                yield run

    @cached_property
    def _recurs(self) -> bool:
        """Whether it ever fires: that it does not takes long to find out, once is enough."""
        return next(self._walk(_utc(self.start, self.zone)), None) is not None

    def _walk(self, since: datetime) -> Iterator[datetime]:
        begin = self._period_of(max(since, _utc(self.start, self.zone)))
        ahead = _FOUR_CENTURIES * ((_LAST_YEAR - begin.year) // 400)
        walls = (wall - ahead for wall in _stepping(_rule(self, begin + ahead), begin + ahead + _YEARS))
        moments = (_utc(wall, self.zone) for wall in walls if wall >= self.start and self._is(wall))
        return takewhile(lambda run: self.until is None or run <= self.until, moments)

    def _is(self, wall: datetime) -> bool:
        """Whether the clocks of the zone ever show it, and it is in step with DTSTART where a day is more than one."""
        if (unit := _OFTEN.get(self.frequency)) is not None:
            first = self.start - (self.start - datetime.min) % unit
            if (wall - first) // unit % self.interval:
                return False
        return _utc(wall, self.zone).astimezone(self.zone).replace(tzinfo=None) == wall

    def _period_of(self, moment: datetime) -> datetime:
        """The begin, on the wall clock, of the last period of the rule that began before `moment`."""
        wall = moment.astimezone(self.zone).replace(tzinfo=None)
        if self.frequency in ("MONTHLY", "YEARLY"):
            unit = self.interval * (12 if self.frequency == "YEARLY" else 1)
            first = self.start.year * 12 + (self.start.month - 1 if self.frequency == "MONTHLY" else 0)
            months = first + (wall.year * 12 + wall.month - 1 - first) // unit * unit
            return datetime(months // 12, months % 12 + 1, 1)
        if self.frequency in _OFTEN:
            return _midnight(wall)
        first = self._period_start()
        step = timedelta(days=(7 if self.frequency == "WEEKLY" else 1) * self.interval)
        return first + (wall - first) // step * step

    def _period_start(self) -> datetime:
        back = (self.start.weekday() - self.week_start) % 7 if self.frequency == "WEEKLY" else 0
        return _midnight(self.start - timedelta(days=back))


def read(expression: str, zone: tzinfo, named: Zones) -> Recurrence:
    """The rule `expression` is in `zone`; `named` finds zones it names itself. Raises Unpredictable."""
    if len(expression) > _LONGEST:
        raise Unpredictable(f"invalid rrule: longer than {_LONGEST} characters")
    try:
        found = _recurrence(_properties(expression), zone, named)
        _rule(found, found.start)
    except (ValueError, OverflowError, TypeError) as error:
        raise Unpredictable(f"invalid rrule: {truncate(clean(str(error)), 60)}") from None
    return found


def _properties(expression: str) -> dict[str, list[tuple[str, str]]]:
    """The parameters and the value of each line by its name; a line without a name is the rule."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for line in re.sub(r"\r?\n[ \t]", "", expression).splitlines():
        if not (text := line.strip()):
            continue
        named = _PROPERTY.fullmatch(text)
        name, parameters, value = (named[1], named[2] or "", named[3]) if named else ("RRULE", "", text)
        found[name.upper()].append((parameters, value))
    if unknown := set(found) - {"DTSTART", "RRULE", "RDATE", "EXDATE"}:
        raise ValueError(f"it has {min(unknown)}")
    if len(found["RRULE"]) != 1 or len(found["DTSTART"]) > 1:
        raise ValueError("it should have one RRULE, and one DTSTART at most")
    return found


def _parts(rule: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in rule.upper().split(";") if part]
    parts = {name: value for name, _, value in pairs}
    if len(parts) < len(pairs) or "" in parts.values():
        raise ValueError("a part is there twice, or without a value")
    if {"RSCALE", "SKIP"} & set(parts):
        raise Unpredictable("cannot predict: rrule parts RSCALE and SKIP")
    if unknown := [name for name in parts if name not in _PARTS and not name.startswith("X-")]:
        raise ValueError(f"it has {unknown[0]}")
    return {name: value for name, value in parts.items() if name in _PARTS}


def _recurrence(properties: Mapping[str, Sequence[tuple[str, str]]], zone: tzinfo, named: Zones) -> Recurrence:
    [(_, rule)] = properties["RRULE"]
    parts = _parts(rule)
    frequency, interval = parts.pop("FREQ", ""), int(parts.pop("INTERVAL", "1"))
    if frequency == "SECONDLY":
        raise Unpredictable("cannot predict: an rrule for every second")
    until, count = parts.pop("UNTIL", None), int(parts.pop("COUNT", "0"))
    if frequency not in ("DAILY", *_OFTEN, *_LONGER) or interval < 1 or count < 0:
        raise ValueError("FREQ, INTERVAL or COUNT")
    if count > _MOST:
        raise Unpredictable(f"cannot predict: an rrule that counts to more than {_MOST:,}")
    [(parameters, begin)] = properties["DTSTART"] or [("", _EPOCH)]
    zone = _zone_in(parameters, zone, named)
    start = _moment(begin, zone).astimezone(zone).replace(tzinfo=None)
    if frequency in _OFTEN:
        _assert_steady(zone, start, parts)
    dates = {name: frozenset(_dates(properties[name], zone, named)) for name in ("RDATE", "EXDATE")}
    return Recurrence(
        frequency=frequency,
        interval=interval,
        week_start=_DAYS.index(parts.get("WKST", "MO")),
        parts=";".join(f"{name}={value}" for name, value in {**_filled(frequency, parts, start), **parts}.items()),
        start=start,
        zone=zone,
        count=count or None,
        until=None if until is None else _moment(until, zone),
        more=tuple(sorted(dates["RDATE"])),
        without=dates["EXDATE"],
    )


def _assert_steady(zone: tzinfo, start: datetime, parts: Mapping[str, str]) -> None:
    if "BYSETPOS" in parts:
        raise Unpredictable("cannot predict: an rrule with BYSETPOS more often than daily")
    months = (datetime(year, month, 1, tzinfo=zone) for year in range(start.year, _STEADY) for month in range(1, 13))
    if len({month.utcoffset() for month in months}) > 1:
        raise Unpredictable("cannot predict: an rrule more often than daily in a zone whose clocks change")


def _filled(frequency: str, parts: Mapping[str, str], start: datetime) -> dict[str, str]:
    """The parts the rule leaves to DTSTART. Of rules more often than daily: every hour, every minute of a day."""
    found = {"BYHOUR": str(start.hour), "BYMINUTE": str(start.minute), "BYSECOND": str(start.second)}
    if frequency in _OFTEN:
        found["BYHOUR"] = ",".join(map(str, range(24)))
    if frequency == "MINUTELY":
        found["BYMINUTE"] = ",".join(map(str, range(60)))
    if frequency not in _LONGER or {"BYDAY", "BYMONTHDAY", "BYYEARDAY"} & set(parts):
        return found
    if "BYWEEKNO" in parts:
        raise Unpredictable("cannot predict: an rrule with BYWEEKNO and no day")
    if frequency == "WEEKLY":
        return {**found, "BYDAY": _DAYS[start.weekday()]}
    if frequency == "YEARLY":
        found["BYMONTH"] = str(start.month)
    return {**found, "BYMONTHDAY": str(start.day)}


def _dates(lines: Sequence[tuple[str, str]], zone: tzinfo, named: Zones) -> Iterator[datetime]:
    for parameters, values in lines:
        where = _zone_in(parameters, zone, named)
        yield from (_moment(value, where) for value in values.split(","))


def _zone_in(parameters: str, zone: tzinfo, named: Zones) -> tzinfo:
    name = re.search(r";TZID=([^;]+)", parameters, re.IGNORECASE)
    return named(name[1]) if name else zone


def _moment(text: str, zone: tzinfo) -> datetime:
    """In UTC; `zone` is that of times that name none."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no time")
    wall = datetime.strptime(found[1] + (found[2] or "000000"), "%Y%m%d%H%M%S")
    return wall.replace(tzinfo=UTC) if found[3] else _utc(wall, zone)


def _utc(wall: datetime, zone: tzinfo) -> datetime:
    return wall.replace(tzinfo=zone).astimezone(UTC)


def _rule(found: Recurrence, begin: datetime) -> rrule:
    often = found.frequency in _OFTEN
    text = f"FREQ={'DAILY' if often else found.frequency};INTERVAL={1 if often else found.interval};{found.parts}"
    rule = rrulestr(text, dtstart=begin)
    if not isinstance(rule, rrule):
        raise TypeError(text)
    return rule


def _stepping(walls: Iterable[datetime], end: datetime) -> Iterator[datetime]:
    for step, wall in enumerate(takewhile(lambda wall: wall < end, walls)):
        if step == _MOST_STEPS:
            raise Unpredictable("cannot predict: an rrule that fires too seldom")
        yield wall


def _midnight(wall: datetime) -> datetime:
    return wall.replace(hour=0, minute=0, second=0)


def _by_minute(runs: Iterator[datetime]) -> Iterator[datetime]:
    last = None
    for run in runs:
        minute = run.replace(second=0, microsecond=0)
        if minute != last:
            yield run
        last = minute

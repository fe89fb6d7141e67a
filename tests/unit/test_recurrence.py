"""Recurrence rules: what pg-boss's own reader answers for the same rules (compared with the real one in the matrix)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from bossctl.cron import has_occurrence, next_runs, previous_run, previous_runs
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.releases import NEWEST, every

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)

# rule, zone, the first runs after 1 January 2026 as rrule-temporal 2.2.7 gives them to pg-boss 12.31 to 12.38
TOLD = (
    ("FREQ=WEEKLY;BYDAY=MO,FR;BYHOUR=9", "Europe/Berlin", "01-02T08:00 01-05T08:00 01-09T08:00"),
    ("FREQ=WEEKLY", "UTC", "01-08T00:00 01-15T00:00"),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=SU", "UTC", "01-11T00:00 01-12T00:00 01-25T00:00"),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO", "UTC", "01-04T00:00 01-12T00:00 01-18T00:00"),
    ("FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17", "Asia/Tokyo", "01-30T08:00 02-27T08:00"),
    ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "UTC", "01-30T00:00 02-27T00:00"),
    ("FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=-1", "UTC", "01-31T00:00 04-30T00:00"),
    ("FREQ=YEARLY;BYMONTHDAY=10", "UTC", "01-10T00:00 02-10T00:00"),
    ("FREQ=YEARLY;BYDAY=20MO", "UTC", "05-18T00:00 05-17T00:00"),
    ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=TH", "UTC", "12-31T00:00 12-30T00:00"),
    ("FREQ=YEARLY;BYYEARDAY=-1,100", "UTC", "04-10T00:00 12-31T00:00"),
    ("freq=daily;byhour=9", "UTC", "01-01T09:00 01-02T09:00"),
    ("FREQ=HOURLY;BYDAY=MO,TU", "Asia/Tokyo", "01-04T15:00 01-04T16:00"),
    ("FREQ=HOURLY;INTERVAL=5", "Asia/Kolkata", "01-01T03:30 01-01T08:30"),
    ("DTSTART:20260102T090010\nRRULE:FREQ=MINUTELY;INTERVAL=7", "UTC", "01-02T09:00 01-02T09:07"),
    (
        "DTSTART:20260102T090010\nRRULE:FREQ=HOURLY;INTERVAL=7;BYMINUTE=5,10",
        "UTC",
        "01-02T09:05 01-02T09:10 01-02T16:05",
    ),
    ("DTSTART:20260131T090000\nRRULE:FREQ=MONTHLY", "UTC", "01-31T09:00 03-31T09:00"),
    ("DTSTART:20240229T090000\nRRULE:FREQ=YEARLY", "UTC", "02-29T09:00 02-29T09:00"),
    ("DTSTART:20260115T090000\nRRULE:FREQ=YEARLY;BYMONTH=1,6", "UTC", "01-15T09:00 06-15T09:00 01-15T09:00"),
    ("DTSTART:20260115T090000\nRRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1", "UTC", "02-02T09:00 03-02T09:00"),
    ("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=WEEKLY", "Europe/Berlin", "01-07T23:00 01-14T23:00"),
    ("DTSTART;TZID=America/New_York:20260101T090000\nRRULE:FREQ=DAILY", "Europe/Berlin", "01-01T14:00 01-02T14:00"),
    (
        "DTSTART:20260301T090000Z\nRRULE:FREQ=WEEKLY",
        "Europe/Berlin",
        "03-01T09:00 03-08T09:00 03-15T09:00 03-22T09:00 03-29T08:00",
    ),
    (
        "DTSTART:20260131T090000Z\r\nRRULE:FREQ=DAI\r\n LY\r\nRDATE;TZID=America/New_York:20260201T000000",
        "Europe/Berlin",
        "01-31T09:00 02-01T05:00 02-01T09:00",
    ),
    ("FREQ=DAILY;BYHOUR=9\nEXDATE:20260101T090000,20260103T090000", "UTC", "01-02T09:00 01-04T09:00"),
    # What a clock change skips does not fire; what it repeats fires once.
    ("DTSTART:20260328T023000\nRRULE:FREQ=DAILY", "Europe/Berlin", "03-28T01:30 03-30T00:30"),
    ("DTSTART:20261024T023000\nRRULE:FREQ=DAILY", "Europe/Berlin", "10-24T00:30 10-25T00:30 10-26T01:30"),
)
ENDING = (
    ("DTSTART:20260102T090000\nRRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=2", "01-05T09:00 01-12T09:00"),
    ("FREQ=DAILY;UNTIL=20260103T000000", "01-02T00:00 01-03T00:00"),
    ("DTSTART:20260101T090000\nRRULE:FREQ=DAILY;COUNT=2\nRDATE:20260110T120000", "01-01T09:00 01-02T09:00 01-10T12:00"),
    ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", ""),
)
UNTOLD = (
    ("FREQ=HOURLY", "Europe/Berlin", "cannot predict: an rrule more often than daily in a zone whose clocks change"),
    ("FREQ=HOURLY;BYMINUTE=0,30;BYSETPOS=-1", "UTC", "BYSETPOS"),
    ("FREQ=SECONDLY;INTERVAL=40", "UTC", "every second"),
    ("FREQ=MONTHLY;BYMONTHDAY=31;RSCALE=GREGORIAN;SKIP=BACKWARD", "UTC", "RSCALE and SKIP"),
    ("FREQ=YEARLY;BYWEEKNO=1", "UTC", "BYWEEKNO and no day"),
    ("FREQ=DAILY;COUNT=999999999", "UTC", "counts to more than 2,000"),
    ("FREQ=MINUTELY;INTERVAL=3;BYMINUTE=1", "UTC", "fires too seldom|no occurrence"),
    ("DTSTART;TZID=Mars/Olympus:20260131T090000\nRRULE:FREQ=DAILY", "UTC", "unknown time zone 'Mars/Olympus'"),
    ("FREQ=DAILY", "local", "host pg-boss runs on"),
    ("FREQ=DAILY;BYHOUR=25", "UTC", "invalid rrule: hour"),
    ("FREQ=DAILY;INTERVAL=0", "UTC", "invalid rrule: FREQ, INTERVAL or COUNT"),
    ("FREQ=DAILY;COUNT=-1", "UTC", "invalid rrule: FREQ, INTERVAL or COUNT"),
    ("FREQ=DAILY;BYHOURS=9", "UTC", "invalid rrule: it has BYHOURS"),
    ("FREQ=DAILY;BYHOUR=9;BYHOUR=17", "UTC", "invalid rrule: a part is there twice"),
    ("FREQ=DAILY;BYDAY=", "UTC", "invalid rrule"),
    ("BEGIN:VEVENT\nRRULE:FREQ=DAILY", "UTC", "invalid rrule: it has BEGIN"),
    ("DTSTART:yesterday\x1b[2J\nRRULE:FREQ=DAILY", "UTC", "invalid rrule: 'yesterday"),
    ("RDATE:20260101T000000", "UTC", "invalid rrule: it should have one RRULE"),
    ("FREQ=DAILY;" + "X-A=1;" * 1000, "UTC", "longer than 4096"),
    ("", "UTC", "invalid rrule"),
)


@pytest.mark.parametrize(("rule", "zone", "told"), TOLD)
def test_runs_are_those_of_pg_boss(rule: str, zone: str, told: str) -> None:
    wanted = told.split()
    found = next_runs(rule, zone, "rrule", after=NEW_YEAR, count=len(wanted))
    assert ([f"{run:%m-%dT%H:%M}" for run in found.runs], found.reason) == (wanted, None)
    *earlier, last = found.runs
    back = previous_runs(rule, zone, "rrule", before=last)
    assert list(islice(back, len(earlier))) == earlier[::-1]
    assert all(has_occurrence(rule, zone, run.replace(second=33), "rrule") for run in found.runs)
    assert has_occurrence(rule, zone, last + timedelta(minutes=1), "rrule") is False


@pytest.mark.parametrize(("rule", "told"), ENDING)
def test_a_rule_that_ends(rule: str, told: str) -> None:
    found = next_runs(rule, "UTC", after=NEW_YEAR, count=9)
    assert [f"{run:%m-%dT%H:%M}" for run in found.runs] == told.split()
    assert found.reason == "no occurrence in the next fifty years"
    assert previous_run(rule, "UTC", before=NEW_YEAR + timedelta(days=99)) == (found.runs[-1] if told else None)


@pytest.mark.parametrize(("rule", "zone", "reason"), UNTOLD)
def test_what_is_not_foretold_says_why(rule: str, zone: str, reason: str) -> None:
    started = time.thread_time()
    found = next_runs(rule, zone, "rrule", after=NEW_YEAR)
    assert found.runs == ()
    assert any(one in (found.reason or "") for one in reason.split("|"))
    assert previous_run(rule, zone, "rrule", before=NEW_YEAR) is None
    assert not has_occurrence(rule, zone, NEW_YEAR, "rrule")
    assert time.thread_time() - started < 10, "a hostile rule is given up in time"


@pytest.mark.parametrize("release", every(("12.31.1", NEWEST), ()))
async def test_runs_are_those_a_real_pg_boss_previews(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    client = await boss(database(release))
    rules = [(rule, zone) for rule, zone, _ in TOLD] + [(rule, "UTC") for rule, _ in ENDING[:3]]
    for rule, zone in rules:
        shown = await client.any("previewSchedule", rule, {"tz": zone, "count": 30})
        now = datetime.now(UTC)
        theirs = [run for run in map(datetime.fromisoformat, shown) if run < now + timedelta(days=49 * 365)]
        mine = next_runs(rule, zone, "rrule", after=now, count=30).runs
        assert list(mine[: len(theirs)]) == [run.replace(microsecond=0) for run in theirs], rule

"""Cron schedules run when pg-boss runs them.

`cron_answers.json` holds what cron-parser 5.10.5 (in pg-boss 12) and 4.9.0 (in pg-boss 8 to 11) answered on Node 24
about several hundred schedules; `cron_answers.mjs` asked them. Each row is [major version, cron, time zone, before,
the last three runs before it or null for an error].
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossctl.cron import has_occurrence, next_runs, previous_run

Row = tuple[int, str, str, str, list[str] | None]

ANSWERS: list[Row] = json.loads(Path(__file__).with_name("cron_answers.json").read_text())
NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
# No schedule made with cron-parser 4 can hold these, which it refuses and version 5 takes.
ONLY_IN_5 = {"0 0 31 2 1", "0 0 30,L 2 *", "? ? * * *", "@annually", "@minutely", "@secondly", "@weekdays", "@weekends"}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def name(row: Row) -> str:
    return f"{row[0]} {row[1]} {row[2]} {row[3][:10]}"


FIRES = [row for row in ANSWERS if row[4]]
REFUSED = [row for row in ANSWERS if not row[4] and not (row[0] == 4 and row[1] in ONLY_IN_5)]


@pytest.mark.parametrize("row", FIRES, ids=name)
def test_runs_are_those_of_cron_parser(row: Row) -> None:
    version, cron, zone, before, answers = row
    expected = [moment(text) for text in answers or ()]
    prediction = next_runs(cron, zone, after=expected[0] - MINUTE, count=3, cron_parser=version)
    assert (list(prediction.runs), prediction.reason) == (expected, None)
    ends = [moment(before.removesuffix("Z")), *reversed(expected)]
    for end, run in zip(ends, reversed(expected), strict=False):
        assert previous_run(cron, zone, before=end, cron_parser=version) == run
        assert has_occurrence(cron, zone, run.replace(second=17), cron_parser=version) is True


@pytest.mark.parametrize("row", REFUSED, ids=name)
def test_what_cron_parser_refuses_is_refused_with_a_reason(row: Row) -> None:
    version, cron, zone, before, _ = row
    prediction = next_runs(cron, zone, after=moment(before.removesuffix("Z")), cron_parser=version)
    assert prediction.runs == ()
    assert (prediction.reason or "").startswith("invalid cron expression: ")
    assert previous_run(cron, zone, before=NOON, cron_parser=version) is None
    assert has_occurrence(cron, zone, NOON, cron_parser=version) is None


def walls(zone: str, cron: str, start: str, count: int) -> list[str]:
    prediction = next_runs(cron, zone, after=moment(start), count=count)
    return [f"{run:%dT%H:%M}" for run in prediction.runs]


def test_a_time_the_clocks_skip_does_not_fire_that_day() -> None:
    # 02:30 does not exist in Berlin on 29 March 2026.
    assert walls("Europe/Berlin", "30 2 * * *", "2026-03-28T00:00", 3) == ["28T01:30", "30T00:30", "31T00:30"]
    assert has_occurrence("30 2 * * *", "Europe/Berlin", moment("2026-03-29T01:30")) is False
    assert walls("Africa/Cairo", "0 0 * * *", "2026-04-22T12:00", 3) == ["22T22:00", "24T21:00", "25T21:00"]


def test_a_time_the_clocks_repeat_fires_twice() -> None:
    # 01:30 comes twice in London on 25 October 2026.
    assert walls("Europe/London", "30 1 * * *", "2026-10-24T12:00", 3) == ["25T00:30", "25T01:30", "26T01:30"]
    assert walls("Europe/London", "*/30 * * * *", "2026-10-24T23:59", 5) == [
        *("25T00:00", "25T00:30", "25T01:00", "25T01:30", "25T02:00")
    ]
    before = moment("2026-10-25T01:30")
    assert previous_run("30 1 * * *", "Europe/London", before=before) == moment("2026-10-25T00:30")
    assert walls("Antarctica/Troll", "0 2 * * *", "2026-10-24T12:00", 3) == ["25T00:00", "25T02:00", "26T02:00"]


def test_six_fields_fire_once_a_minute_at_their_first_second() -> None:
    runs = next_runs("20,40 */2 * * * *", "UTC", after=NOON + timedelta(seconds=20), count=2).runs
    assert runs == (NOON + timedelta(seconds=140), NOON + timedelta(seconds=260))
    assert previous_run("20,40 * * * * *", "UTC", before=NOON + timedelta(seconds=20)) == NOON - timedelta(seconds=40)


@pytest.mark.parametrize(
    ("cron", "zone", "kind", "reason"),
    [
        ("0 0 * * *", "UTC", "rrule", "invalid rrule"),
        ("H * * * *", "UTC", "cron", "H (hashed)"),
        ("H(0-29)/10 H * * *", "UTC", "cron", "H (hashed)"),
        ("0 0 * * H", "UTC", "cron", "H (hashed)"),
        ("0 0 * * *", "Foo/Bar", "cron", "unknown time zone 'Foo/Bar'"),
        ("0 0 * * *", "", "cron", "unknown time zone ''"),
        ("0 0 * * *", "America", "cron", "unknown time zone"),
        ("0 0 * * *", "../../etc/passwd", "cron", "unknown time zone"),
        ("0 0 * * *", "/etc/localtime", "cron", "unknown time zone"),
        ("0 0 * * *", "right/Europe/Berlin", "cron", "unknown time zone"),
        ("0 0 * * *", "x\0y\x1b[2J" * 99, "cron", "unknown time zone 'x␀y␛[2J"),
        ("0 0 * * *", "UTC+99", "cron", "unknown time zone"),
        ("0 0 * * *", "local", "cron", "host pg-boss runs on"),
        ("", "UTC", "cron", "empty"),
        ("  ", "UTC", "cron", "empty"),
        ("*," * 600 + "* * * * *", "UTC", "cron", "longer than 1024"),
        ("0 0 30 2 *", "UTC", "cron", "no month has such a day"),
        ("1,1 * * * *", "UTC", "cron", "repeats a value, which pg-boss 12 refuses"),
        ("\x1b[2J * * * *", "UTC", "cron", 'bad minute "␛[2J"'),
        ("MARCH * * * *", "UTC", "cron", "bad minute"),
    ],
)
def test_what_cannot_be_told_says_why(cron: str, zone: str, kind: str | None, reason: str) -> None:
    prediction = next_runs(cron, zone, kind, after=NOON)
    assert prediction.runs == ()
    assert reason in (prediction.reason or "")
    assert len(prediction.reason or "") < 140
    assert has_occurrence(cron, zone, NOON, kind) is None
    assert previous_run(cron, zone, kind, before=NOON) is None


@pytest.mark.parametrize(
    ("zone", "hour"),
    [
        (None, 12),
        ("UTC", 12),
        ("utc", 12),
        ("GMT", 12),
        ("Europe/Berlin", 11),
        ("EUROPE/berlin", 11),
        ("US/Eastern", 16),
        ("UTC+3", 9),
        ("utc-5:30", 17),
        ("+05:30", 6),
        ("-03", 15),
    ],
)
def test_time_zones_are_those_pgboss_takes(zone: str | None, hour: int) -> None:
    (run,) = next_runs("0 12 * * *", zone, after=NOON - timedelta(days=1, hours=-7), count=1).runs
    assert run.hour == hour
    assert run.utcoffset() == timedelta()


@pytest.mark.parametrize(
    "cron", ["0 0 29 2 *", "0 0 * 2 1#5", "0 0 29 2 5#5", "59 23 31 12 *", "* * * * *", "0 0 30 2 *"]
)
def test_rare_and_impossible_days_are_told_quickly(cron: str) -> None:
    started = perf_counter()
    next_runs(cron, "Europe/Berlin", after=NOON, count=5)
    previous_run(cron, "Europe/Berlin", before=NOON)
    assert perf_counter() - started < 2


@pytest.mark.parametrize("end", [datetime.max, datetime.max.replace(tzinfo=UTC)])
def test_the_end_of_time_is_no_run_and_no_crash(end: datetime) -> None:
    assert next_runs("* * * * *", "Europe/Berlin", after=end).reason == "no occurrence in the next fifty years"
    assert previous_run("* * * * *", "Asia/Tokyo", before=datetime.min) is None


def test_a_naive_moment_is_utc() -> None:
    assert next_runs("0 * * * *", "UTC", after=NOON.replace(tzinfo=None), count=1).runs == (NOON + 60 * MINUTE,)


NUMBER = st.integers(0, 61).map(str)
ITEM = st.one_of(
    st.just("*"),
    NUMBER,
    st.builds("{}-{}".format, NUMBER, NUMBER),
    st.builds("{}/{}".format, NUMBER | st.just("*"), NUMBER),
    st.sampled_from(["L", "?", "1L", "2#3", "mon", "JAN", "H", "", "FRIL", "x"]),
)
FIELD = st.one_of(st.just("*"), st.lists(ITEM, min_size=1, max_size=3).map(",".join))
CRONS = st.lists(FIELD, min_size=4, max_size=7).map(" ".join) | st.text(st.characters(), max_size=20)
ZONES = st.sampled_from(
    [None, "UTC", "Europe/London", "America/Santiago", "Australia/Lord_Howe", "Antarctica/Troll", "UTC+5:30"]
)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@given(CRONS, ZONES, TIMES, st.sampled_from([4, 5]))
def test_runs_come_in_order_and_forward_and_backward_agree(
    cron: str, zone: str | None, at: datetime, version: int
) -> None:
    prediction = next_runs(cron, zone, after=at, count=3, cron_parser=version)
    assert (prediction.reason is None) == (len(prediction.runs) == 3)
    last = at
    for run in prediction.runs:
        assert run > last
        assert has_occurrence(cron, zone, run, cron_parser=version) is True
        last = run
    for run, later in pairwise(prediction.runs):
        assert previous_run(cron, zone, before=later, cron_parser=version) == run


@given(st.sampled_from([row[1] for row in FIRES]), ZONES, TIMES)
def test_between_two_runs_no_minute_fires(cron: str, zone: str | None, at: datetime) -> None:
    first, second = next_runs(cron, zone, after=at, count=2, cron_parser=4).runs
    for step in (1, 2, 7, 59, 60, 61, 180):
        between = first + step * MINUTE
        if between + MINUTE <= second:
            assert has_occurrence(cron, zone, between, cron_parser=4) is False


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25", "2026-04-05", "2026-10-04"])
@pytest.mark.parametrize("zone", ["Europe/London", "Australia/Lord_Howe", "Antarctica/Troll"])
def test_every_minute_that_fires_is_a_run_and_the_other_way_round(zone: str, day: str) -> None:
    start = moment(day) - timedelta(hours=10)
    minutes = [start + n * MINUTE for n in range(1, 24 * 60)]
    for cron in ("*/20 0-3 * * *", "30 * * * *", "10 1-4 * * *"):
        runs = next_runs(cron, zone, after=start, count=80).runs
        fires = [minute for minute in minutes if has_occurrence(cron, zone, minute)]
        assert fires
        assert fires == [run for run in runs if run <= minutes[-1]]

"""Which send is of which slot, and what can be said of slots at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bossctl.models.schedules import Schedule, ScheduleRecord, Sent, SlotJob
from bossctl.slots import Known, recorded

NOW = datetime(2026, 3, 4, 12, 0, 30, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=9)
MINUTE = timedelta(minutes=1)


def at(hour: int, minute: int, second: float = 0, *, day: int = 4) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC) + timedelta(seconds=second)


def sent(created_on: datetime, slot: datetime | None = None, *, jobs: int | None = 1) -> Sent:
    made = tuple(SlotJob(f"{number}", "q", "completed", created_on, False) for number in range(jobs or 0))
    return Sent(f"{created_on}", created_on, slot, True, "completed", None if jobs is None else made)


def told(
    cron: str,
    *sends: Sent,
    zone: str | None = None,
    set_on: datetime = LONG_AGO,
    born: datetime = LONG_AGO,
    since: datetime | None = LONG_AGO,
    parsers: tuple[int, ...] = (5,),
) -> ScheduleRecord:
    schedule = Schedule("q", "", cron, zone, "cron", born, set_on, None)
    newest_first = sorted(sends, key=lambda one: one.created_on, reverse=True)
    return recorded(schedule, newest_first, Known(NOW, since, parsers))


def hourly(*hours: int, minute: int = 0) -> list[Sent]:
    """Sends some seconds after the full hour, of today for hours up to now, else of yesterday."""
    return [sent(at(hour, minute, 31, day=4 if hour <= 12 else 3)) for hour in hours]


def counts(record: ScheduleRecord) -> tuple[int, int | None, int | None]:
    return record.looked, record.missed, record.doubled


def test_every_slot_of_a_day_has_its_send() -> None:
    record = told("0 * * * *", *hourly(*range(24)))
    assert counts(record) == (24, 0, 0)
    assert record.slots[0].at == at(12, 0)
    assert [slot.at for slot in record.slots[:3]] == [at(12, 0), at(11, 0), at(10, 0)]
    assert len(record.next) == 10
    assert record.next[0] == at(13, 0)


def test_what_was_not_sent_yet_is_awaited_and_not_missed() -> None:
    record = told("0 * * * *", *hourly(*(hour for hour in range(24) if hour not in (9, 12))))
    newest, *_ = record.slots
    assert (newest.at, newest.awaited, newest.missed) == (at(12, 0), True, False)
    assert record.last is not None
    assert record.last.at == at(11, 0)
    assert [slot.at for slot in record.slots if slot.missed] == [at(9, 0)]
    assert record.missed == 1


@pytest.mark.parametrize("late", [0.2, 59.9, 95.0])
def test_a_send_is_of_the_last_slot_before_it(late: float) -> None:
    record = told("0 3 * * *", sent(at(3, 0, late)))
    assert [(slot.at, len(slot.sends)) for slot in record.slots if slot.at.day == 4] == [(at(3, 0), 1)]
    assert record.missed == 0


def test_the_minute_that_a_send_names_counts_however_late_it_came() -> None:
    record = told("0 * * * *", *hourly(*(hour for hour in range(24) if hour != 5)), sent(at(8, 17), at(5, 0)))
    assert record.missed == 0
    assert {slot.due for slot in record.slots} == {True}


def test_dense_schedules_are_told_apart_by_the_minute() -> None:
    sends = [sent(at(11, minute, 28)) for minute in range(60) if minute != 30]
    record = told("* * * * *", *sends, since=at(11, 0) - MINUTE)
    assert [slot.at for slot in record.slots if slot.missed] == [at(11, 30)]


def test_a_second_is_of_its_minute() -> None:
    on_time, late = sent(at(10, 59, 42)), sent(at(11, 0, 12))
    record = told("30 59 * * * *", on_time, late, since=at(10, 0))
    [slot] = [slot for slot in record.slots if slot.sends]
    assert (slot.at, len(slot.sends), slot.twice) == (at(10, 59, 30), 2, True), "filed under two minutes, sent twice"


def test_several_runs_a_minute_are_no_doubled_slot() -> None:
    sends = [sent(at(11, 30, 5)), sent(at(11, 30, 35))]
    assert told("*/30 30 11 * * *", *sends).doubled == 0
    assert told("30 11 * * *", *sends).doubled == 1


def test_one_send_with_two_jobs_is_doubled() -> None:
    assert told("0 3 * * *", sent(at(3, 0, 5), jobs=2)).doubled == 1


def test_jobs_that_could_not_be_read_leave_it_open_what_was_doubled() -> None:
    assert counts(told("0 3 * * *", sent(at(3, 0, 5), jobs=None))) == (1, 0, None)


def test_a_send_where_nothing_is_due() -> None:
    [stray] = [slot for slot in told("0 3 * * *", sent(at(4, 30, 5)), sent(at(3, 0, 5))).slots if slot.at.hour == 4]
    assert (stray.at, stray.due, stray.missed) == (at(4, 30), False, False)


def test_nothing_is_said_of_slots_before_it_was_set_or_before_what_is_stored() -> None:
    sends = hourly(7, 8, 9, 10, 11, 12)
    assert counts(told("0 * * * *", *sends, since=at(9, 30))) == (3, 0, 0)
    assert counts(told("0 * * * *", *sends, set_on=at(9, 30))) == (3, 0, 0)
    early = [slot for slot in told("0 * * * *", *sends, set_on=at(9, 30)).slots if slot.at < at(9, 30)]
    assert [slot.due for slot in early] == [None] * 3


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"since": None}, "nothing that the scheduler sent is stored"),
        ({"since": at(11, 30)}, "what was sent at its last slots is no longer stored"),
        ({"set_on": at(11, 30)}, "it was set after its last slot"),
    ],
)
def test_why_it_is_not_known_what_was_missed(given: dict[str, datetime | None], reason: str) -> None:
    record = told("0 9 * * *", **given)  # pyright: ignore[reportArgumentType]
    assert (counts(record), record.unknown) == ((0, None, None), reason)


def test_what_had_no_slot_has_missed_none() -> None:
    assert counts(told("0 0 1 1 *")) == (0, 0, 0)
    assert counts(told("0 9 * * *", born=at(11, 0), set_on=at(11, 0), since=None)) == (0, 0, 0)


@pytest.mark.parametrize("cron", ["", "61 * * * *", "H * * * *", "FREQ=NEVER", "0 0 30 2 *", "\x1b[2J"])
def test_an_expression_that_nobody_can_read(cron: str) -> None:
    record = told(cron, sent(at(3, 0, 5)))
    assert (record.next, record.missed, record.doubled) == ((), None, 0)
    assert record.unknown
    assert record.unknown == record.no_next
    assert [slot.due for slot in record.slots] == [None]


def test_a_slot_that_only_one_of_two_possible_parsers_sees_is_not_missed() -> None:
    """Version 4 takes `1-31` for every day, 5 for days that are named."""
    assert told("0 3 1-31 * 1", parsers=(5,)).missed == 1
    disputed = told("0 3 1-31 * 1", parsers=(4, 5))
    assert (disputed.missed, disputed.unknown) == (
        None,
        "the releases that have such a schema do not read its expression alike",
    )
    [slot] = told("0 3 1-31 * 1", sent(at(3, 0, 5)), parsers=(4, 5)).slots[:1]
    assert slot.due is None


def test_an_hour_that_clocks_skip_has_no_slot() -> None:
    """In Berlin 2026-03-29 has no 02:30."""
    schedule = Schedule("q", "", "30 2 * * *", "Europe/Berlin", "cron", LONG_AGO, LONG_AGO, None)
    record = recorded(schedule, [], Known(datetime(2026, 3, 29, 12, tzinfo=UTC), LONG_AGO, (5,)))
    assert (record.looked, record.missed) == (0, 0)

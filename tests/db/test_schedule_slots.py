"""What became of the slots of a schedule that a real pg-boss fired."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bossctl.models.schedules import ScheduleRecord, ScheduleSlot
from tests.conftest import BossFactory, DatabaseFactory, SeededFactory
from tests.seed.plan import SCHEDULED
from tests.support.database import Database
from tests.support.releases import NEWEST, every
from tests.support.slots import QUEUE, SEND, fired_hourly
from tests.support.stores import open_store

RELEASES = ("9.0.3", "10.4.2", "11.0.8", "11.1.2", "12.27.0", "12.31.1", NEWEST)
HOUR = timedelta(hours=1)


async def record(db: Database) -> ScheduleRecord:
    async with await open_store(db) as store:
        [found] = (await store.schedules()).records
        return found


def slot_at(found: ScheduleRecord, at: object) -> ScheduleSlot:
    [slot] = [slot for slot in found.slots if slot.at == at]
    return slot


@pytest.mark.parametrize("release", every(RELEASES, (NEWEST,)))
async def test_slots_that_were_sent_missed_and_doubled(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    newest = await fired_hourly(db, boss, 1, 3, 4, 6, twice=[5])
    found = await record(db)
    assert (found.looked, found.missed, found.doubled, found.unknown) == (6, 1, 1, None)
    assert [slot.at for slot in found.slots if slot.due] == [newest - hour * HOUR for hour in range(6)]
    assert found.last is not None
    assert (found.last.at, len(found.last.jobs or ()), found.last.missed) == (newest, 1, False)
    missed, doubled = slot_at(found, newest - 2 * HOUR), slot_at(found, newest - 5 * HOUR)
    assert (missed.missed, missed.sends, missed.jobs) == (True, (), ())
    assert (doubled.twice, len(doubled.sends), len(doubled.jobs or ())) == (True, 2, 2)
    jobs = {job.id for slot in found.slots for job in slot.jobs or ()}
    assert jobs == {job for (job,) in db.execute("SELECT id::text FROM job WHERE name = %s", [QUEUE])}
    assert all(len(sent.jobs or ()) == 1 for slot in found.slots for sent in slot.sends), "each send has its own"
    assert found.schedule.last_job is not None
    assert [found.schedule.last_job.id] == [job.id for job in found.last.jobs or ()]

    # A job that is gone is no missed slot: it was sent.
    db.execute("DELETE FROM job WHERE id = %s", [found.schedule.last_job.id])
    found = await record(db)
    assert (found.missed, found.last and found.last.jobs) == (1, ())

    # What cannot be known: other slots than those of the expression, a rule that is not foretold, nothing stored.
    db.execute("UPDATE schedule SET updated_on = now()")
    found = await record(db)
    assert (found.looked, found.missed, found.doubled, found.unknown) == (0, None, 1, "it was set after its last slot")
    assert {slot.due for slot in found.slots} == {None}
    rule = f"FREQ=HOURLY;BYMINUTE={newest.minute}"
    db.execute("UPDATE schedule SET cron = %s, updated_on = created_on", [rule])
    found = await record(db)
    assert (found.looked, found.missed, found.doubled, found.unknown) == (6, 1, 1, None), "as the cron expression was"
    assert found.next[0] == newest + HOUR
    db.execute("UPDATE schedule SET cron = 'FREQ=SECONDLY'")
    found = await record(db)
    assert (found.missed, found.unknown, found.next) == (None, "cannot predict: an rrule for every second", ())
    assert found.doubled == 1
    db.execute("UPDATE schedule SET cron = '0 0 1 1 *'")
    off = await record(db)
    assert (off.missed, {slot.due for slot in off.slots[:-2]}) == (0, {False}), "nothing was due, all was off its slot"
    db.execute("UPDATE schedule SET cron = '* * * * *'")
    db.execute(f"DELETE FROM job WHERE {SEND}")
    found = await record(db)
    assert (found.missed, found.doubled) == (None, None)
    assert found.unknown == "nothing that the scheduler sent is stored"


@pytest.mark.parametrize("release", every(RELEASES, ("9.0.3", NEWEST)))
async def test_schedules_of_the_seed(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    db.execute("UPDATE schedule SET timezone = 'Mars/Olympus' WHERE cron = '0 3 * * *'")
    async with await open_store(db) as store:
        book = await store.schedules()
    assert book.note is None
    assert {(one.schedule.queue, one.schedule.key) for one in book.records} == {
        (name, key or "")
        for name, key in db.execute("SELECT name, to_jsonb(s)->>'key' FROM schedule AS s WHERE name = %s", [SCHEDULED])
    }
    daily = next(one for one in book.records if one.schedule.cron == "0 3 * * *")
    assert (daily.next, daily.missed) == ((), None)
    assert daily.no_next == daily.unknown == "cannot predict: unknown time zone 'Mars/Olympus'"

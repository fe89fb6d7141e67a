"""Schedules: next runs in two zones, what became of slots, the ways to their jobs, and what cannot be known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bossctl.selector import Ids, to_text
from bossctl.tui.places import JobPlace, JobsPlace
from bossctl.tui.screens.job import JobScreen
from bossctl.tui.screens.jobs import JobsScreen
from bossctl.tui.screens.queue import QueueScreen
from bossctl.tui.screens.schedules import SchedulesScreen
from tests.conftest import BossFactory, DatabaseFactory, SeededFactory
from tests.seed.plan import SCHEDULED
from tests.support.aging import job_column
from tests.support.releases import NEWEST
from tests.support.slots import QUEUE, SEND, fired_hourly
from tests.tui.app_support import SMALL, diagonal, opened_on, running
from tests.tui.dialog_support import toasts

HOUR = timedelta(hours=1)
RELEASES = ("9.0.3", "10.4.2", "11.1.2", "12.27.0", NEWEST)


def at(moment: datetime) -> str:
    return f"{moment:%m-%d %H:%M}"


@pytest.mark.parametrize("release", diagonal(RELEASES, NEWEST))
async def test_from_a_schedule_to_its_slots_and_to_their_jobs(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    newest = await fired_hourly(db, boss, 1, 3, 4, 6, twice=[5])
    key, berlin = f"{QUEUE}\n", ZoneInfo("Europe/Berlin")
    db.execute("UPDATE schedule SET timezone = 'Europe/Berlin'")
    async with running(db.dsn, size=SMALL) as driver:
        await driver.press("6")
        screen = await driver.on(SchedulesScreen)
        await driver.until(lambda: driver.table.keys == (key,))
        assert driver.cell(key, "missed") == "1/6"
        assert driver.cell(key, "doubled") == "1"
        assert driver.cell(key, "last").startswith(at(newest.astimezone(berlin)))
        following = newest + HOUR
        assert driver.cell(key, "next") == f"{at(following.astimezone(berlin))} {following.astimezone(berlin):%Z}"
        assert driver.cell(key, "local") == at(following.astimezone())

        # The slots of one: when, what came of it.
        await driver.press("enter")
        await driver.until(lambda: screen.slots.has_focus and len(screen.slots.keys) >= 6)
        told = {one: screen.slots.texts(one) for one in screen.slots.keys}
        slots = [(newest - hour * HOUR).isoformat() for hour in range(6)]
        assert list(told)[:6] == slots
        assert "✗ no job" in told[slots[2]]
        assert "▲ 2 jobs" in told[slots[5]]
        assert "✗ no job" in driver.text

        # To the job of a slot and back: the cursor is where it was; a missed one leads nowhere, a doubled one to both.
        created = job_column(db, "created_on")
        jobs = db.execute(f"SELECT id::text, {created} FROM job WHERE name = %s ORDER BY {created} DESC", [QUEUE])
        await driver.press("enter")
        job = await driver.on(JobScreen)
        assert isinstance(job.place, JobPlace)
        assert job.place.id == jobs[0][0]
        await driver.press("escape")
        await driver.on(SchedulesScreen)
        await driver.press("j", "j", "enter")
        await driver.until(lambda: "nothing was sent for this slot" in toasts(driver))
        assert screen.slots.cursor_key == slots[2]
        screen.slots.go_to(slots[5])
        await driver.press("enter")
        both = await driver.on(JobsScreen)
        ids = [job for job, sent in jobs if newest - 5 * HOUR <= sent < newest - 4 * HOUR]
        assert len(ids) == 2
        assert both.place in (JobsPlace(to_text(Ids(tuple(order)))) for order in (ids, ids[::-1]))
        await driver.press("escape")
        await driver.on(SchedulesScreen)

        # A slot that was sent and whose job is gone leads to what was sent; a refresh keeps the cursor.
        db.execute("DELETE FROM job WHERE id = %s", [jobs[0][0]])
        await driver.press("r")
        await driver.until(lambda: "sent, no job found" in " ".join(screen.slots.texts(slots[0])))
        assert screen.slots.cursor_key == slots[5]
        await driver.press("g", "enter")
        job = await driver.on(JobScreen)
        assert db.value(f"SELECT count(*) FROM job WHERE {SEND} AND id = %s", [job.wanted.id]) == 1
        await driver.press("escape")
        await driver.on(SchedulesScreen)

        # The runs, in a terminal that has no room for them beside the slots; then back to the list, and to the queue.
        await driver.press("tab")
        await driver.until(lambda: f"{at((following + 9 * HOUR).astimezone(berlin))} " in driver.text)
        await driver.press("escape")
        await driver.until(lambda: not screen.opened and driver.table.has_focus)
        await driver.press("o")
        assert (await driver.on(QueueScreen)).name_here == QUEUE


async def test_what_cannot_be_foretold_is_said_in_a_sentence(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    db.execute(
        "INSERT INTO schedule (name, key, cron, timezone) VALUES (%(q)s, 'bad', '61 * * * *', 'UTC'),"
        " (%(q)s, 'far', '0 3 * * *', 'Mars/Olympus'), (%(q)s, 'never', '0 0 30 2 *', 'UTC'),"
        " (%(q)s, 'second', 'FREQ=SECONDLY', 'UTC'), (%(q)s, '[red]x', '0 3 * * *', 'UTC')",
        {"q": SCHEDULED},
    )
    reasons = {
        "bad": 'invalid cron expression: bad minute "61"',
        "far": "cannot predict: unknown time zone 'Mars/Olympus'",
        "never": "invalid cron expression: no month has such a day",
        "second": "cannot predict: an rrule for every second",
    }
    async with running(db.dsn) as driver:
        screen = await opened_on(driver, "schedules", SchedulesScreen)
        await driver.until(lambda: len(driver.table.keys) == 8)
        assert "3 not known" not in driver.lines[1]
        assert "4 not known" in driver.lines[1]
        assert "[red]x" in driver.text
        for key, reason in reasons.items():
            driver.table.go_to(f"{SCHEDULED}\n{key}")
            await driver.until(
                lambda key=key, reason=reason: f"{SCHEDULED} key {key}: no next run is told: {reason}" in driver.text
            )
            assert driver.cell(f"{SCHEDULED}\n{key}", "missed") == "?"
            assert driver.cell(f"{SCHEDULED}\n{key}", "next") == "not foretold"
        # Beside each other in a wide terminal; the pointer works as the keys do.
        await driver.click("#schedules", "weekly")
        await driver.until(lambda: screen.record_here and screen.record_here.schedule.key == "weekly")
        await driver.press("enter")
        there = datetime.now(UTC).astimezone(ZoneInfo("America/New_York"))
        sunday = (there + timedelta(days=(6 - there.weekday()) % 7)).replace(hour=4, minute=30, second=0)
        first = sunday if sunday > there else sunday + timedelta(days=7)
        await driver.until(lambda: screen.slots.has_focus and f"{at(first)} {first:%Z}" in driver.text)
        assert "local (" in driver.text
        await driver.click("PaneStrip", "Next runs")
        await driver.until(lambda: screen.query_one("#runs").has_focus)

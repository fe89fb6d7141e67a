"""Jobs: selections, pages, quick filters, and what of them a refresh keeps."""

from __future__ import annotations

import pytest

from bossctl.tui import joblist
from bossctl.tui.screens.job import JobScreen
from bossctl.tui.screens.jobs import JobsScreen
from bossctl.tui.screens.queue import QueueScreen
from bossctl.tui.selection import text_of
from bossctl.tui.widgets.table import LineTable
from tests.conftest import SeededFactory
from tests.seed.plan import BUSY, DEAD_LETTER, STUCK
from tests.support.database import Database
from tests.support.releases import NEWEST
from tests.tui.app_support import LARGE, SMALL, Driver, opened_on, running


@pytest.fixture
def db(seeded: SeededFactory) -> Database:
    return seeded(NEWEST)


def ids(driver: Driver) -> list[str]:
    return [key[:36] for key in driver.table.keys]


def found(db: Database, where: str, *values: str) -> set[str]:
    return {job for (job,) in db.execute(f"SELECT id::text FROM job WHERE {where}", list(values))}


async def settled(driver: Driver) -> JobsScreen:
    """The jobs screen once it shows the page it was turned to."""
    return await driver.on(JobsScreen)


async def test_pages_go_through_all_jobs_once_newest_first_and_back(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joblist, "PAGE", 150)
    total = db.value("SELECT count(*) FROM job")
    async with running(db.dsn, refresh=60) as driver:
        await opened_on(driver, "jobs", JobsScreen)
        pages = [ids(driver)]
        while len(pages[-1]) == 150:
            await driver.press("n")
            await settled(driver)
            pages.append(ids(driver))
            assert f"page {len(pages)}" in driver.text
        seen = [job for page in pages for job in page]
        assert len(seen) == len(set(seen)) == total
        times = dict(db.execute("SELECT id::text, created_on FROM job"))
        assert [times[job] for job in seen] == sorted(times.values(), reverse=True)
        await driver.press("n")
        await driver.until(lambda: "this is the last page" in driver.text)
        await driver.press("b")
        await settled(driver)
        assert ids(driver) == pages[-2]


async def test_the_selection_language_with_completion_and_a_caret_under_mistakes(db: Database) -> None:
    async with running(db.dsn, size=SMALL) as driver:
        await opened_on(driver, "jobs", JobsScreen)
        await driver.press("slash")
        await driver.type("queue:thumb")
        await driver.until(lambda: "thumbnails" in driver.lines[-3])
        await driver.press("tab")
        await driver.type(" state:fialed")
        await driver.press("enter")
        await driver.until(lambda: "did you mean failed?" in driver.text)
        caret = next(number for number, line in enumerate(driver.lines) if line.strip() == "^")
        assert driver.lines[caret - 1][driver.lines[caret].index("^") :].startswith("fialed")
        assert len(driver.table.keys) == 100, "the selection is as before"
        await driver.press(*["backspace"] * 6)
        await driver.type("created")
        await driver.press("enter")
        await driver.until(lambda: "/ queue:thumbnails state:created" in driver.text)
        await settled(driver)
        assert set(ids(driver)) == found(db, "name = 'thumbnails' AND state = 'created'")
        await driver.press("slash", "escape")
        assert isinstance(driver.app.screen, JobsScreen)
        await driver.press("escape")
        assert not isinstance(driver.app.screen, JobsScreen)


async def test_quick_filters_for_stuck_rerun_and_states(db: Database) -> None:
    past = "state = 'active' AND started_on + expire_seconds * interval '1 second' < now()"
    silent = "state = 'active' AND heartbeat_on + heartbeat_seconds * interval '1 second' < now()"
    async with running(db.dsn) as driver:
        screen = await opened_on(driver, "jobs", JobsScreen)
        await driver.press("s")
        await settled(driver)
        assert set(ids(driver)) == found(db, f"({past}) OR ({silent})") != set()
        assert found(db, f"name = %s AND {past}", STUCK) <= set(ids(driver))
        await driver.press("s", "u")
        await settled(driver)
        assert text_of(screen._list.selection) == "is:rerun"
        assert set(ids(driver)) == found(db, "retry_count > 0 AND started_on IS NOT NULL") != set()
        await driver.press("f")
        await settled(driver)
        assert text_of(screen._list.selection) == "is:rerun state:created"
        await driver.line("state failed")
        await settled(driver)
        assert set(ids(driver)) == found(db, "retry_count > 0 AND state = 'failed'")
        await driver.press("a")
        await settled(driver)
        assert screen._list.selection is None
        legend = next(number for number, line in enumerate(driver.lines) if "✗ failed" in line and "⊘" in line)
        await driver.pilot.click(offset=(driver.lines[legend].index("✗"), legend))
        await driver.until(lambda: text_of(screen._list.selection) == "state:failed")


async def test_the_cursor_stays_on_its_job_when_newer_ones_arrive(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LineTable, "HOLD_SECONDS", 0.3)
    async with running(db.dsn) as driver:
        await opened_on(driver, f"jobs queue:{DEAD_LETTER}", JobsScreen)
        await driver.press("j", "j")
        here = driver.table.cursor_key
        new = db.value("INSERT INTO job (name, data) VALUES (%s, '{}') RETURNING id::text", [DEAD_LETTER])
        await driver.until(lambda: ids(driver)[0] == new)
        assert driver.table.cursor_key == here
        assert driver.table.cursor_line == 3
        db.execute("UPDATE job SET state = 'active', started_on = now() WHERE id = %s", [new])
        await driver.until(lambda: "◐ active" in driver.text)
        assert driver.table.cursor_key == here


async def test_a_slow_selection_gives_way_to_the_next(db: Database) -> None:
    """What is still being read for a former selection is cancelled, on the server too."""
    async with running(db.dsn) as driver:
        screen = await opened_on(driver, "jobs", JobsScreen)
        # A lock that nobody but a reader of jobs waits for stands for a slow statement.
        db.execute("BEGIN")
        db.execute("LOCK TABLE job_common IN ACCESS EXCLUSIVE MODE")
        await driver.press("s")
        await driver.until(lambda: screen._list.poll.busy)
        await driver.press("s")
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bossctl' AND wait_event_type = 'Lock'"
        )
        await driver.until(lambda: driver.app.is_running and db.value(waiting) <= 1)
        db.execute("ROLLBACK")
        await driver.until(lambda: len(driver.table.keys) == 100)


async def test_a_queue_lists_its_jobs_and_leads_on(db: Database) -> None:
    async with running(db.dsn) as driver:
        await opened_on(driver, f"go.queue {BUSY}", QueueScreen)
        assert set(ids(driver)) == found(db, "name = %s", BUSY)
        await driver.press("slash")
        await settled(driver)
        await driver.until(lambda: driver.lines[-2].startswith(f" queue:{BUSY}"))
        await driver.type("state:active")
        await driver.press("enter")
        await settled(driver)
        await driver.until(lambda: set(ids(driver)) == found(db, "name = %s AND state = 'active'", BUSY))
        await driver.press("enter")
        job = await driver.on(JobScreen)
        assert job.wanted.id in found(db, "name = %s AND state = 'active'", BUSY)
        await driver.press("escape", "escape")
        await driver.on(QueueScreen)
        await driver.press("d")
        await driver.until(lambda: f"Queue {DEAD_LETTER}" in driver.text)
        await driver.press("w")
        await driver.until(lambda: driver.lines[1].startswith(f" Queue {BUSY} "))
        assert len(driver.app.screen_stack) == 3, "back to the screen that is open already"


async def test_archived_jobs_are_listed_and_opened(seeded: SeededFactory) -> None:
    db = seeded("10.4.2")
    async with running(db.dsn, size=LARGE) as driver:
        await opened_on(driver, f"jobs queue:{BUSY} archived:true", JobsScreen)
        archived = {job for (job,) in db.execute("SELECT id::text FROM archive WHERE name = %s", [BUSY])}
        assert set(ids(driver)) == archived != set()
        await driver.press("enter")
        await driver.on(JobScreen)
        assert "archived" in driver.lines[1]

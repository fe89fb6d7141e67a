"""The list of queues in use: what a refresh keeps, sorting, filtering, clicking, large tables."""

from __future__ import annotations

import psycopg
import pytest

from bossctl.models.common import Truth
from bossctl.store import queues as store_queues
from bossctl.tui.app import BossApp
from bossctl.tui.screens.jobs import JobsScreen
from bossctl.tui.screens.queue import QueueScreen
from bossctl.tui.screens.queues import QueuesScreen
from bossctl.tui.selection import text_of
from bossctl.tui.widgets.table import LineTable
from tests.conftest import SeededFactory
from tests.seed.plan import BUSY, DEAD_LETTER, HOSTILE, UNWORKED, plan
from tests.support.database import Database
from tests.support.releases import NEWEST
from tests.tui.app_support import LARGE, SMALL, Driver, opener, running


@pytest.fixture
def db(seeded: SeededFactory) -> Database:
    return seeded(NEWEST)


@pytest.fixture
def brief_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order is held for three seconds after a key; tests do not want to wait so long."""
    monkeypatch.setattr(LineTable, "HOLD_SECONDS", 0.3)


async def test_the_worst_queue_is_first_and_columns_line_up(db: Database) -> None:
    async with running(db.dsn) as driver:
        titles, first, *_ = driver.lines[2:]
        assert driver.table.keys[0] == HOSTILE, "three failures within the hour"
        assert driver.table.keys[-1].startswith("__pgboss__")
        for title, value in (("READY", "10"), ("FAILED", "3"), ("FAIL/H", "3")):
            assert first[: titles.index(title) + len(title)].endswith(value)


@pytest.mark.usefixtures("brief_hold")
async def test_a_refresh_keeps_the_cursor_on_its_queue_while_the_order_changes(db: Database) -> None:
    async with running(db.dsn) as driver:
        before = driver.table.keys.index(UNWORKED)
        await driver.press(*["j"] * before)
        assert driver.table.cursor_key == UNWORKED
        db.execute("UPDATE job SET state = 'failed', completed_on = now() WHERE name = %s", ["thumbnails"])
        await driver.until(lambda: driver.table.keys[0] == "thumbnails")
        assert driver.table.cursor_key == UNWORKED
        assert driver.table.cursor_line == driver.table.keys.index(UNWORKED) == before + 1
        assert driver.cell("thumbnails", "failed") == "320"


async def test_marks_and_filter_survive_refreshes(db: Database) -> None:
    async with running(db.dsn) as driver:
        await driver.press("slash")
        await driver.type("mail")
        await driver.until(lambda: set(driver.table.keys) == {BUSY, "mail-dead"})
        await driver.press("enter", "space")
        marked = driver.table.marks
        assert len(marked) == 1
        db.execute("DELETE FROM job WHERE name = %s AND state = 'failed'", [BUSY])
        await driver.until(lambda: driver.cell(BUSY, "failed") == "0")
        assert (driver.table.marks, set(driver.table.keys)) == (marked, {BUSY, "mail-dead"})
        assert 'with "mail"' in driver.lines[1]
        await driver.press("escape", "escape")
        assert not driver.table.marks
        assert driver.table.line_count == len(driver.app.desk.names), "the second Esc drops the filter"
        await driver.press("escape")
        assert isinstance(driver.app.screen, QueuesScreen), "the first screen is never left"


async def test_sorting_by_key_command_and_title(db: Database) -> None:
    async with running(db.dsn) as driver:
        await driver.press("s")
        assert list(driver.table.keys) == sorted(driver.table.keys)
        await driver.line("sort ready")
        assert driver.table.keys[0] == "thumbnails"
        title = driver.lines[2].index("OLDEST")
        await driver.pilot.click(LineTable, offset=(title, 0))
        await driver.until(lambda: driver.table.keys[0] == UNWORKED)
        assert "OLDEST▼" in driver.lines[2]
        await driver.pilot.click(LineTable, offset=(title, 0))
        await driver.until(lambda: driver.table.keys[0] == HOSTILE)
        await driver.line("sort sideways")
        await driver.until(lambda: "sort by one of worst, queue" in driver.text)


async def test_a_bar_segment_leads_to_its_jobs_and_the_legend_to_all_of_a_state(db: Database) -> None:
    async with running(db.dsn) as driver:
        line = driver.table.keys.index(HOSTILE)
        bar = driver.lines[2].index("JOBS")
        await driver.pilot.click(LineTable, offset=(bar + driver.table.column_width("jobs") - 1, line + 1))
        jobs = await driver.on(JobsScreen)
        assert text_of(jobs._list.selection) == f"queue:{HOSTILE} state:failed"
        assert len(driver.table.keys) == plan(NEWEST).counts[HOSTILE]["failed"]
        await driver.press("escape")
        await driver.on(QueuesScreen)
        await driver.pilot.click("StateLegend", offset=(2, 0))
        jobs = await driver.on(JobsScreen)
        assert text_of(jobs._list.selection) == "state:created"


async def test_rates_workers_dead_letters_and_findings_of_each_queue(db: Database) -> None:
    ended = "UPDATE job SET state = %s, completed_on = now() WHERE id IN (SELECT id FROM job WHERE name = %s LIMIT %s)"
    db.execute(ended, ["completed", "thumbnails", 7])
    db.execute(ended, ["failed", UNWORKED, 2])
    calls = '[{"queue": "thumbnails", "active": 1}]'
    db.execute("UPDATE instance SET stopped_on = NULL, heartbeat_on = now(), workers = %s", [calls])
    instances = db.value("SELECT count(*) FROM instance")
    db.execute("UPDATE queue SET monitor_on = now() - interval '3 hours', monitor_claim_on = NULL, maintain_on = NULL")
    db.execute("UPDATE version SET flow_on = NULL")
    async with running(db.dsn, checkup_after=0) as driver:
        assert (driver.cell("thumbnails", "done"), driver.cell(UNWORKED, "fail")) == ("7", "2")
        assert driver.cell(UNWORKED, "done") == "0"
        assert driver.cell("thumbnails", "workers") == str(instances)
        assert driver.cell(UNWORKED, "workers") == "0"
        waiting = db.value("SELECT count(*) FROM job WHERE name = %s AND state < 'active'", [DEAD_LETTER])
        assert driver.cell(BUSY, "depth") == str(waiting) != "0"
        assert driver.cell(UNWORKED, "depth") == "-", "it has no dead-letter queue"
        checkup = driver.app.desk.checkup
        await driver.until(lambda: checkup.value and driver.cell(BUSY, "found") != "?")
        assert checkup.value is not None
        worst = min(one.severity.rank for one in checkup.value.findings if one.queue == BUSY)
        number = sum(one.queue == BUSY and one.severity.rank == worst for one in checkup.value.findings)
        assert driver.cell(BUSY, "found") == f"{'✗▲·'[worst]} {number}"
        assert "supervisor 3h" in driver.lines[1]
        assert "generation 11-12" in driver.lines[0] or "pg-boss 12.38.0" in driver.lines[0]
        await driver.line("sort done")
        done = [int(driver.cell(key, "done")) for key in driver.table.keys]
        assert done == sorted(done, reverse=True), done


async def test_enter_and_double_click_open_a_queue(db: Database) -> None:
    async with running(db.dsn) as driver:
        second = driver.table.keys[1]
        await driver.press("j", "enter")
        screen = await driver.on(QueueScreen)
        assert screen.name_here == second
        await driver.press("escape")
        await driver.on(QueuesScreen)
        await driver.pilot.click(LineTable, offset=(5, 1), times=2)
        screen = await driver.on(QueueScreen)
        assert screen.name_here == HOSTILE


async def test_what_a_large_table_only_estimates_is_counted_now_and_then(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the limit finished jobs come from a sample; an exact pass replaces it, with its age."""
    monkeypatch.setattr(store_queues, "SCAN_ROWS", 100)
    db.execute("ANALYZE")
    async with running(db.dsn) as driver:
        screen = await driver.on(QueuesScreen)

        def completed() -> Truth:
            return next(line.queue for line in screen.lines if line.queue.name == BUSY).counts["completed"].truth

        await driver.until(lambda: completed() is Truth.CACHED)
        busy = next(line.queue for line in screen.lines if line.queue.name == BUSY)
        assert busy.counts["completed"].value == plan(NEWEST).counts[BUSY]["completed"]
        assert busy.counts["created"].truth is Truth.EXACT
        assert "counted 3m ago" in driver.text, "the legend of truths is there"
        db.execute("DELETE FROM job WHERE name = %s AND state = 'completed'", [BUSY])
        await driver.press("x")
        await driver.until(lambda: screen._exact.value is not None and not screen._exact.busy)
        await driver.until(lambda: "✓" not in next(line for line in driver.lines if line[2:].startswith(f"{BUSY} ")))


async def test_pause_and_refresh(db: Database) -> None:
    async with running(db.dsn, size=SMALL) as driver:
        await driver.press("p")
        assert "paused" in driver.lines[1]
        screen = await driver.on(QueuesScreen)
        await driver.until(lambda: not screen._cheap.busy)
        db.execute("DELETE FROM job WHERE name = %s", [HOSTILE])
        await driver.pilot.pause(1.0)
        assert driver.cell(HOSTILE, "failed") == "3", "nothing was read"
        await driver.press("r")
        await driver.until(lambda: driver.cell(HOSTILE, "failed") == "0")
        await driver.press("p")
        await driver.until(lambda: "every" in driver.lines[1])


async def test_a_queue_that_goes_away_and_one_that_comes(db: Database) -> None:
    async with running(db.dsn) as driver:
        db.execute("SELECT create_queue('brand-new', %s)", ['{"policy": "standard"}'])
        await driver.until(lambda: "brand-new" in driver.table.keys)
        db.execute("SELECT delete_queue('brand-new')")
        await driver.until(lambda: "brand-new" not in driver.table.keys)


async def test_names_stand_there_before_anything_is_counted(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_queues, "SCAN_ROWS", 1)
    db.execute("ANALYZE")
    db.execute("UPDATE queue SET active_count = 7, monitor_on = now() - interval '5 minutes' WHERE name = %s", [BUSY])
    app = BossApp(opener(db.dsn), refresh=0.2, checkup_after=None)
    with psycopg.connect(db.dsn) as holder:
        holder.execute("LOCK TABLE pgboss.job IN ACCESS EXCLUSIVE MODE")
        async with app.run_test(size=LARGE) as pilot:
            driver = Driver(app, pilot)
            await driver.until(lambda: BUSY in driver.table.keys)
            assert driver.cell(BUSY, "ready") == "?"
            assert driver.cell(BUSY, "active") == "7·5m"
            assert "counting …" in driver.text
            holder.rollback()
            await driver.until(lambda: driver.cell(BUSY, "ready") != "?")
            assert driver.table.cursor_key == driver.table.keys[0] == HOSTILE

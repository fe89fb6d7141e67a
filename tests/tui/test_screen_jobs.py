"""Jobs: selections, pages, quick filters, and what of them a refresh keeps."""

from __future__ import annotations

from pathlib import Path

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
        await driver.until(lambda: " › thumbnails" in driver.text)
        await driver.press("tab")
        await driver.type(" state:fialed")
        await driver.until(lambda: "did you mean failed?" in driver.text)
        await driver.press("enter")
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
        await driver.press("o")
        await settled(driver)
        assert set(ids(driver)) == found(db, f"({past}) OR ({silent})") != set()
        assert found(db, f"name = %s AND {past}", STUCK) <= set(ids(driver))
        await driver.press("o", "u")
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


async def test_paths_of_payloads_are_offered_and_chosen_by_arrows(db: Database) -> None:
    db.execute('UPDATE job SET data = \'{"user": {"id": 42, "name": "a"}}\' WHERE name = %s', [DEAD_LETTER])
    expected = found(db, "name = %s", DEAD_LETTER)
    async with running(db.dsn, size=SMALL) as driver:
        await opened_on(driver, f"jobs queue:{DEAD_LETTER}", JobsScreen)
        await driver.press("slash")
        await driver.type("data.user.")
        await driver.until(lambda: " › data.user.id:" in driver.text)
        await driver.press("down")
        await driver.until(lambda: " › data.user.name:" in driver.text)
        await driver.press("up", "tab")
        await driver.type("42")
        await driver.press("enter")
        await driver.until(lambda: f"/ queue:{DEAD_LETTER} data.user.id:42" in driver.text)
        await settled(driver)
        assert set(ids(driver)) == expected != set()


async def test_several_queues_in_one_term_are_refused_with_what_to_write(db: Database) -> None:
    async with running(db.dsn, size=(60, 20)) as driver:
        await opened_on(driver, "jobs", JobsScreen)
        await driver.press("slash")
        await driver.type("queue:mail,push ")
        await driver.until(lambda: "(queue:mail OR queue:push)" in " ".join(driver.text.split()))
        caret = next(number for number, line in enumerate(driver.lines) if line.strip() == "^")
        assert driver.lines[caret - 1][driver.lines[caret].index("^") :].startswith(",push")


async def test_orders_by_key_title_and_command(db: Database) -> None:
    by_priority = "SELECT id::text FROM job ORDER BY priority DESC, created_on, id, name LIMIT 100"
    expected = [job for (job,) in db.execute(by_priority)]
    db.execute("ANALYZE")
    async with running(db.dsn, refresh=60) as driver:
        screen = await opened_on(driver, "jobs", JobsScreen)
        await driver.press("s")
        await driver.until(lambda: "sorts after a scan of ~" in driver.text)
        await driver.press("j", "j", "enter")
        await driver.on(JobsScreen)
        await driver.until(lambda: ids(driver) == expected)
        assert "PRIO▼" in driver.lines[2]
        assert "highest priority first · sorts after a scan of ~" in driver.text
        await driver.press("n")
        await settled(driver)
        assert not set(ids(driver)) & set(expected)
        await driver.pilot.click(LineTable, offset=(driver.lines[2].index("CREATED"), 0))
        await driver.until(lambda: screen._list.order == "newest")
        await driver.pilot.click(LineTable, offset=(driver.lines[2].index("CREATED"), 0))
        await driver.until(lambda: screen._list.order == "oldest")
        await settled(driver)
        assert "CREATED▲" in driver.lines[2]
        assert "oldest first · n for" in driver.text, "schema 46 has an index for it"
        await driver.line("sort sideways")
        await driver.until(lambda: "sort by one of newest, oldest" in driver.text)


async def test_columns_are_chosen_and_remembered(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    db.execute('UPDATE job SET data = \'{"user": {"id": 42}}\' WHERE name = %s', [BUSY])
    async with running(db.dsn) as driver:
        await opened_on(driver, f"jobs queue:{BUSY}", JobsScreen)
        await driver.line("columns state,id,nonsense")
        await driver.until(lambda: 'there is no column "nonsense"' in driver.text)
        await driver.line("columns state,data.user.id,policy,started_on")
        await driver.until(lambda: "data.user.id" in driver.lines[3])
        await settled(driver)
        assert driver.table.shown_columns == ("state", "data.user.id", "policy", "started_on")
        assert {driver.cell(key, "data.user.id") for key in driver.table.keys} == {"42"}
        assert driver.cell(driver.table.keys[0], "policy") == "standard"
        await driver.press("c")
        await driver.until(lambda: "Columns" in driver.text)
        await driver.press("space", "space", "tab")
        await driver.type(",retry_count")
        await driver.press("enter")
        await driver.on(JobsScreen)
        await driver.until(lambda: "retry_count" in driver.table.shown_columns)
        shown = driver.table.shown_columns
        assert set(shown) == {"data.user.id", "policy", "started_on", "id", "retry_count"}
    [file] = (tmp_path / "bossctl").glob("tui.json")
    assert file.stat().st_mode & 0o777 == 0o600
    async with running(db.dsn) as driver:
        await opened_on(driver, "jobs", JobsScreen)
        assert driver.table.shown_columns == shown, "as they were when it was left"
        await driver.press("c")
        await driver.press("escape")
        await driver.line("columns state,id,queue,created,lately,ran,tries,priority,key")
        await driver.until(lambda: "tries" in driver.table.shown_columns)
    assert '"columns": []' in file.read_text()


async def test_selections_are_saved_listed_picked_and_forgotten(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with running(db.dsn) as driver:
        screen = await opened_on(driver, f"jobs queue:{BUSY} state:failed", JobsScreen)
        await driver.line("save bad mails")
        await driver.until(lambda: f'saved as "bad mails": queue:{BUSY} state:failed' in driver.text)
        await driver.press("a")
        await driver.line("save nothing")
        await driver.until(lambda: "there is no selection to save" in driver.text)
        await driver.line("selection nothing")
        await driver.until(lambda: 'no selection is saved as "nothing"' in driver.text)
    (tmp_path / "bossctl" / "tui.json").chmod(0o600)
    async with running(db.dsn) as driver:
        screen = await opened_on(driver, "jobs", JobsScreen)
        await driver.press("m")
        await driver.until(lambda: "bad mails" in driver.text and f"queue:{BUSY} state:failed" in driver.text)
        await driver.press("enter")
        await driver.on(JobsScreen)
        await driver.until(lambda: text_of(screen._list.selection) == f"queue:{BUSY} state:failed")
        await driver.press("m")
        await driver.until(lambda: "D forgets" in driver.text)
        await driver.press("D")
        await driver.until(lambda: "none is saved" in driver.text)
        await driver.press("escape")
        assert text_of(screen._list.selection) == f"queue:{BUSY} state:failed"


async def test_a_bad_file_of_remembered_things_is_left_alone_with_a_sentence(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    file = tmp_path / "bossctl" / "tui.json"
    file.parent.mkdir()
    file.write_text("[red]not ours")
    async with running(db.dsn) as driver:
        await opened_on(driver, "jobs", JobsScreen)
        told = [one.message for one in driver.app._notifications]
        assert f"{file} is not what bossctl wrote" in told[0]
        await driver.line("columns state,id")
        await driver.until(lambda: driver.table.shown_columns == ("state", "id"))
    assert file.read_text() == "[red]not ours"


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
        await driver.press("o")
        await driver.until(lambda: screen._list.poll.busy)
        await driver.press("o")
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
        await driver.until(lambda: f"queue:{BUSY}" in [line.strip() for line in driver.lines])
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

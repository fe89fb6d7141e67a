"""A job: life, fields, payload and output; hostile and huge ones too."""

from __future__ import annotations

import asyncio
import gc
import json

import pytest

from bossctl.format import pretty_json
from bossctl.tui.linefilter import UNSAFE
from bossctl.tui.screens.job import JobScreen
from bossctl.tui.screens.jobs import JobsScreen
from bossctl.tui.screens.queue import QueueScreen
from bossctl.tui.screens.queues import QueuesScreen
from bossctl.tui.widgets.json_view import JsonView
from tests.conftest import SeededFactory
from tests.seed import hostile
from tests.seed.plan import BUSY, DEAD_LETTER, HOSTILE
from tests.support.database import Database
from tests.support.releases import NEWEST
from tests.tui.app_support import SMALL, Driver, diagonal, opened_on, running
from tests.tui.stall_support import Steps, time_of_steps
from tests.tui.widget_apps import screen_strips


@pytest.fixture
def db(seeded: SeededFactory) -> Database:
    return seeded(NEWEST)


def job_where(db: Database, where: str, *values: str) -> str:
    [(job,), *_] = db.execute(f"SELECT id::text FROM job WHERE {where}", list(values))
    return job


def raw_output(driver: Driver) -> str:
    """What reaches the terminal, before it is made readable for a test."""
    return "".join(segment.text for strip in screen_strips(driver.app) for segment in strip)


def shown(driver: Driver, view: str) -> str:
    """All lines of a payload on screen, pieces joined."""
    return driver.app.screen.query_one(f"#{view}", JsonView).lines._text


async def test_a_failed_job_shows_its_attempts_reason_and_every_field(db: Database) -> None:
    job = job_where(db, "name = %s AND state = 'failed' AND retry_count > 0 ORDER BY created_on", BUSY)
    async with running(db.dsn, size=(140, 110)) as driver:
        screen = await opened_on(driver, f"job {job}", JobScreen)
        text = " ".join(driver.text.split())
        assert f"✗ failed · queue {BUSY} · {job}" in driver.lines[1]
        assert "fetched; " in text or "were fetched" in text, "earlier attempts are told"
        assert "dead_letter mail-dead" in text
        columns = (
            "SELECT column_name FROM information_schema.columns WHERE (table_schema, table_name) = ('pgboss', 'job')"
        )
        known = {name for (name,) in db.execute(columns)}
        elsewhere = {"name", "data", "output", "source_output", "trace_context"}
        assert not [name for name in known - elsewhere if name not in text], "no column is left out"
        assert screen.job is not None
        assert json.loads(screen.job.output.text or "null")["message"] in driver.text


async def test_panes_at_80_columns_one_at_a_time(db: Database) -> None:
    job = job_where(db, "name = %s AND state = 'failed'", BUSY)
    async with running(db.dsn, size=SMALL) as driver:
        await opened_on(driver, f"job {job}", JobScreen)
        life, data, output = (driver.app.screen.query_one(f"#{name}") for name in ("life", "data", "output"))
        assert (life.region.area > 0, data.region.area > 0, output.region.area > 0) == (True, False, False)
        await driver.press("tab", "tab")
        await driver.until(lambda: data.region.area > 0 == life.region.area)
        await driver.press("tab")
        await driver.until(lambda: output.region.area > 0 == data.region.area)
        assert '"message"' in driver.text
        await driver.press("slash")
        await driver.type("stack")
        await driver.press("enter")
        await driver.until(lambda: "n next, N previous" in driver.text)
        await driver.press("shift+tab", "shift+tab", "shift+tab")
        await driver.until(lambda: life.region.area > 0)
        assert "/stack" not in driver.lines[-2]


async def test_zoom_and_clicks_on_a_wide_screen(db: Database) -> None:
    job = job_where(db, "name = %s AND state = 'failed'", BUSY)
    async with running(db.dsn) as driver:
        await opened_on(driver, f"job {job}", JobScreen)
        panes = [driver.app.screen.query_one(f"#{name}") for name in ("life", "data", "output")]
        assert all(pane.region.area for pane in panes)
        await driver.press("tab", "tab", "m")
        await driver.until(lambda: panes[1].region.width == driver.app.size.width)
        await driver.pilot.click("PaneStrip", offset=(driver.lines[2].index("Output"), 0))
        await driver.until(lambda: panes[2].region.width == driver.app.size.width)
        await driver.press("m")
        await driver.until(lambda: all(pane.region.area for pane in panes))


async def test_hostile_payloads_are_shown_literally_and_nothing_raw_gets_out(db: Database) -> None:
    jobs = db.execute(
        "SELECT id::text, data #>> '{}' FROM job WHERE name = %s AND length(data::text) < 9000", [HOSTILE]
    )
    async with running(db.dsn, size=SMALL) as driver:
        await opened_on(driver, f"jobs queue:{HOSTILE}", JobsScreen)
        seen_markup = 0
        for job, data in jobs:
            await opened_on(driver, f"job {job}", JobScreen)
            await driver.press("tab", "tab")
            assert pretty_json(shown(driver, "data")) == pretty_json(data or "null"), "digit for digit"
            assert not UNSAFE.search(raw_output(driver))
            assert all(strip.cell_length == 80 for strip in screen_strips(driver.app))
            seen_markup += "[red]sale[/red] [bold]" in driver.text
        assert seen_markup, "markup is text"


@pytest.mark.parametrize("release", diagonal(("9.0.3", "11.1.2"), "9.0.3"))
async def test_hostile_queue_names_everywhere(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    async with running(db.dsn, size=SMALL) as driver:
        for name in hostile.NAMES_UP_TO_11:
            await opened_on(driver, f"go.queue {name}", QueueScreen)
            assert not UNSAFE.search(raw_output(driver))
            assert driver.table.line_count == 1
            await driver.press("enter")
            await driver.on(JobScreen)
            assert all(strip.cell_length == 80 for strip in screen_strips(driver.app))
            await driver.press("1")
            await driver.on(QueuesScreen)
        assert "[red]x[/red]" in driver.text
        assert "␛[31mred␛[0m" in driver.text


async def test_a_payload_of_ten_megabytes_opens_cut_and_whole_on_demand(db: Database) -> None:
    job = job_where(db, "name = %s ORDER BY length(data::text) DESC NULLS LAST", HOSTILE)
    async with running(db.dsn, size=SMALL) as driver:
        screen = await opened_on(driver, f"job {job}", JobScreen)
        await driver.press("tab", "tab")
        assert screen.job is not None
        assert screen.job.data.cut
        assert len(shown(driver, "data")) < 100_000
        await driver.until(lambda: "press F for all" in driver.text)
        view = screen.query_one("#data", JsonView)
        gc.freeze()  # as the app does when it is not driven by a test
        before = time_of_steps()
        with Steps() as steps:
            await driver.press("F")
            await driver.until(lambda: view.payload is not None and not view.payload.cut)
            await asyncio.sleep(0.2)
        gc.unfreeze()
        assert steps.longest < max(before, time_of_steps()), steps.longest
        assert len(shown(driver, "data")) > hostile.BIG_BYTES * 0.99
        await driver.press("r")
        await driver.until(lambda: screen._poll.age is not None and screen._poll.age < 0.2)
        assert view.payload is not None
        assert not view.payload.cut, "a refresh leaves the whole of it there"


async def test_a_job_that_changes_and_one_that_goes_away(db: Database) -> None:
    job = job_where(db, "name = %s AND state = 'created' AND start_after < now()", BUSY)
    async with running(db.dsn) as driver:
        await opened_on(driver, f"job {job}", JobScreen)
        assert "○ created" in driver.lines[1]
        db.execute("UPDATE job SET state = 'active', started_on = now() WHERE id = %s", [job])
        await driver.until(lambda: "◐ active" in driver.lines[1] and "attempt 1 was fetched" in driver.text)
        db.execute("DELETE FROM job WHERE id = %s", [job])
        await driver.until(lambda: "there is no job" in driver.text)
        assert "◐ active" in driver.lines[1], "the last reading stays, with its age"
        assert "Shown: " in driver.text


async def test_ways_on_from_a_job(db: Database) -> None:
    dead, source = db.execute("SELECT id::text, source_id::text FROM job WHERE name = %s LIMIT 1", [DEAD_LETTER])[0]
    async with running(db.dsn) as driver:
        await opened_on(driver, f"job {dead}", JobScreen)
        await driver.press("w")
        await driver.until(lambda: source in driver.lines[1])
        await driver.press("escape")
        await driver.until(lambda: dead in driver.lines[1])
        await driver.press("o")
        screen = await driver.on(QueueScreen)
        assert screen.name_here == DEAD_LETTER
        await driver.line("job not-an-id")
        await driver.until(lambda: "a job id is a UUID" in driver.text)

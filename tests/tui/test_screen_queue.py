"""One queue: what went through it beside plain SQL, its errors, options and schedules, and actions on its jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.widgets import Static

from bossctl import format as fmt
from bossctl.models.activity import SPANS
from bossctl.store import activity as readings
from bossctl.tui.linefilter import ascii_only
from bossctl.tui.places import JobsPlace
from bossctl.tui.screens.jobs import JobsScreen
from bossctl.tui.screens.jobsdialog import JobsDialog
from bossctl.tui.screens.queue import PANES, QueueScreen
from bossctl.tui.screens.schedules import SchedulesScreen
from bossctl.tui.widgets.rows import plain
from bossctl.tui.widgets.table import LineTable
from bossctl.tui.widgets.time_histogram import TimeHistogram, axis_line, merge, merge_factor, plot
from tests.conftest import SeededFactory
from tests.seed.plan import BUSY, SCHEDULED, plan
from tests.support.aging import job_column
from tests.support.database import Database
from tests.support.releases import NEWEST, RELEASES_WITH_ARCHIVE
from tests.tui.app_support import SMALL, Driver, diagonal, opened_on, running
from tests.tui.dialog_support import toasts, until

RELEASES = ("9.0.3", "10.4.2", "11.1.2", "12.27.0", NEWEST)


@pytest.fixture
def db(seeded: SeededFactory) -> Database:
    return seeded(NEWEST)


def within(db: Database, span: str, column: str, *states: str) -> int:
    """How many jobs of the busy queue, archived ones too, have a time within the steps of a span."""
    step, seconds = SPANS[span].step, SPANS[span].seconds
    tables = ["job", "archive"] if db.release in RELEASES_WITH_ARCHIVE else ["job"]
    since = f"to_timestamp((floor(extract(epoch FROM now()) / {step}) + 1) * {step} - {seconds})"
    return sum(
        db.value(
            f"SELECT count(*) FROM {table} WHERE name = %s AND {job_column(db, column)} >= {since}"
            " AND (%s::text[] = '{}' OR state::text = ANY (%s::text[]))",
            [BUSY, list(states), list(states)],
        )
        for table in tables
    )


def sums(driver: Driver) -> tuple[str, ...]:
    """The sums that stand beside the three series."""
    region = driver.app.screen.query_one(TimeHistogram).region
    lines = [line[region.x : region.right] for line in driver.lines[region.y : region.bottom]]
    return tuple(line.split()[2] for line in lines if line[2:11].rstrip() in ("created", "completed", "failed"))


def wanted(db: Database, span: str) -> tuple[str, ...]:
    ended = within(db, span, "completed_on", "completed"), within(db, span, "completed_on", "failed", "expired")
    return tuple(fmt.count(number) for number in (within(db, span, "created_on"), *ended))


@pytest.mark.parametrize("release", diagonal(RELEASES, NEWEST))
async def test_times_are_those_of_the_rows_at_every_zoom(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    async with running(db.dsn, refresh=2) as driver:
        screen = await opened_on(driver, f"go.queue {BUSY}", QueueScreen)
        for span in ("24h", "7d", "1h"):
            await driver.until(lambda span=span: f"[{span}]" in driver.text and driver.has_read)
            await driver.until(lambda span=span: sums(driver) == wanted(db, span))
            await driver.press("z")
        await driver.click("TimeHistogram", " 7d ")
        await driver.until(lambda: "[7d]" in driver.text and driver.has_read)
        [run] = [one for one in str(screen.query_one("#latency", Static).render()).splitlines() if "run" in one]
        start, end = job_column(db, "started_on"), job_column(db, "completed_on")
        source = "job UNION ALL SELECT {0} FROM archive" if release in RELEASES_WITH_ARCHIVE else "job"
        columns = f"name, state::text AS state, {start}, {end}"
        [(jobs, median)] = db.execute(
            f"SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM {end} - {start}))"
            f" FROM (SELECT {columns} FROM {source.format(columns)}) AS j"
            f" WHERE name = %s AND {start} IS NOT NULL AND {end} > now() - interval '7 days'"
            " AND state IN ('completed', 'failed', 'expired')",
            [BUSY],
        )
        assert f"p50 {fmt.elapsed(median)}" in run
        assert run.endswith(f"of {jobs}")
        await driver.line("zoom 24h")
        await driver.until(lambda: "[24h]" in driver.text)
        await driver.line("zoom 2h")
        await driver.until(lambda: "a span is one of 1h, 24h, 7d" in driver.text)


async def test_an_error_leads_to_its_jobs(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LineTable, "HOLD_SECONDS", 0.2)
    mailbox = db.execute(
        "SELECT id::text FROM job WHERE name = %s AND state = 'failed' AND output->>'message' ~ 'mailbox'", [BUSY]
    )
    async with running(db.dsn, size=SMALL, refresh=0.5) as driver:
        screen = await opened_on(driver, f"go.queue {BUSY}", QueueScreen)
        await driver.press("e")
        await driver.until(lambda: "SMTP <n> mailbox unavailable" in driver.text)
        groups = screen._errors.table
        assert f"{len(groups.keys)} error groups of 5 failed jobs still kept" in driver.text
        await driver.press("G", "k")
        here = groups.cursor_key
        assert here is not None
        assert plain(groups._order.rows[here].cells[4]) == "SMTP <n> mailbox unavailable"
        db.execute(
            "UPDATE job SET output = '{\"message\": \"out of ink\"}', state = 'failed', completed_on = now()"
            " WHERE name = %s AND state = 'completed'",
            [BUSY],
        )
        await driver.until(lambda: "out of ink" in driver.text)
        assert groups.cursor_key == here
        assert groups.cursor_line == 1, "the largest group has come before it"
        await driver.press("R")
        await until(driver, lambda: toasts(driver) == ["Enter lists the jobs of an error: act on them there"])
        await driver.press("enter")
        jobs = await driver.on(JobsScreen)
        assert isinstance(jobs.place, JobsPlace)
        assert {key[:36] for key in driver.table.keys} == {job for (job,) in mailbox} != set()
        await driver.press("escape")
        assert (await driver.on(QueueScreen)).pane == "errors"


async def test_actions_on_the_jobs_of_the_list(db: Database) -> None:
    failed = [job for (job,) in db.execute("SELECT id::text FROM job WHERE name = %s AND state = 'failed'", [BUSY])]
    async with running(db.dsn, refresh=60) as driver:
        screen = await opened_on(driver, f"go.queue {BUSY}", QueueScreen)
        for job in failed[:2]:
            key = next(key for key in driver.table.keys if key.startswith(job))
            assert driver.table.go_to(key)
            await driver.press("space")
        await driver.until(lambda: "2 marked" in driver.lines[1])
        here = driver.table.cursor_key
        await driver.press("R")
        await until(driver, lambda: isinstance(driver.app.screen, JobsDialog) and driver.app.screen._plan is not None)
        await driver.press("y")
        await until(driver, lambda: driver.app.screen is screen)
        states = "SELECT DISTINCT state::text FROM job WHERE id = ANY (%s::uuid[])"
        assert db.execute(states, [failed[:2]]) == [("retry",)]
        assert db.execute(states, [failed[2:]]) == [("failed",)]
        assert driver.table.cursor_key == here
        await driver.until(lambda: "marked" not in driver.lines[1])
        await driver.press("asterisk", "asterisk", "D")
        await until(driver, lambda: isinstance(driver.app.screen, JobsDialog) and driver.app.screen._plan is not None)
        assert f"all that match queue:{BUSY}" in driver.text
        await driver.press("escape")
        await until(driver, lambda: driver.app.screen is screen)
        await driver.press("o", "D")
        await until(driver, lambda: toasts(driver)[-1:] == ["go to the jobs first (Tab)"])


async def test_options_beside_the_defaults_and_a_file(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "queues.toml"
    file.write_text(f'[queues.{BUSY}]\nretry_limit = 4\nexpire_in = "5m"\n', encoding="utf-8")
    async with running(db.dsn, size=SMALL, refresh=60) as driver:
        screen = await opened_on(driver, f"go.queue {BUSY}", QueueScreen)
        await driver.press("o")
        await driver.until(lambda: "not pg-boss's default" in driver.text)
        told = [line.split() for line in driver.lines]
        assert ["policy", "standard", "default"] in told
        assert ["*", "retry_limit", "3", "default", "2"] in told
        assert ["*", "expire_in", "5m", "default", "15m"] in told
        await driver.line(f"drift {file}")
        await driver.until(lambda: "Options 1!" in driver.text)
        told = [line.split() for line in driver.lines]
        assert ["!", "retry_limit", "3", "the", "file", "says", "4;", "default", "2"] in told
        assert ["*", "expire_in", "5m", "default", "15m"] in told
        await driver.line(f"drift {tmp_path / 'none.toml'}")
        await driver.until(lambda: "none.toml cannot be read" in driver.text)
        await opened_on(driver, f"go.queue {SCHEDULED}", QueueScreen)
        await driver.press("o")
        await driver.until(lambda: "queues.toml does not name this queue" in driver.text)
        assert screen is not driver.app.screen


@pytest.mark.matrix
async def test_schedules_with_their_next_runs(db: Database) -> None:
    async with running(db.dsn, refresh=60) as driver:
        screen = await opened_on(driver, f"go.queue {SCHEDULED}", QueueScreen)
        await driver.press("s")
        table = screen._schedules.table
        await driver.until(lambda: table.keys)
        planned = {one.key or "(no key)": one for one in plan(NEWEST).schedules if one.name == SCHEDULED}
        shown = {cells[0]: cells for cells in (row.cells for row in table._order.rows.values())}
        assert set(shown) == set(planned)
        assert f"Schedules {len(planned)}" in driver.text
        for key, (_, when, cron, zone) in shown.items():
            assert (cron, zone) == (planned[str(key)].cron, planned[str(key)].timezone)
            assert str(when)[:3] == "in "
        await driver.press("enter")
        await driver.on(SchedulesScreen)


async def test_what_cannot_be_read_in_time_is_unknown_and_the_rest_goes_on(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "LONGEST_SECONDS", 0.03)
    db.execute(
        "UPDATE job SET output = jsonb_build_object('message', repeat('x', 20000000))"
        " WHERE name = %s AND state = 'failed'",
        [BUSY],
    )
    async with running(db.dsn, refresh=60) as driver:
        screen = await opened_on(driver, f"go.queue {BUSY}", QueueScreen)
        await driver.press("e")
        [(errors, _)] = screen._errors.readings()
        await driver.until(lambda: errors.error)
        await driver.until(lambda: f"? {errors.error}"[:40] in driver.text)
        assert len(driver.table.keys) == 62


@pytest.mark.matrix
async def test_panes_by_keys_and_mouse(db: Database) -> None:
    async with running(db.dsn, size=SMALL, refresh=60) as driver:
        screen = await opened_on(driver, f"go.queue {BUSY}", QueueScreen)
        for pane in (*PANES[1:], PANES[0]):
            await driver.press("tab")
            assert screen.pane == pane
            assert [one for one in PANES if screen.query_one(f"#{one}").display] == [pane]
        await driver.press("shift+tab")
        assert screen.pane == "schedules"
        await driver.click("PaneStrip", "Times")
        await driver.until(lambda: screen.pane == "times" and "per 30m" in driver.text)
        await driver.pilot.resize_terminal(140, 40)
        shown = ("no schedules", "per 1h", "62 jobs")
        await driver.until(lambda: all(words in driver.text for words in shown))
        await driver.press("e")
        await driver.until(lambda: "mailbox" in driver.text and "no schedules" not in driver.text)
        await driver.click("#jobs", "◐ active")
        await driver.until(lambda: screen.pane == "jobs")


def test_bars_keep_what_is_small_and_tell_nothing_from_something() -> None:
    assert plot([0, 1, 80, 40], 1, 1) == ["·▁█▄"]
    assert plot([0, 1, 80, 40], 2, 2) == ["    ██  ", "··▁▁████"]
    assert plot([0, 0], 2, 1) == ["  ", "··"]
    assert (merge_factor(60, 60), merge_factor(60, 59), merge_factor(56, 8), merge_factor(48, 1)) == (1, 2, 7, 48)
    assert merge([1, 2, 3, 4], 2) == [3, 7]
    for line in plot(list(range(17)), 2, 1):
        drawn = ascii_only(line)
        assert drawn.isascii()
        assert len(drawn) == len(line)
    assert len(set(ascii_only(plot([0, 1, 4, 8], 1, 1)[0]))) == 4, "nothing, little, some and all differ"
    begin, last = datetime(2026, 1, 2, 3, 30, tzinfo=UTC), datetime(2026, 1, 3, 3, tzinfo=UTC)
    assert axis_line(begin, last, SPANS["24h"], 27) == "01-02 03:30 ─── 01-03 03:00"
    assert axis_line(begin, last, SPANS["24h"], 20) == "01-02 03:30"
    assert axis_line(begin, last, SPANS["1h"], 11) == "03:30 03:00"

"""A job's timeline, its explanation and its relatives, for jobs that real releases made."""

from __future__ import annotations

import pytest

from bossctl.actions import Operator
from bossctl.explain import explain
from bossctl.models.jobactions import ActionRequest, JobAction
from bossctl.selector import parse
from bossctl.tui.screens.job import JobScreen
from bossctl.tui.widgets.table import LineTable
from tests.conftest import BossFactory, DatabaseFactory, SeededFactory
from tests.seed.plan import BUSY, FLOW, STUCK
from tests.support.database import Database
from tests.support.releases import NEWEST, every
from tests.support.stores import open_store
from tests.support.waiting import eventually
from tests.tui.app_support import LARGE, Driver, opened_on, running
from tests.tui.widget_apps import screen_strips

TINY = (60, 20)
CAUSE = {"name": "TypeError", "stack": "TypeError: socket closed\n    at net.js:7:1", "message": "socket closed"}


def job_where(db: Database, where: str) -> str:
    [(job,), *_] = db.execute(f"SELECT id::text FROM job WHERE {where}")
    return job


def kin(driver: Driver) -> LineTable:
    return driver.app.screen.query_one("#kin", LineTable)


def lines_of(driver: Driver, name: str) -> list[str]:
    """What is on the terminal within a widget."""
    region = driver.app.screen.query_one(name).region
    return [line[region.x : region.right] for line in driver.lines[region.y : region.bottom]]


def part(driver: Driver, name: str) -> str:
    """The same as words."""
    return " ".join(" ".join(lines_of(driver, name)).split())


async def at(driver: Driver, job: str) -> JobScreen:
    """Wait until the screen in front is about a job and has looked around it."""
    await driver.until(lambda: isinstance(driver.app.screen, JobScreen) and driver.app.screen.wanted.id == job)
    return await driver.on(JobScreen)


async def test_a_job_that_failed_for_good_its_stack_and_its_dead_letter(
    database: DatabaseFactory, boss: BossFactory
) -> None:
    db = database(NEWEST)
    client = await boss(db)
    await client.create_queue("lost")
    await client.create_queue("parcels", deadLetter="lost", retryLimit=1, retryDelay=0)
    sent = await client.send("parcels", {"n": 1})
    failing = {"do": "fail", "message": "no such street", "properties": {"cause": CAUSE}}
    await client.work("parcels", failing, pollingIntervalSeconds=0.5)
    await eventually(lambda: db.value("SELECT count(*) FROM job WHERE name = 'lost'") == 1)
    letter = job_where(db, "name = 'lost'")
    async with running(db.dsn, size=(140, 90)) as driver:
        screen = await opened_on(driver, f"job {sent}", JobScreen)
        axis = next(line for line in driver.lines if "┼" in line)
        assert axis.index("●") < axis.index("?") < axis.index("◐") < axis.index("✗") < axis.index("┼") < axis.index("◇")
        assert "attempt 1 was fetched; its time is overwritten" in driver.text
        assert "attempt 2 was fetched" in driver.text
        assert "failed after" in driver.text
        assert "deleted by maintenance any time after" in driver.text
        shown = [line.strip(" │") for line in lines_of(driver, "#output")]
        stack = shown.index("Error: no such street")
        assert shown.index('"message": "no such street",') < stack
        assert shown[stack + 1].startswith("at "), "a line of the stack is a line"
        cause = shown.index('"message": "socket closed",')
        assert cause < shown.index("TypeError: socket closed") < shown.index("at net.js:7:1")
        assert (kin(driver).keys[0].split()[0], kin(driver).line_count) == (letter, 1)
        await driver.press("d")
        await at(driver, letter)
        assert f"arrived as the dead letter of job {sent}" in driver.text
        assert driver.cell(kin(driver).keys[0], "relation") == "source"
        await driver.press("tab", "enter")
        await at(driver, str(sent))
        await driver.press("escape")
        await driver.press("w")
        assert (await at(driver, str(sent))).job == screen.job or screen.job is not None


async def test_every_state_has_its_timeline_and_what_explain_says(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    jobs = {
        f"name = '{BUSY}' AND state = 'completed'": "●◐✓┼◇",
        f"name = '{BUSY}' AND state = 'cancelled'": "●⊘┼◇",
        f"name = '{BUSY}' AND state = 'retry'": "●◐?┼◇",
        f"name = '{STUCK}' AND state = 'active'": "●◐!┼",
        f"name = '{BUSY}' AND state = 'created' AND start_after > now()": "●┼◇◇",
    }
    async with running(db.dsn, refresh=60) as driver, await open_store(db) as store:
        for where, signs in jobs.items():
            job = job_where(db, where)
            screen = await opened_on(driver, f"job {job}", JobScreen)
            axis = next(line for line in driver.lines if "┼" in line)
            found = "".join(sign for sign in axis if sign in "●◐✓⊘?!┼◇▴")
            assert [sign for sign in found if sign in signs] == list(signs), (where, axis)
            [told] = await explain(store, job)
            assert screen._look.value is not None
            shown = screen._look.value.told
            assert [one.code for one in shown.reasons] == [one.code for one in told.reasons], where
            assert shown.verdict in part(driver, "#why"), where


async def test_a_blocked_job_is_explained_and_its_flow_can_be_walked(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    [(child, parent), *_] = db.execute(
        "SELECT d.child_id::text, d.parent_id::text FROM job_dependency d "
        "JOIN job p ON p.id = d.parent_id AND p.name = d.parent_name WHERE p.state = 'failed'"
    )
    async with running(db.dsn, size=TINY) as driver:
        await opened_on(driver, f"job {child}", JobScreen)
        text = " ".join(driver.text.replace("│", " ").split())
        assert "waits for an unfinished parent" in text
        driver.app.screen.query_one("#life").scroll_end(animate=False)
        await driver.until(lambda: driver.app.screen.query_one("#life").scroll_y > 0)
        driver.app.screen.query_one("#life").scroll_to(y=9, animate=False)
        await driver.until(lambda: "will never run as things are" in " ".join(driver.text.split()))
        await driver.press("tab")
        await driver.until(lambda: kin(driver).region.area > 0)
        assert driver.cell(kin(driver).keys[0], "relation") == "parent"
        await driver.press("enter")
        await at(driver, parent)
        await driver.press("tab")
        await driver.until(lambda: kin(driver).region.area > 0)
        assert [driver.cell(key, "relation") for key in kin(driver).keys] == ["child"]
        assert driver.screen.queue_here == FLOW
        for size in (TINY, (80, 24), LARGE, (300, 80)):
            await driver.pilot.resize_terminal(*size)
            await driver.until(lambda size=size: len(driver.lines) == size[1])
            assert all(strip.cell_length == size[0] for strip in screen_strips(driver.app)), size


@pytest.mark.parametrize("release", every(("8.4.2", "9.0.3", "10.4.2"), kept=("9.0.3",)))
async def test_the_same_id_in_job_and_archive(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    job = job_where(db, f"name = '{BUSY}' AND state = 'created'")
    taken = "name NOT LIKE '\\_\\_%%'"
    columns = [
        name
        for (name,) in db.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'pgboss' AND table_name = 'job' "
            "INTERSECT SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = 'pgboss' AND table_name = 'archive'"
        )
    ]
    listed = ", ".join(columns)
    db.execute(f"INSERT INTO archive ({listed}) SELECT {listed} FROM job WHERE id = %s AND {taken}", [job])
    async with running(db.dsn, size=(80, 24)) as driver:
        await opened_on(driver, f"job {job}", JobScreen)
        assert "another row has this id (i)" in driver.lines[1] or "○ created · queue" in driver.lines[1]
        await driver.press("tab")
        assert driver.cell(kin(driver).keys[0], "relation") == "same id"
        await driver.press("i")
        await driver.until(lambda: "created, archived" in driver.lines[1])
        await driver.on(JobScreen)
        assert "never ran" in " ".join(driver.text.split())
        await driver.press("i")
        await driver.until(lambda: "created, archived" not in driver.lines[1])


@pytest.mark.matrix
async def test_a_job_that_bossctl_archived(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    job = job_where(db, f"name = '{BUSY}' AND state = 'failed'")
    async with await open_store(db) as store:
        operator, request = Operator(store), ActionRequest(JobAction.ARCHIVE, parse(f"id:{job}"), f"id:{job}")
        await operator.apply_jobs(request, await operator.plan_jobs(request), own_schema=True)
    async with running(db.dsn) as driver:
        await opened_on(driver, f"job {job}", JobScreen)
        assert "failed, archived" in driver.lines[1]
        assert "kept in bossctl's own archive until it is restored" in driver.text
        assert "moved to bossctl's own archive" in part(driver, "#why")
        assert driver.cell(kin(driver).keys[0], "relation") == "dead letter"

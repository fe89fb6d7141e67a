"""Every screen on every generation of schemas, its numbers beside plain SQL on the same database."""

from __future__ import annotations

import pytest

from bossctl import format as fmt
from bossctl.models.queues import STATES
from bossctl.models.releases import releases_of
from bossctl.tui.screens.findings import FindingsScreen
from bossctl.tui.screens.job import JobScreen
from bossctl.tui.screens.jobs import JobsScreen
from bossctl.tui.screens.queue import QueueScreen
from bossctl.tui.screens.queues import QueuesScreen
from bossctl.tui.widgets.histogram import StateHistogram
from bossctl.tui.widgets.states import StateBar
from tests.conftest import SeededFactory
from tests.seed.plan import BUSY, DEAD_LETTER, STUCK, plan
from tests.support.database import Database
from tests.support.releases import NEWEST, at_least, generation
from tests.tui.app_support import Driver, diagonal, opened_on, running

RELEASES = ("9.0.3", "10.4.2", "11.1.2", "12.27.0", "12.38.0")
"""Schemas 20, 24, 26, 37 and 46."""


def columns(db: Database) -> tuple[str, str, str]:
    """The names of `start_after` and `completed_on` in this schema, and what holds for jobs no flow blocks."""
    old = generation(db.release) < 10
    free = "NOT blocked" if at_least(db.release, "12.19") else "true"
    return ("startafter", "completedon", free) if old else ("start_after", "completed_on", free)


def states_of(db: Database, queue: str) -> dict[str, int]:
    rows = db.execute("SELECT state::text, count(*) FROM job WHERE name = %s GROUP BY 1", [queue])
    counted = dict.fromkeys(STATES, 0)
    for state, number in rows:
        counted["failed" if state == "expired" else state] += number
    return counted


def ready_in(db: Database, queue: str) -> int:
    start, _, free = columns(db)
    return db.value(
        f"SELECT count(*) FROM job WHERE name = %s AND state < 'active' AND {start} <= now() AND {free}", [queue]
    )


def failed_within_an_hour(db: Database, queue: str) -> int:
    _, end, _ = columns(db)
    failed = "state::text IN ('failed', 'expired')"
    return db.value(
        f"SELECT count(*) FROM job WHERE name = %s AND {failed} AND {end} > now() - interval '1 hour'", [queue]
    )


async def check_queues(driver: Driver, db: Database) -> None:
    """The list: every queue there is, with its numbers."""
    await driver.on(QueuesScreen)
    names = {name for (name,) in db.execute("SELECT DISTINCT name FROM job")}
    if generation(db.release) >= 10:
        names = {name for (name,) in db.execute("SELECT name FROM queue")}
    assert set(driver.table.keys) == names
    places = [column.key for column in driver.table.columns]
    rows = driver.table._order.rows
    numbers = {key: dict(zip(places, row.cells, strict=True)) for key, row in rows.items()}
    for name in names:
        states = states_of(db, name)
        cells = numbers[name]
        assert isinstance(cells["jobs"], StateBar)
        assert cells["jobs"].counts == tuple(states[state] for state in STATES), name
        assert (cells["ready"], cells["active"]) == (str(ready_in(db, name)), str(states["active"])), name
        assert str(cells["failed"]) == str(states["failed"]), name
        assert str(cells["hour"]) == str(failed_within_an_hour(db, name)), name
        assert str(cells["done"]).isdigit(), name
        assert str(cells["found"]) == "?", "doctor has not looked"
    await driver.until(lambda: f"pg-boss {releases_of(db.schema_number)}" in driver.lines[0])
    assert f"{db.name} · schema pgboss (--dsn)" in driver.lines[0]


async def check_queue(driver: Driver, db: Database) -> None:
    """One queue: histogram, options, neighbours, jobs."""
    screen = await opened_on(driver, f"go.queue {BUSY}", QueueScreen)
    counts = screen.query_one(StateHistogram).counts
    assert {state: counts[state].value for state in STATES} == states_of(db, BUSY)
    assert driver.table.line_count == sum(states_of(db, BUSY).values())
    if generation(db.release) >= 10:
        facts = " ".join(driver.text.split())
        assert f"dead_letter {DEAD_LETTER}" in facts
        assert "retry_limit 3" in facts
        assert "expire_in 5m" in facts
    else:
        assert "exists through its jobs" in driver.text


async def check_jobs(driver: Driver, db: Database) -> None:
    """Jobs by selection: as many as SQL finds."""
    await opened_on(driver, f"jobs queue:{BUSY} state:failed", JobsScreen)
    _, end, _ = columns(db)
    failed = db.execute(f"SELECT id::text FROM job WHERE name = %s AND state = 'failed' ORDER BY {end}", [BUSY])
    assert {key[:36] for key in driver.table.keys} == {job for (job,) in failed}


async def check_job(driver: Driver, db: Database) -> None:
    """A job: its state, its payload to the letter."""
    [(job, text)] = db.execute(
        "SELECT id::text, data #>> '{}' FROM job WHERE name = %s AND state = 'active' LIMIT 1", [BUSY]
    )
    screen = await opened_on(driver, f"job {job}", JobScreen)
    assert screen.job is not None
    assert (screen.job.row.state, screen.job.row.queue) == ("active", BUSY)
    assert fmt.pretty_json(text).split()[1] in driver.text
    assert "attempt" in driver.text


async def check_findings(driver: Driver, db: Database) -> None:
    """Doctor: the stuck job is found and leads to itself."""
    await opened_on(driver, "findings", FindingsScreen)
    await driver.until(lambda: driver.table.keys)
    line = next(line for line in driver.lines if "STK01" in line and STUCK in line)
    assert "proven" in line
    key = next(key for key in driver.table.keys if STUCK in str(driver.table._order.rows[key].cells[3]))
    driver.table.go_to(key)
    await driver.press("enter")
    await driver.on(JobsScreen)
    stuck = db.execute("SELECT id::text FROM job WHERE name = %s AND state = 'active'", [STUCK])
    assert {key[:36] for key in driver.table.keys} == {job for (job,) in stuck}


@pytest.mark.parametrize("release", diagonal(RELEASES, "9.0.3", NEWEST))
async def test_every_screen_tells_the_truth(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    assert plan(release).counts[BUSY]["completed"]
    async with running(db.dsn) as driver:
        await check_queues(driver, db)
        await check_queue(driver, db)
        await check_jobs(driver, db)
        await check_job(driver, db)
        await check_findings(driver, db)
        for _ in range(5):
            await driver.press("escape")
        await driver.on(QueuesScreen)

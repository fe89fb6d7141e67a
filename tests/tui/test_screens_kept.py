"""Each screen on each generation of schemas: keys and mouse move the cursor, a reading and a lost database do not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from _pytest.mark import ParameterSet
from psycopg import sql

from bossctl.tui.chrome import Banner
from bossctl.tui.screens.base import BossScreen
from bossctl.tui.screens.findings import FindingsScreen
from bossctl.tui.screens.job import JobScreen
from bossctl.tui.screens.jobs import JobsScreen
from bossctl.tui.screens.log import LogScreen
from bossctl.tui.screens.queue import QueueScreen
from bossctl.tui.screens.queues import QueuesScreen
from bossctl.tui.screens.schedules import SchedulesScreen
from bossctl.tui.screens.system import SystemScreen
from bossctl.tui.screens.workers import WorkersScreen
from bossctl.tui.widgets.table import LineTable
from tests.conftest import SeededFactory
from tests.seed.plan import BUSY
from tests.support.acting import act
from tests.support.bed import Bed
from tests.support.database import Database
from tests.support.releases import NEWEST
from tests.tui.app_support import SMALL, Driver, opened_on, running

RELEASES = ("9.0.3", "10.4.2", "11.1.2", "12.27.0", NEWEST)
SCREENS: tuple[tuple[str, type[BossScreen]], ...] = (
    ("queues", QueuesScreen),
    (f"go.queue {BUSY}", QueueScreen),
    (f"jobs queue:{BUSY}", JobsScreen),
    ("job {id}", JobScreen),
    ("findings", FindingsScreen),
    ("schedules", SchedulesScreen),
    ("workers", WorkersScreen),
    ("system", SystemScreen),
    ("log", LogScreen),
)
USUAL = ("findings", "log")
"""Those whose other tests lose no database; the rest is left to the matrix run."""


def screens() -> Iterator[ParameterSet]:
    for release in RELEASES:
        for line, kind in SCREENS:
            usual = release == NEWEST and line in USUAL
            marks = () if usual else pytest.mark.matrix
            yield pytest.param(release, line, kind, marks=marks, id=f"{release}-{line.split()[0]}")


@contextmanager
def lost(bed: Bed, db: Database) -> Iterator[None]:
    """The server lets nobody into the database, and throws out who is in it."""
    allow = sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}")
    bed.admin.execute(allow.format(sql.Identifier(db.name), sql.SQL("false")))
    try:
        bed.admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND application_name = 'bossctl'",
            [db.name],
        )
        yield
    finally:
        bed.admin.execute(allow.format(sql.Identifier(db.name), sql.SQL("true")))


def banner(driver: Driver) -> str:
    shown = driver.app.screen.query_one(Banner)
    return shown._text if shown.display else ""


async def read_again(driver: Driver) -> None:
    """Press r, and wait for the reading that it asks for."""
    poll = driver.screen.readings()[0][0]
    before = poll.value
    await driver.press("r")
    await driver.until(lambda: poll.value is not before and not banner(driver))


def focused(driver: Driver) -> LineTable:
    """The table that has the keys, else the first."""
    return driver.app.focused if isinstance(driver.app.focused, LineTable) else driver.table


@pytest.mark.parametrize(("release", "line", "kind"), [*screens()])
async def test_the_cursor_survives_readings_and_a_lost_database(
    seeded: SeededFactory, bed: Bed, release: str, line: str, kind: type[BossScreen]
) -> None:
    db = seeded(release)
    [(job,)] = db.execute("SELECT id::text FROM job WHERE name = %s AND state = 'failed' LIMIT 1", [BUSY])
    if kind is LogScreen:
        for _ in range(2):
            await act(db, "retry", f"queue:{BUSY} state:failed", limit=1)
    async with running(db.dsn, size=SMALL, refresh=60) as driver:
        screen = await opened_on(driver, line.format(id=job), kind)
        await driver.until(lambda: "reading …" not in driver.text and "looking …" not in driver.text)
        table = focused(driver)
        rows = table.keys
        if len(rows) > 1:
            await driver.press("g", "j")
            assert table.cursor_key == rows[1], "keys"
            assert await driver.pilot.click(table, offset=(6, 1))
            assert table.cursor_key == rows[0], "mouse"
            await driver.press("j")
        here = table.cursor_key
        seen = next(word for line in driver.lines[4:-1] for word in line.split() if word.isalpha())
        await read_again(driver)
        assert (table.cursor_key, driver.app.screen) == (here, screen)
        rows = table.keys  # of findings some may have come meanwhile

        with lost(bed, db):
            await driver.press("r")
            await driver.until(lambda: "Shown: " in banner(driver) and "database" in banner(driver))
            assert (table.cursor_key, table.keys) == (here, rows)
            assert seen in driver.text.split(), "what was read stays"
        await read_again(driver)
        assert (table.cursor_key, driver.app.screen) == (here, screen)
        assert driver.app.failure is None

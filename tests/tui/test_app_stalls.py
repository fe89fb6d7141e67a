"""A thousand queues, and a long day: how long the keyboard has to wait, and what is kept in memory."""

from __future__ import annotations

import asyncio
import gc
import time
from contextlib import suppress

from textual._styles_cache import StylesCache
from textual.color import Color
from textual.strip import Strip

from bossctl.tui.screens.job import JobScreen
from bossctl.tui.screens.queues import QueuesScreen
from bossctl.tui.tidying import DRAWINGS
from tests.conftest import DatabaseFactory, SeededFactory
from tests.seed.plan import BUSY
from tests.support.database import Database
from tests.support.releases import NEWEST
from tests.tui.app_support import LARGE, opened_on, running

QUEUES = 1000
BLACK = Color(0, 0, 0)
MOST_STEPS = 8_000_000
"""A stall is at most as long as so many steps of an empty loop take on this thread's own clock: 0.2 s where this was
written and nothing else ran. Measured there: 0.03 to 0.06 s."""


def fill(db: Database) -> None:
    options = '{"policy": "standard"}'
    db.execute(
        "SELECT create_queue('queue-' || lpad(n::text, 4, '0'), %s) FROM generate_series(1, %s) n", [options, QUEUES]
    )
    db.execute(
        """
        INSERT INTO job_common (name, state, created_on, start_after, completed_on)
        SELECT 'queue-' || lpad((1 + n %% %s)::text, 4, '0'),
               (enum_range(NULL::job_state))[1 + (n / 1000) %% 6], now(), now() - n * interval '1 second', now()
        FROM generate_series(1, 12000) n
        """,
        [QUEUES],
    )
    db.execute("ANALYZE job_common")


def time_of_steps() -> float:
    """What the longest stall may last: on a busy machine the clock of a thread runs slower, too."""
    begin = time.thread_time()
    for _ in range(MOST_STEPS // 10):
        pass
    return 10 * (time.thread_time() - begin)


async def longest_step(seconds: float) -> float:
    """The longest time, on this thread's clock, that nothing else got a turn."""
    worst, until = 0.0, time.monotonic() + seconds
    last = time.thread_time()
    while time.monotonic() < until:
        await asyncio.sleep(0.001)
        now = time.thread_time()
        worst, last = max(worst, now - last), now
    return worst


async def test_a_thousand_queues_do_not_stall_the_app(database: DatabaseFactory) -> None:
    db = database(NEWEST)
    fill(db)
    async with running(db.dsn, size=LARGE, checkup_after=0) as driver:
        screen = await driver.on(QueuesScreen)
        await driver.until(lambda: driver.table.line_count >= QUEUES)
        gc.freeze()  # as the app does when it is not driven by a test
        readings = 0
        worst = 0.0
        before = time_of_steps()
        checkup = driver.app.desk.checkup
        await driver.until(lambda: checkup.value)
        found = checkup.value
        with suppress(TimeoutError):
            async with asyncio.timeout(60):
                while readings < 3 or checkup.value is found:
                    db.execute("UPDATE job_common SET state = 'active' WHERE state = 'created' AND random() < 0.3")
                    screen.read_now()
                    if not checkup.busy and checkup.value is found:
                        checkup.hurry()
                    worst = max(worst, await longest_step(0.7))
                    readings += screen._cheap.age is not None and screen._cheap.age < 0.7
        gc.unfreeze()
        assert readings >= 3
        assert checkup.value is not found, "doctor ran in the background meanwhile"
        assert worst < max(before, time_of_steps()), worst
        await driver.press("end")
        assert driver.table.cursor_line == driver.table.line_count - 1


def drawn() -> int:
    """How many drawn lines are kept, by whomever."""
    gc.collect()
    return sum(isinstance(one, Strip) for one in gc.get_objects())


async def test_screens_that_were_left_are_forgotten(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    jobs = [job for (job,) in db.execute("SELECT id::text FROM job WHERE name = %s LIMIT 8", [BUSY])]
    kept: list[int] = []
    async with running(db.dsn, size=LARGE, refresh=60) as driver:
        for job in jobs:
            await opened_on(driver, f"job {job}", JobScreen)
            await driver.press("escape")
            await driver.on(QueuesScreen)
            kept.append(drawn())
    assert kept[-1] < kept[1] * 1.3, kept


async def test_textual_keeps_few_drawings(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    keeping = StylesCache.get_inner_outer
    async with running(db.dsn, size=LARGE, refresh=60) as driver:
        for key in "283":
            await driver.press(key)
            await driver.until(lambda: driver.has_read)
        for _ in range(DRAWINGS + 20):
            keeping(StylesCache(), BLACK, BLACK)
        await driver.until(lambda: keeping.cache_info().currsize <= DRAWINGS)

"""A thousand queues, and a long day: how long the keyboard has to wait, and what is kept in memory."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import pytest
from textual._styles_cache import StylesCache
from textual.color import Color
from textual.command import CommandPalette
from textual.screen import Screen
from textual.strip import Strip

from bossctl.tui.screens.base import BossScreen
from bossctl.tui.screens.delete import DeleteDialog
from bossctl.tui.screens.ensure import EnsureForm
from bossctl.tui.screens.findings import FindingsScreen
from bossctl.tui.screens.job import JobScreen
from bossctl.tui.screens.jobs import JobsScreen
from bossctl.tui.screens.jobsdialog import JobsDialog
from bossctl.tui.screens.log import LogScreen
from bossctl.tui.screens.queue import QueueScreen
from bossctl.tui.screens.queues import QueuesScreen
from bossctl.tui.screens.schedules import SchedulesScreen
from bossctl.tui.screens.statements import StatementsScreen
from bossctl.tui.screens.system import SystemScreen
from bossctl.tui.screens.workers import WorkersScreen
from bossctl.tui.tidying import DRAWINGS, REST
from bossctl.tui.widgets.command_line import CommandLineScreen
from bossctl.tui.widgets.help import HelpScreen
from tests.conftest import DatabaseFactory, SeededFactory
from tests.seed.plan import BUSY
from tests.support.database import Database
from tests.support.releases import NEWEST
from tests.tui.app_support import LARGE, Driver, opened_on, running
from tests.tui.dialog_support import until

QUEUES = 1000
BLACK = Color(0, 0, 0)
SCREENS: dict[str, type[BossScreen]] = {
    "2": QueueScreen,
    "3": JobsScreen,
    "5": FindingsScreen,
    "6": SchedulesScreen,
    "7": WorkersScreen,
    "8": SystemScreen,
    "9": LogScreen,
}
MOST_STEPS = 3_000_000
"""No step of the loop may take longer than so many steps of an empty loop on this thread's own clock: 0.05 s where this
was written and nothing else ran."""
TRIES = 3
"""So often something is done at most until it is done without a stall: the clock of a thread runs slower, too, on a
busy machine. It counts how it went best."""


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


class Steps:
    """The longest step of the loop: how long, on this thread's clock, nobody's key would have been answered."""

    def __init__(self) -> None:
        self.longest = 0.0

    def __enter__(self) -> Steps:
        loop: Any = asyncio.get_running_loop()
        self._selector, self._select = loop._selector, loop._selector.select
        self._selector.select = self._selecting
        self._began = time.thread_time()
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.select = self._select

    def _selecting(self, timeout: float | None) -> Any:
        self.longest = max(self.longest, time.thread_time() - self._began)
        events = self._select(timeout)
        self._began = time.thread_time()
        return events


Deed = Callable[[], Awaitable[object]]


class Keyboard:
    """What is done with an app, and what stalled it."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.stalls: dict[str, str] = {}

    async def do(self, name: str, deed: Deed, undo: Deed | None = None) -> None:
        """Do something and take it back, until it went well or often enough."""
        for _ in range(TRIES):
            before = time_of_steps()
            with Steps() as steps:
                await deed()
                await self.rest()
                if undo is not None:
                    await undo()
                    await self.rest()
            most = max(before, time_of_steps())
            if steps.longest < most:
                self.stalls.pop(name, None)
                return
            told = f"{steps.longest * 1000:.0f} of {most * 1000:.0f} ms"
            self.stalls[name] = min(told, self.stalls.get(name, told), key=lambda one: float(one.split()[0]))

    async def rest(self) -> None:
        """Until all is drawn and has been tidied up."""
        app = self.driver.app
        await asyncio.sleep(0.1)
        for _ in range(REST + 1):
            app._tick()
        await asyncio.sleep(0.02)

    async def press(self, keys: str, shown: type[Screen[Any]], part: str = "*") -> None:
        """Press keys that lead to a screen, and wait until a part of it is there."""
        await self.driver.press(*keys.split())
        await until(
            self.driver, lambda: isinstance(self.driver.app.screen, shown) and self.driver.app.screen.query(part)
        )
        if isinstance(self.driver.app.screen, BossScreen):
            await until(self.driver, lambda: self.driver.has_read)


@contextmanager
def tidied(driver: Driver) -> Iterator[None]:
    """The collector as the app sets it when it is not driven by a test."""
    thresholds = gc.get_threshold()
    driver.app._tidying.begin()
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


@asynccontextmanager
async def a_thousand_queues(database: DatabaseFactory) -> AsyncIterator[tuple[Keyboard, Database]]:
    db = database(NEWEST)
    fill(db)
    async with running(db.dsn, size=LARGE, refresh=0.5, checkup_after=0) as driver:
        await until(driver, lambda: driver.table.line_count >= QUEUES)
        with tidied(driver):
            await until(driver, lambda: driver.app.desk.checkup.value)
            yield Keyboard(driver), db


async def test_a_thousand_queues_do_not_stall_the_app(database: DatabaseFactory) -> None:
    async with a_thousand_queues(database) as (keyboard, db):
        await readings(keyboard, db)
        await screens(keyboard, db)
        await theme(keyboard)
        assert not keyboard.stalls
        await keyboard.driver.press("end")
        assert keyboard.driver.table.cursor_line == keyboard.driver.table.line_count - 1


@pytest.mark.matrix
async def test_dialogs_over_a_thousand_queues_do_not_stall_the_app(database: DatabaseFactory) -> None:
    async with a_thousand_queues(database) as (keyboard, _):
        await dialogs(keyboard)
        await order_and_size(keyboard)
        assert not keyboard.stalls


async def readings(keyboard: Keyboard, db: Database) -> None:
    screen = await keyboard.driver.on(QueuesScreen)
    checkup = keyboard.driver.app.desk.checkup

    async def read() -> None:
        db.execute("UPDATE job_common SET state = 'active' WHERE state = 'created' AND random() < 0.3")
        found = screen._cheap.value
        screen.read_now()
        await until(keyboard.driver, lambda: screen._cheap.value is not found)

    async def check_up() -> None:
        found = checkup.value
        checkup.hurry()
        await until(keyboard.driver, lambda: checkup.value is not found)

    await keyboard.do("a reading", read)
    await keyboard.do("doctor in the background", check_up)


async def screens(keyboard: Keyboard, db: Database) -> None:
    """Each place, and back; what is needed for it was loaded ahead."""
    driver = keyboard.driver
    job = db.value("SELECT id::text FROM job_common LIMIT 1")

    async def back() -> None:
        await keyboard.press("escape", QueuesScreen)

    async def open_job() -> None:
        await driver.line(f"job {job}")
        await keyboard.press("", JobScreen)

    await keyboard.do("a job", open_job, back)
    for key, kind in SCREENS.items():
        await keyboard.do(kind.__name__, partial(keyboard.press, key, kind), back)


async def dialogs(keyboard: Keyboard) -> None:
    """Each over the queues; the plan of an action over the jobs."""
    driver = keyboard.driver

    def back_to(kind: type[Screen[Any]]) -> Deed:
        return partial(keyboard.press, "escape", kind)

    async def delete() -> None:
        await driver.line("delete queue-0001")
        await until(driver, lambda: isinstance(dialog := driver.app.screen, DeleteDialog) and dialog._plan)

    async def retry() -> None:
        await driver.press("R")
        await until(driver, lambda: isinstance(dialog := driver.app.screen, JobsDialog) and dialog._plan)

    for key, kind, part in (
        ("E", EnsureForm, "OptionRow"),
        ("question_mark", HelpScreen, "*"),
        ("ctrl+p", CommandPalette, "*"),
        ("colon", CommandLineScreen, "*"),
        ("at", StatementsScreen, "*"),
    ):
        await keyboard.do(kind.__name__, partial(keyboard.press, key, kind, part), back_to(QueuesScreen))
    await keyboard.do("DeleteDialog", delete, back_to(QueuesScreen))
    await opened_on(driver, "jobs state:failed", JobsScreen)
    await keyboard.do("JobsDialog", retry, back_to(JobsScreen))
    await keyboard.press("escape", QueuesScreen)


async def order_and_size(keyboard: Keyboard) -> None:
    press, resize = keyboard.driver.press, keyboard.driver.pilot.resize_terminal
    await keyboard.do("sort", partial(press, "s"))
    await keyboard.do("filter", partial(press, "slash", *"queue-05", "enter"), partial(press, "escape"))
    await keyboard.do("size", partial(resize, 100, 30), partial(resize, *LARGE))


async def theme(keyboard: Keyboard) -> None:
    """Also of a screen that is below, and comes back later."""
    driver = keyboard.driver
    await keyboard.press("8", SystemScreen)
    await keyboard.do("theme", partial(driver.press, "t"))
    await keyboard.do("the queues in another theme", partial(keyboard.press, "escape", QueuesScreen))
    dark = driver.app.current_theme.dark
    assert driver.screen.styled == driver.app.look, "styled when it was come back to"
    assert (driver.screen.styles.background.brightness < 0.5) == dark


async def test_a_step_that_is_too_long_is_seen() -> None:
    with Steps() as steps:
        await asyncio.sleep(0)
        most = time_of_steps()
        await asyncio.sleep(0)
    assert steps.longest > most / 12


def drawn() -> int:
    """How many drawn lines are kept, by whomever."""
    gc.collect()
    return sum(isinstance(one, Strip) for one in gc.get_objects())


@pytest.mark.matrix
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


@pytest.mark.matrix
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

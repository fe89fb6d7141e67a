"""A thousand queues, and how long the keyboard has to wait for the app that shows them."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
from textual.screen import Screen

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
from bossctl.tui.tidying import REST
from tests.tui.app_support import Driver
from tests.tui.dialog_support import until

QUEUES = 1000
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


def fill(connection: psycopg.Connection) -> None:
    """A thousand queues with twelve jobs each, in the schema pgboss of 11.x or newer."""
    create = """
        SELECT pgboss.create_queue('queue-' || lpad(n::text, 4, '0'), '{"policy": "standard"}')
        FROM generate_series(1, %s) AS n
    """
    insert = """
        INSERT INTO pgboss.job_common (name, state, created_on, start_after, completed_on)
        SELECT 'queue-' || lpad((1 + n %% %s)::text, 4, '0'),
               (enum_range(NULL::pgboss.job_state))[1 + (n / 1000) %% 6], now(), now() - n * interval '1 second', now()
        FROM generate_series(1, 12000) n
    """
    connection.execute(create, [QUEUES])
    connection.execute(insert, [QUEUES])
    connection.execute("ANALYZE pgboss.job_common")


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
    """What is done with an app, what stalled it, and the seconds of the longest step of each as it went best.

    `most` is how many seconds a step may take; without it, what MOST_STEPS take here at that time.
    """

    def __init__(self, driver: Driver, most: float | None = None) -> None:
        self.driver = driver
        self._most = most
        self.stalls: dict[str, str] = {}
        self.longest: dict[str, float] = {}

    async def do(self, name: str, deed: Deed, undo: Deed | None = None) -> None:
        """Do something and take it back, until it went well or often enough."""
        for _ in range(TRIES):
            before = self._allowed()
            with Steps() as steps:
                await deed()
                await self.rest()
                if undo is not None:
                    await undo()
                    await self.rest()
            self.longest[name] = min(steps.longest, self.longest.get(name, steps.longest))
            most = max(before, self._allowed())
            if steps.longest < most:
                self.stalls.pop(name, None)
                return
            told = f"{steps.longest * 1000:.0f} of {most * 1000:.0f} ms"
            self.stalls[name] = min(told, self.stalls.get(name, told), key=lambda one: float(one.split()[0]))

    def _allowed(self) -> float:
        return time_of_steps() if self._most is None else self._most

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
    gc.set_threshold(700, 10, 10)  # the interpreter's own; those of a test run are others
    driver.app._tidying.begin()
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


async def readings(keyboard: Keyboard, db: psycopg.Connection) -> None:
    screen = await keyboard.driver.on(QueuesScreen)
    checkup = keyboard.driver.app.desk.checkup

    async def read() -> None:
        db.execute("UPDATE pgboss.job_common SET state = 'active' WHERE state = 'created' AND random() < 0.3")
        found = screen._cheap.value
        screen.read_now()
        await until(keyboard.driver, lambda: screen._cheap.value is not found)

    async def check_up() -> None:
        found = checkup.value
        checkup.hurry()
        await until(keyboard.driver, lambda: checkup.value is not found)

    await keyboard.do("a reading", read)
    await keyboard.do("doctor in the background", check_up)


async def screens(keyboard: Keyboard, db: psycopg.Connection) -> None:
    """Each place, and back; what is needed for it was loaded ahead."""
    driver = keyboard.driver
    job = db.execute("SELECT id::text FROM pgboss.job_common LIMIT 1").fetchone()
    assert job is not None

    async def back() -> None:
        await keyboard.press("escape", QueuesScreen)

    async def open_job() -> None:
        await driver.line(f"job {job[0]}")
        await keyboard.press("", JobScreen)

    await keyboard.do("a job", open_job, back)
    for key, kind in SCREENS.items():
        await keyboard.do(kind.__name__, partial(keyboard.press, key, kind), back)


async def theme(keyboard: Keyboard) -> None:
    """Also of a screen that is below, and comes back later."""
    driver = keyboard.driver
    await keyboard.press("8", SystemScreen)
    await keyboard.do("theme", partial(driver.press, "t"))
    await keyboard.do("the queues in another theme", partial(keyboard.press, "escape", QueuesScreen))
    dark = driver.app.current_theme.dark
    assert driver.screen.styled == driver.app.look, "styled when it was come back to"
    assert (driver.screen.styles.background.brightness < 0.5) == dark

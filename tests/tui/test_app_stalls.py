"""A thousand queues, and a long day: how long the keyboard has to wait, and what is kept in memory."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import groupby
from typing import Any

import pytest
from textual._styles_cache import StylesCache
from textual.color import Color
from textual.command import CommandPalette
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from bossctl.tui import pacing
from bossctl.tui.pacing import Paced
from bossctl.tui.screens.delete import DeleteDialog
from bossctl.tui.screens.ensure import EnsureForm
from bossctl.tui.screens.job import JobScreen
from bossctl.tui.screens.jobs import JobsScreen
from bossctl.tui.screens.jobsdialog import JobsDialog
from bossctl.tui.screens.queue import QueueScreen
from bossctl.tui.screens.queues import QueuesScreen
from bossctl.tui.screens.statements import StatementsScreen
from bossctl.tui.tidying import DRAWINGS
from bossctl.tui.widgets.command_line import CommandLineScreen
from bossctl.tui.widgets.help import HelpScreen
from tests.conftest import DatabaseFactory, SeededFactory
from tests.seed.plan import BUSY
from tests.support.database import Database
from tests.support.releases import NEWEST
from tests.tui.app_support import LARGE, opened_on, running
from tests.tui.dialog_support import until
from tests.tui.stall_support import (
    QUEUES,
    Deed,
    Keyboard,
    Steps,
    fill,
    readings,
    screens,
    theme,
    tidied,
    time_of_steps,
)

BLACK = Color(0, 0, 0)


@asynccontextmanager
async def a_thousand_queues(database: DatabaseFactory) -> AsyncIterator[tuple[Keyboard, Database]]:
    db = database(NEWEST)
    fill(db.connection)
    async with running(db.dsn, size=LARGE, refresh=0.5, checkup_after=0) as driver:
        await until(driver, lambda: driver.table.line_count >= QUEUES)
        with tidied(driver):
            await until(driver, lambda: driver.app.desk.checkup.value)
            yield Keyboard(driver), db


async def test_a_thousand_queues_do_not_stall_the_app(database: DatabaseFactory) -> None:
    async with a_thousand_queues(database) as (keyboard, db):
        await readings(keyboard, db.connection)
        await screens(keyboard, db.connection)
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


async def test_screens_that_nobody_sees_keep_nothing_drawn(seeded: SeededFactory) -> None:
    async with running(seeded(NEWEST).dsn, size=LARGE, refresh=60) as driver:
        await opened_on(driver, f"queue {BUSY}", QueueScreen)
        left = driver.app.screen
        assert kept_lines(left)
        await opened_on(driver, "jobs", JobsScreen)
        await until(driver, lambda: not kept_lines(left))
        await driver.press("escape")
        await driver.on(QueueScreen)
        await until(driver, lambda: kept_lines(left))


def kept_lines(screen: Screen[Any]) -> int:
    return sum(len(widget._styles_cache._cache) for widget in screen.walk_children(Widget, with_self=True))


async def test_a_screen_is_drawn_in_steps(seeded: SeededFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "STEP", 0.0)
    made: list[bool] = []
    made_ahead = Paced._made_ahead
    monkeypatch.setattr(Paced, "_made_ahead", lambda screen: made.append(done := made_ahead(screen)) or done)
    async with running(seeded(NEWEST).dsn, size=LARGE, refresh=60) as driver:
        made.clear()
        await opened_on(driver, f"queue {BUSY}", QueueScreen)
        await until(driver, lambda: made[-1:] == [True])
        widgets = len(driver.app.screen._compositor.visible_widgets)
    steps = max(len(list(run)) for done, run in groupby(made) if not done)
    assert steps > widgets / 2, "one widget at a time, and then the screen"


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

"""The real app on a real database, driven through Textual's pilot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar, cast

import pytest
from _pytest.mark import ParameterSet
from textual.pilot import Pilot

from bossctl.actions import Operator
from bossctl.config import ConnectionSpec
from bossctl.models.findings import Report
from bossctl.store import Store
from bossctl.tui.app import BossApp
from bossctl.tui.places import Place
from bossctl.tui.ports import Opener
from bossctl.tui.screens.base import BossScreen
from bossctl.tui.screens.queues import QueuesScreen
from bossctl.tui.setup import PLAIN, Setup
from bossctl.tui.widgets.rows import plain
from bossctl.tui.widgets.table import LineTable
from tests.tui.widget_apps import screen_lines, screen_text, until

SMALL, LARGE = (80, 24), (140, 40)
S = TypeVar("S", bound=BossScreen)


def diagonal(releases: Iterable[str], *usual: str) -> list[ParameterSet]:
    """A parameter for each release; those that are not usual are left to the matrix run: an app's start is dear."""
    return [pytest.param(one, marks=() if one in usual else pytest.mark.matrix) for one in releases]


def spec(dsn: str, *, read_only: bool = False) -> ConnectionSpec:
    """A connection as `--dsn` gives it."""
    return ConnectionSpec(dsn, None, "--dsn", None, None, read_only, 30)


def opener(dsn: str, *, read_only: bool = False) -> Opener:
    """What the command line hands to `run_tui`."""

    async def opened() -> tuple[Store, Operator, Callable[..., Awaitable[Report]]]:
        store = await Store.open(spec(dsn, read_only=read_only), pooled=True)

        async def diagnose(progress: Callable[[str], None], /, *, queues: Sequence[str] = ()) -> Report:
            from bossctl import doctor

            return await doctor.run(store, doctor.DoctorRequest(queues=tuple(queues)), progress)

        return store, Operator(store), diagnose

    return opened


class Driver:
    """An app that runs, and what a test does with it."""

    def __init__(self, app: BossApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def until(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        """Let the app run until the condition holds; a bug in the app ends the wait."""
        await until(self.pilot, lambda: self.app.failure or condition(), seconds)
        if self.app.failure is not None:
            raise self.app.failure

    async def press(self, *keys: str) -> None:
        """Press keys."""
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Press the keys of a text."""
        await self.pilot.press(*text)

    async def click(self, part: str, words: str) -> None:
        """Click on words within a widget, once they are on the terminal."""

        def place() -> tuple[int, int] | None:
            region = self.app.screen.query_one(part).region
            found = (
                (line.find(words, region.x), y) for y, line in enumerate(self.lines) if region.y <= y < region.bottom
            )
            return next(((x, y) for x, y in found if region.x <= x < region.right), None)

        await self.until(place)
        found = place()
        assert found is not None
        assert await self.pilot.click(offset=found)

    async def line(self, text: str) -> None:
        """Run a line as typed after the colon."""
        await self.app._run_line(text)

    async def on(self, kind: type[S]) -> S:
        """The screen in front, once it is one of this kind and has read."""
        await self.until(lambda: isinstance(self.app.screen, kind) and self.has_read)
        return cast("S", self.app.screen)

    @property
    def screen(self) -> BossScreen:
        """The screen in front."""
        assert isinstance(self.app.screen, BossScreen)
        return self.app.screen

    @property
    def has_read(self) -> bool:
        """Whether every reading of the screen in front is on it."""
        return all(poll.value is not None or poll.error is not None for poll, _ in self.screen.readings())

    @property
    def table(self) -> LineTable:
        """The table of the screen in front."""
        return self.app.screen.query_one(LineTable)

    @property
    def text(self) -> str:
        """What is on the terminal."""
        return screen_text(self.app)

    @property
    def lines(self) -> list[str]:
        """The same by lines."""
        return screen_lines(self.app)

    def cell(self, key: str, column: str) -> str:
        """What stands in the table, wherever it is scrolled to."""
        place = next(number for number, one in enumerate(self.table.columns) if one.key == column)
        return plain(self.table._order.rows[key].cells[place])


@asynccontextmanager
async def running(
    dsn: str,
    *,
    size: tuple[int, int] = LARGE,
    refresh: float = 0.2,
    start: Place | str | None = None,
    read_only: bool = False,
    checkup_after: float | None = None,
    setup: Setup = PLAIN,
) -> AsyncIterator[Driver]:
    """The app on a database, from the moment its first screen has read; without doctor in the background."""
    app = BossApp(
        opener(dsn, read_only=read_only), start=start, refresh=refresh, checkup_after=checkup_after, setup=setup
    )
    async with app.run_test(size=size, notifications=True) as pilot:
        driver = Driver(app, pilot)
        await driver.until(lambda: app.desk.info is not None)
        if start is None:
            await driver.on(QueuesScreen)
        yield driver


async def opened_on(driver: Driver, line: str, kind: type[S]) -> S:
    """Go somewhere by the `:` line and wait for it."""
    await driver.line(line)
    return await driver.on(kind)

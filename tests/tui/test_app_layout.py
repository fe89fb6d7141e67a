"""The screens at every size and in every look: nothing overlaps, nothing is cut off, keys and help belong together."""

from __future__ import annotations

from itertools import combinations

import pytest
from textual.geometry import Region
from textual.widget import Widget

from bossctl.tui.commands import offers
from bossctl.tui.navigation import DEEPEST, KEPT
from bossctl.tui.places import QueuePlace
from bossctl.tui.screens.base import BossScreen
from bossctl.tui.screens.queues import QueuesScreen
from bossctl.tui.widgets.footer import FiveKeyFooter
from tests.conftest import SeededFactory
from tests.seed.plan import BUSY
from tests.support.database import Database
from tests.support.releases import NEWEST
from tests.tui.app_support import Driver, running
from tests.tui.widget_apps import screen_strips


@pytest.fixture
def db(seeded: SeededFactory) -> Database:
    return seeded(NEWEST)


def places(db: Database) -> list[str]:
    """Lines that lead to each screen."""
    job = db.value("SELECT id::text FROM job WHERE name = %s AND state = 'failed' LIMIT 1", [BUSY])
    return ["queues", f"go.queue {BUSY}", f"jobs queue:{BUSY}", f"job {job}", "findings"]


async def go(driver: Driver, line: str) -> BossScreen:
    """Follow a line and wait until the screen has read."""
    await driver.line(line)
    await driver.until(lambda: isinstance(driver.app.screen, BossScreen) and driver.has_read)
    return driver.screen


def leaves(node: Widget) -> list[Widget]:
    """The widgets that draw something, without their containers."""
    shown = [child for child in node.children if child.display and child.region.area]
    return [leaf for child in shown for leaf in leaves(child)] or [node]


def seen(leaf: Widget) -> Region:
    """The part of a widget that its containers let through."""
    region = leaf.region
    for container in leaf.ancestors:
        if isinstance(container, Widget):
            region = region.intersection(container.region)
    return region


def overlaps(screen: BossScreen) -> list[tuple[Widget, Widget]]:
    parts = {leaf: seen(leaf) for leaf in leaves(screen) if not leaf.has_class("-textual-system")}
    return [(one, two) for one, two in combinations(parts, 2) if parts[one].overlaps(parts[two])]


@pytest.mark.parametrize(
    "size",
    [(60, 20), (80, 24), (140, 40), pytest.param((300, 80), marks=pytest.mark.matrix)],
    ids=lambda size: f"{size[0]}x{size[1]}",
)
async def test_nothing_overlaps_at_any_size(db: Database, size: tuple[int, int]) -> None:
    width, height = size
    async with running(db.dsn, size=size) as driver:
        for line in places(db):
            screen = await go(driver, line)
            assert overlaps(screen) == []
            strips = screen_strips(driver.app)
            assert [strip.cell_length for strip in strips] == [width] * height
            assert screen.query_one(FiveKeyFooter).region.bottom == height
            assert "? Help" in driver.lines[-1]
            assert driver.lines[0].startswith(" bossctl  ")


async def test_what_every_screen_must_show_at_80_columns(db: Database) -> None:
    async with running(db.dsn, size=(80, 24)) as driver:
        wanted = (
            (
                "QUEUE",
                "JOBS",
                "FOUND",
                "READY",
                "ACTIVE",
                "FAILED",
                "OLDEST",
                "FAIL/M",
                "supervisor",
                "○ created  ↻ retry  ◐ active",
            ),
            (f"Queue {BUSY}", "✓ completed", "dead letter", "Times", "Errors", "Options", "STATE", "ID", "62 jobs"),
            ("STATE", "QUEUE", "CREATED", "LATELY", "TRIES", f"/ queue:{BUSY}"),
            ("Life", "Payload", "Output", "retry_count", "attempt 1 was fetched"),
            ("SEVERITY", "CODE", "WHAT", "why", "fix"),
        )
        for line, texts in zip(places(db), wanted, strict=True):
            await go(driver, line)
            missing = [text for text in texts if text not in driver.text]
            assert not missing, driver.text


async def test_a_resize_while_it_runs(db: Database) -> None:
    async with running(db.dsn, size=(140, 40)) as driver:
        for line in places(db):
            screen = await go(driver, line)
            await driver.pilot.resize_terminal(80, 24)
            await driver.until(lambda: len(driver.lines) == 24)
            assert overlaps(screen) == []
            await driver.pilot.resize_terminal(140, 40)
            await driver.until(lambda: len(driver.lines) == 40)


async def test_light_and_dark_and_every_theme(db: Database) -> None:
    async with running(db.dsn, size=(80, 24)) as driver:
        dark = driver.app.current_theme.dark
        await driver.press("t")
        await driver.until(lambda: driver.app.current_theme.dark is not dark)
        for theme in driver.app.available_themes:
            driver.app.theme = theme
            await driver.pilot.pause()
            assert "READY" in driver.text


async def test_without_colour_states_are_told_by_their_signs(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with running(db.dsn, size=(80, 24)) as driver:
        assert "○○○" in driver.text
        assert "✗✗" in driver.text
        colours = {
            colour.triplet
            for strip in screen_strips(driver.app)
            for segment in strip
            if segment.style
            for colour in (segment.style.color, segment.style.bgcolor)
            if colour is not None and colour.triplet is not None
        }
        assert all(one.red == one.green == one.blue for one in colours)


async def test_number_keys_escape_and_the_command_line_go_everywhere(db: Database) -> None:
    async with running(db.dsn) as driver:
        for key, heading in (("2", "Queue "), ("3", "Jobs"), ("4", "Job"), ("5", "Findings")):
            await driver.press(key)
            await driver.until(lambda heading=heading: driver.screen.heading.startswith(heading) and driver.has_read)
        depth = len(driver.app.screen_stack)
        await driver.press("3")
        await driver.until(lambda: driver.screen.heading == "Jobs")
        assert len(driver.app.screen_stack) < depth, "back to the one that is open"
        await driver.press("1")
        assert isinstance(driver.app.screen, QueuesScreen)
        await driver.press("colon")
        await driver.type("findi")
        await driver.press("tab", "enter")
        await driver.until(lambda: driver.screen.heading == "Findings")
        await driver.press("escape")
        await driver.press("ctrl+p")
        await driver.type("pause")
        await driver.until(lambda: "or go on reading" in driver.text)
        await driver.press("enter")
        await driver.until(lambda: driver.app.desk.paused)


async def test_help_lists_every_command_once_and_names_are_unambiguous(db: Database) -> None:
    async with running(db.dsn, size=(140, 90)) as driver:
        for line in places(db):
            screen = await go(driver, line)
            commands = [offer.command for offer in offers(screen)]
            names = [command.name for command in commands]
            assert sorted(names) == sorted(set(names)), "what is typed after the colon means one thing"
            await driver.press("question_mark")
            await driver.until(lambda: "Esc closes" in driver.text)
            for command in commands:
                assert command.title in driver.text
            await driver.press("escape")
            await driver.until(lambda screen=screen: driver.app.screen is screen)


@pytest.mark.matrix
async def test_going_on_and_on_keeps_few_screens(db: Database) -> None:
    names = [name for (name,) in db.execute("SELECT name FROM queue WHERE name ~ '^[a-z-]+$' ORDER BY 1")]
    names = names[: DEEPEST + 2]
    assert len(names) > DEEPEST > KEPT
    async with running(db.dsn, refresh=60) as driver:
        for name in names:
            await driver.line(f"go.queue {name}")
        assert len(driver.app.screen_stack) == 1 + KEPT
        for name in (*reversed(names[KEPT - DEEPEST - 1 : -1]), *reversed(names[: KEPT - 2])):
            await driver.press("escape")
            await driver.until(lambda name=name: driver.screen.place == QueuePlace(name))
        await driver.press("escape")
        assert isinstance(driver.app.screen, QueuesScreen)


async def test_a_place_that_was_passed_is_gone_back_to(db: Database) -> None:
    async with running(db.dsn, refresh=60) as driver:
        for key in "356789":
            await driver.press(key)
        await driver.press("7")
        await driver.until(lambda: driver.screen.heading == "Workers")
        await driver.press("escape")
        await driver.until(lambda: driver.screen.heading == "Schedules")
        await driver.press("3", "9", "escape")
        await driver.until(lambda: driver.screen.heading == "Jobs")

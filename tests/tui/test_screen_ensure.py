"""Ensuring a queue from inside: the plan first, then the real thing."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from bossctl.tui.screens.ensure import EnsureForm
from bossctl.tui.screens.queue import QueueScreen
from bossctl.tui.screens.queues import QueuesScreen
from tests.conftest import DatabaseFactory, SeededFactory
from tests.seed.plan import BUSY
from tests.support.releases import NEWEST
from tests.tui.app_support import LARGE, SMALL, Driver, opened_on, running


async def form(driver: Driver) -> EnsureForm:
    """The form, once it knows the options of the schema."""
    await driver.until(lambda: isinstance(driver.app.screen, EnsureForm) and driver.app.screen._form is not None)
    screen = driver.app.screen
    assert isinstance(screen, EnsureForm)
    return screen


def entry(screen: EnsureForm, option: str) -> Input:
    return screen.query_one(f"#option-{option}", Input)


@pytest.mark.parametrize("release", ["10.4.2", "11.1.2", "12.27.0", NEWEST])
@pytest.mark.parametrize("size", [SMALL])
async def test_a_new_queue_with_a_policy(database: DatabaseFactory, release: str, size: tuple[int, int]) -> None:
    db = database(release)
    async with running(db.dsn, size=size) as driver:
        await driver.press("E")
        screen = await form(driver)
        await driver.type("from-inside")
        entry(screen, "policy").value = "short"
        entry(screen, "retry_limit").value = "7"
        await driver.press("enter")
        await driver.until(lambda: "will create from-inside: policy short, retry_limit 7" in driver.text)
        assert db.value("SELECT count(*) FROM queue WHERE name = 'from-inside'") == 0, "only planned"
        await driver.press("enter")
        await driver.until(lambda: "created queue from-inside" in driver.text)
        assert db.execute("SELECT policy, retry_limit FROM queue WHERE name = 'from-inside'") == [("short", 7)]
        await driver.on(QueuesScreen)
        await driver.until(lambda: "from-inside" in driver.table.keys)


async def test_an_existing_queue_is_changed_from_its_own_screen(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    async with running(db.dsn, size=LARGE) as driver:
        await opened_on(driver, f"go.queue {BUSY}", QueueScreen)
        await driver.press("E")
        screen = await form(driver)
        assert entry(screen, "policy").disabled, "it cannot change"
        assert entry(screen, "retry_limit").placeholder == "3"
        entry(screen, "expire_in").value = "10m"
        await driver.press("enter")
        await driver.until(lambda: f"will change {BUSY}: expire_in 5m → 10m" in driver.text)
        await driver.press("enter")
        await driver.until(lambda: f"updated queue {BUSY}" in driver.text)
        assert db.value("SELECT expire_seconds FROM queue WHERE name = %s", [BUSY]) == 600
        await driver.until(lambda: "expire_in       10m" in driver.text)


async def test_mistakes_are_said_in_the_form_and_nothing_happens(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    queues = db.value("SELECT count(*) FROM queue")
    async with running(db.dsn, size=SMALL) as driver:
        await driver.line("ensure a/new/one nonsense")
        screen = await form(driver)
        await driver.press("enter")
        await driver.until(lambda: 'no policy "nonsense"' in driver.text)
        entry(screen, "policy").value = ""
        entry(screen, "expire_in").value = "soon"
        await driver.press("enter")
        await driver.until(lambda: "expire_in" in driver.text and "is not a duration" in driver.text)
        assert screen.focused is entry(screen, "expire_in")
        entry(screen, "expire_in").value = ""
        screen.query_one("#name", Input).value = ""
        await driver.press("enter")
        await driver.until(lambda: "give the queue a name" in driver.text)
        screen.query_one("#name", Input).value = BUSY
        await driver.press("enter")
        await driver.until(lambda: "nothing to do" in driver.text)
        await driver.press("escape")
        await driver.on(QueuesScreen)
    assert db.value("SELECT count(*) FROM queue") == queues


async def test_what_cannot_be_is_a_sentence(seeded: SeededFactory) -> None:
    async with running(seeded("9.0.3").dsn) as driver:
        await driver.press("E")
        await driver.until(lambda: "queues there are implicit" in driver.text)


async def test_a_read_only_connection_does_not_offer_it(seeded: SeededFactory) -> None:
    async with running(seeded(NEWEST).dsn, read_only=True) as driver:
        assert "read-only" in driver.lines[0]
        await driver.press("E")
        await driver.pilot.pause()
        assert isinstance(driver.app.screen, QueuesScreen)

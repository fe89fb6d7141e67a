"""Deleting queues from inside: the plan, the question that fits, and what is in the database afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from textual.widgets import Button, Input, Static

from bossctl.config import ConnectionSpec
from bossctl.tui.screens.delete import DeleteDialog
from bossctl.tui.screens.queue import QueueScreen
from bossctl.tui.screens.queues import QueuesScreen
from tests.conftest import SeededFactory
from tests.seed.hostile import NAMES_UP_TO_11
from tests.seed.plan import BUSY, DEAD_LETTER, EMPTY, SCHEDULED
from tests.support.database import Database
from tests.support.releases import NEWEST, generation
from tests.tui import app_support
from tests.tui.app_support import SMALL, Driver, diagonal, opened_on, running
from tests.tui.dialog_support import LosableServer, losable_server, reader, toasts, until

RELEASES = ("10.0.0", "10.4.2", "11.1.2", NEWEST)


def contents(db: Database) -> dict[str, int]:
    """Every queue with its jobs."""
    found = db.execute("SELECT q.name, count(j.id) FROM queue q LEFT JOIN job j ON j.name = q.name GROUP BY 1")
    return dict(found)


class Dialog:
    """The question in front."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    @property
    def screen(self) -> DeleteDialog:
        assert isinstance(self.driver.app.screen, DeleteDialog)
        return self.driver.app.screen

    @property
    def is_open(self) -> bool:
        return isinstance(self.driver.app.screen, DeleteDialog) and bool(self.screen.query("#message"))

    def _shown(self, part: str) -> str:
        static = self.screen.query_one(part, Static)
        return " ".join(str(static.render()).split()) if static.display else ""

    @property
    def plan(self) -> str:
        return self._shown("#plan-text")

    @property
    def question(self) -> str:
        return self._shown("#question")

    @property
    def message(self) -> str:
        return self._shown("#message")

    @property
    def can_confirm(self) -> bool:
        button = self.screen.query_one("#confirm", Button)
        return button.display and not button.disabled


async def asked(driver: Driver, name: str) -> Dialog:
    """The question about a queue, once its jobs are counted."""
    await driver.line(f"delete {name}")
    dialog = Dialog(driver)
    await until(driver, lambda: dialog.is_open and dialog.screen._plan is not None)
    await driver.pilot.pause()
    return dialog


@pytest.fixture
def losable() -> Iterator[LosableServer]:
    with losable_server() as server:
        yield server


@pytest.mark.parametrize("release", diagonal(RELEASES, NEWEST))
async def test_an_empty_queue_then_one_with_jobs(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    before = contents(db)
    async with running(db.dsn, size=SMALL) as driver:
        driver.table.go_to(EMPTY)
        await driver.press("D")
        dialog = Dialog(driver)
        await until(driver, lambda: dialog.is_open and dialog.question)
        assert dialog.plan.startswith(f"delete queue {EMPTY} no jobs")
        assert db.name in driver.text
        assert dialog.question == "Delete it? There is no undo. y: yes"
        await driver.press("enter")
        await driver.on(QueuesScreen)
        assert contents(db) == before, "Enter alone is no yes"
        await driver.press("D")
        await until(driver, lambda: dialog.is_open and dialog.question)
        await driver.press("y")
        await driver.on(QueuesScreen)
        await until(driver, lambda: toasts(driver) == [f"deleted queue {EMPTY} with no jobs"])
        await until(driver, lambda: EMPTY not in driver.table.keys)
        del before[EMPTY]
        assert contents(db) == before

        await opened_on(driver, f"queue {BUSY}", QueueScreen)
        await driver.press("K")
        await until(driver, lambda: dialog.is_open and dialog.question)
        assert f"with {before[BUSY]} jobs, type its name" in dialog.question
        assert "✓ completed 40" in dialog.plan
        assert ("table of its own" in dialog.plan) == (generation(release) == 10)
        assert "2 jobs may be running" in dialog.plan
        await driver.type("mall")
        await driver.press("enter", "y")
        await until(driver, lambda: dialog.message == "" and not dialog.can_confirm)
        await driver.press("enter")
        await until(driver, lambda: "that is not its name: nothing was deleted" in dialog.message)
        assert contents(db) == before
        await driver.press("ctrl+u")
        await driver.type(BUSY)
        await until(driver, lambda: dialog.can_confirm)
        await driver.press("enter")
        await driver.on(QueuesScreen)
        await until(driver, lambda: f"deleted queue {BUSY} with {before[BUSY]} jobs" in toasts(driver))
        await until(driver, lambda: BUSY not in driver.table.keys)
    del before[BUSY]
    assert contents(db) == before, "nothing else went"


@pytest.mark.parametrize("release", ["10.4.2", NEWEST])
async def test_what_others_need_is_refused_with_the_reason(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    before = contents(db)
    async with running(db.dsn, size=SMALL) as driver:
        dialog = await asked(driver, DEAD_LETTER)
        assert "refused: it is the dead-letter queue of mail" in dialog.message
        assert "point it elsewhere first" in dialog.message
        assert not dialog.question
        assert not dialog.screen.query_one("#typed", Input).display
        assert not dialog.can_confirm
        await driver.press("y", *DEAD_LETTER[:3])
        assert dialog.is_open
        await driver.press("enter")
        await driver.on(QueuesScreen)
        dialog = await asked(driver, SCHEDULED)
        schedules = db.value("SELECT count(*) FROM schedule WHERE name = %s", [SCHEDULED])
        assert f"with it go{'es' if schedules == 1 else ''} {schedules} schedule" in dialog.plan
        await driver.press("escape")
        await driver.on(QueuesScreen)
    assert contents(db) == before


async def test_a_job_that_came_meanwhile_is_not_lost(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    async with running(db.dsn) as driver:
        dialog = await asked(driver, EMPTY)
        db.execute("INSERT INTO job (name, policy, data) VALUES (%s, 'standard', '{}')", [EMPTY])
        await driver.press("y")
        await until(driver, lambda: "the queue holds 1 job" in dialog.message)
        await until(driver, lambda: "with 1 job, type its name" in dialog.question)
        assert contents(db)[EMPTY] == 1
        await driver.press("y", "enter")
        await until(driver, lambda: "that is not its name" in dialog.message)
        await driver.press("escape")
        await driver.on(QueuesScreen)
    assert contents(db)[EMPTY] == 1


async def test_in_a_context_even_an_empty_queue_needs_its_name(
    seeded: SeededFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = seeded(NEWEST)

    def spec(dsn: str, *, read_only: bool = False) -> ConnectionSpec:
        return ConnectionSpec(dsn, None, "context prod", None, "prod", read_only, 30)

    monkeypatch.setattr(app_support, "spec", spec)
    async with running(db.dsn) as driver:
        dialog = await asked(driver, EMPTY)
        assert "with no jobs, type its name" in dialog.question
        assert "from context prod" in driver.text
        await driver.press("y", "enter")
        await until(driver, lambda: "that is not its name" in dialog.message)
        assert EMPTY in contents(db)
        await driver.press("backspace")
        await driver.type(EMPTY)
        await driver.pilot.click("#confirm")
        await driver.on(QueuesScreen)
    assert EMPTY not in contents(db)


async def test_with_the_mouse_alone(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    async with running(db.dsn, size=SMALL) as driver:
        dialog = await asked(driver, EMPTY)
        assert "delete_queue" not in dialog.plan
        await driver.pilot.click("#statements")
        await until(driver, lambda: f"delete_queue('{EMPTY}')" in dialog.plan)
        assert "COMMIT;" in driver.text
        await driver.pilot.click("#close")
        await driver.on(QueuesScreen)
        assert EMPTY in contents(db)
        await asked(driver, EMPTY)
        await driver.pilot.click("#confirm")
        await driver.on(QueuesScreen)
    assert EMPTY not in contents(db)


async def test_a_name_of_any_kind_is_typed_as_it_is_shown(seeded: SeededFactory) -> None:
    db = seeded("11.1.2")
    escape = NAMES_UP_TO_11[2]
    async with running(db.dsn) as driver:
        driver.table.go_to(escape)
        await driver.press("D")
        dialog = Dialog(driver)
        await until(driver, lambda: dialog.is_open and dialog.question)
        assert dialog.plan.startswith("delete queue ␛[31mred␛[0m 1 job ")
        dialog.screen.query_one("#typed", Input).value = "␛[31mred␛[0m"
        await driver.press("enter")
        await driver.on(QueuesScreen)
    assert escape not in contents(db)


async def test_8_and_9_and_a_queue_that_is_gone_get_a_sentence(seeded: SeededFactory) -> None:
    async with running(seeded("9.0.3").dsn, size=SMALL) as driver:
        await driver.press("D")
        dialog = Dialog(driver)
        await until(driver, lambda: dialog.is_open and "queues there are implicit" in dialog.message)
        assert not dialog.can_confirm
        await driver.press("enter")
        await driver.on(QueuesScreen)
    async with running(seeded("10.0.0").dsn, size=SMALL) as driver:
        await driver.line("delete nowhere")
        dialog = Dialog(driver)
        await until(driver, lambda: dialog.is_open and 'no queue "nowhere"' in dialog.message)
        await driver.press("y", "escape")
        await driver.on(QueuesScreen)


@pytest.mark.parametrize("queue", [EMPTY, BUSY])
async def test_a_missing_right_is_named(seeded: SeededFactory, queue: str) -> None:
    db = seeded("10.4.2")
    with reader(db) as dsn:
        async with running(dsn) as driver:
            dialog = await asked(driver, queue)
            if queue == BUSY:
                dialog.screen.query_one("#typed", Input).value = queue
                await driver.press("enter")
            else:
                await driver.press("y")
            await until(driver, lambda: "GRANT " in dialog.message)
            await until(driver, lambda: dialog.screen._plan is not None and not dialog.screen.doing)
            await driver.pilot.pause()
            assert "only the owner of the table job can drop" in dialog.message
    assert queue in contents(db)


async def test_a_database_lost_in_the_middle(losable: LosableServer) -> None:
    """Whether the queue was deleted is not known then, and not claimed."""
    async with running(losable.dsn, size=SMALL) as driver:
        dialog = await asked(driver, "mail")
        await losable.lose(driver, "y")
        await until(driver, lambda: "whether queue mail was deleted is not known" in dialog.message)
        await until(driver, lambda: "– now: lost the database" in dialog.message)
        assert not toasts(driver)
        assert not dialog.can_confirm
        await driver.press("escape")
        await asyncio.to_thread(losable.server.start)
        assert len(await asyncio.to_thread(losable.ask, "SELECT 1 FROM pgboss.queue WHERE name = 'mail'")) == 1
        assert driver.app.failure is None

"""The log: what was done and by whom, the whole record of it, filters, and taking it back."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from bossctl.actions.jobs import ownschema
from bossctl.actions.jobs.entry import person
from bossctl.tui.screens.action import UndoDialog
from bossctl.tui.screens.log import LogScreen
from tests.conftest import SeededFactory
from tests.seed.plan import BUSY
from tests.support.acting import act
from tests.support.database import Database
from tests.support.releases import NEWEST
from tests.support.stores import open_store
from tests.tui.app_support import SMALL, Driver, diagonal, opened_on, running
from tests.tui.dialog_support import reader, toasts, until

FAILED = f"queue:{BUSY} state:failed"
RELEASES = ("9.0.3", "10.4.2", "11.1.2", "12.27.0", NEWEST)


def flat(driver: Driver) -> str:
    return " ".join(driver.text.split())


def failed(db: Database) -> int:
    return db.value("SELECT count(*) FROM job WHERE name = %s AND state = 'failed'", [BUSY])


@pytest.mark.parametrize("release", diagonal(RELEASES, NEWEST))
async def test_from_the_list_to_a_record_and_to_its_undo(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    before = failed(db)
    retried = await act(db, "retry", FAILED, limit=2)
    async with await open_store(db) as store:
        await ownschema.make(store)
    deleted = await act(db, "delete", f"queue:{BUSY} state:completed", limit=3)
    assert (retried.changed, deleted.changed) == (2, 3)
    async with running(db.dsn, size=SMALL) as driver:
        await driver.press("9")
        screen = await driver.on(LogScreen)
        await driver.until(lambda: driver.table.keys == (deleted.operation, retried.operation))
        assert driver.cell(retried.operation, "what") == "retry"
        assert driver.cell(retried.operation, "selector") == FAILED
        assert driver.cell(retried.operation, "who").endswith(f"({person()})")
        shown = [(driver.cell(key, "changed"), driver.cell(key, "where")) for key in driver.table.keys]
        assert shown == [("3", "schema"), ("2", "file")]

        # The whole record of each, wherever it is kept.
        await driver.press("enter")
        await driver.until(lambda: f"queue {BUSY}: 3 rows deleted" in flat(driver))
        assert "kept in the schema bossctl of this database" in flat(driver)
        assert "limit 3" in flat(driver)
        await driver.click("#operations", "retry")
        await driver.until(lambda: f"queue {BUSY}: 2 rows changed" in flat(driver))
        assert "undo U plans to take it back" in flat(driver)
        await driver.press("right_square_bracket")
        await driver.until(lambda: f"/{retried.operation}.jsonl" in "".join(driver.text.split()))
        assert "kept in the file" in flat(driver)
        await driver.press("left_square_bracket")
        assert driver.table.cursor_key == retried.operation
        await driver.press("y")
        await driver.until(lambda: driver.app.clipboard == retried.operation)
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen is screen)

        # Taking back the one under the cursor, which is not the last.
        await driver.press("U")
        await until(driver, lambda: isinstance(driver.app.screen, UndoDialog) and "Undo 2 jobs?" in driver.text)
        await driver.press("y")
        await driver.until(lambda: failed(db) == before)
        await driver.until(lambda: driver.app.screen is screen)
        await driver.until(lambda: len(driver.table.keys) == 3 and driver.cell(retried.operation, "undone") == "2")
        assert driver.table.cursor_key == retried.operation, "a refresh leaves the cursor where it is"
        await driver.until(lambda: "undo all of it was taken back already" in flat(driver))
        # While the order is held for the hand on the keys, what is new stands at the end.
        [undo] = set(driver.table.keys) - {retried.operation, deleted.operation}
        assert driver.cell(undo, "what") == f"undo of {retried.operation}"

        # The line knows what can be taken back; what was is not offered.
        await driver.press("colon", *"undo ")
        line = driver.app.screen.query_one(Input)
        await driver.until(lambda: deleted.operation in driver.text)
        await driver.press("tab")
        await driver.until(lambda: line.value.startswith(f":undo {deleted.operation[:8]}"))
        assert retried.operation not in list(driver.app.completions(LogScreen.COMMAND_LIST[2], 0, ""))
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen is screen)

        # Nothing is left to take back, and that is said.
        await driver.press("U")
        await until(driver, lambda: isinstance(driver.app.screen, UndoDialog) and "taken back already" in driver.text)
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen is screen)

        # By words; Esc closes the record, then drops the filter.
        await driver.press("slash")
        await driver.type("delete")
        await driver.until(lambda: driver.table.keys == (deleted.operation,))
        await driver.press("enter")
        await driver.until(lambda: '1 of 3 with "delete"' in driver.lines[1])
        await driver.press("escape", "escape")
        await driver.until(lambda: len(driver.table.keys) == 3 and not screen.opened)


async def test_nothing_was_done_and_nothing_may_be_done(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    async with running(db.dsn, size=SMALL) as driver:
        await opened_on(driver, "log", LogScreen)
        await driver.until(lambda: "nothing was done to jobs here with bossctl" in driver.text)
        await driver.press("U", "enter")
        assert isinstance(driver.app.screen, LogScreen)
        outcome = await act(db, "retry", FAILED, limit=1)
        await driver.press("r")
        await driver.until(lambda: driver.table.keys == (outcome.operation,))
    with reader(db) as dsn:
        async with running(dsn, size=SMALL, read_only=True) as driver:
            await opened_on(driver, "log", LogScreen)
            await driver.until(lambda: driver.table.keys == (outcome.operation,))
            await driver.press("U")
            await driver.until(lambda: any("read-only" in one for one in toasts(driver)))

"""Acting on jobs from inside: marks, the plan and its question, progress, what became of it, and taking it back."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from textual.widgets import Button, Input, Static

from bossctl.actions import Operator
from bossctl.config import ConnectionSpec
from bossctl.models.jobactions import ActionRequest, JobAction
from bossctl.models.jobwords import TYPED_ABOVE, free
from bossctl.selector import parse
from bossctl.store import Store
from bossctl.tui import joblist
from bossctl.tui.commands import offers
from bossctl.tui.screens.job import JobScreen
from bossctl.tui.screens.jobs import JobsScreen
from bossctl.tui.screens.jobsdialog import JobsDialog
from bossctl.tui.screens.queues import QueuesScreen
from bossctl.tui.widgets.table import LineTable
from tests.conftest import SeededFactory
from tests.seed.plan import BUSY, DEAD_LETTER, STUCK
from tests.support.database import Database
from tests.support.releases import NEWEST, generation
from tests.tui import app_support
from tests.tui.app_support import LARGE, SMALL, Driver, opened_on, running, spec
from tests.tui.dialog_support import reader, toasts, until


def releases(*usual: str) -> pytest.MarkDecorator:
    """A test on these releases, and with `-m matrix` on the others too."""
    others = [one for one in ("9.0.3", "10.4.2", NEWEST) if one not in usual]
    return pytest.mark.parametrize(
        "release", [*usual, *(pytest.param(one, marks=pytest.mark.matrix) for one in others)]
    )


class Dialog:
    """The dialog in front."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    @property
    def screen(self) -> JobsDialog:
        assert isinstance(self.driver.app.screen, JobsDialog)
        return self.driver.app.screen

    @property
    def is_open(self) -> bool:
        return isinstance(self.driver.app.screen, JobsDialog) and bool(self.screen.query("#close"))

    def _shown(self, part: str) -> str:
        static = self.screen.query_one(part, Static)
        return " ".join(str(static.render()).split()) if static.display else ""

    @property
    def text(self) -> str:
        return self._shown("#plan-text")

    @property
    def question(self) -> str:
        return self._shown("#question")

    @property
    def message(self) -> str:
        return self._shown("#message")

    @property
    def jobs(self) -> int:
        """How many its plan changes."""
        assert self.screen._plan is not None
        return free(self.screen._plan)

    async def planned(self) -> Dialog:
        """Once the jobs are counted."""
        await until(self.driver, lambda: self.is_open and self.screen._plan is not None)
        return self

    async def done(self) -> Dialog:
        """Once it shows what became of it."""
        await until(self.driver, lambda: self.screen.shown)
        return self


async def ask(driver: Driver, *keys: str) -> Dialog:
    """Press keys that open a dialog, and wait for its plan."""
    await driver.press(*keys)
    return await Dialog(driver).planned()


async def gone(driver: Driver) -> None:
    """Wait until no dialog is open."""
    await until(driver, lambda: not isinstance(driver.app.screen, JobsDialog))


def jobs(db: Database, state: str, queue: str = BUSY) -> list[str]:
    """The ids of a queue's jobs in a state."""
    where = "name = %s AND state::text = %s"
    return [job for (job,) in db.execute(f"SELECT id::text FROM job WHERE {where} ORDER BY 1", [queue, state])]


def rows(db: Database, table: str = "job") -> dict[str, str]:
    """Every job whole, as text."""
    return dict(db.execute(f"SELECT id::text, j::text FROM {table} j"))


def states(db: Database, ids: Sequence[str]) -> list[str]:
    return [db.value("SELECT state::text FROM job WHERE id = %s", [job]) for job in ids]


async def mark(driver: Driver, ids: Sequence[str]) -> None:
    """Put the cursor on each and press space."""
    for job in ids:
        assert driver.table.go_to(next(key for key in driver.table.keys if key.startswith(job)))
        await driver.press("space")


@releases(NEWEST)
async def test_marked_jobs_then_taken_back(
    seeded: SeededFactory, release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LineTable, "HOLD_SECONDS", 0.1)
    db = seeded(release)
    failed, waiting = jobs(db, "failed"), jobs(db, "created")
    chosen = [failed[0], waiting[0], failed[1]]
    before = rows(db)
    async with running(db.dsn, size=SMALL) as driver:
        await opened_on(driver, f"jobs queue:{BUSY}", JobsScreen)
        order = driver.table.keys
        await mark(driver, chosen)
        new = db.value(f"INSERT INTO job (name, data) VALUES ('{BUSY}', '{{}}') RETURNING id::text")
        await until(driver, lambda: driver.table.keys[-1].startswith(new))
        assert driver.table.keys[:-1] == order, "the order is frozen while something is marked"
        assert {key[:36] for key in driver.table.marks} == set(chosen)
        assert "3 marked" in driver.lines[1]
        assert driver.lines[-3].startswith(" 3 marked · ")

        dialog = await ask(driver, "R")
        assert dialog.text.startswith(f'Retry 3 jobs marked 3 matched · 2 eligible in queue "{BUSY}" 2 jobs → retry')
        assert "skipped not-failed: 1 – only failed jobs can be retried" in dialog.text
        assert f"not-failed: {waiting[0]}" in dialog.text
        assert db.name in driver.text
        assert dialog.question == "Retry 2 jobs? y: yes"
        await driver.press("enter")
        await gone(driver)
        assert {job: row for job, row in rows(db).items() if job != new} == before, "Enter alone is no yes"
        assert len(driver.table.marks) == 3

        dialog = await ask(driver, "R")
        await driver.press("y")
        await dialog.done()
        assert dialog.text.startswith("retry: 2 of 3 jobs changed skipped not-failed: 1")
        assert states(db, chosen) == ["retry", "created", "retry"]
        after = {job: row for job, row in rows(db).items() if job not in (*failed[:2], new)}
        assert after == {job: row for job, row in before.items() if job not in failed[:2]}, "nothing else changed"

        await driver.press("U")
        await until(driver, lambda: dialog.is_open and "Undo retry of 2 jobs" in dialog.text)
        await dialog.planned()
        await until(driver, lambda: dialog.question == "Undo 2 jobs? y: yes")
        await driver.press("y")
        await gone(driver)
        await until(driver, lambda: "undo: 2 of 2 jobs" in toasts(driver))
        assert {job: row for job, row in rows(db).items() if job != new} == before
        assert not driver.table.marks, "they were done with"
        await until(driver, lambda: driver.table.keys[0].startswith(new))


async def test_all_that_match_and_undo_from_another_screen(
    seeded: SeededFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than is loaded, marks on other pages, and the last operation taken back from the first screen."""
    monkeypatch.setattr(joblist, "PAGE", 20)
    db = seeded(NEWEST)
    before = rows(db)
    ended = db.value("SELECT count(*) FROM job WHERE name = %s AND state > 'active'", [BUSY])
    async with running(db.dsn, size=SMALL) as driver:
        await opened_on(driver, "jobs", JobsScreen)
        await driver.press("asterisk", "asterisk")
        await until(driver, lambda: any("an action never means all" in one for one in toasts(driver)))
        screen = await opened_on(driver, f"jobs queue:{BUSY}", JobsScreen)
        await driver.press("space", "n")
        await driver.on(JobsScreen)
        await driver.press("j", "v", "shift+down")
        assert screen._list.marks_words == "3 marked, 1 on other pages"
        await driver.press("b")
        await driver.on(JobsScreen)
        await until(driver, lambda: len(driver.table.marks) == 1)
        dialog = await ask(driver, "C")
        assert dialog.text.startswith("Cancel 3 jobs marked 3 matched")
        await driver.press("escape", "escape")
        assert screen._list.marks_words == ""
        assert driver.app.screen is screen

        await driver.press("ctrl+a")
        assert screen._list.marks_words == "20 marked"
        await until(driver, lambda: "20 marked · * again for all that match · page 1" in driver.text)
        await driver.press("ctrl+a")
        await until(driver, lambda: "all that match are marked" in driver.text)
        await driver.press("n")
        await driver.on(JobsScreen)
        await until(driver, lambda: screen._list.table.every and len(driver.table.marks) == 20)
        dialog = await ask(driver, "D")
        assert dialog.text.startswith(f"Delete all that match queue:{BUSY} 62 matched · 60 eligible")
        await driver.press("ctrl+s")
        await until(driver, lambda: "DELETE FROM" in dialog.text)
        dialog.screen.query_one("#field-limit", Input).focus()
        await driver.type("41")
        await until(driver, lambda: dialog.screen._plan and "41 jobs deleted" in dialog.text)
        await driver.press("enter")
        await until(driver, lambda: dialog.screen._plan and dialog.question == "Delete 41 jobs? y: yes")
        await driver.press("y")
        await dialog.done()
        left = rows(db)
        assert len(before) - len(left) == 41
        assert set(jobs(db, "active")) <= left.keys()
        assert ended < 62

        await driver.press("escape")
        await driver.line("go.queues")
        await driver.on(QueuesScreen)
        dialog = await ask(driver, "U")
        assert "Undo delete of 41 jobs" in dialog.text
        await driver.press("y")
        await gone(driver)
        assert rows(db) == before
        await driver.press("U")
        await until(driver, lambda: dialog.is_open and "was taken back already" in dialog.message)


async def test_the_number_is_typed_and_ctrl_c_stops_after_the_batch(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    db.execute("INSERT INTO job (name) SELECT 'imports' FROM generate_series(1, 2500)")
    waiting = db.value("SELECT count(*) FROM job WHERE name = 'imports' AND state < 'completed'")
    async with running(db.dsn, size=SMALL) as driver:
        await opened_on(driver, "jobs queue:imports state:created,retry,active", JobsScreen)
        dialog = await ask(driver, "asterisk", "asterisk", "C")
        assert dialog.question == f"To cancel {waiting:,} jobs, type {waiting} and press Enter:"
        await driver.type("y1000")
        await driver.press("enter")
        await until(driver, lambda: "that is not the number of jobs: nothing was changed" in dialog.message)
        assert not jobs(db, "cancelled", "imports")
        await driver.press("ctrl+u")
        await driver.type(f"{waiting:,}")
        db.execute("BEGIN")
        db.execute("LOCK TABLE job_common IN SHARE MODE")  # holds up the first batch
        await driver.press("enter")
        blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE"
        await until(driver, lambda: db.value(f"{blocked} datname = current_database())") == 1)
        assert dialog.message == f"cancel of {waiting:,} jobs …"
        await driver.press("ctrl+c")
        await until(driver, lambda: dialog.message == "stopping after this batch …")
        await driver.press("ctrl+c")
        await until(driver, lambda: any("quit again to leave all the same" in one for one in toasts(driver)))
        db.execute("ROLLBACK")
        await dialog.done()
        assert dialog.text.startswith(f"cancel: 1,000 of {waiting:,} jobs changed ! interrupted")
        assert "doing it again finishes it" in dialog.text
        await until(driver, lambda: "Close " in driver.text)
        assert len(jobs(db, "cancelled", "imports")) == 1000
        assert driver.app.is_running


@pytest.mark.parametrize("more", [5, 1500], ids=["asked", "number-typed"])
async def test_a_connection_lost_while_it_is_done(seeded: SeededFactory, more: int) -> None:
    db = seeded(NEWEST)
    db.execute("INSERT INTO job (name) SELECT 'imports' FROM generate_series(1, %s)", [more])
    async with running(db.dsn) as driver:
        await opened_on(driver, "jobs queue:imports state:created", JobsScreen)
        every = ["asterisk", "asterisk"] if more > TYPED_ABOVE else ["asterisk"]
        dialog = await ask(driver, *every, "C")
        keys = [*str(dialog.jobs), "enter"] if more > TYPED_ABOVE else ["y"]
        db.execute("BEGIN")
        db.execute("LOCK TABLE job_common IN SHARE MODE")
        await driver.press(*keys)
        waiter = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        await until(driver, lambda: db.execute(waiter))
        db.execute(f"SELECT pg_terminate_backend(pid) FROM ({waiter}) AS found")
        db.execute("ROLLBACK")
        await until(driver, lambda: not dialog.screen.doing and dialog.message)
        told = dialog.text + dialog.message
        assert "terminat" in told or "closed" in told or "lost" in told
        await dialog.planned()
        await until(driver, lambda: dialog.question)
        assert dialog.text + dialog.message == told, "it stays while the jobs are counted again"
        assert not jobs(db, "cancelled", "imports")


async def test_a_named_context_wants_the_number_even_for_one(
    seeded: SeededFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = seeded(NEWEST)

    def in_context(dsn: str, *, read_only: bool = False) -> ConnectionSpec:
        return ConnectionSpec(dsn, None, "context prod", None, "prod", read_only, 30)

    monkeypatch.setattr(app_support, "spec", in_context)
    failed = jobs(db, "failed")[0]
    async with running(db.dsn, size=SMALL) as driver:
        await opened_on(driver, f"job {failed}", JobScreen)
        dialog = await ask(driver, "R")
        assert dialog.question == "To retry 1 job, type 1 and press Enter:"
        await driver.press("y", "enter")
        await until(driver, lambda: "that is not the number" in dialog.message)
        assert states(db, [failed]) == ["failed"]
        await driver.press("backspace", "1", "enter")
        await gone(driver)
        await until(driver, lambda: "retry: 1 of 1 job · U takes it back" in toasts(driver))
        assert states(db, [failed]) == ["retry"]


def request(action: JobAction, text: str) -> ActionRequest:
    """What the job screen would ask, with something in the field that must be filled."""
    asked = {
        JobAction.DEFER: {"by_seconds": 60},
        JobAction.REDRIVE: {"to_queue": BUSY},
    }
    return ActionRequest(action, parse(text), text, **asked.get(action, {}))


@releases("10.4.2")
async def test_the_job_screen_offers_what_the_state_allows(seeded: SeededFactory, release: str) -> None:
    """For a job in each state: an action is offered exactly where its plan would change the job."""
    db = seeded(release)
    found = dict(db.execute("SELECT state::text, min(id::text) FROM job WHERE name = %s GROUP BY 1", [BUSY]))
    found["stuck"] = db.value("SELECT id::text FROM job WHERE name = %s AND state = 'active'", [STUCK])
    if generation(release) >= 10:
        found["dead"] = jobs(db, "created", DEAD_LETTER)[0]
    if generation(release) <= 10:
        found["archived"] = db.value("SELECT min(id::text) FROM archive WHERE name = %s", [BUSY])
    actions = [action for action in JobAction if action is not JobAction.UNDO]
    async with running(db.dsn, size=SMALL, refresh=60) as driver:
        store = await Store.open(spec(db.dsn))
        for what, job in found.items():
            screen = await opened_on(driver, f"job {job}", JobScreen)
            assert screen.wanted.id == job
            assert screen.job is not None
            offered = {offer.command.name for offer in offers(screen)} & set(actions)
            expected = set()
            for action in actions:
                if action is JobAction.RESTORE:
                    eligible = what == "archived"
                elif action is JobAction.REDRIVE and generation(release) < 10:
                    eligible = False
                else:
                    text = f"{job} is:stuck" if (what, action) == ("stuck", JobAction.RETRY) else job
                    eligible = free(await Operator(store).plan_jobs(request(action, text))) > 0
                expected |= {action.value} if eligible else set()
            assert offered == expected, (what, job)
        await store.close()


@releases(NEWEST)
async def test_each_action_through_its_fields(seeded: SeededFactory, release: str) -> None:
    """Defer and redrive ask for what they need; archive and restore, resend, resume and a stuck job's retry."""
    db = seeded(release)
    new = generation(release) > 10
    start = "start_after" if generation(release) > 9 else "startafter"
    waiting, cancelled, done = (jobs(db, state)[0] for state in ("created", "cancelled", "completed"))
    stuck = jobs(db, "active", STUCK)[0]
    async with running(db.dsn, size=SMALL) as driver:
        await opened_on(driver, f"jobs {waiting}", JobsScreen)
        await driver.press("L")
        dialog = Dialog(driver)
        await until(driver, lambda: dialog.is_open and dialog.message.startswith("due: now, so much later"))
        await driver.type("2 hours")
        await driver.press("enter")
        await until(driver, lambda: 'due: "2 hours" is not a duration' in dialog.message)
        await driver.press("ctrl+u")
        await driver.type("2031-05-06T07:08")
        await driver.press("enter")
        await until(driver, lambda: dialog.is_open and dialog.question == "Defer 1 job? y: yes")
        await driver.press("y")
        await gone(driver)
        due = db.value(
            f"SELECT to_char({start} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') FROM job WHERE id = '{waiting}'"
        )
        assert due == "2031-05-06 07:08"
        await driver.line("defer now")
        await dialog.planned()
        await driver.press("y")
        await gone(driver)
        assert db.value(f"SELECT {start} <= now() FROM job WHERE id = %s", [waiting])

        for job, key, state in ((cancelled, "V", "created"), (stuck, "R", "retry")):
            await opened_on(driver, f"job {job}", JobScreen)
            await ask(driver, key)
            await driver.press("y")
            await gone(driver)
            assert states(db, [job]) == [state]
        before = rows(db)[done]
        await opened_on(driver, f"job {done}", JobScreen)
        dialog = await ask(driver, "A")
        assert ("the schema bossctl is created in this database" in dialog.text) == new
        await driver.press("y")
        await gone(driver)
        assert done not in rows(db)
        await opened_on(driver, f"jobs queue:{BUSY} archived:true", JobsScreen)
        driver.table.go_to(next(key for key in driver.table.keys if key.startswith(done)))
        await driver.press("R")
        await until(driver, lambda: "archived jobs are left alone: restore them first" in toasts(driver))
        await ask(driver, "X")
        await driver.press("y")
        await gone(driver)
        assert rows(db)[done] == before
        assert new or not db.execute("SELECT 1 FROM archive WHERE id = %s", [done])
        count = len(rows(db))
        await opened_on(driver, f"job {done}", JobScreen)
        await ask(driver, "S")
        await driver.press("y")
        await gone(driver)
        assert len(rows(db)) == count + 1
        if generation(release) > 9:
            dead = jobs(db, "created", DEAD_LETTER)[0]
            await opened_on(driver, f"job {dead}", JobScreen)
            if not new:
                await driver.press("B")
                await until(driver, lambda: dialog.is_open and "does not record where" in dialog.message)
                await driver.press("escape")
            await driver.line("redrive imports")
            dialog = await dialog.planned()
            assert 'in queue "imports"' in dialog.text
            await driver.press("y")
            await gone(driver)
            assert dead not in rows(db)


async def test_who_may_not_write_is_told(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    before = rows(db)
    async with running(db.dsn, size=SMALL, read_only=True) as driver:
        await opened_on(driver, f"jobs queue:{BUSY} state:failed", JobsScreen)
        await driver.press("R")
        await driver.press("U")
        await until(driver, lambda: sum("this connection is read-only" in one for one in toasts(driver)) == 2)
        assert isinstance(driver.app.screen, JobsScreen)
    with reader(db) as dsn:
        async with running(dsn, size=LARGE) as driver:
            await opened_on(driver, f"jobs queue:{BUSY} state:failed", JobsScreen)
            dialog = await ask(driver, "R")
            await driver.press("y")
            await until(driver, lambda: "GRANT INSERT, UPDATE, DELETE ON" in dialog.message)
            await until(driver, lambda: not dialog.screen.query_one("#confirm", Button).disabled)
    assert rows(db) == before


async def test_the_job_that_was_shown_is_meant_and_its_order_is_frozen(
    seeded: SeededFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without marks the job under the cursor, although it leaves the selection before the key is pressed."""
    monkeypatch.setattr(LineTable, "HOLD_SECONDS", 0.0)
    db = seeded(NEWEST)
    async with running(db.dsn) as driver:
        await opened_on(driver, f"jobs queue:{BUSY} state:failed", JobsScreen)
        await driver.press("j")
        here = (driver.table.cursor_key or "")[:36]
        dialog = await ask(driver, "R")
        assert f"Retry job {here} of queue {BUSY}" in dialog.text
        order = driver.app.screen_stack[-2].query_one(LineTable).keys
        db.execute("UPDATE job SET state = 'completed' WHERE id = %s", [here])
        await driver.press("y")
        await dialog.done()
        assert "skipped changed-meanwhile: 1" in dialog.text
        assert "nothing was changed" in dialog.text
        assert driver.app.screen_stack[-2].query_one(LineTable).keys == order
        await driver.press("escape")
        await until(driver, lambda: len(driver.table.keys) == len(order) - 1)

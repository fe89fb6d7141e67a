"""The form that ensures a queue, from inside: what it shows, what it plans, what is in the database afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from textual.widgets import Button, Input, Static

from bossctl.tui.optionrow import CHANGED, FIXED, WRONG, OptionRow
from bossctl.tui.screens.ensure import EnsureForm
from bossctl.tui.screens.queue import QueueScreen
from bossctl.tui.screens.queues import QueuesScreen
from bossctl.tui.widgets.choice import Choice
from bossctl.tui.widgets.table import LineTable
from tests.conftest import DatabaseFactory, SeededFactory
from tests.seed.hostile import NAMES_UP_TO_11
from tests.seed.plan import BUSY, DEAD_LETTER, EMPTY
from tests.support.database import Database
from tests.support.releases import NEWEST, generation
from tests.tui.app_support import SMALL, Driver, diagonal, opened_on, running
from tests.tui.dialog_support import LosableServer, losable_server, reader, toasts, until

RELEASES = ("10.0.0", "10.4.2", "11.1.2", NEWEST)


def stored(db: Database, name: str) -> dict[str, Any]:
    """The queue's row, without the moment it was changed."""
    [(row,)] = db.execute("SELECT to_jsonb(q) - 'updated_on' FROM queue q WHERE name = %s", [name])
    return row


def queues(db: Database) -> set[str]:
    return {name for (name,) in db.execute("SELECT name FROM queue")}


class Form:
    """The form in front, by what one sees and types."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    @property
    def dialog(self) -> EnsureForm:
        assert isinstance(self.driver.app.screen, EnsureForm)
        return self.driver.app.screen

    @property
    def is_open(self) -> bool:
        return isinstance(self.driver.app.screen, EnsureForm)

    def row(self, option: str) -> OptionRow:
        return self.dialog.query_one(f"#row-{option}", OptionRow)

    def entry(self, option: str) -> Input | Choice:
        [entry] = [*self.row(option).query(Input), *self.row(option).query(Choice)]
        return entry

    def line(self, option: str) -> str:
        """Mark, name, value or placeholder, remark."""
        entry, row = self.entry(option), self.row(option)
        lead, about = (str(row.query_one(part, Static).render()) for part in (".lead", ".about"))
        return f"{lead} {entry.value or entry.placeholder} {about}"

    def problem(self, option: str) -> str:
        row = self.row(option)
        return str(row._problem.render()) if row._problem is not None and row._problem.display else ""

    @property
    def message(self) -> str:
        shown = [one for one in self.dialog.query("#message").results(Static) if one.display]
        return str(shown[0].render()) if shown else ""

    @property
    def plan(self) -> str:
        return str(self.dialog.query_one("#plan-text", Static).render())

    @property
    def planned(self) -> bool:
        return self.dialog.query_one("#apply", Button).display and self.driver.app.focused is not None

    async def fill(self, option: str, text: str) -> None:
        """Type into a field, as after Tab: what was there is replaced."""
        entry = self.entry(option)
        entry.focus()
        await until(self.driver, lambda: entry.has_focus)
        if len(text) < 6:
            await self.driver.type(text)
        else:
            entry.value = text

    async def ask_for_plan(self) -> None:
        await self.driver.press("enter")
        await until(self.driver, lambda: self.planned)

    async def apply(self) -> None:
        told = len(toasts(self.driver))
        await self.driver.press("enter")
        await until(self.driver, lambda: not self.is_open and len(toasts(self.driver)) > told)


async def opened(driver: Driver, name: str, line: str = "") -> Form:
    """The form for a queue, once it shows its options."""
    await driver.line(line or f"ensure {name}")
    form = Form(driver)
    await until(driver, lambda: form.is_open and form.dialog._form is not None)
    return form


@pytest.mark.parametrize("release", diagonal(RELEASES, NEWEST))
async def test_create_a_queue_then_change_one_option_then_clear_one(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    async with running(db.dsn, size=SMALL) as driver:
        await driver.press("E")
        form = Form(driver)
        await driver.type("new")
        await until(driver, lambda: form.dialog._form is not None and form.dialog._form.queue == "new")
        assert "new, will be created" in driver.text
        await form.fill("policy", "sss")
        assert form.entry("policy").value == "singleton", "a letter goes to the next choice"
        await form.fill("retry_limit", "5")
        await form.fill("dead_letter", DEAD_LETTER)
        assert form.line("retry_limit").startswith(f"{CHANGED} retry_limit 5 pg-boss sets ")
        await form.ask_for_plan()
        for said in ("create queue new", "singleton", db.name, "schema pgboss (from --dsn)"):
            assert said in driver.text
        assert "new" not in queues(db), "nothing is done before the plan is agreed to"
        await form.apply()
        assert toasts(driver) == ["created queue new: policy singleton, retry_limit 5, dead_letter mail-dead"]
        await until(driver, lambda: "new" in driver.table.keys)
        made = stored(db, "new")
        assert (made["policy"], made["retry_limit"], made["dead_letter"]) == ("singleton", 5, DEAD_LETTER)
        assert made["expire_seconds"] == (None if generation(release) == 10 else 900), "not given: pg-boss's own"

        screen = await opened_on(driver, "queue new", QueueScreen)
        await driver.press("E")
        await until(driver, lambda: form.is_open and form.dialog._form is not None)
        assert form.dialog.query_one("#name", Input).value == "new"
        assert {CHANGED, WRONG}.isdisjoint(form.line(row.option.name)[0] for row in form.dialog.query(OptionRow))
        await form.fill("retry_limit", "7")
        assert form.line("retry_limit") == f"{CHANGED} retry_limit 7 was 5"
        await form.ask_for_plan()
        assert "retry_limit      5 → 7" in form.plan
        assert "UPDATE" not in form.plan
        await driver.press("ctrl+s")
        assert "retry_limit" in form.plan.partition("UPDATE")[2], "the statements, on demand"
        await form.apply()
        assert "updated queue new: retry_limit 5 → 7" in toasts(driver)
        await until(driver, lambda: screen.detail is not None and screen.detail.queue.options["retry_limit"] == 7)
        assert stored(db, "new") == {**made, "retry_limit": 7}, "and nothing else"

        form = await opened(driver, "new")
        assert form.entry("dead_letter").value == DEAD_LETTER
        await form.fill("dead_letter", "none")
        await form.ask_for_plan()
        assert "mail-dead → none" in form.plan
        await form.apply()
    assert stored(db, "new") == {**made, "retry_limit": 7, "dead_letter": None}


@pytest.mark.parametrize("release", diagonal(RELEASES, "10.0.0", "11.1.2"))
async def test_what_cannot_be_is_refused_in_a_sentence(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    before = stored(db, EMPTY)
    async with running(db.dsn, size=SMALL) as driver:
        form = await opened(driver, EMPTY, f"ensure {EMPTY} short")
        await until(driver, lambda: "the policy of an existing queue cannot change" in form.message)
        assert "its policy is standard, asked for was short" in form.message
        assert "create a queue under a new name" in form.message
        fixed = [row for row in form.dialog.query(OptionRow) if row.fixed]
        assert [row.option.name for row in fixed] == ["policy"] + ["partition"] * (generation(release) > 10)
        for row in fixed:
            assert form.line(row.option.name).endswith(FIXED)
            assert form.entry(row.option.name).disabled
        await until(driver, lambda: FIXED in driver.text)  # the reason is there in a small terminal too
        await driver.press("tab")
        assert form.entry("retry_limit").has_focus, "the keys pass over what is fixed"
        await driver.press("enter")
        await until(driver, lambda: "nothing to do" in form.message)

        await driver.type("many")
        await driver.press("tab")
        await until(driver, lambda: '"many" is not a whole number' in form.problem("retry_limit"))
        assert form.line("retry_limit").startswith(f"{WRONG} retry_limit many")
        await driver.press("enter")
        await until(driver, lambda: form.entry("retry_limit").has_focus)
        assert not form.planned, "the keys are brought to what is wrong"
        await driver.type("4")
        assert not form.problem("retry_limit")
        await form.fill("expire_in", "25h")
        await driver.press("enter")
        await until(driver, lambda: "more than pg-boss takes" in form.problem("expire_in"))
        await driver.type("9m")
        assert form.entry("expire_in").value == "9m", "what was wrong is replaced"
        await form.fill("retention", "90s")
        await driver.press("enter")
        if generation(release) == 10:
            said = "whole minutes – the nearest values are 1m and 2m"
            await until(driver, lambda: said in form.problem("retention"))
        else:
            await until(driver, lambda: form.planned)
            assert "→ 1m30s" in form.plan
    assert stored(db, EMPTY) == before


@pytest.mark.parametrize("release", ["10.4.2", NEWEST])
async def test_a_queue_made_meanwhile_with_another_policy_is_refused(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    async with running(db.dsn) as driver:
        form = await opened(driver, "new", "ensure new short")
        await until(driver, lambda: form.entry("policy").value == "short")
        await form.fill("retry_limit", "4")
        await form.ask_for_plan()
        db.execute("SELECT create_queue('new', %s)", ['{"policy": "stately"}'])
        made = stored(db, "new")
        await driver.press("enter")
        await until(driver, lambda: "asked for was short" in form.message)
        assert form.is_open
        await driver.press("enter")
        await until(driver, lambda: form.planned)
        assert "change queue new" in form.plan, "what is left is the change of a queue that is there"
        assert "policy" not in form.plan
        assert stored(db, "new") == made


async def test_rules_over_two_options_and_dead_letters_that_are_not_there(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    async with running(db.dsn, size=SMALL) as driver:
        form = await opened(driver, EMPTY)
        await form.fill("retry_delay_max", "1h")
        await form.fill("heartbeat", "5s")
        await driver.press("enter")
        await until(driver, lambda: "less than pg-boss takes, which is 10s" in form.problem("heartbeat"))
        await form.fill("heartbeat", "none")
        await driver.press("enter")
        await until(driver, lambda: "only with backoff – add retry_backoff" in form.problem("retry_delay_max"))
        await form.fill("retry_backoff", "y")
        await form.fill("dead_letter", "nowhere")
        await driver.press("enter")
        await until(driver, lambda: 'the dead-letter queue "nowhere" does not exist' in form.message)
        await form.fill("dead_letter", EMPTY)
        await driver.press("enter")
        await until(driver, lambda: "cannot be its own dead letter" in form.problem("dead_letter"))
        name = form.dialog.query_one("#name", Input)
        for text, said in (("", "give the queue a name"), ("ä b", "would refuse the queue name")):
            name.value = text
            name.focus()
            await driver.press("enter")
            await until(driver, lambda said=said: said in form.message)
    assert queues(db) >= {EMPTY}


@pytest.mark.parametrize("release", diagonal(RELEASES, "10.4.2", NEWEST))
async def test_values_that_are_not_given_are_shown_as_what_they_mean(database: DatabaseFactory, release: str) -> None:
    """A queue made with nothing given has, option by option, what the form said of a new one."""
    db = database(release)
    async with running(db.dsn) as driver:
        form = await opened(driver, "new")
        said = {row.option.name: form.entry(row.option.name).placeholder for row in form.dialog.query(OptionRow)}
        assert (said["retention"] == "client default") == (generation(release) == 10)
        await form.ask_for_plan()
        await form.apply()
        form = await opened(driver, "new")
        rows = form.dialog.query(OptionRow)
        assert {row.option.name: row.default for row in rows} == said
        assert {row.option.name: form.entry(row.option.name).value or row.default for row in rows} == said


async def test_escape_goes_back_then_away_and_nothing_is_done(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    before = stored(db, BUSY)
    async with running(db.dsn) as driver:
        form = await opened(driver, BUSY)
        behind = driver.app.screen_stack[-2].query_one(LineTable)
        assert behind.hold_order, "the list stands still behind the form"
        await form.fill("retry_limit", "9")
        await form.ask_for_plan()
        await driver.press("escape")
        await until(driver, lambda: not form.planned)
        assert form.entry("retry_limit").value == "9", "what was typed is still there"
        await driver.press("escape")
        await driver.on(QueuesScreen)
        assert not behind.hold_order
    assert stored(db, BUSY) == before


async def test_with_the_mouse_alone(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    before = stored(db, EMPTY)
    async with running(db.dsn, size=SMALL) as driver:
        driver.table.go_to(EMPTY)
        await driver.click("FiveKeyFooter", "Ensure")
        form = Form(driver)
        await until(driver, lambda: form.is_open and form.dialog._form is not None)
        await driver.click("#row-retry_backoff", "no ")
        await until(driver, lambda: form.line("retry_backoff") == f"{CHANGED} retry_backoff yes was no")
        await driver.click("#row-retry_limit", "2 ")
        assert form.entry("retry_limit").has_focus
        await driver.press("end", "backspace", "3")
        for button, planned in (("Plan", True), ("Back", False), ("Plan", True)):
            await driver.click(".buttons", button)
            await until(driver, lambda planned=planned: form.planned is planned)
        assert "retry_backoff    no → yes" in driver.text
        await driver.click(".buttons", "Statements")
        await until(driver, lambda: "UPDATE" in driver.text)
        assert stored(db, EMPTY) == before
        await driver.click(".buttons", "Apply")
        await driver.on(QueuesScreen)
    assert stored(db, EMPTY) == {**before, "retry_backoff": True, "retry_limit": 3}


async def test_every_field_is_reached_by_the_keyboard_in_a_small_terminal(seeded: SeededFactory) -> None:
    async with running(seeded(NEWEST).dsn, size=SMALL) as driver:
        form = await opened(driver, "new")
        seen = []
        for row in form.dialog.query(OptionRow):
            await driver.press("down")
            entry = form.entry(row.option.name)
            await until(driver, lambda entry=entry: entry.has_focus)
            seen.append(row.option.name)
            assert any(f" {row.option.name} " in line for line in driver.lines), "it is scrolled to"
            assert row.option.what in " ".join(" ".join(driver.lines).replace("│", " ").split())
        assert len(seen) == 13
        assert not [line for line in driver.lines if len(line) > SMALL[0]]


async def test_names_and_values_of_any_kind_are_plain_text(seeded: SeededFactory) -> None:
    db = seeded("11.1.2")
    markup, bidi, escape, quotes = NAMES_UP_TO_11
    db.execute("UPDATE queue SET dead_letter = %s WHERE name = %s", [escape, quotes])
    before = stored(db, quotes)
    async with running(db.dsn) as driver:
        for name, shown in ((markup, markup), (bidi, bidi.replace("\u202e", "\\u202e")), (escape, "␛[31mred␛[0m")):
            driver.table.go_to(name)
            await driver.press("E")
            form = Form(driver)
            await until(driver, lambda form=form: form.is_open and form.dialog._form is not None)
            assert form.dialog._form is not None
            assert form.dialog._form.exists, "it was asked for under its true name"
            assert shown in driver.text
            await driver.press("escape")
            await driver.on(QueuesScreen)
        driver.table.go_to(quotes)
        await driver.press("E")
        form = Form(driver)
        await until(driver, lambda: form.is_open and form.dialog._form is not None)
        assert "␛[31mred␛[0m" in form.line("dead_letter")
        await form.fill("retry_limit", "8")
        await form.ask_for_plan()
        await form.apply()
    assert stored(db, quotes) == {**before, "retry_limit": 8}, "what was only shown cleaned was not written"


async def test_8_and_9_get_a_sentence_and_no_form(seeded: SeededFactory) -> None:
    async with running(seeded("9.0.3").dsn, size=SMALL) as driver:
        await driver.press("E")
        form = Form(driver)
        await until(driver, lambda: form.is_open and "queues there are implicit" in form.message.replace("\n", " "))
        assert not form.dialog.query(OptionRow)
        assert not form.dialog.query_one("#go-plan").display
        await driver.press("enter")
        await driver.on(QueuesScreen)


async def test_a_read_only_connection_gets_a_sentence(seeded: SeededFactory) -> None:
    async with running(seeded(NEWEST).dsn, read_only=True) as driver:
        for key in ("E", "D"):
            await driver.press(key)
            assert isinstance(driver.app.screen, QueuesScreen)
        assert [one.partition(":")[0] for one in toasts(driver)] == ["this connection is read-only"] * 2


async def test_a_missing_right_is_named(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    with reader(db) as dsn:
        async with running(dsn) as driver:
            form = await opened(driver, BUSY)
            await form.fill("retry_limit", "9")
            await form.ask_for_plan()
            await driver.press("enter")
            await until(driver, lambda: "may not do this" in form.message)
            assert "GRANT INSERT, UPDATE, DELETE ON" in form.message
            assert form.entry("retry_limit").value == "9"


# --- trouble while it is done


@pytest.fixture
def losable() -> Iterator[LosableServer]:
    with losable_server() as server:
        yield server


@pytest.mark.matrix
async def test_a_database_lost_in_the_middle(losable: LosableServer) -> None:
    """The end of a change that was under way is not known, and is not claimed; looking again tells."""
    async with running(losable.dsn, size=SMALL) as driver:
        form = await opened(driver, "mail")
        await form.fill("retry_limit", "9")
        await form.ask_for_plan()
        await losable.lose(driver, "enter")
        await until(driver, lambda: "lost the database" in form.message)
        assert "whether queue mail was changed is not known" in " ".join(form.message.split())
        assert not toasts(driver)
        await asyncio.to_thread(losable.server.start)
        assert (await asyncio.to_thread(losable.ask, "SELECT retry_limit FROM pgboss.queue")) == [(2,)]
        for _ in range(50):
            await driver.press("enter")
            await driver.pilot.pause(0.2)
            if form.planned:
                break
        assert "retry_limit      2 → 9" in form.plan, "the form still knows what was wanted"
        await form.apply()
        assert (await asyncio.to_thread(losable.ask, "SELECT retry_limit FROM pgboss.queue")) == [(9,)]
        await asyncio.to_thread(losable.server.kill)
        await driver.line("ensure mail short")
        await until(driver, lambda: form.is_open and "lost the database" in form.message)
        assert not form.dialog.query(OptionRow)
        await asyncio.to_thread(losable.server.start)
        await until(driver, lambda: "the policy of an existing queue cannot change" in form.message)
        await until(driver, lambda: FIXED in driver.text)  # the form comes by itself as soon as it can
        assert form.dialog.query_one("#go-plan").display
        assert driver.app.failure is None


BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def test_a_form_left_while_it_is_done_tells_the_outcome_later(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    async with running(db.dsn) as driver:
        form = await opened(driver, BUSY)
        await form.fill("retry_limit", "9")
        await form.ask_for_plan()
        with psycopg.connect(db.dsn) as holder:
            holder.execute("SELECT FROM pgboss.queue WHERE name = 'mail' FOR UPDATE")
            await driver.press("enter")
            await until(driver, lambda: db.value(BLOCKED) == 1)
            await driver.press("escape")
            await driver.on(QueuesScreen)
            assert any("its outcome will be told" in one for one in toasts(driver))
            assert len(toasts(driver)) == 1, "nothing is claimed yet"
        await until(driver, lambda: any("updated queue mail" in one for one in toasts(driver)))
    assert stored(db, BUSY)["retry_limit"] == 9

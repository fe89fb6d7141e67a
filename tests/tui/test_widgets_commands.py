"""One list of commands: bindings, footer, help, palette and the `:` line derive from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

import pytest
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.command import CommandPalette
from textual.screen import Screen
from textual.widgets import Input

from bossctl.tui.commands import (
    Command,
    CommandLineError,
    Invocation,
    bindings,
    complete,
    offers,
    parse_line,
    run,
)
from bossctl.tui.widgets.columns import Column
from bossctl.tui.widgets.command_line import CommandLineScreen
from bossctl.tui.widgets.footer import FiveKeyFooter
from bossctl.tui.widgets.help import HelpScreen, help_sections
from bossctl.tui.widgets.palette import CommandProvider
from bossctl.tui.widgets.rows import Row
from bossctl.tui.widgets.table import LineTable
from tests.tui.widget_apps import GatedApp, screen_lines, screen_text, until

APP_COMMANDS = (
    Command("go.jobs", "2", "Jobs", "all jobs", "Go to", args=("selector...",)),
    Command("app.line", "colon", "Command line"),
    Command("app.help", "question_mark", "Help", "all keys", footer=True),
)
SCREEN_COMMANDS = (
    Command("queue.open", "enter", "Open", "the queue under the cursor", "Queue", footer=True),
    Command("queue.ensure", "E", "Ensure", "create it", "Queue", args=("name", "policy?"), footer=True, changes=True),
    Command("queue.sort", "s", "Sort", "by the next column", "Queue", footer=True),
    Command("queue.export", "", "Export", "as TOML", "Queue"),
    Command("queue.secret", "x", "Secret", group="Queue"),
)


class QueueScreen(Screen[None]):
    COMMAND_LIST: ClassVar[tuple[Command, ...]] = SCREEN_COMMANDS
    BINDINGS: ClassVar[list[BindingType]] = bindings(SCREEN_COMMANDS)

    def compose(self) -> ComposeResult:
        yield LineTable([Column("name", "QUEUE", width=20)], id="table")
        yield FiveKeyFooter(id="footer")

    def on_mount(self) -> None:
        self.query_one(LineTable).update([Row("a", ("email",))])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return {"queue_sort": None, "queue_secret": False}.get(action, True)

    def note(self, *what: str) -> None:
        app = self.app
        assert isinstance(app, CommandApp)
        app.done.append(what)

    def action_queue_open(self) -> None:
        self.note("open")

    def action_queue_ensure(self, name: str = "", policy: str = "") -> None:
        self.note("ensure", name, policy)

    def action_queue_sort(self) -> None:
        self.note("sort")

    def action_queue_export(self) -> None:
        self.note("export")


class CommandApp(GatedApp):
    COMMAND_LIST: ClassVar[tuple[Command, ...]] = APP_COMMANDS
    BINDINGS: ClassVar[list[BindingType]] = bindings(APP_COMMANDS)
    COMMANDS = {CommandProvider}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.done: list[tuple[str, ...]] = []
        self.history: list[str] = []

    def on_mount(self) -> None:
        self.push_screen(QueueScreen())

    def action_go_jobs(self, selector: str = "") -> None:
        self.done.append(("jobs", selector))

    def action_app_help(self) -> None:
        self.push_screen(HelpScreen(help_sections(self.screen), title="Queues"))

    def action_app_line(self) -> None:
        self.action_command_line()

    def action_command_line(self, text: str = "") -> None:
        choices = offers(self.screen)
        self.push_screen(CommandLineScreen(choices, text=text, values=words, history=self.history), self.invoke)

    async def invoke(self, invocation: Invocation | None) -> None:
        if invocation is not None:
            await run(invocation.offer, *invocation.args)


def words(command: Command, number: int, typed: str) -> Iterable[str]:
    known = {("jobs", 0): ["queue:email", "queue:sync"], ("ensure", 1): ["standard", "short"]}
    begin, blank, last = typed.rpartition(" ")
    return [begin + blank + word for word in known.get((command.name, number), []) if word.startswith(last)]


def test_capitals_change_and_small_letters_do_not() -> None:
    bindings([Command("queue.ensure", "E", "Ensure", changes=True)])
    for keys in ("e", "ctrl+e", "E,e"):
        with pytest.raises(ValueError, match="capital"):
            bindings([Command("queue.ensure", keys, "Ensure", changes=True)])


def test_a_list_is_checked() -> None:
    one = Command("a.b", "b", "B", footer=True)
    with pytest.raises(ValueError, match="key b is used twice"):
        bindings([one, Command("a.c", "c,b", "C")])
    with pytest.raises(ValueError, match=r"id a\.b is used twice"):
        bindings([one, Command("a.b", "c", "C")])
    with pytest.raises(ValueError, match="more than 5"):
        bindings([replace(one, id=f"a.{key}", keys=key) for key in "abcdef"])
    with pytest.raises(ValueError, match="not an id"):
        bindings([Command("Queue ensure", "b", "B")])


def test_usage() -> None:
    assert SCREEN_COMMANDS[1].usage == ":ensure NAME [POLICY]"
    assert APP_COMMANDS[0].usage == ":jobs [SELECTOR …]"
    assert Command("queue.dead-letter", "", "x").action_name == "queue_dead_letter"


async def test_offers_follow_screen_app_and_state() -> None:
    app = CommandApp()
    async with app.run_test(size=(100, 20)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, QueueScreen))
        found = {offer.command.id: offer for offer in offers(app.screen)}
        assert list(found)[:4] == ["queue.open", "queue.ensure", "queue.sort", "queue.export"]
        assert "queue.secret" not in found
        assert not found["queue.sort"].enabled
        assert found["go.jobs"].owner is app
        assert (found["queue.open"].keys, found["queue.ensure"].keys) == (("⏎",), ("E",))
        app.set_keymap({"queue.ensure": "ctrl+n"})
        assert {o.command.id: o.keys for o in offers(app.screen)}["queue.ensure"] == ("^n",)


async def test_footer_shows_and_runs() -> None:
    app = CommandApp()
    async with app.run_test(size=(100, 12)) as pilot:
        await until(pilot, lambda: screen_lines(app)[-1] == " ⏎ Open  E Ensure  s Sort  ? Help")
        await pilot.click("#footer", offset=(11, 0))
        await pilot.click("#footer", offset=(20, 0))
        await until(pilot, lambda: app.done)
        assert app.done == [("ensure", "", "")], "what is off does nothing"
        await pilot.hover("#footer", offset=(11, 0))
        assert app.screen.query_one(FiveKeyFooter).tooltip == "create it"
        await pilot.resize_terminal(24, 12)
        await until(pilot, lambda: screen_lines(app)[-1] == " ⏎ Open  ? Help")


async def test_help_lists_commands_and_widget_keys() -> None:
    app = CommandApp()
    async with app.run_test(size=(120, 50)) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        text = screen_text(app)
        for expected in ("Ensure – create it", ":export", "Go to", "Moving", "↓ j", "Mark all shown, or none"):
            assert expected in text
        assert "Secret" not in text
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, QueueScreen))


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
async def test_help_fits_small_screens(size: tuple[int, int]) -> None:
    app = CommandApp()
    async with app.run_test(size=size) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: "Esc closes" in screen_text(app))
        assert "Mark all shown" not in screen_text(app)
        await pilot.press(*"j" * 30)
        await until(pilot, lambda: "Mark all shown" in screen_text(app))


async def test_palette() -> None:
    app = CommandApp()
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, QueueScreen))
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette) and "Export" in screen_text(app))
        assert "Sort" not in "\n".join(screen_lines(app)[:24]), "what is off is not offered"
        await pilot.press(*"expo")
        await until(pilot, lambda: "as TOML" in screen_text(app) and "create it" not in screen_text(app))
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.done == [("export",)])
        await pilot.press("ctrl+p", *"ensu")
        await until(pilot, lambda: "create it" in screen_text(app) and "as TOML" not in screen_text(app))
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, CommandLineScreen))
        assert app.screen.query_one(Input).value == ":ensure ", "a command with arguments asks for them"


async def test_command_line() -> None:
    app = CommandApp()
    async with app.run_test(size=(100, 20)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, QueueScreen))
        await pilot.press("colon", *"ens", "tab", *"mail s", "tab", "h", "tab", "enter")
        await until(pilot, lambda: app.done == [("ensure", "mail", "short")])
        await pilot.press("colon", "up")
        await until(pilot, lambda: app.screen.query_one(Input).value.startswith(":ensure mail short"))
        await pilot.press("down", *"frobnicate", "enter")
        await until(pilot, lambda: "there is no command frobnicate here" in screen_text(app))
        await pilot.press("escape", "colon", *"jobs queue:email  state:failed", "enter")
        await until(pilot, lambda: app.done[-1] == ("jobs", "queue:email  state:failed"))
        await pilot.press("colon", "backspace")
        await until(pilot, lambda: isinstance(app.screen, QueueScreen))


async def test_lines_are_parsed_and_completed() -> None:
    app = CommandApp()
    async with app.run_test(size=(100, 20)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, QueueScreen))
        choices = offers(app.screen)
        assert parse_line(":queue.ensure a", choices).args == ("a",)
        assert parse_line("exp", choices).offer.command.id == "queue.export"
        for line, message in {
            "": "type the name",
            "nix": "there is no command nix here",
            "e": "e could be queue.ensure, queue.export",
            "ensure": r"usage: :ensure NAME \[POLICY\]",
            "ensure a b c": "usage:",
            "sort": "sort cannot be used now",
        }.items():
            with pytest.raises(CommandLineError, match=message):
                parse_line(line, choices)
        assert complete(":e", choices) == ["ensure", "export"]
        assert complete("ensure mail s", choices, words) == ["ensure mail standard", "ensure mail short"]
        assert complete("jobs a b queue:s", choices, words) == ["jobs a b queue:sync"]
        assert complete("nix ", choices, words) == []

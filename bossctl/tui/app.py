"""The app: opens the database, brings the user from place to place, ends cleanly whatever happens."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.command import Provider
from textual.types import CSSPathType
from textual.widgets import Input
from textual.worker import WorkerFailed

from bossctl.errors import BossctlError, Exit
from bossctl.format import clean
from bossctl.tui.ahead import load_ahead
from bossctl.tui.commands import Command, CommandLineError, bindings, offers, parse_line, run
from bossctl.tui.desk import Desk
from bossctl.tui.everywhere import EVERYWHERE, Everywhere
from bossctl.tui.hangup import ending_with_terminal
from bossctl.tui.navigation import FLOOR, GO_COMMANDS
from bossctl.tui.places import Place, QueuePlace, QueuesPlace
from bossctl.tui.polling import Poll
from bossctl.tui.ports import Opener
from bossctl.tui.screens.base import WIDE, BossScreen
from bossctl.tui.screens.queues import QueuesScreen
from bossctl.tui.setup import PLAIN, Setup
from bossctl.tui.tidying import Tidying

if TYPE_CHECKING:
    from bossctl.models.operations import EnsureResult

# Everything that the first screen does not need is imported where it is opened: it halves the time to that screen.

TICK = 0.5
CHECKUP_AFTER = 3.0
"""Seconds from the start until doctor first runs in the background."""
TWICE_WITHIN = 5.0
DARK, LIGHT = "textual-dark", "textual-light"


def _command_provider() -> type[Provider]:
    from bossctl.tui.widgets.palette import CommandProvider

    return CommandProvider


class BossApp(Everywhere):
    """The terminal UI over an opener. `failure` is why it ended, when it did not end because the user wanted it."""

    TITLE = "bossctl"
    CSS_PATH: ClassVar[CSSPathType | None] = ["app.tcss", "details.tcss", "screens.tcss", "dialogs.tcss"]
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_command_provider}
    COMMAND_LIST = (
        Command("app.help", "question_mark", "Help", "all keys of this screen", footer=True, action="show_help"),
        Command("app.quit", "q,ctrl+c", "Quit", "", footer=True, action="quit"),
        Command("app.back", "escape", "Back", "to the screen before", action="back"),
        Command("app.refresh", "r", "Refresh", "read everything again now", action="refresh_readings"),
        Command("app.pause", "p", "Pause", "or go on reading", action="pause"),
        Command("app.line", "colon", "Command line", "type a command", action="command_line", opens_line=True),
        Command("app.palette", "ctrl+p", "Palette", "find a command", action="command_palette"),
        Command("app.dark", "t", "Light or dark", "", action="dark"),
        Command(
            "app.undo", "U", "Undo", "your last action on jobs", "Changes", ("operation?",), changes=True, action="undo"
        ),
        *EVERYWHERE,
        *GO_COMMANDS,
        Command(
            "queue.ensure",
            "E",
            "Ensure a queue",
            "create or change",
            "Changes",
            ("name?", "policy?"),
            True,
            changes=True,
        ),
    )
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(COMMAND_LIST))

    def __init__(
        self,
        opener: Opener,
        *,
        start: Place | str | None = None,
        refresh: float = 2.0,
        checkup_after: float | None = CHECKUP_AFTER,
        setup: Setup = PLAIN,
    ) -> None:
        """`start` is a place to go to once the database is open, or a line as typed after `:`, such as `queue mail`.

        With `checkup_after` None doctor runs only while the findings are looked at.
        """
        super().__init__(opener, refresh, setup)
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]
        self.failure: BaseException | None = None
        self._start = start
        self._checkup_after = checkup_after
        self._asked_to_quit = float("-inf")
        self._tidying = Tidying()
        self._loading = False

    # --- beginning and end

    def on_mount(self) -> None:
        """Show the skeleton of the first screen, open the database behind it."""
        super().on_mount()
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._interrupted)
        self.push_screen(QueuesScreen(self.desk, QueuesPlace()))
        self.run_worker(self._open())
        self.set_interval(TICK, self._tick)

    async def _open(self) -> None:
        try:
            await self.desk.open()
        except BossctlError as error:
            self._fail(error)
            return
        if not self.is_headless:
            self._tidying.begin()
        self.frame()
        await self.take_keys()
        self._tick()
        if isinstance(self.screen, BossScreen):
            self.screen.tick()
            self.screen.refresh_bindings()
        if isinstance(self._start, str):
            await self._run_line(self._start)
        elif self._start is not None:
            self.visit(self._start)

    async def on_unmount(self) -> None:
        """Let go of the database."""
        await self.desk.close()

    def _interrupted(self) -> None:
        self._fail(KeyboardInterrupt())

    def _fail(self, error: BaseException) -> None:
        self.failure = self.failure or error
        self.exit(return_code=Exit.INTERNAL)

    def _handle_exception(self, error: Exception) -> None:
        """Textual would print a traceback with all locals; the caller is told instead and prints none."""
        cause = error.error if isinstance(error, WorkerFailed) else error
        self.failure = self.failure or cause
        self._return_code = Exit.INTERNAL
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()

    def _tick(self) -> None:
        self._tidying.tick(self.screen_stack)
        self._load_ahead()
        desk, slower = self.desk, self.desk.slower
        if desk.is_open and self._info.ready(slower) and not (desk.paused and desk.info):
            self.run_worker(self._take_info(desk, self._info), group="desk")
        if self._time_for_checkup and desk.checkup.ready(slower) and not desk.paused:
            self.run_worker(self._check_up(desk.checkup), group="desk")

    def _load_ahead(self) -> None:
        """Once the first screen shows what it has read, load what the others need."""
        if self._loading or self.here is None or any(poll.age is None for poll, _ in self.here.readings()):
            return
        self._loading = True
        self.run_worker(self._loaded_ahead())

    async def _loaded_ahead(self) -> None:
        await load_ahead()
        if self._alone:
            self._tidying.settle()

    @property
    def _alone(self) -> bool:
        """Whether there is nothing but the first screen, which stays."""
        return len(self.screen_stack) <= FLOOR and not len(self._notifications)

    async def _move_to(self, desk: Desk) -> None:
        await super()._move_to(desk)
        self._tidying.stir()

    @property
    def _time_for_checkup(self) -> bool:
        after = self._checkup_after
        return after is not None and self.desk.info is not None and monotonic() >= self._began + after

    def _check_up(self, checkup: Poll) -> Awaitable[None]:
        return self._checked_up(checkup, checkup.take())

    async def _checked_up(self, checkup: Poll, reading: Awaitable[bool]) -> None:
        await self.recorded(checkup, reading)
        if self.here is not None and self.here.in_use:
            self.here.tick()

    def _take_info(self, desk: Desk, poll: Poll) -> Awaitable[None]:
        return self._took_info(desk, poll, poll.take())

    async def _took_info(self, desk: Desk, poll: Poll, reading: Awaitable[bool]) -> None:
        await self.recorded(poll, reading)
        desk.info = poll.value
        if self.here is not None and self.here.in_use:
            self.here.say_status()

    # --- what works everywhere

    async def action_quit(self) -> None:
        """Leave; while something is being written only when asked twice."""
        writing, asked = self.desk.writing, self._asked_to_quit
        self._asked_to_quit = monotonic()
        if writing and self._asked_to_quit - asked > TWICE_WITHIN:
            self.remark(f"{writing[0]} is under way: quit again to leave all the same")
        else:
            self.exit()

    def action_refresh_readings(self) -> None:
        """Read everything again now."""
        self.desk.forget_info()
        self._info.hurry()
        if self.here is not None:
            self.here.read_now()

    def action_pause(self) -> None:
        """Stop reading on a timer, or go on."""
        self.desk.paused = not self.desk.paused
        if self.here is not None:
            self.here.tick()

    def action_dark(self) -> None:
        """The other of the light and the dark theme."""
        self.theme = LIGHT if self.current_theme.dark else DARK

    def action_show_help(self) -> None:
        """All keys of this screen."""
        from bossctl.tui.widgets.help import HelpScreen, help_sections

        title = self.here.heading if self.here else "Keys"
        self.push_screen(HelpScreen(help_sections(self.screen), title=clean(title)))

    async def _run_line(self, text: str) -> None:
        try:
            invocation = parse_line(text, offers(self.screen))
        except CommandLineError as error:
            self.remark(str(error))
            return
        await run(invocation.offer, *invocation.args)

    # --- changes

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing can be changed before the database is open, or through a read-only connection."""
        if action == "command_line" and (self.here is None or isinstance(self.focused, Input)):
            return False
        if action in ("copy", "statements"):
            return True if self.here is not None else None
        if action == "switch_context" and not self.contexts():
            return False
        if action == "undo":
            return True if self.desk.is_open and self.here is not None else None
        if action == "queue_ensure":
            return None if self.desk.refusal else True
        return super().check_action(action, parameters)

    def action_undo(self, operation: str = "") -> None:
        """Take back an action on jobs: the one named, or this user's last."""
        if self.here is not None:
            from bossctl.tui.screens.jobactions import open_undo

            open_undo(self.here, operation)

    def action_queue_ensure(self, name: str = "", policy: str = "") -> None:
        """Open the form that creates or changes a queue."""
        here = self.here
        if here is None:
            return
        from bossctl.tui.screens.changes import open_change
        from bossctl.tui.screens.ensure import EnsureForm

        if not name and isinstance(here.place, QueuePlace):
            name = here.place.name
        open_change(here, EnsureForm(self.desk, name, policy), self._ensured)

    def _ensured(self, result: EnsureResult) -> None:
        from bossctl.tui import plans

        self.notify(plans.ensured(result), markup=False)


def run_tui(opener: Opener, *, start: Place | str | None = None, refresh: float = 2.0, setup: Setup = PLAIN) -> int:
    """Run the terminal UI until the user quits; the exit code.

    Raises BossctlError when the database cannot be opened, KeyboardInterrupt on SIGTERM and SIGHUP, and whatever
    exception was a bug; the terminal is restored by then, and nothing was printed.
    """
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    app = BossApp(opener, start=start, refresh=refresh, setup=setup)
    try:
        with ending_with_terminal():
            app.run()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0

"""What works on every screen, whatever it shows: copying, statements, the interval, themes, other contexts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.filter import LineFilter, Monochrome
from textual.theme import Theme

from bossctl.config import drop_empty_no_color
from bossctl.errors import BossctlError
from bossctl.format import clean, elapsed
from bossctl.tui.commands import Command, Invocation, command_list, offers, run
from bossctl.tui.desk import Desk
from bossctl.tui.linefilter import ASCII_ONLY, SAFE, InOne
from bossctl.tui.look import HIGH_CONTRAST, frame_variables, keep_theme, kept_theme
from bossctl.tui.navigation import FLOOR, Navigation
from bossctl.tui.places import QueuesPlace
from bossctl.tui.polling import Poll
from bossctl.tui.ports import Opener
from bossctl.tui.screens.base import BossScreen
from bossctl.tui.screens.queues import QueuesScreen
from bossctl.tui.setup import Setup

if TYPE_CHECKING:
    from bossctl.models.jobactions import Operation
    from bossctl.tui.widgets.command_line import CommandLineScreen

INTERVALS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""The steps of `+` and `-`, in seconds; the first and the last are the bounds."""
DUE = ("now", "15m", "1h", "6h", "1d")
HEADER_SECONDS = 5.0
"""Seconds between looks at what the header names; all of it is read once a minute."""
PROBLEMS = 6
"""So many lines of the file of keys are complained about at once."""

EVERYWHERE = (
    Command("app.copy", "y", "Copy", "the value under the cursor", action="copy"),
    Command("app.statements", "at", "Statements", "what this screen asked the database", action="statements"),
    Command("app.longer", "plus", "Longer interval", "read less often", action="longer"),
    Command("app.shorter", "minus", "Shorter interval", "read more often", action="shorter"),
    Command("app.interval", "", "Interval", "between readings", args=("seconds",), action="interval"),
    Command("app.theme", "", "Theme", "choose colours", args=("name?",), action="choose_theme"),
    Command("app.ctx", "", "Context", "go to another database", args=("name...",), action="switch_context"),
)


class Everywhere(Navigation):
    """Navigation with the commands of EVERYWHERE. `setup` says what the user wants of it."""

    setup: Setup

    def __init__(self, opener: Opener, refresh: float, setup: Setup) -> None:
        self._frame: str | None = None
        self._filter = InOne(())
        self.setup = setup
        drop_empty_no_color()
        super().__init__()
        self.desk = Desk(opener, refresh)
        self._info = self._info_poll()
        self.own_keys: Mapping[str, str] = {}
        self._switching = False
        self._line: CommandLineScreen | None = None
        self._lines: list[str] = []
        self._began = monotonic()
        self.register_theme(HIGH_CONTRAST)
        theme = setup.theme or kept_theme(setup.theme_file)
        if theme is not None:
            self.theme = theme
        self._grey = Monochrome() if setup.color_off and not self.no_color else None
        self.no_color = self.no_color or setup.color_off

    def _info_poll(self) -> Poll:
        desk = self.desk
        desk.header = Poll(desk.read_info, interval=HEADER_SECONDS)
        return desk.header

    # --- looks

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's, and after them the gate that lets no raw control character out, and with `--ascii` only ASCII."""
        grey = [self._grey] if self._grey is not None else []
        filters = (*super().get_line_filters(), *grey, SAFE, *([ASCII_ONLY] if self.setup.ascii_only else []))
        if self._filter.filters != filters:
            self._filter = InOne(filters)
        return [self._filter]

    def get_key_display(self, binding: Binding) -> str:
        """As Textual shows keys; with `--ascii` by their names, since `⏎` would become another key's sign."""
        shown = super().get_key_display(binding)
        return binding.key if self.setup.ascii_only and not shown.isascii() else shown

    def get_css_variables(self) -> dict[str, str]:
        """Those of the theme, and those of the frame."""
        variables = super().get_css_variables()
        self.theme_variables = {**variables, **frame_variables(self._frame, variables)}
        return self.theme_variables

    def on_mount(self) -> None:
        """From now on a theme that is chosen is kept."""
        self.theme_changed_signal.subscribe(self, self._keep)

    def _keep(self, theme: Theme) -> None:
        keep_theme(self.setup.theme_file, theme.name)

    def frame(self) -> None:
        """Draw header, footer and dialogs in the colour of the context."""
        target = self.desk.target
        colour = target.color if target is not None else None
        if colour != self._frame:
            self._frame = colour
            self.refresh_css(animate=False)

    def action_choose_theme(self, name: str = "") -> None:
        """Take a theme; without a name show all."""
        if not name:
            self.search_themes()
        elif name in self.available_themes:
            self.theme = name
        else:
            self.remark(f"there is no theme {name}; there are {', '.join(sorted(self.available_themes))}")

    # --- keys

    async def take_keys(self) -> None:
        """Give commands the keys of the user's file; what is wrong with it is told and left out."""
        path = self.setup.keymap
        if path is None or not path.exists():
            return
        from bossctl.tui.keymap import load

        found = await asyncio.to_thread(load, path, command_list(self))
        self.own_keys = found.keys
        self.set_keymap(dict(found.keys))
        for id_ in found.new:
            self.bind(found.keys[id_], f"own_key('{id_}')", show=False)
        if found.problems:
            told = [*found.problems[:PROBLEMS], *(["…"] if len(found.problems) > PROBLEMS else [])]
            self.notify(clean("; ".join(told)), title="Keys", severity="warning", timeout=20, markup=False)

    async def action_own_key(self, id_: str) -> None:
        """Do what has a key only in the user's file; what must be told more first is put on the `:` line."""
        offer = next((one for one in offers(self.screen) if one.command.id == id_), None)
        if offer is None or not offer.enabled or self.here is None:
            return
        if offer.command.asks:
            self.action_command_line(f"{offer.command.id} ")
        else:
            await run(offer)

    def action_command_line(self, text: str = "") -> None:
        """Ask for a command."""
        from bossctl.tui.widgets.command_line import CommandLineScreen

        choices = offers(self.screen)
        self._line = CommandLineScreen(choices, text=text, values=self.completions, history=self._lines)
        self.push_screen(self._line, self._invoke)

    def _invoke(self, invocation: Invocation | None) -> None:
        if invocation is not None:
            self.run_worker(run(invocation.offer, *invocation.args))

    # --- copying and statements

    def action_copy(self) -> None:
        """Hand the value under the cursor to the terminal's clipboard."""
        if self.here is None:
            return
        from bossctl.tui.copying import hand_over

        value = self.here.to_copy()
        if value is None:
            self.remark("there is nothing under the cursor to copy")
        else:
            hand_over(self, value)

    def action_statements(self) -> None:
        """Show what the readings of this screen sent to the database."""
        if self.here is None:
            return
        from bossctl.tui.screens.statements import Ran, StatementsScreen

        polls = [poll for poll, _ in self.here.readings()]
        ran = [Ran(one, poll.age) for poll in (*polls, self._info) for one in poll.statements]
        self.push_screen(StatementsScreen(self.here.heading, ran))

    async def recorded(self, poll: Poll, reading: Awaitable[bool]) -> None:
        """Take a reading that no screen takes, and keep what it ran."""
        with self.desk.reader.recording() as ran:
            await reading
        poll.statements = tuple(ran)

    # --- how often

    def action_longer(self) -> None:
        """Read less often."""
        self._read_every(next((step for step in INTERVALS if step > self.desk.refresh), INTERVALS[-1]))

    def action_shorter(self) -> None:
        """Read more often."""
        self._read_every(next((step for step in reversed(INTERVALS) if step < self.desk.refresh), INTERVALS[0]))

    def action_interval(self, seconds: str = "") -> None:
        """Read every so many seconds."""
        try:
            wanted = float(seconds.removesuffix("s"))
        except ValueError:
            wanted = float("nan")
        if INTERVALS[0] <= wanted <= INTERVALS[-1]:
            self._read_every(wanted)
        else:
            self.remark(f"an interval is a number of seconds between {INTERVALS[0]} and {INTERVALS[-1]:.0f}")

    def _read_every(self, seconds: float) -> None:
        self.desk.refresh = seconds
        for screen in self.screen_stack:
            if isinstance(screen, BossScreen):
                for poll, _ in screen.readings():
                    poll.replan()
        if self.here is not None:
            self.here.tick()
        self.notify(f"reading every {elapsed(seconds)}", markup=False, timeout=2)

    def watch_app_focus(self, focus: bool) -> None:
        """Read less often while the terminal does not have the focus; catch up when it has it again."""
        self.desk.unfocused = not focus
        if focus and self.here is not None:
            self.here.tick()

    # --- other databases

    def contexts(self) -> Sequence[str]:
        """The contexts there are."""
        return self.setup.contexts.names() if self.setup.contexts is not None else ()

    async def action_switch_context(self, name: str = "") -> None:
        """Open another database in place of this one; what cannot be opened leaves everything as it was."""
        hindrance = self._hindrance(name)
        if hindrance or self.setup.contexts is None:
            self.remark(hindrance)
            return
        self._switching = True
        try:
            desk = Desk(self.setup.contexts.opener(name), self.desk.refresh)
            await desk.open()
        except BossctlError as error:
            hint = f" ({error.hint})" if error.hint else ""
            self.notify(clean(f"not switched to {name}: {error}{hint}"), severity="error", markup=False)
            return
        finally:
            self._switching = False
        hindrance = self._hindrance(name)
        if hindrance:
            await desk.close()
            self.remark(hindrance)
        else:
            await self._move_to(desk)

    def _hindrance(self, name: str) -> str:
        """Why one cannot go to another database now; empty where one can."""
        names = self.contexts()
        if not names:
            return "there are no contexts: config.toml has none"
        if name not in names:
            return f"{f'there is no context {name}' if name else 'name a context'}: {', '.join(names)}"
        if self.desk.writing:
            return f"{self.desk.writing[0]} is under way: its end comes first"
        if self._switching:
            return "another context is being opened"
        return "" if self.here is not None else "close the dialog first"

    async def _move_to(self, desk: Desk) -> None:
        old, self.desk = self.desk, desk
        desk.unfocused = old.unfocused
        self._info, self._began = self._info_poll(), monotonic()
        self.workers.cancel_group(self, "desk")
        while len(self.screen_stack) > FLOOR:
            await self.pop_screen()
        await self.switch_screen(QueuesScreen(desk, QueuesPlace()))
        self.frame()
        with suppress(BossctlError):
            await old.close()

    # --- completion

    def completions(self, command: Command, number: int, typed: str) -> Iterable[str]:
        """What the arguments of commands may be: whole values, of which the last argument may hold blanks."""
        screen = next((one for one in reversed(self.screen_stack) if isinstance(one, BossScreen)), None)
        own = screen.values(command, number, typed) if screen is not None else None
        if own is not None:
            return own
        names = [clean(one) for one in self.desk.names]
        match command.id, number:
            case ("go.queue" | "queue.ensure" | "queue.delete" | "queue.delete-queue" | "job.redrive", 0):
                return _starting(names, typed)
            case ("go.job", 0):
                places = (screen.job_here if screen is not None else None, self.desk.last_job)
                return _starting(dict.fromkeys(place.id for place in places if place is not None), typed)
            case ("app.undo", 0):
                return _starting(self._undoable(), typed)
            case ("job.defer", 0):
                return _starting(DUE, typed)
            case ("queue.drift", 0):
                return _paths(typed)
            case ("queue.ensure", 1):
                from bossctl.models.options import POLICIES

                return _starting(POLICIES, typed)
            case ("go.jobs", 0):
                return _selections(typed, self.desk.names)
            case ("app.theme", 0):
                return _starting(sorted(self.available_themes), typed)
            case ("app.ctx", 0):
                return _starting(self.contexts(), typed)
            case ("app.interval", 0):
                return _starting([f"{step:g}" for step in INTERVALS], typed)
        return ()

    def _undoable(self) -> Iterator[str]:
        """The operations that can be taken back, newest first; read when an undo is begun to be typed."""
        poll = self.desk.operations
        if self.desk.is_open and poll.due:
            self.run_worker(self._read_operations(poll), group="desk")
        for one in poll.value or ():
            if one.changed > one.undone:
                yield one.operation

    async def _read_operations(self, poll: Poll[tuple[Operation, ...]]) -> None:
        if await poll.take() and self._line is not None and self._line.is_current:
            self._line.offer()


def _starting(values: Iterable[str], typed: str) -> list[str]:
    return [value for value in values if value.startswith(typed)]


def _paths(typed: str) -> list[str]:
    """Files and directories whose path begins like this."""
    start, _, name = typed.rpartition("/")
    directory = Path(start or ("/" if typed.startswith("/") else ".")).expanduser()
    try:
        found = sorted(one for one in directory.iterdir() if one.name.startswith(name))
    except OSError:
        return []
    before = typed[: len(typed) - len(name)]
    return [f"{before}{one.name}{'/' if one.is_dir() else ''}" for one in found if name or one.name[:1] != "."]


def _selections(typed: str, queues: Sequence[str]) -> list[str]:
    """An expression of the selection language with its last word completed in every way."""
    from bossctl.selector import complete

    return [typed[: one.start] + one.text + typed[one.end :] for one in complete(typed, len(typed), queues=queues)]

"""What all screens share: the frame around them, and readings on a timer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input
from textual.worker import Worker

from bossctl import format as fmt
from bossctl.tui.chrome import Banner, Header
from bossctl.tui.commands import Command
from bossctl.tui.desk import Desk
from bossctl.tui.pacing import Paced
from bossctl.tui.places import JobPlace, Place
from bossctl.tui.polling import Poll
from bossctl.tui.widgets.footer import FiveKeyFooter
from bossctl.tui.words import supervision

if TYPE_CHECKING:
    from bossctl.models.findings import Report
    from bossctl.tui.copying import Copyable

TICK = 0.2
"""How often a screen looks whether a reading is due, in seconds."""

WIDE = 110
"""From this width on there is room for things side by side."""

CLOCKS_AGREE = timedelta(seconds=5)
"""Clocks that differ by more are worth a word."""

Reading = tuple[Poll[Any], Callable[[Any], Awaitable[None] | None]]
"""A poll, and what is done with each new value."""


class BossScreen(Paced[None]):
    """A screen with header, banner and footer that takes its readings while it is in front.

    A subclass gives `body`, `readings` (the first is the one that banner and status speak of) and `COMMAND_LIST`,
    and sets `heading` and `about`.
    """

    COMMAND_LIST: ClassVar[tuple[Command, ...]] = ()
    BINDINGS: ClassVar[list[BindingType]] = []

    heading = ""

    def __init__(self, desk: Desk, place: Place) -> None:
        super().__init__()
        self.desk = desk
        self.place = place
        self._under_way: dict[Poll[Any], Worker[None]] = {}
        self._badge: tuple[Report | None, Content] = (None, Content(""))

    # --- what a subclass gives

    def body(self) -> Iterable[Widget]:
        """The widgets between header and footer."""
        return ()

    def readings(self) -> Sequence[Reading]:
        """The readings of this screen, the main one first."""
        return ()

    def about(self) -> str:
        """One line beside the heading."""
        return ""

    def badge(self) -> Content:
        """The worst that doctor found; empty while it has not looked."""
        report: Report | None = self.desk.checkup.value
        if report is None:
            return Content("")
        if report is not self._badge[0]:
            from bossctl.tui.findingtexts import badge

            self._badge = (report, badge(report))
        return self._badge[1]

    @property
    def queue_here(self) -> str | None:
        """The queue under the cursor, or the one this screen is about."""
        return None

    @property
    def job_here(self) -> JobPlace | None:
        """The job under the cursor, or the one this screen is about."""
        return None

    def to_copy(self) -> Copyable | None:
        """What `y` copies: a payload in focus, else the job or queue under the cursor, else the table's row."""
        from bossctl.tui.copying import Copyable, under_cursor
        from bossctl.tui.widgets.json_view import JsonView

        found = under_cursor(self)
        if self.focused is not None and any(isinstance(one, JsonView) for one in self.focused.ancestors):
            return found
        if self.job_here is not None:
            return Copyable("the job's id", self.job_here.id)
        return Copyable("the queue's name", self.queue_here) if self.queue_here is not None else found

    def values(self, command: Command, number: int, typed: str) -> Iterable[str] | None:
        """What argument `number` of one of this screen's commands may be, for completion; None: ask the app."""
        return None

    def go_back(self) -> bool:
        """Undo something of this screen's own, such as a filter, instead of leaving it; whether there was any."""
        return False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that open the filter line are letters while a field has the focus or a dialog is open."""
        if action == "filter" and (self.app.screen is not self or isinstance(self.focused, Input)):
            return False
        return super().check_action(action, parameters)

    # --- the frame

    def compose(self) -> ComposeResult:
        """Header, banner, body, footer."""
        self._know_size()
        yield Header()
        yield Banner()
        yield from self.body()
        yield FiveKeyFooter()

    def _know_size(self) -> None:
        """Bear the classes of the terminal's size before anything is styled: borne later, all would be styled again."""
        width, height = self.app.size
        for room, steps in (
            (width, self.app.HORIZONTAL_BREAKPOINTS),
            (height, self.VERTICAL_BREAKPOINTS),
        ):
            reached = max((step for step in steps or () if step[0] <= room), default=None)
            if reached is not None:
                self.update_classes({reached[1]: True}, update=False)

    def on_mount(self) -> None:
        """Begin to look for readings that are due."""
        self.set_interval(TICK, self.tick)
        self.tick()

    def on_screen_resume(self) -> None:
        """Bring up to date what has become old."""
        self.tick()

    def on_screen_suspend(self) -> None:
        """Forget what was drawn: Textual keeps the drawings of the last thousand widgets, whatever became of them."""
        for widget in self.walk_children(Widget):
            widget.refresh()

    def tick(self) -> None:
        """Start what is due, and say how old the rest is."""
        if not self.is_current or not self.in_use:
            return
        if self.desk.is_open:
            for poll, show in self.readings():
                if poll.asked_for or (poll.ready(self.desk.slower) and not self.desk.paused):
                    self._under_way[poll] = self.run_worker(self._read(poll.take(), poll, show))
        self.say_status()

    async def _read(
        self, reading: Awaitable[bool], poll: Poll[Any], show: Callable[[Any], Awaitable[None] | None]
    ) -> None:
        with self.desk.reader.recording() as ran:
            news = await reading
        poll.statements = tuple(ran)
        self._tell_header(poll)
        if self.in_use and news:
            shown = show(poll.value)
            if shown is not None:
                await shown
        if self.in_use:
            self.say_status()

    def _tell_header(self, poll: Poll[Any]) -> None:
        """What a reading found of the database, lost or back, is true on every screen, however rare its readings."""
        header = self.desk.header
        if header is not None and not header.busy and header.lost != poll.lost:
            header.hurry()

    @property
    def in_use(self) -> bool:
        """Whether there is still anything to draw on: a reading may come back while the screen is being removed."""
        return self.app.is_running and self in self.app.screen_stack

    def drop_stale(self) -> None:
        """Cancel what is read for polls that are no longer among the readings, and start their successors."""
        wanted = {poll for poll, _ in self.readings()}
        for poll in self._under_way.keys() - wanted:
            self._under_way.pop(poll).cancel()
        self.tick()

    def read_now(self) -> None:
        """Take every reading again, however recent."""
        for poll, _ in self.readings():
            poll.hurry()
        self.tick()

    def say_status(self) -> None:
        """Header and banner as things stand, once they are there: a reading can end while a screen is being made."""
        if not self.query(Header):
            return
        header = self.query_one(Header)
        header.target, header.info = self.desk.target, self.desk.info
        header.title, header.subtitle = self.heading, self.about()
        header.badge = self.badge()
        main = next((poll for poll, _ in self.readings()), None)
        header.status = "" if main is None else self._status(main)
        header.duty = () if self.desk.info is None else supervision(self.desk.info, self.desk.now())
        self.query_one(Banner).tell(self._worry(main), header=self.desk.header)

    def _worry(self, main: Poll[Any] | None) -> Poll[Any] | None:
        """The reading that the user must be told of: the main one, or what the header is made of."""
        header = self.desk.header
        if main is not None and (main.error is not None or main.slow is not None):
            return main
        return header if header is not None and header.error is not None else None

    def _status(self, poll: Poll[Any]) -> str:
        if poll.age is None:
            return "reading …" if self.desk.is_open else ""
        cost = "" if poll.cost_ms is None else f"{_cost(poll.cost_ms)} · "
        rhythm = "paused" if self.desk.paused else f"every {fmt.elapsed(poll.pause * self.desk.slower)}"
        return f"{_clocks(self.desk.ahead, short=self.size.width < WIDE)}{cost}{fmt.age(poll.age)} ago · {rhythm}"


def _clocks(ahead: timedelta | None, *, short: bool) -> str:
    """Says so when the server's clock and ours differ."""
    if ahead is None or abs(ahead) <= CLOCKS_AGREE:
        return ""
    later, age = ahead > timedelta(), fmt.age(abs(ahead).total_seconds())
    if short:
        return f"clock {'+' if later else '-'}{age} · "
    return f"server's clock {age} {'ahead' if later else 'behind'} · "


def _cost(milliseconds: float) -> str:
    return "<1ms" if milliseconds < 1 else fmt.elapsed(milliseconds / 1000)

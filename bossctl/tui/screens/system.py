"""How the schema is kept: duties, warnings, migrations, indexes, tables, and what holds vacuum back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.containers import Container, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from bossctl import format as fmt
from bossctl.errors import MissingPrivilege, Unsupported
from bossctl.models.upkeep import IndexHealth
from bossctl.tui import systemtexts as texts
from bossctl.tui.commands import Command, bindings
from bossctl.tui.desk import Desk
from bossctl.tui.places import FindingsPlace, QueuePlace, SystemPlace, Visit
from bossctl.tui.polling import Poll
from bossctl.tui.screens.base import BossScreen, Reading
from bossctl.tui.sections import Facts, Part, Section
from bossctl.tui.widgets.table import LineTable
from bossctl.tui.words import pairs

if TYPE_CHECKING:
    from bossctl.models.common import Target
    from bossctl.models.findings import Finding
    from bossctl.tui.copying import Copyable

CHEAP, DEAR, DEAREST = 5.0, 30.0, 60.0
"""Seconds between readings of a part at the usual interval; a part that turns out dear is read less often still."""
USUAL = 2.0

FIRST = "duties"
COLUMNS = ((FIRST, "migrations", "warnings"), ("indexes", "tables", "horizon"))
AROUND = 4
"""Lines around the longest table that should still be in view: heading, note, titles."""
FRAME = 3
"""Lines of header and footer."""


class SystemScreen(BossScreen):
    """Parts below each other, or in two columns; the row under the cursor in full at the bottom."""

    AUTO_FOCUS = ""
    heading = "System"
    COMMAND_LIST = (
        Command("system.open", "enter", "Finding", "what doctor says of it", "System", footer=True, action="open"),
        Command("system.part", "tab", "Next part", "of the page", "System", footer=True, action="next_part"),
        Command("system.part-before", "shift+tab", "Part before", "", "System", action="part_before"),
        Command("system.queue", "o", "Its queue", "whose partition it is", "System", footer=True, action="its_queue"),
        Command("system.down", "right_square_bracket", "Read on", "scroll the detail", "System", action="read_on"),
        Command("system.up", "left_square_bracket", "Read back", "scroll the detail", "System", action="read_back"),
    )
    BINDINGS: ClassVar = bindings(COMMAND_LIST)

    def __init__(self, desk: Desk, place: SystemPlace) -> None:
        super().__init__(desk, place)
        self._polls: dict[str, Poll[Any]] = {
            "duties": _poll(lambda: desk.reader.duties(), desk.interval),
            "migrations": _poll(lambda: desk.reader.migrations(), self._every(CHEAP)),
            "warnings": _poll(lambda: desk.reader.stored_warnings(), self._every(CHEAP)),
            "indexes": _poll(lambda: desk.reader.index_health(), self._every(DEAREST)),
            "tables": _poll(lambda: desk.reader.table_rooms(), self._every(DEAR)),
            "horizon": _poll(lambda: desk.reader.horizon(), self._every(CHEAP)),
        }
        self._sections = {one.key: one for one in _sections()}
        self._shown: Facts = ()

    def _every(self, seconds: float) -> Callable[[], float]:
        """So much less often than what is looked at, however often that is."""
        return lambda: self.desk.interval() * seconds / USUAL

    def body(self) -> list[Widget]:
        """Two columns that stand below each other on a narrow screen, and the detail."""
        left, right = (Vertical(*(self._sections[key] for key in column)) for column in COLUMNS)
        detail = VerticalScroll(Static(id="detail", markup=False), id="detail-scroll", can_focus=False)
        return [VerticalScroll(Container(left, right, id="columns"), id="page", can_focus=False), detail]

    def on_mount(self) -> None:
        """Begin at the first part; the base's own handler begins to read."""
        self.section(FIRST).focus_here()

    def section(self, key: str) -> Section:
        """One part of the page."""
        return self._sections[key]

    def readings(self) -> list[Reading]:
        """Each part by itself: the dear ones less often, and what one may not see does not hide the others."""
        return [(self._polls[key], self._shower(key)) for key in self._polls]

    def _shower(self, key: str) -> Callable[[Any], Any]:
        if key == "indexes":
            return self._took_indexes
        return lambda value: self._show(key, self._part(key, value))

    def _part(self, key: str, value: Any) -> Part:
        if key == "horizon":
            return texts.horizon(value, self._role)
        make: dict[str, Callable[[Any, Any], Part]] = {
            "duties": texts.duties,
            "migrations": texts.migrations,
            "warnings": texts.warnings,
            "tables": texts.tables,
        }
        return make[key](value, self.desk.checkup.value)

    async def _took_indexes(self, found: IndexHealth) -> None:
        """Judge them as doctor does, beside the loop: there may be thousands."""
        target = self.desk.target
        judged = await asyncio.to_thread(_judged, found, target) if target is not None else ()
        if self.in_use:
            self._show("indexes", texts.indexes(found, judged))

    @property
    def _role(self) -> str:
        return self.desk.target.user if self.desk.target else fmt.UNKNOWN

    # --- what is shown

    def _show(self, key: str, part: Part) -> None:
        self.section(key).show(part)
        self._show_detail()

    def say_status(self) -> None:
        """Also why a part cannot be read, and what doctor found about it."""
        super().say_status()
        for section in self._sections.values():
            error = self._polls[section.key].error
            absent = isinstance(error, Unsupported) and not isinstance(error, MissingPrivilege)
            mark = texts.mark(self.desk.checkup.value, section.key)
            section.say("" if self._lost(section.key) else _unseen(self._polls[section.key]), mark, absent=absent)

    def _lost(self, key: str) -> bool:
        """Whether a part is old because the database is lost, which the banner says for all."""
        poll = self._polls[key]
        return poll.value is not None and poll.lost and self._polls[FIRST].lost

    def on_resize(self, event: events.Resize) -> None:
        """Tables are cut where they would not fit the page."""
        room = event.size.height - FRAME - AROUND - texts.DETAIL
        for section in self._sections.values():
            section.give_room(room)

    def about(self) -> str:
        """What could not be seen."""
        blind = [
            section.key
            for section in self._sections.values()
            if isinstance(self._polls[section.key].error, MissingPrivilege)
        ]
        return f"{len(blind)} of {len(self._polls)} parts hidden from this role" if blind else ""

    def _show_detail(self) -> None:
        told = tuple(self._told)
        if told != self._shown:
            self._shown = told
            self.query_one("#detail", Static).update(pairs(told) if told else "")

    @on(LineTable.RowHighlighted)
    def _highlighted(self) -> None:
        self._moved()

    @on(events.DescendantFocus)
    def _focused(self) -> None:
        self._moved()

    def _moved(self) -> None:
        self.query_one("#detail-scroll").scroll_home(animate=False)
        self._show_detail()
        self.refresh_bindings()

    # --- what is under the cursor

    @property
    def section_here(self) -> Section | None:
        """The part that has the focus."""
        above = self.focused.ancestors if self.focused is not None else ()
        return next((one for one in above if isinstance(one, Section)), None)

    @property
    def _part_here(self) -> Part | None:
        return self.section_here.part if self.section_here is not None else None

    @property
    def _key(self) -> str:
        here = self.section_here
        return (here.table.cursor_key or "") if here is not None else ""

    @property
    def _told(self) -> Facts:
        return self._part_here.told.get(self._key, ()) if self._part_here is not None else ()

    @property
    def queue_here(self) -> str | None:
        """The queue that the row under the cursor belongs to."""
        return self._part_here.queues.get(self._key) if self._part_here is not None else None

    def to_copy(self) -> Copyable | None:
        """The row under the cursor in full."""
        from bossctl.tui.copying import Copyable

        lines = [f"{name}: {value}" for name, value in self._told]
        return Copyable("the row", "\n".join(lines), lines=True) if lines else None

    # --- what the user does

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out ways that lead nowhere."""
        if action == "open":
            return True if self._part_here is not None and self._key in self._part_here.leads else None
        if action == "its_queue":
            return True if self.queue_here else None
        return super().check_action(action, parameters)

    @on(LineTable.RowSelected)
    def _selected(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Go to what doctor says of the row under the cursor."""
        lead = self._part_here.leads.get(self._key) if self._part_here is not None else None
        if lead is not None:
            self.post_message(Visit(FindingsPlace(), then=f"look_at({lead!r})"))

    def action_its_queue(self) -> None:
        """Go to the queue that the row under the cursor belongs to."""
        if self.queue_here is not None:
            self.post_message(Visit(QueuePlace(self.queue_here)))

    def action_next_part(self, step: int = 1) -> None:
        """Go to the next part of the page."""
        sections, here = list(self._sections.values()), self.section_here
        at = sections.index(here) + step if here is not None else 0
        there = sections[at % len(sections)]
        there.focus_here()
        page = self.query_one("#page")
        if not page.region.contains_region(there.region):
            page.scroll_to_widget(there, animate=False, top=True)

    def action_part_before(self) -> None:
        """Go to the part before."""
        self.action_next_part(-1)

    def action_read_on(self, lines: int = 4) -> None:
        """Scroll the detail."""
        self.query_one("#detail-scroll").scroll_relative(y=lines, animate=False)

    def action_read_back(self) -> None:
        """Scroll the detail back."""
        self.action_read_on(-4)


def _judged(found: IndexHealth, target: Target) -> tuple[Finding, ...]:
    """What doctor's check makes of the indexes."""
    from bossctl.doctor import explain
    from bossctl.doctor.check import Readings
    from bossctl.models.readings import Ground
    from bossctl.models.readings_schema import JobIndexes

    ground = Ground(found.taken_at, found.generation)
    return explain("SCH02").findings(Readings(ground, {JobIndexes: found.indexes}), target)


def _sections() -> Iterator[Section]:
    """The parts in the order of the page."""
    yield Section(FIRST, "Background duties", texts.DUTIES, most=12, empty="none is recorded")
    yield Section("migrations", "Background migrations", texts.MIGRATIONS, most=8, empty="")
    yield Section("warnings", "Warnings", texts.WARNINGS, most=14, empty="")
    yield Section("indexes", "Indexes of the jobs", texts.INDEXES, most=12, empty="there are none")
    yield Section("tables", "Tables", texts.TABLES, most=14, empty="there are none")
    yield Section("horizon", "Vacuum's horizon", texts.HORIZON, most=5, empty="")


def _poll(read: Callable[[], Any], interval: Callable[[], float]) -> Poll[Any]:
    return Poll(read, interval=interval, cost=lambda value: value.elapsed_ms)


def _unseen(poll: Poll[Any]) -> str:
    """Why a part cannot be read now, and what would show it; empty when it can."""
    error = poll.error
    if error is None:
        return ""
    if isinstance(error, Unsupported) and not isinstance(error, MissingPrivilege):
        return fmt.clean(f"{error}."[:1].upper() + f"{error}."[1:])
    hint = f" ({error.hint})" if error.hint else ""
    stands = f" Shown: {fmt.age(poll.age)} old." if poll.age is not None else ""
    return fmt.clean(f"{error}{hint}.{stands}")

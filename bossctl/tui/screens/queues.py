"""All queues, the worst first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Vertical
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from bossctl import format as fmt
from bossctl.models.pulse import Pulse
from bossctl.models.queues import QueueOverview
from bossctl.tui.commands import Command, bindings
from bossctl.tui.desk import Desk
from bossctl.tui.filterline import FilterLine
from bossctl.tui.overviews import SORTS, Line, depths, line_of, merge, ordered
from bossctl.tui.places import JobsPlace, QueuePlace, QueuesPlace, Visit
from bossctl.tui.polling import Poll
from bossctl.tui.queuerows import COLUMNS, NOTHING_FOUND, findings_by_queue, row_of, unsure
from bossctl.tui.screens.base import Reading
from bossctl.tui.screens.changes import DELETE, ENSURE, QueueChanges
from bossctl.tui.screens.wordfilter import WordFilter
from bossctl.tui.widgets.histogram import StateLegend, StatePicked
from bossctl.tui.widgets.rows import Row
from bossctl.tui.widgets.states import StateBar, values
from bossctl.tui.widgets.table import LineTable
from bossctl.tui.words import TRUTHS

if TYPE_CHECKING:
    from bossctl.models.findings import Report

PULSE_SECONDS = 10.0
"""Seconds between readings of what goes on beside the counts."""


class QueuesScreen(QueueChanges, WordFilter):
    """The list of queues: where one starts."""

    heading = "Queues"
    COMMAND_LIST = (
        Command("queues.open", "enter", "Open", "the queue under the cursor", "Queues", footer=True, action="open"),
        Command(
            "queues.filter",
            "slash",
            "Filter",
            "by words in a name",
            "Queues",
            footer=True,
            action="filter",
            opens_line=True,
        ),
        Command("queues.sort", "s", "Sort", "by the next column, or click a title", "Queues", ("by?",), action="sort"),
        Command("queues.exact", "x", "Count exactly", "one scan of all jobs", "Queues", action="exact"),
        replace(ENSURE, footer=True),
        DELETE,
    )
    BINDINGS: ClassVar = bindings(COMMAND_LIST)

    lines: reactive[Sequence[Line]] = reactive((), always_update=True, init=False)

    def __init__(self, desk: Desk, place: QueuesPlace) -> None:
        super().__init__(desk, place)
        self._sort = "worst"
        self._rows: dict[str, Row] = {}
        self._cheap = Poll(lambda: desk.reader.overview(), interval=desk.interval, cost=_cost)
        self._exact = Poll(lambda: desk.reader.overview(exact=True), interval=desk.interval, cost=_cost, cheap=False)
        self._exact.next_at = 0.0
        self._glanced = False
        self._glance = Poll(lambda: desk.reader.glance(), interval=desk.interval)
        self._pulse = Poll(desk_pulse(desk), interval=PULSE_SECONDS, cost=lambda pulse: pulse.elapsed_ms)
        self._found: tuple[Report | None, Mapping[str, tuple[int, ...]]] = (None, {})

    def body(self) -> list[Widget]:
        """The table, the filter line and the legend."""
        return [
            LineTable(COLUMNS, empty_text="no queues", id="queues"),
            Vertical(StateLegend(), Static(TRUTHS, id="truths", markup=False), id="legend"),
            FilterLine(placeholder="words of a queue's name"),
        ]

    @property
    def table(self) -> LineTable:
        """The queues."""
        return self.query_one("#queues", LineTable)

    # --- reading

    def readings(self) -> list[Reading]:
        """Counts that are cheap, often; exact ones of finished jobs only where the cheap ones are not."""
        found: list[Reading] = [(self._cheap, self._took_cheap)]
        if self._cheap.value is None:
            found.insert(0, (self._glance, self._took_glance))
        elif self._cheap.value.truth_note or self._exact.asked_for:
            found.append((self._exact, self._took_exact))
        return [*found, (self._pulse, self._took_pulse)]

    async def _took_glance(self, reading: QueueOverview | None) -> None:
        if reading is not None and self._cheap.value is None:
            self._glanced = True
            await self._take(reading)

    async def _took_cheap(self, reading: QueueOverview) -> None:
        self.desk.note(reading)
        await self._take(merge(reading, self._exact.value))
        if self._glanced:
            self._glanced = False
            self.table.begin_at_top()

    async def _took_exact(self, reading: QueueOverview) -> None:
        if self._cheap.value is not None:
            await self._take(merge(self._cheap.value, reading))

    async def _took_pulse(self, _: Pulse) -> None:
        if self._cheap.value is not None:
            await self._take(merge(self._cheap.value, self._exact.value))

    async def _take(self, overview: QueueOverview) -> None:
        """Make lines and rows of the readings, with a breath after every hundred: the keyboard is answered."""
        rows: dict[str, Row] = {}
        lines: list[Line] = []
        pulse, now, found = self._pulse.value, self.desk.now(), self._findings()
        depth = depths(queue for queue in overview.queues if queue.name in self.desk.dead_letters)
        for number, queue in enumerate(overview.queues, start=1):
            line = line_of(
                queue,
                None if pulse is None else pulse.of(queue.name),
                depth=depth.get(queue.dead_letter) if queue.dead_letter else None,
                found=None if found is None else found.get(queue.name, NOTHING_FOUND),
                now=now,
            )
            lines.append(line)
            rows[queue.name] = row_of(line)
            if number % 100 == 0:
                await asyncio.sleep(0)
        self._rows = rows
        if self.in_use:
            self.lines = lines

    def _findings(self) -> Mapping[str, tuple[int, ...]] | None:
        """What doctor found, by queue; None while it has not looked."""
        report = self.desk.checkup.value
        if report is not self._found[0]:
            self._found = (report, {} if report is None else findings_by_queue(report))
        return None if report is None else self._found[1]

    def watch_lines(self) -> None:
        """Draw what changed."""
        self._draw()

    def _draw(self, *, reorder: bool = False) -> None:
        names = [line.queue.name for line in ordered(self.lines, self._sort)]
        self.table.update((self._rows[name] for name in names), reorder=reorder)
        self.query_one("#truths").display = any(map(unsure, self.lines))
        self.say_status()

    def about(self) -> str:
        """How many there are and how they are ordered."""
        if self._cheap.value is None:
            return f"{len(self.lines)} · counting …" if self.lines else ""
        number = str(len(self.lines))
        parts = [
            f'{len(self.table.keys)} of {number} with "{self.filter_words}"' if self.filter_words else number,
            SORTS[self._sort],
        ]
        if self._exact.error is not None:
            parts.append("not counted exactly: " + str(self._exact.error))
        elif self._exact.busy:
            parts.append("counting exactly …")
        return " · ".join(parts)

    # --- what the user does

    def values(self, command: Command, number: int, typed: str) -> list[str] | None:
        """The orders there are."""
        return [order for order in SORTS if order.startswith(typed)] if command.id == "queues.sort" else None

    @property
    def queue_here(self) -> str | None:
        """The queue under the cursor."""
        return self.table.cursor_key

    def action_open(self) -> None:
        """Open the queue under the cursor."""
        self.table.action_select()

    @on(LineTable.RowSelected)
    def _selected(self, event: LineTable.RowSelected) -> None:
        self.post_message(Visit(QueuePlace(event.key)))

    @on(LineTable.HeaderSelected)
    def _header(self, event: LineTable.HeaderSelected) -> None:
        self.action_sort("worst" if event.column == self._sort else event.column)

    @on(LineTable.CellClicked)
    def _cell(self, event: LineTable.CellClicked) -> None:
        here = next((line.queue for line in self.lines if line.queue.name == event.key), None)
        if event.column == "jobs" and here is not None:
            state = StateBar(values(here.counts)).state_at(event.x, event.width)
            if state:
                self.post_message(Visit(_jobs(state, event.key)))

    @on(StatePicked)
    def _state(self, event: StatePicked) -> None:
        self.post_message(Visit(_jobs(event.state)))

    def action_sort(self, by: str = "") -> None:
        """Order by a column; without one by the next."""
        orders = list(SORTS)
        if by and by not in SORTS:
            self.notify(f"sort by one of {', '.join(orders)}", severity="warning", markup=False)
            return
        self._sort = by or orders[(orders.index(self._sort) + 1) % len(orders)]
        self.table.sorted_by = None if self._sort == "worst" else (self._sort, self._sort != "queue")
        if self._cheap.value is not None:
            self._draw(reorder=True)

    def action_exact(self) -> None:
        """Count every state exactly, now."""
        self._exact.hurry()
        self.tick()

    # --- the filter

    def show_only(self, words: str) -> None:
        """The queues with all these words in their names."""
        super().show_only(words)
        wanted = fmt.clean(self.filter_words).casefold().split()
        self.table.empty_text = f'no queue has "{self.filter_words}" in its name' if wanted else "no queues"
        self.table.row_filter = (lambda row: _has(row, wanted)) if wanted else None
        self.say_status()


def desk_pulse(desk: Desk) -> Callable[[], Awaitable[Pulse]]:
    """The reading of the pulse, never beside another that may take long."""

    async def read() -> Pulse:
        async with desk.dear:
            return await desk.reader.pulse()

    return read


def _cost(reading: QueueOverview) -> float:
    return reading.elapsed_ms


def _jobs(state: str, queue: str | None = None) -> JobsPlace:
    from bossctl.tui.selection import in_queue, text_of, with_state

    return JobsPlace(text_of(with_state(in_queue(queue) if queue is not None else None, state)))


def _has(row: Row, words: list[str]) -> bool:
    name = fmt.clean(row.key).casefold()
    return all(word in name for word in words)

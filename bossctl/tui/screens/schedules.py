"""Schedules: when they run next, what became of their slots, and the ways to the jobs of a slot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.containers import Container, VerticalScroll
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from bossctl.models.schedules import ScheduleBook, ScheduleRecord, ScheduleSlot, SlotJob
from bossctl.selector import And, Archived, Ids, to_text
from bossctl.tui import scheduletexts as texts
from bossctl.tui.commands import Command, bindings
from bossctl.tui.desk import Desk
from bossctl.tui.panes import PaneStrip
from bossctl.tui.places import JobPlace, JobsPlace, QueuePlace, SchedulesPlace, Visit
from bossctl.tui.polling import Poll
from bossctl.tui.screens.base import WIDE, BossScreen, Reading
from bossctl.tui.widgets.table import LineTable

SLOWEST = 5.0
"""Slots are of minutes: looking more often shows nothing new."""

SEND_QUEUE = "__pgboss__send-it"
PANES = ("slots", "runs")


class SchedulesScreen(BossScreen):
    """Schedules above; Enter opens the next runs and the last slots of one, and from a slot goes to its jobs."""

    heading = "Schedules"
    COMMAND_LIST = (
        Command(
            "schedules.open",
            "enter",
            "Slots",
            "of a schedule; of a slot its jobs",
            "Schedules",
            footer=True,
            action="open",
        ),
        Command(
            "schedules.part", "tab", "Other part", "schedules, slots, runs", "Schedules", footer=True, action="part"
        ),
        Command("schedules.part-before", "shift+tab", "Part before", "", "Schedules", action="part_before"),
        Command("schedules.its-queue", "o", "Its queue", "", "Schedules", footer=True, action="its_queue"),
    )
    BINDINGS: ClassVar = bindings(COMMAND_LIST)

    book: reactive[ScheduleBook | None] = reactive(None, always_update=True, init=False)
    opened: reactive[bool] = reactive(False, init=False)
    pane: reactive[str] = reactive("slots", init=False)

    def __init__(self, desk: Desk, place: SchedulesPlace) -> None:
        super().__init__(desk, place)
        self._poll = Poll(
            lambda: desk.reader.schedules(),
            interval=lambda: max(SLOWEST, desk.interval()),
            cost=lambda book: book.elapsed_ms,
        )
        self._records: dict[str, ScheduleRecord] = {}
        self._slots: dict[str, ScheduleSlot] = {}
        self._shown: str | None = None

    def body(self) -> list[Widget]:
        """The schedules, what the columns mean, the slots and runs of one."""
        runs = VerticalScroll(Static(id="runs-text", markup=False), id="runs")
        slots = LineTable(texts.SLOTS, id="slots")
        return [
            LineTable(texts.SCHEDULES, empty_text="no schedules", id="schedules"),
            Static(id="note", markup=False),
            PaneStrip(PANES),
            Container(slots, runs, id="below"),
        ]

    def on_mount(self) -> None:
        """Begin with the list alone."""
        super().on_mount()
        self.watch_opened()

    @property
    def table(self) -> LineTable:
        """The schedules."""
        return self.query_one("#schedules", LineTable)

    @property
    def slots(self) -> LineTable:
        """The slots of the schedule under the cursor."""
        return self.query_one("#slots", LineTable)

    def readings(self) -> list[Reading]:
        """All schedules with their slots."""
        return [(self._poll, self._took)]

    def _took(self, book: ScheduleBook) -> None:
        self.book = book

    # --- what is shown

    def watch_book(self, book: ScheduleBook | None) -> None:
        """Draw it."""
        if book is None:
            return
        self._records = {texts.key_of(record): record for record in book.records}
        self.table.update(texts.row(record, book.taken_at) for record in book.records)
        self._show_record()
        self.refresh_bindings()

    def _show_record(self) -> None:
        """What is told of the schedule under the cursor."""
        record, book = self.record_here, self.book
        if book is None:
            return
        now = self.desk.now()
        self.query_one("#note", Static).update(Text(texts.note(record, now)))
        if record is None or not self.opened:
            return
        if self._shown != texts.key_of(record):
            self._shown = texts.key_of(record)
            self.slots.show_skeleton()
        shown = list(texts.shown_slots(record))
        self._slots = {texts.slot_key(slot): slot for slot in shown}
        self.slots.empty_text = texts.no_slots(record)
        self.slots.update(texts.slot_row(slot, record, now) for slot in shown)
        self.query_one("#runs-text", Static).update(texts.runs(record, now))
        self.query_one(PaneStrip).titles = (f"Slots of {texts.name(record)}", "Next runs")

    def watch_opened(self) -> None:
        """Show or hide the slots and runs."""
        self.set_class(self.opened, "-opened")
        self._show_record()

    def watch_pane(self) -> None:
        """Slots or runs, where there is room for one of them."""
        self.query_one(PaneStrip).chosen = self.pane
        self.set_class(self.pane == "runs", "-runs")

    @on(LineTable.RowHighlighted)
    def _highlighted(self, event: LineTable.RowHighlighted) -> None:
        if event.table is self.table:
            self._show_record()
        self.refresh_bindings()

    def about(self) -> str:
        """How many there are, and what went wrong."""
        return texts.summary(self.book) if self.book is not None else ""

    # --- what is under the cursor

    @property
    def record_here(self) -> ScheduleRecord | None:
        """The schedule under the cursor."""
        return self._records.get(self.table.cursor_key or "")

    @property
    def slot_here(self) -> ScheduleSlot | None:
        """The slot under the cursor, while one is among the slots."""
        return self._slots.get(self.slots.cursor_key or "") if self.slots.has_focus else None

    @property
    def queue_here(self) -> str | None:
        """The queue of the schedule under the cursor."""
        return self.record_here.schedule.queue if self.record_here else None

    @property
    def job_here(self) -> JobPlace | None:
        """The first job of the slot under the cursor."""
        for job in self.slot_here.jobs or () if self.slot_here else ():
            return JobPlace(job.id, job.queue, job.archived)
        return None

    # --- what the user does

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out ways that lead nowhere."""
        if action in ("open", "part", "part_before", "its_queue"):
            return True if self.record_here else None
        return super().check_action(action, parameters)

    def action_open(self) -> None:
        """The slots of a schedule, or the jobs of a slot."""
        (self.slots if self.slots.has_focus else self.table).action_select()

    @on(LineTable.RowSelected, "#schedules")
    def _selected(self) -> None:
        self.opened, self.pane = True, "slots"
        self.watch_pane()
        self.call_after_refresh(self.slots.focus)

    @on(LineTable.RowSelected, "#slots")
    def _slot_selected(self, event: LineTable.RowSelected) -> None:
        slot = self._slots.get(event.key)
        if slot is None:
            return
        jobs = slot.jobs or ()
        if len(jobs) == 1:
            self.post_message(Visit(JobPlace(jobs[0].id, jobs[0].queue, jobs[0].archived)))
        elif jobs:
            self.post_message(Visit(_jobs_of(jobs)))
        elif slot.sends:
            self.notify("its job was not found: this is what the scheduler sent", markup=False)
            self.post_message(Visit(JobPlace(slot.sends[0].id, SEND_QUEUE)))
        else:
            self.notify("nothing was sent for this slot" if slot.missed else "it is being sent", markup=False)

    def action_its_queue(self) -> None:
        """Go to the queue of the schedule under the cursor."""
        if self.queue_here is not None:
            self.post_message(Visit(QueuePlace(self.queue_here)))

    def action_part(self, step: int = 1) -> None:
        """Go on to the slots, to the runs, back to the schedules."""
        self.opened = True
        parts: list[Widget] = [self.table, self.slots, self.query_one("#runs")]
        if self.app.size.width >= WIDE:
            parts.pop()
        focused = next((number for number, part in enumerate(parts) if part.has_focus), 0)
        chosen = parts[(focused + step) % len(parts)]
        self.pane = "runs" if chosen.id == "runs" else "slots"
        self.call_after_refresh(chosen.focus)

    def action_part_before(self) -> None:
        """The other way round."""
        self.action_part(-1)

    @on(PaneStrip.Chosen)
    def _pane_clicked(self, event: PaneStrip.Chosen) -> None:
        self.pane = event.pane
        self.call_after_refresh(self.query_one(f"#{event.pane}").focus)

    def go_back(self) -> bool:
        """Close the slots."""
        had = self.opened
        self.opened = False
        if had:
            self.table.focus()
        return had


def _jobs_of(jobs: Sequence[SlotJob]) -> JobsPlace:
    ids = Ids(tuple(job.id for job in jobs))
    return JobsPlace(to_text(And((ids, Archived("any"))) if any(job.archived for job in jobs) else ids))

"""One queue: its states, what went through it lately, its jobs, errors, options and schedules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from bossctl import format as fmt
from bossctl.errors import BossctlError
from bossctl.models.activity import SPANS
from bossctl.models.queues import QueueDetail
from bossctl.selector import And, QueueGlob, States, to_text
from bossctl.tui import queuetexts as texts
from bossctl.tui.commands import Command, bindings
from bossctl.tui.desk import Desk
from bossctl.tui.joblist import JobList
from bossctl.tui.panes import PaneStrip
from bossctl.tui.places import JobPlace, JobsPlace, QueuePlace, SchedulesPlace, Visit
from bossctl.tui.polling import Poll
from bossctl.tui.queuepanes import ErrorsPane, OptionsPane, SchedulesPane, TimesPane
from bossctl.tui.screens.base import WIDE, Reading
from bossctl.tui.screens.changes import DELETE, ENSURE, QueueChanges
from bossctl.tui.screens.jobactions import JOB_COMMANDS, JobActions
from bossctl.tui.widgets.histogram import StateHistogram, StatePicked
from bossctl.tui.widgets.table import LineTable
from bossctl.tui.widgets.time_histogram import SpanPicked

if TYPE_CHECKING:
    from bossctl.models.jobactions import ActionOutcome, JobAction
    from bossctl.tui.chosen import Chosen

PANES = ("jobs", "times", "errors", "options", "schedules")
BESIDE = ("errors", "options", "schedules")
"""Where there is room, one of these stands below the jobs, and the rest is always there."""
GROUP = "Queue"


class QueueScreen(QueueChanges, JobActions):
    """A queue, large. Wide: states and times on the left, jobs and one more pane on the right; narrow: one pane.

    An action is about the marked jobs of the list, or the one under the cursor.
    """

    COMMAND_LIST = (
        Command(
            "queue.open",
            "enter",
            "Open",
            "the job, the jobs of the error, or the schedules",
            GROUP,
            footer=True,
            action="open",
        ),
        Command("queue.panes", "tab", "Next pane", ", ".join(PANES), GROUP, footer=True, action="next_pane"),
        Command("queue.panes-back", "shift+tab", "Pane back", "", GROUP, action="previous_pane"),
        Command("queue.zoom", "z", "Zoom", "times: 1 h, 24 h, 7 d", GROUP, ("span?",), footer=True, action="zoom"),
        Command("queue.error-groups", "e", "Errors", "what its failures say", GROUP, action="errors"),
        Command("queue.its-options", "o", "Options", "and pg-boss's defaults", GROUP, action="options"),
        Command("queue.its-schedules", "s", "Schedules", "with their next runs", GROUP, action="schedules"),
        Command("queue.filter", "slash", "Filter", "its jobs by the selection language", GROUP, action="jobs"),
        Command("queue.next", "n,right_square_bracket", "Next page", "older jobs", GROUP, action="next_page"),
        Command("queue.newer", "b,left_square_bracket", "Page back", "newer jobs", GROUP, action="previous_page"),
        Command("queue.dead", "d", "Dead letter", "go to its dead-letter queue", GROUP, action="dead_letter"),
        Command("queue.feeds", "w", "Whence", "go to a queue that dead-letters into it", GROUP, action="feed"),
        Command("queue.drift", "", "Drift", "its options beside a file of queues", GROUP, ("file...",), action="drift"),
        *JOB_COMMANDS,
        ENSURE,
        replace(DELETE, id="queue.delete-queue", keys="K", title="Delete queue", action="queue_delete"),
    )
    BINDINGS: ClassVar = bindings(COMMAND_LIST)

    detail: reactive[QueueDetail | None] = reactive(None, always_update=True, init=False)
    pane: reactive[str] = reactive("jobs", init=False)

    def __init__(self, desk: Desk, place: QueuePlace) -> None:
        super().__init__(desk, place)
        self.name_here = name = place.name
        self.heading = f"Queue {name}"
        self._beside = "options"
        self._poll = Poll(lambda: desk.reader.queue(name), interval=desk.refresh, cost=lambda one: one.elapsed_ms)
        self._list = JobList(desk, QueueGlob.exactly(name), queue_column=False)
        self._list.id = "jobs"
        self._times, self._errors = TimesPane(desk, name), ErrorsPane(desk, name)
        self._options, self._schedules = OptionsPane(desk, name), SchedulesPane(desk, name)

    def body(self) -> list[Widget]:
        """The strip of panes; states and times; the other panes."""
        sums = (Static(id="sums", markup=False), Static(id="neighbours", markup=False))
        left = Vertical(Vertical(StateHistogram(), *sums, id="states"), self._times, id="left")
        right = Vertical(self._list, self._errors, self._options, self._schedules, id="right")
        return [PaneStrip(PANES), Vertical(left, right, id="main")]

    def on_mount(self) -> None:
        """Begin with the jobs."""
        super().on_mount()
        self._list.table.focus()
        self._arrange()

    # --- reading

    def readings(self) -> list[Reading]:
        """The queue itself, and what is needed for the panes that are shown."""
        found: list[Reading] = [(self._poll, self._took)]
        if self._shows("jobs"):
            found.append((self._list.poll, self._list.show))
        for pane in (self._times, self._errors, self._schedules):
            if self._shows(pane.id or ""):
                found += pane.readings()
        return found

    def _took(self, detail: QueueDetail) -> None:
        self.detail = detail

    def watch_detail(self, detail: QueueDetail | None) -> None:
        """Draw it."""
        if detail is None:
            return
        self.query_one(StateHistogram).counts = detail.queue.counts
        self.query_one("#sums", Static).update(Content(texts.sums(detail)))
        near = self.query_one("#neighbours", Static)
        near.update(Content(texts.neighbours(detail)))
        near.display = bool(texts.neighbours(detail))
        self._show_options()
        self.refresh_bindings()

    def _show_options(self) -> None:
        if self.detail is None:
            return
        drifted = self._options.show(self.detail)
        self.query_one(PaneStrip).titles = (
            *("Jobs", "Times", "Errors"),
            f"Options {drifted}{texts.DRIFTED}" if drifted else "Options",
            f"Schedules {len(self.detail.schedules)}",
        )

    def say_status(self) -> None:
        """Also say of each pane how its readings stand."""
        super().say_status()
        if self._schedules.is_mounted:
            for pane in (self._times, self._errors, self._schedules):
                pane.say()

    def about(self) -> str:
        """Its policy and where its jobs are; how many are marked."""
        if self.detail is None:
            return ""
        queue = self.detail.queue
        marks = f" · {self._list.marks_words}" if self._list.marks_words else ""
        if queue.implicit:
            return f"exists through its jobs (no queue table before pg-boss 10){marks}"
        size = "" if self.detail.total_bytes is None else f", {fmt.size(self.detail.total_bytes)}"
        table = "a table of its own" if queue.storage == "partition" else queue.table
        return f"policy {queue.options.get('policy') or 'standard'} · {table}{size}{marks}"

    @property
    def queue_here(self) -> str | None:
        """This queue."""
        return self.name_here

    @property
    def job_here(self) -> JobPlace | None:
        """The job under the cursor."""
        return self._list.job_here

    def go_back(self) -> bool:
        """Forget marks on other pages first; the table sees to its own."""
        return self._list.unmark()

    def values(self, command: Command, number: int, typed: str) -> list[str] | None:
        """The spans there are."""
        return [span for span in SPANS if span.startswith(typed)] if command.id == "queue.zoom" else None

    # --- panes

    @property
    def _roomy(self) -> bool:
        return self.app.size.width >= WIDE

    def _shows(self, pane: str) -> bool:
        if not self._roomy:
            return pane == self.pane
        return pane not in BESIDE or pane == self._beside

    def _arrange(self) -> None:
        for name in PANES:
            self.query_one(f"#{name}").display = self._shows(name)
        alone = self.pane == "times" and not self._roomy
        self.set_class(alone, "-times")
        self.query_one("#right").display = not alone
        self.query_one(PaneStrip).chosen = self.pane
        self.tick()

    def on_resize(self) -> None:
        """Show as many panes as there is room for."""
        self._arrange()

    def watch_pane(self) -> None:
        """Show it, and let it have the keys."""
        if self.pane in BESIDE:
            self._beside = self.pane
        self._arrange()
        targets = {"jobs": "#jobs JobTable", "errors": "#groups", "options": "#options", "schedules": "#runs"}
        self.set_focus(self.query_one(targets[self.pane]) if self.pane in targets else None)

    @on(PaneStrip.Chosen)
    def _pane_clicked(self, event: PaneStrip.Chosen) -> None:
        self.pane = event.pane

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """A pane that was clicked into is the chosen one."""
        if event.widget is not self.focused:
            return  # the focus has moved on since
        here = {node.id for node in event.widget.ancestors_with_self}
        self.pane = next((pane for pane in PANES if pane in here), self.pane)

    def action_errors(self) -> None:
        """Go to the groups of errors."""
        self.pane = "errors"

    def action_options(self) -> None:
        """Go to the options."""
        self.pane = "options"

    def action_schedules(self) -> None:
        """Go to the schedules."""
        self.pane = "schedules"

    def action_next_pane(self, step: int = 1) -> None:
        """Go to the next pane."""
        self.pane = PANES[(PANES.index(self.pane) + step) % len(PANES)]

    def action_previous_pane(self) -> None:
        """Go to the pane before."""
        self.action_next_pane(-1)

    # --- times

    def action_zoom(self, span: str = "") -> None:
        """Look back as far as that; without one the next longer, after the longest the shortest."""
        if span and span not in SPANS:
            self.notify(f"a span is one of {', '.join(SPANS)}", severity="warning", markup=False)
            return
        if not self._shows("times"):
            self.pane = "times"
        self._times.zoom(span)

    @on(SpanPicked)
    def _span_picked(self, event: SpanPicked) -> None:
        self._times.zoom(event.span)

    # --- actions on jobs

    def chosen(self, action: JobAction) -> Chosen | str:
        """The marked jobs, all of the queue, or the one under the cursor; only while the list has the keys."""
        from bossctl.tui.chosen import all_of, these

        if self.pane == "errors":
            return "Enter lists the jobs of an error: act on them there"
        if self.pane != "jobs":
            return "go to the jobs first (Tab)"
        if self._list.every and self._list.selection is not None:
            return all_of(self._list.selection)
        here = self._list.row_here
        return these(self._list.marked or ((here,) if here else ()), action)

    def acted(self, outcome: ActionOutcome) -> None:
        """What was to be done to the marked jobs is done."""
        if outcome.changed:
            self._list.unmark()

    # --- ways on

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out ways that lead nowhere."""
        if action == "dead_letter":
            return True if self.detail and self.detail.queue.dead_letter else None
        if action == "feed":
            return True if self.detail and self.detail.feeds else None
        return super().check_action(action, parameters)

    def action_open(self) -> None:
        """Open what is under the cursor."""
        tables = {"errors": self._errors.table, "schedules": self._schedules.table}
        tables.get(self.pane, self._list.table).action_select()

    @on(LineTable.RowSelected)
    def _selected(self, event: LineTable.RowSelected) -> None:
        place: JobPlace | JobsPlace | SchedulesPlace | None = SchedulesPlace()
        if event.table is self._errors.table:
            selection = self._errors.selection(event.key)
            place = JobsPlace(selection) if selection else None
        elif event.table is self._list.table:
            place = self._list.place(event.key)
        if place is not None:
            self.post_message(Visit(place))

    @on(JobList.Turned)
    @on(TimesPane.Turned)
    def _turned(self) -> None:
        self.drop_stale()

    @on(StatePicked)
    def _picked(self, event: StatePicked) -> None:
        chosen = And((QueueGlob.exactly(self.name_here), States((event.state,))))
        self.post_message(Visit(JobsPlace(to_text(chosen))))

    def action_jobs(self) -> None:
        """Its jobs, on the screen that can filter."""
        self.post_message(Visit(JobsPlace(to_text(QueueGlob.exactly(self.name_here))), then="filter"))

    def action_next_page(self) -> None:
        """Go on to older jobs."""
        if not self._list.next_page():
            self.notify("this is the last page", markup=False)

    def action_previous_page(self) -> None:
        """Go back to newer jobs."""
        if not self._list.previous_page():
            self.notify("this is the first page", markup=False)

    def action_dead_letter(self) -> None:
        """Go to its dead-letter queue."""
        if self.detail and self.detail.queue.dead_letter:
            self.post_message(Visit(QueuePlace(self.detail.queue.dead_letter)))

    def action_feed(self) -> None:
        """Go to the first queue that dead-letters into it."""
        if self.detail and self.detail.feeds:
            self.post_message(Visit(QueuePlace(self.detail.feeds[0])))

    async def action_drift(self, file: str) -> None:
        """Compare options with a file as `queue ensure -f` takes it; the screens of other queues do so too."""
        from bossctl.tui.queuefiles import read_queue_file

        try:
            self.desk.queue_file = await read_queue_file(file)
        except BossctlError as error:
            self.notify(fmt.clean(str(error)), severity="error", markup=False)
            return
        self.pane = "options"
        self._show_options()

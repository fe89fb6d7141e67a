"""One queue: its states, options, neighbours and jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from bossctl import format as fmt
from bossctl.models.options import shown
from bossctl.models.queues import QueueDetail
from bossctl.selector import And, QueueGlob, States, to_text
from bossctl.tui.commands import Command, bindings
from bossctl.tui.desk import Desk
from bossctl.tui.joblist import JobList
from bossctl.tui.places import JobPlace, JobsPlace, QueuePlace, Visit
from bossctl.tui.polling import Poll
from bossctl.tui.screens.base import WIDE, Reading
from bossctl.tui.screens.changes import DELETE, ENSURE, QueueChanges
from bossctl.tui.widgets.histogram import StateHistogram, StatePicked
from bossctl.tui.widgets.table import LineTable
from bossctl.tui.words import counted, pairs, ready

LABEL = 14
"""Cells of the names beside their values."""


class QueueScreen(QueueChanges):
    """A queue, large."""

    COMMAND_LIST = (
        Command("queue.open", "enter", "Open", "the job under the cursor", "Queue", footer=True, action="open"),
        Command(
            "queue.filter", "slash", "Filter", "its jobs by the selection language", "Queue", footer=True, action="jobs"
        ),
        Command("queue.next", "n,right_square_bracket", "Next page", "older jobs", "Queue", action="next_page"),
        Command("queue.newer", "b,left_square_bracket", "Page back", "newer jobs", "Queue", action="previous_page"),
        Command(
            "queue.dead", "d", "Dead letter", "go to its dead-letter queue", "Queue", footer=True, action="dead_letter"
        ),
        Command("queue.feeds", "w", "Whence", "go to a queue that dead-letters into it", "Queue", action="feed"),
        ENSURE,
        DELETE,
    )
    BINDINGS: ClassVar = bindings(COMMAND_LIST)

    detail: reactive[QueueDetail | None] = reactive(None, always_update=True, init=False)

    def __init__(self, desk: Desk, place: QueuePlace) -> None:
        super().__init__(desk, place)
        self.name_here = place.name
        self.heading = f"Queue {place.name}"
        self._poll = Poll(
            lambda: desk.reader.queue(place.name), interval=desk.interval, cost=lambda one: one.elapsed_ms
        )
        self._list = JobList(desk, QueueGlob.exactly(place.name), queue_column=False)

    def body(self) -> list[Widget]:
        """States on the left, facts on the right, jobs below."""
        facts = VerticalScroll(Static(id="facts", markup=False), id="facts-scroll", can_focus=False)
        return [Horizontal(Vertical(StateHistogram(), Static(id="sums", markup=False)), facts, id="top"), self._list]

    def readings(self) -> list[Reading]:
        """The queue itself and a page of its jobs."""
        return [(self._poll, self._took), (self._list.poll, self._list.show)]

    def _took(self, detail: QueueDetail) -> None:
        self.detail = detail

    def watch_detail(self, detail: QueueDetail | None) -> None:
        """Draw it."""
        if detail is None:
            return
        self.query_one(StateHistogram).counts = detail.queue.counts
        self.query_one("#sums", Static).update(Content(_sums(detail)))
        self._show_facts()
        self.refresh_bindings()

    def _show_facts(self) -> None:
        if self.detail is not None:
            facts = list(_facts(self.detail))
            self.query_one("#facts", Static).update(pairs(facts, width=LABEL) if self._roomy else _flowing(facts))

    @property
    def _roomy(self) -> bool:
        return self.app.size.width >= WIDE

    def on_resize(self) -> None:
        """Facts stand in a column or flow, as there is room."""
        self._show_facts()

    def about(self) -> str:
        """Its policy and where its jobs are."""
        if self.detail is None:
            return ""
        queue = self.detail.queue
        if queue.implicit:
            return "exists through its jobs (no queue table before pg-boss 10)"
        size = "" if self.detail.total_bytes is None else f", {fmt.size(self.detail.total_bytes)}"
        table = "a table of its own" if queue.storage == "partition" else queue.table
        return f"policy {queue.options.get('policy') or 'standard'} · {table}{size}"

    @property
    def queue_here(self) -> str | None:
        """This queue."""
        return self.name_here

    @property
    def job_here(self) -> JobPlace | None:
        """The job under the cursor."""
        return self._list.job_here

    # --- what the user does

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out ways that lead nowhere."""
        if action == "dead_letter":
            return True if self.detail and self.detail.queue.dead_letter else None
        if action == "feed":
            return True if self.detail and self.detail.feeds else None
        return super().check_action(action, parameters)

    def action_open(self) -> None:
        """Open the job under the cursor."""
        self._list.table.action_select()

    @on(LineTable.RowSelected)
    def _selected(self, event: LineTable.RowSelected) -> None:
        place = self._list.place(event.key)
        if place is not None:
            self.post_message(Visit(place))

    @on(JobList.Turned)
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


def _sums(detail: QueueDetail) -> str:
    queue = detail.queue
    waiting = [f"ready {counted(ready(queue))}"]
    waiting += [f"{name} {counted(count)}" for name, count in queue.extra.items() if count.value]
    if queue.oldest_due_seconds is not None:
        waiting.append(f"oldest due {fmt.age(queue.oldest_due_seconds)}")
    ended = [
        f"failed {counted(queue.failed_last_hour)}/h {counted(detail.failed_last_day)}/day",
        f"completed {counted(detail.completed_last_hour)}/h",
    ]
    return f"{' · '.join(waiting)}\n{' · '.join(ended)}"


def _facts(detail: QueueDetail) -> Iterator[tuple[str, Text | str]]:
    yield from _neighbours(detail)
    client = detail.queue.storage == "partition" and "delete_after" not in detail.queue.options
    for name, value in detail.queue.options.items():
        if name != "dead_letter":
            text = shown(name, value, client_defaults=client)
            yield name, Text(text, "dim italic") if value is None else text
    if detail.queue.monitor_age_seconds is not None:
        yield "monitored", f"{fmt.age(detail.queue.monitor_age_seconds)} ago"


def _neighbours(detail: QueueDetail) -> Iterator[tuple[str, Text | str]]:
    if "dead_letter" in detail.queue.options:
        yield "dead_letter", detail.queue.dead_letter or Text("none", "dim italic")
    if detail.feeds:
        yield "fed by", ", ".join(detail.feeds)
    if detail.schedules:
        yield "schedules", ", ".join(key or "(no key)" for key in detail.schedules)


def _flowing(facts: list[tuple[str, Text | str]]) -> Text:
    """The same one after the other, for narrow screens."""
    told = [
        Text.assemble((f"{name} ", "dim"), Text(fmt.clean(value)) if isinstance(value, str) else value)
        for name, value in facts
    ]
    return Text(" · ").join(told)

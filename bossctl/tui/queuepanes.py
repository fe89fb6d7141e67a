"""Panes of the queue screen, each with its own readings: times, errors, options, schedules.

Each has `readings()`, which the screen takes while the pane is shown, and `say()`, which shows how they stand. What may
be dear is read one after the other, so that a connection is left for the rest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from bossctl import format as fmt
from bossctl.models.activity import SPANS, NextRun, QueueActivity, QueueLatency
from bossctl.models.job_errors import JobErrors
from bossctl.models.queues import QueueDetail
from bossctl.tui import queuetexts as texts
from bossctl.tui.desk import Desk
from bossctl.tui.polling import Poll
from bossctl.tui.screens.base import Reading
from bossctl.tui.widgets.table import LineTable
from bossctl.tui.widgets.time_histogram import TimeHistogram

T = TypeVar("T")

SCHEDULES_SECONDS = 15.0


class TimesPane(Vertical):
    """The time histogram and the percentiles, of one span or another; what was read of each is kept."""

    class Turned(Message):
        """Another span is wanted: what is being read for the former no longer counts."""

    def __init__(self, desk: Desk, queue: str) -> None:
        super().__init__(id="times")
        self.span = "24h"
        self._desk, self._queue = desk, queue
        self._activity = {span: self._activity_poll(span) for span in SPANS}
        self._latency = {span: self._latency_poll(span) for span in SPANS}

    def _activity_poll(self, span: str) -> Poll[QueueActivity]:
        read = one_by_one(self._desk, lambda: self._desk.reader.queue_activity(self._queue, SPANS[span]))
        return Poll(read, interval=self._desk.refresh, cost=lambda found: found.elapsed_ms)

    def _latency_poll(self, span: str) -> Poll[QueueLatency]:
        read = one_by_one(self._desk, lambda: self._desk.reader.queue_latency(self._queue, SPANS[span]))
        return Poll(read, interval=self._desk.refresh, cost=lambda found: found.elapsed_ms)

    def compose(self) -> ComposeResult:
        """The histogram above, the percentiles below."""
        yield TimeHistogram()
        yield Static(id="latency", markup=False)

    def readings(self) -> Iterator[Reading]:
        """Of the span that is shown."""
        yield self._activity[self.span], self._took
        yield self._latency[self.span], self._took

    def _took(self, _: object) -> None:
        self.say()

    def say(self) -> None:
        """Draw what there is."""
        activity, latency, histogram = self._activity[self.span], self._latency[self.span], self._histogram
        histogram.span, histogram.activity, histogram.trouble = self.span, activity.value, trouble(activity)
        self.query_one("#latency", Static).update(texts.latencies(latency.value, trouble(latency)))

    @property
    def _histogram(self) -> TimeHistogram:
        return self.query_one(TimeHistogram)

    def zoom(self, span: str = "") -> None:
        """Look back as far as that; without one the next longer, after the longest the shortest."""
        names = list(SPANS)
        self.span = span or names[(names.index(self.span) + 1) % len(names)]
        self.say()
        self.post_message(self.Turned())


class ErrorsPane(Vertical):
    """Failures for good, by what they say."""

    def __init__(self, desk: Desk, queue: str) -> None:
        super().__init__(id="errors")
        read = one_by_one(desk, lambda: desk.reader.queue_errors(queue))
        self._poll: Poll[JobErrors] = Poll(read, interval=desk.refresh, cost=lambda found: found.elapsed_ms)

    def compose(self) -> ComposeResult:
        """A line about all of them, and the groups."""
        yield Static(classes="note", markup=False)
        yield LineTable(texts.ERROR_COLUMNS, empty_text="no failures", id="groups")

    @property
    def table(self) -> LineTable:
        """The groups."""
        return self.query_one("#groups", LineTable)

    def readings(self) -> Iterator[Reading]:
        """The groups."""
        yield self._poll, self._took

    def _took(self, found: JobErrors) -> None:
        self.table.update(texts.error_row(one) for one in found.groups)

    def say(self) -> None:
        """How many there are, or why that is not known."""
        found = self._poll.value
        line = "reading …" if found is None else texts.errors_line(len(found.groups), found.total, found.jobs)
        self.query_one(".note", Static).update(Content(fmt.clean(trouble(self._poll) or line)))

    def selection(self, fingerprint: str) -> str | None:
        """The selection that finds the jobs of a group."""
        groups = self._poll.value.groups if self._poll.value else ()
        return next((one.selector for one in groups if one.fingerprint == fingerprint), None)


class OptionsPane(VerticalScroll):
    """The options, beside pg-boss's defaults and a file."""

    def __init__(self, desk: Desk, queue: str) -> None:
        super().__init__(id="options")
        self._desk, self._queue = desk, queue

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static(markup=False)

    def show(self, detail: QueueDetail) -> int:
        """Draw them; how many are not as the file says."""
        file, specs = self._desk.queue_file
        wanted = specs.get(self._queue)
        self.query_one(Static).update(texts.options(detail, file, wanted))
        return texts.drift(detail, wanted) if wanted else 0


class SchedulesPane(Vertical):
    """The schedules that send to the queue, by their next runs."""

    def __init__(self, desk: Desk, queue: str) -> None:
        super().__init__(id="schedules")
        self._desk = desk
        interval = max(desk.refresh, SCHEDULES_SECONDS)
        self._poll: Poll[tuple[NextRun, ...]] = Poll(lambda: desk.reader.queue_schedules(queue), interval=interval)

    def compose(self) -> ComposeResult:
        """What went wrong, and the schedules."""
        yield Static(classes="note", markup=False)
        yield LineTable(texts.SCHEDULE_COLUMNS, empty_text="no schedules", id="runs")

    @property
    def table(self) -> LineTable:
        """The schedules."""
        return self.query_one("#runs", LineTable)

    def readings(self) -> Iterator[Reading]:
        """The schedules."""
        yield self._poll, self._took

    def _took(self, found: tuple[NextRun, ...]) -> None:
        now = self._desk.now()
        self.table.update(texts.schedule_row(one, now) for one in found)

    def say(self) -> None:
        """Why they are not known, if so."""
        note = self.query_one(".note", Static)
        words = trouble(self._poll) or ("" if self._poll.value is not None else "reading …")
        note.display = bool(words)
        note.update(Content(fmt.clean(words)))


def one_by_one(desk: Desk, read: Callable[[], Awaitable[T]]) -> Callable[[], Awaitable[T]]:
    """A reading that waits until no other dear one is under way."""

    async def reading() -> T:
        async with desk.dear:
            return await read()

    return reading


def trouble(poll: Poll[T]) -> str:
    """Why there is nothing, or nothing new."""
    if poll.error is None:
        return ""
    return f"{fmt.UNKNOWN} {poll.error}" if poll.age is None else f"as of {fmt.age(poll.age)} ago: {poll.error}"

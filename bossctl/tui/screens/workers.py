"""Who works the queues: registered instances, or what the sessions of the database show; one of them in full below."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.containers import Container, VerticalScroll
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from bossctl import format as fmt
from bossctl.errors import BossctlError
from bossctl.models.workers import Work, Worker, Workers
from bossctl.selector import And, Ids, Or, QueueGlob, Selector, States, to_text
from bossctl.tui import workertexts as texts
from bossctl.tui.commands import Command, bindings
from bossctl.tui.desk import Desk
from bossctl.tui.holding import in_hand
from bossctl.tui.places import JobPlace, JobsPlace, QueuePlace, Visit, WorkersPlace
from bossctl.tui.polling import Poll
from bossctl.tui.screens.base import WIDE, BossScreen, Reading
from bossctl.tui.widgets.table import LineTable
from bossctl.tui.words import pairs

if TYPE_CHECKING:
    from bossctl.tui.copying import Copyable

PAGE = 50
"""So many active jobs are looked at to tell whose they are."""

ACTIVE = States(("active",))


class WorkersScreen(BossScreen):
    """Instances above; below the one under the cursor: what is known of its process, and the queues it works."""

    heading = "Workers"
    COMMAND_LIST = (
        Command(
            "workers.jobs", "enter,a", "Its jobs", "what it has in hand", "Workers", footer=True, action="its_jobs"
        ),
        Command("workers.queue", "o", "Its queue", "the queue it works", "Workers", footer=True, action="its_queue"),
        Command("workers.part", "tab", "Other part", "instances, or queues", "Workers", footer=True, action="part"),
        Command("workers.part-before", "shift+tab", "Part before", "", "Workers", action="part"),
        Command("workers.down", "right_square_bracket", "Read on", "scroll the facts", "Workers", action="read_on"),
        Command("workers.up", "left_square_bracket", "Read back", "scroll the facts", "Workers", action="read_back"),
    )
    BINDINGS: ClassVar = bindings(COMMAND_LIST)

    found: reactive[Workers | None] = reactive(None, always_update=True, init=False)

    def __init__(self, desk: Desk, place: WorkersPlace) -> None:
        super().__init__(desk, place)
        self._poll = Poll(lambda: desk.reader.workers(), interval=desk.interval, cost=lambda one: one.elapsed_ms)
        self._workers: dict[str, Worker] = {}
        self._calls: dict[str, Work] = {}
        self._shown: str | None = None
        self._note = ""
        self._facts: tuple[bool, list[tuple[str, Text | str]]] | None = None

    def body(self) -> list[Widget]:
        """The table, a note on what cannot be seen, the detail."""
        facts = VerticalScroll(Static(id="facts", markup=False), id="facts-scroll", can_focus=False)
        works = LineTable(texts.CALLS, empty_text="it works no queue", id="calls")
        return [
            LineTable(texts.REGISTERED, id="workers"),
            Static(id="note", markup=False),
            Container(facts, works, id="below"),
        ]

    @property
    def table(self) -> LineTable:
        """The workers."""
        return self.query_one("#workers", LineTable)

    @property
    def calls(self) -> LineTable:
        """The queues that the worker under the cursor works."""
        return self.query_one("#calls", LineTable)

    def readings(self) -> list[Reading]:
        """The registry, or the sessions."""
        return [(self._poll, self._took)]

    def _took(self, found: Workers) -> None:
        self.found = found

    # --- what is shown

    def watch_found(self, found: Workers | None) -> None:
        """Draw it."""
        if found is None:
            return
        columns = texts.columns(found)
        if columns != self.table.columns:
            self.table.columns = columns
        self._workers = texts.keyed(found)
        self.table.empty_text = texts.nobody(found)
        self.table.update(texts.rows(found))
        role = self.desk.target.user if self.desk.target else fmt.UNKNOWN
        self._say(texts.note(found, role))
        self._show_worker()
        self.refresh_bindings()

    def _say(self, told: str) -> None:
        note = self.query_one("#note", Static)
        if told != self._note:
            self._note = told
            note.update(Text(told))
            note.display = bool(told)

    def _show_worker(self) -> None:
        worker = self.worker_here
        self.query_one("#below").display = worker is not None
        if worker is None or self.found is None:
            return
        now = self.found.taken_at
        facts = list(texts.facts(worker, now))
        roomy = self.app.size.width >= WIDE
        if (roomy, facts) != self._facts:
            self._facts = roomy, facts
            self.query_one("#facts", Static).update(pairs(facts) if roomy else _flowing(facts))
        if worker.instance != self._shown:
            self._shown = worker.instance
            self.calls.show_skeleton()
            self.query_one("#facts-scroll").scroll_home(animate=False)
        self.calls.display = bool(worker.work)
        rows = list(texts.calls(worker, now))
        self._calls = dict(zip((row.key for row in rows), worker.work, strict=True))
        self.calls.update(rows)

    def on_resize(self) -> None:
        """Facts stand in a column or flow, as there is room."""
        self._show_worker()

    @on(LineTable.RowHighlighted)
    def _highlighted(self, event: LineTable.RowHighlighted) -> None:
        if event.table is self.table:
            self._show_worker()
        self.refresh_bindings()

    def about(self) -> str:
        """How many there are, in which states."""
        return texts.summary(self.found) if self.found is not None else ""

    # --- what is under the cursor

    @property
    def worker_here(self) -> Worker | None:
        """The worker under the cursor."""
        return self._workers.get(self.table.cursor_key or "")

    @property
    def call_here(self) -> Work | None:
        """The call of work() under the cursor, while one is among these."""
        return self._calls.get(self.calls.cursor_key or "") if self.calls.has_focus else None

    @property
    def queue_here(self) -> str | None:
        """The queue under the cursor, or the only one that the worker works."""
        if self.call_here is not None:
            return self.call_here.queue
        worker = self.worker_here
        return worker.queues[0] if worker is not None and len(worker.queues) == 1 else None

    # --- what the user does

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out ways that lead nowhere."""
        if action == "its_queue":
            return True if self.queue_here else None
        if action == "its_jobs":
            return True if self.worker_here else None
        return super().check_action(action, parameters)

    def action_part(self) -> None:
        """From the instances to the queues of one, and back."""
        there = self.table if self.calls.has_focus or not self.calls.display else self.calls
        there.focus()

    @on(LineTable.RowSelected)
    def _selected(self) -> None:
        self.action_its_jobs()

    def action_its_jobs(self) -> None:
        """Go to the jobs it has in hand; where nobody can tell whose they are, to the active jobs of its queues."""
        worker = self.worker_here
        if worker is None:
            return
        if worker.source != "registry":
            self._go(ACTIVE, "sessions do not tell which jobs are theirs: these are all active jobs")
            return
        queues = (self.call_here.queue,) if self.call_here else worker.queues
        if not queues:
            self.notify("it works no queue by work(): what it fetches is not registered", markup=False)
            return
        globs = tuple(QueueGlob.exactly(queue) for queue in queues)
        self.run_worker(self._to_jobs(worker, And((globs[0] if len(globs) == 1 else Or(globs), ACTIVE))))

    async def _to_jobs(self, worker: Worker, selection: Selector) -> None:
        try:
            page = await self.desk.reader.jobs(selection, limit=PAGE)
        except BossctlError as error:
            self.notify(fmt.clean(f"{error}"), severity="error", markup=False)
            return
        if not self.is_current or self.found is None:
            return
        mine = () if page.next else in_hand(worker, self.found.workers, page.jobs)
        if not page.jobs:
            self.notify("no job of its queues is active", markup=False)
        elif len(mine) == 1:
            self.post_message(Visit(JobPlace(mine[0].id, mine[0].queue, mine[0].archived)))
        elif mine:
            self._go(Ids(tuple(job.id for job in mine)))
        else:
            self._go(selection, "more than one may have these in hand: all active jobs of its queues")

    def _go(self, selection: Selector, remark: str = "") -> None:
        if remark:
            self.notify(remark, markup=False)
        self.post_message(Visit(JobsPlace(to_text(selection))))

    def action_its_queue(self) -> None:
        """Go to the queue under the cursor, or the only one of the worker."""
        if self.queue_here is not None:
            self.post_message(Visit(QueuePlace(self.queue_here)))

    def to_copy(self) -> Copyable | None:
        """The instance's id, or the queue's name where the cursor is among queues."""
        from bossctl.tui.copying import Copyable

        worker = self.worker_here
        if self.call_here is not None:
            return Copyable("the queue's name", self.call_here.queue)
        return Copyable("the instance's id", worker.instance) if worker is not None else None

    def action_read_on(self, lines: int = 4) -> None:
        """Scroll the facts."""
        self.query_one("#facts-scroll").scroll_relative(y=lines, animate=False)

    def action_read_back(self) -> None:
        """Scroll the facts back."""
        self.action_read_on(-4)


def _flowing(facts: list[tuple[str, Text | str]]) -> Text:
    """The same one after the other, for narrow screens."""
    told = [
        Text.assemble((f"{name} ", "dim"), value if isinstance(value, Text) else Text(fmt.clean(value)))
        for name, value in facts
    ]
    return Text("\n").join(told)

"""One job: its life and what explains it, its relatives, its payload and output."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import on
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from bossctl import format as fmt
from bossctl.errors import BossctlError
from bossctl.models.common import Payload
from bossctl.models.jobactions import JobAction
from bossctl.models.jobs import Job
from bossctl.models.relatives import Relative, Relatives
from bossctl.tui.commands import Command, bindings
from bossctl.tui.desk import Desk
from bossctl.tui.explaining import explained
from bossctl.tui.failures import message_first
from bossctl.tui.jobfields import fields
from bossctl.tui.kinship import COLUMNS, key_of, kin, kin_rows, place_of, remarks
from bossctl.tui.lifeline import lifeline
from bossctl.tui.panes import PaneStrip
from bossctl.tui.places import JobPlace, QueuePlace, Visit
from bossctl.tui.polling import Poll
from bossctl.tui.screens.base import Reading
from bossctl.tui.screens.jobactions import JobActions, fits, with_footer
from bossctl.tui.widgets.json_view import JsonView
from bossctl.tui.widgets.states import state_glyph
from bossctl.tui.widgets.table import LineTable
from bossctl.tui.widgets.timeline_view import Timeline
from bossctl.tui.words import pairs

if TYPE_CHECKING:
    from bossctl.models.explain_facts import JobFacts
    from bossctl.models.explanation import Explanation
    from bossctl.tui.chosen import Chosen

_KINDS = {f"job_{action.value}": action for action in JobAction}
_RELATIONS = {"source": "source", "dead_letter": "dead letter", "twin": "same id"}
FINISHED = ("completed", "cancelled", "failed", "expired")
PANES = ("life", "relatives", "data", "output")
LABEL = 21
TALL = 30
"""From this height on there is room for the axis above the panes."""
EXPLAIN_SECONDS, EXPLAIN_FINISHED_SECONDS = 5.0, 60.0
"""Seconds between looks around a job; it is looked at again at once when it has changed."""
ONCE = 1e9
"""What is read once, and again when the job has changed."""


class Looked(NamedTuple):
    """What stands around the job, what it amounts to, and how long the look took."""

    facts: JobFacts
    told: Explanation
    seconds: float


class JobScreen(JobActions):
    """A job, large. Wide: its timeline above four panes; narrow: one of them at a time, the timeline as a list."""

    heading = "Job"
    COMMAND_LIST = (
        Command("job.panes", "tab", "Next pane", ", ".join(PANES), "Job", footer=True, action="next_pane"),
        Command("job.panes-back", "shift+tab", "Pane back", "", "Job", action="previous_pane"),
        Command("job.zoom", "m", "Maximize", "one pane alone, or all", "Job", footer=True, action="zoom"),
        Command("job.its-queue", "o", "Queue", "the queue it is in", "Job", action="open_queue"),
        Command("job.source", "w", "Whence", "the job it is the dead letter of", "Job", action="source"),
        Command("job.dead-letter", "d", "Dead letter", "the job made of its failure", "Job", action="dead_letter"),
        Command("job.twin", "i", "Same id", "the other row with this id", "Job", action="twin"),
        *with_footer(["retry", "cancel", "resume"]),
    )
    BINDINGS: ClassVar = bindings(COMMAND_LIST)
    job: reactive[Job | None] = reactive(None, always_update=True, init=False)
    pane: reactive[str] = reactive("life", init=False)

    def __init__(self, desk: Desk, place: JobPlace) -> None:
        super().__init__(desk, place)
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (TALL, "-tall")]
        self.wanted = place
        self._poll = Poll(self._read_rows, interval=self._interval)
        self._look: Poll[Looked] = Poll(self._look_around, interval=self._look_interval, cost=_milliseconds)
        self._kin: Poll[Relatives] = Poll(self._read_relatives, interval=ONCE)
        self._whole: dict[str, Payload] = {}
        self._rows: Sequence[Job] = ()
        self._relatives: dict[str, Relative] = {}

    async def _read_rows(self) -> tuple[Job, ...]:
        return await self.desk.reader.jobs_with_id(self.wanted.id)

    @property
    def _finished(self) -> bool:
        return self.job is not None and (self.job.row.state in FINISHED or self.job.row.archived)

    def _interval(self) -> float:
        return max(self.desk.interval(), 10.0 if self._finished else 0.0)

    def _look_interval(self) -> float:
        return max(self.desk.interval(), EXPLAIN_FINISHED_SECONDS if self._finished else EXPLAIN_SECONDS)

    async def _look_around(self) -> Looked:
        begun = monotonic()
        found = await self.desk.reader.job_facts(self.wanted.id)
        seconds = monotonic() - begun
        row = self._chosen([facts.job for facts in found])
        await asyncio.to_thread(import_module, "bossctl.explain")
        from bossctl.explain import explanation

        [facts, *_] = [facts for facts in found if facts.job is row]
        return Looked(facts, explanation(facts), seconds)

    async def _read_relatives(self) -> Relatives:
        return Relatives() if self.job is None else await self.desk.reader.job_relatives(self.job)

    def _chosen(self, found: Sequence[Job]) -> Job:
        """The row that was asked for, or the first with its id."""
        wanted = self.wanted
        fits = [job for job in found if wanted.queue in (None, job.row.queue)]
        return next((job for job in fits if wanted.archived in (None, job.row.archived)), (fits or list(found))[0])

    def body(self) -> list[Widget]:
        """The timeline, the strip of panes and the panes."""
        texts = [Static("looking …", id="why", markup=False), Static(id="fields", markup=False)]
        life = VerticalScroll(Timeline("column", id="history"), *texts, id="life")
        relatives = Vertical(LineTable(COLUMNS, id="kin"), Static(id="kin-note", markup=False), id="relatives")
        data, output = JsonView(absent="no payload", id="data"), JsonView(absent="no output", id="output")
        life.border_title, relatives.border_title = "Life", "Relatives"
        data.border_title, output.border_title = "Payload", "Output"
        left, right = Vertical(life, relatives, id="left"), Vertical(data, output, id="json")
        return [Timeline("axis", id="axis"), PaneStrip(PANES), Horizontal(left, right, id="panes")]

    def on_mount(self) -> None:
        """Begin with the life of the job."""
        super().on_mount()
        self.watch_pane()

    # --- reading

    def readings(self) -> list[Reading]:
        """The job, and once it is known what stands around it."""
        around: list[Reading] = [(self._look, self._looked), (self._kin, self._found)]
        return [(self._poll, self._took), *(around if self.job else ())]

    def _took(self, rows: tuple[Job, ...]) -> None:
        before, job = self.job, self._chosen(rows)
        if before is not None and before.row != job.row:
            self._look.hurry()
            self._kin.hurry()
        self._rows = rows
        self.job = job
        self._draw_kin()

    def watch_job(self, job: Job | None) -> None:
        """Draw it."""
        if job is None:
            return
        points = lifeline(job, job.read_at)
        for line in self.query(Timeline):
            line.show(points, job.read_at)
        self.query_one("#fields", Static).update(pairs(fields(job, self.desk.now()), width=LABEL))
        for name, payload in (("data", job.data), ("output", job.output)):
            self._show(name, self._fullest(name, payload))
        self._name_panes(job)
        self.refresh_bindings()

    def _show(self, name: str, payload: Payload) -> None:
        self.query_one(f"#{name}", JsonView).show(message_first(payload) if name == "output" else payload)

    def _name_panes(self, job: Job) -> None:
        unknown = self._kin.value is None or (self._kin.value.unknown and not self._relatives)
        kin = f"Relatives {fmt.UNKNOWN if unknown else len(self._relatives)}"
        self.query_one("#relatives").border_title = kin
        self.query_one(PaneStrip).titles = (
            "Life",
            kin,
            f"Payload {_size(job.data)}",
            f"Output {_size(job.output)}",
        )

    def _looked(self, looked: Looked) -> None:
        self.query_one("#why", Static).update(explained(looked.told))
        self._draw_kin()

    def _found(self, _: Relatives) -> None:
        self._draw_kin()

    def _draw_kin(self) -> None:
        if self.job is None:
            return
        looked, relatives = self._look.value, self._kin.value
        facts, told = (looked.facts, looked.told) if looked else (None, None)
        found = kin(self.job, self._rows, relatives, facts, told)
        self._relatives = {key_of(one): one for one in found}
        table = self.query_one("#kin", LineTable)
        table.update(kin_rows(found, self.desk.now()))
        table.display = bool(found)
        note = self.query_one("#kin-note", Static)
        note.update(remarks(relatives, found))
        note.display = bool(remarks(relatives, found))
        self._name_panes(self.job)
        self.refresh_bindings()

    def say_status(self) -> None:
        """Also say what of the surroundings could not be read."""
        super().say_status()
        for poll, part in ((self._look, "#why"), (self._kin, "#kin-note")):
            if poll.error is not None and poll.value is None:
                self.query_one(part, Static).update(fmt.clean(f"not known: {poll.error}"))

    def _fullest(self, name: str, payload: Payload) -> Payload:
        """The whole of a payload that was fetched before, as long as it is still the same."""
        whole = self._whole.get(name)
        if whole is None or whole.size_bytes != payload.size_bytes:
            return payload
        return whole if (whole.text or "").startswith(payload.text or "") else payload

    def about(self) -> str:
        """State, queue and id."""
        if self.job is None:
            return self.wanted.id
        row = self.job.row
        archived = ", archived" if row.archived else ""
        twins = " · another row has this id (i)" if len(self._rows) > 1 else ""
        return f"{state_glyph(row.state)} {row.state}{archived} · queue {row.queue} · {row.id}{twins}"

    @on(JsonView.FullRequested)
    def _full(self, event: JsonView.FullRequested) -> None:
        self.run_worker(self._fetch_whole(event.view.id or ""), group="full", exclusive=True)

    async def _fetch_whole(self, name: str) -> None:
        self.notify("fetching all of it …", markup=False, timeout=2)
        try:
            job = self._chosen(await self.desk.reader.jobs_with_id(self.wanted.id, full=True))
        except BossctlError as error:
            self.notify(fmt.clean(str(error)), severity="error", markup=False)
            return
        self._whole = {"data": job.data, "output": job.output}
        self._show(name, self._whole[name])

    @property
    def queue_here(self) -> str | None:
        """The queue the job is in."""
        return self.job.row.queue if self.job else self.wanted.queue

    @property
    def job_here(self) -> JobPlace | None:
        """This job."""
        return self.wanted

    # --- panes

    def watch_pane(self) -> None:
        """Show it alone where there is no room for all, and let it have the keys."""
        self.query_one(PaneStrip).chosen = self.pane
        for name in PANES:
            self.query_one(f"#{name}").set_class(name == self.pane, "-chosen")
        self.query_one("#left").set_class(self.pane in ("life", "relatives"), "-chosen")
        self.query_one("#json").set_class(self.pane in ("data", "output"), "-chosen")
        self._focus_pane()

    def _focus_pane(self) -> None:
        pane = self.query_one(f"#{self.pane}")
        if self.pane == "relatives":
            pane = self.query_one("#kin")
        (pane.lines if isinstance(pane, JsonView) else pane).focus()

    @on(PaneStrip.Chosen)
    def _pane_clicked(self, event: PaneStrip.Chosen) -> None:
        self.pane = event.pane

    def action_next_pane(self, step: int = 1) -> None:
        """Go to the next pane."""
        self.pane = PANES[(PANES.index(self.pane) + step) % len(PANES)]

    def action_previous_pane(self) -> None:
        """Go to the pane before."""
        self.action_next_pane(-1)

    def action_zoom(self) -> None:
        """One pane alone, or all that fit."""
        self.toggle_class("-zoomed")

    # --- actions

    def chosen(self, action: JobAction) -> Chosen | str:
        """This job."""
        from bossctl.tui.chosen import these

        return "the job is not read yet" if self.job is None else these([self.job.row], action)

    # --- ways on

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out ways that lead nowhere; offer only actions that the job's state allows."""
        kind = _KINDS.get(action)
        if kind is not None and not (self.job and fits(kind, self.job, stuck=_stuck(self.job), desk=self.desk)):
            return False
        if action in _RELATIONS:
            return True if self._relative(_RELATIONS[action]) else None
        return super().check_action(action, parameters)

    def _relative(self, relation: str) -> Relative | None:
        return next((one for one in self._relatives.values() if one.relation == relation), None)

    def _go_to(self, one: Relative | None) -> None:
        if one is not None and one.state is not None:
            self.post_message(Visit(place_of(one)))
        elif one is not None:
            self.notify(f"{one.id} is not stored any more", severity="warning", markup=False)

    @on(LineTable.RowSelected, "#kin")
    def _relative_chosen(self, event: LineTable.RowSelected) -> None:
        self._go_to(self._relatives.get(event.key))

    def action_open_queue(self) -> None:
        """Go to the queue."""
        if self.queue_here is not None:
            self.post_message(Visit(QueuePlace(self.queue_here)))

    def action_source(self) -> None:
        """Go to the job it is the dead letter of."""
        self._go_to(self._relative("source"))

    def action_dead_letter(self) -> None:
        """Go to the job that was made of its failure."""
        self._go_to(self._relative("dead letter"))

    def action_twin(self) -> None:
        """Go to the other row with its id."""
        self._go_to(self._relative("same id"))


def _milliseconds(looked: Looked) -> float:
    return looked.seconds * 1000


def _stuck(job: Job) -> bool:
    """Whether it is active past its expiry or heartbeat."""
    since = {"expire_seconds": job.row.started_on, "heartbeat_seconds": job.fields.get("heartbeat_on")}
    limits = [(at, job.fields.get(name)) for name, at in since.items()]
    return job.row.state == "active" and any(
        isinstance(at, datetime) and isinstance(seconds, int | float) and at + timedelta(seconds=seconds) < job.read_at
        for at, seconds in limits
    )


def _size(payload: Payload) -> str:
    return "none" if payload.text is None else fmt.size(payload.size_bytes)

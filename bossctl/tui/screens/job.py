"""One job: its life, its fields, its payload and output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from bossctl import format as fmt
from bossctl.errors import BossctlError
from bossctl.models.common import Payload
from bossctl.models.history import history
from bossctl.models.jobactions import JobAction
from bossctl.models.jobs import Event, Job
from bossctl.tui.commands import Command, bindings
from bossctl.tui.desk import Desk
from bossctl.tui.panes import PaneStrip
from bossctl.tui.places import JobPlace, QueuePlace, Visit
from bossctl.tui.polling import Poll
from bossctl.tui.screens.base import Reading
from bossctl.tui.screens.jobactions import JobActions, fits, with_footer
from bossctl.tui.widgets.json_view import JsonView
from bossctl.tui.widgets.states import state_glyph
from bossctl.tui.words import distance, moment, pairs, run_time

if TYPE_CHECKING:
    from bossctl.tui.chosen import Chosen

_KINDS = {f"job_{action.value}": action for action in JobAction}
FINISHED = ("completed", "cancelled", "failed", "expired")
PANES = ("life", "data", "output")
LABEL = 21
LONGEST = 400
"""Cells of a field's value."""
_COLUMNS = (
    *("priority", "retry_count", "retry_limit", "singleton_key", "dead_letter", "blocked"),
    *("created_on", "start_after", "started_on", "completed_on", "keep_until"),
)


class JobScreen(JobActions):
    """A job, large. Wide: three panes; narrow: one of them at a time."""

    heading = "Job"
    COMMAND_LIST = (
        Command("job.panes", "tab", "Next pane", "life, payload, output", "Job", footer=True, action="next_pane"),
        Command("job.panes-back", "shift+tab", "Pane back", "", "Job", action="previous_pane"),
        Command("job.zoom", "m", "Maximize", "one pane alone, or all", "Job", footer=True, action="zoom"),
        Command("job.its-queue", "o", "Queue", "the queue it is in", "Job", action="open_queue"),
        Command("job.source", "w", "Whence", "the job it is the dead letter of", "Job", action="source"),
        *with_footer(["retry", "cancel", "resume"]),
    )
    BINDINGS: ClassVar = bindings(COMMAND_LIST)

    job: reactive[Job | None] = reactive(None, always_update=True, init=False)
    pane: reactive[str] = reactive("life", init=False)

    def __init__(self, desk: Desk, place: JobPlace) -> None:
        super().__init__(desk, place)
        self.wanted = place
        self._poll = Poll(self._read_job, interval=self._interval)
        self._whole: dict[str, Payload] = {}
        self._twins = 0

    async def _read_job(self) -> Job:
        return self._chosen(await self.desk.reader.jobs_with_id(self.wanted.id))

    def _interval(self) -> float:
        finished = self.job is not None and self.job.row.state in FINISHED
        return max(self.desk.interval(), 10.0 if finished else 0.0)

    def _chosen(self, found: Sequence[Job]) -> Job:
        """The row that was asked for, or the first with its id."""
        wanted = self.wanted
        self._twins = len(found) - 1
        fits = [job for job in found if wanted.queue in (None, job.row.queue)]
        return next((job for job in fits if wanted.archived in (None, job.row.archived)), (fits or list(found))[0])

    def body(self) -> list[Widget]:
        """The strip of panes and the panes."""
        life = VerticalScroll(Static(id="history", markup=False), Static(id="fields", markup=False), id="life")
        data, output = JsonView(absent="no payload", id="data"), JsonView(absent="no output", id="output")
        life.border_title, data.border_title, output.border_title = "Life", "Payload", "Output"
        return [PaneStrip(PANES), Horizontal(life, Vertical(data, output, id="json"), id="panes")]

    def on_mount(self) -> None:
        """Begin with the life of the job."""
        super().on_mount()
        self.watch_pane()

    # --- reading

    def readings(self) -> list[Reading]:
        """The job."""
        return [(self._poll, self._took)]

    def _took(self, job: Job) -> None:
        self.job = job

    def watch_job(self, job: Job | None) -> None:
        """Draw it."""
        if job is None:
            return
        now = self.desk.now()
        self.query_one("#history", Static).update(pairs(_step(event, job.read_at) for event in history(job)))
        self.query_one("#fields", Static).update(pairs(_fields(job, now), width=LABEL))
        for name, payload in (("data", job.data), ("output", job.output)):
            self.query_one(f"#{name}", JsonView).show(self._fullest(name, payload))
        self.query_one(PaneStrip).titles = (
            "Life",
            f"Payload {_size(job.data)}",
            f"Output {_size(job.output)}",
        )
        self.refresh_bindings()

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
        twins = " · another row has this id" if self._twins else ""
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
        self.query_one(f"#{name}", JsonView).show(self._whole[name])

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
        self.query_one("#json").set_class(self.pane != "life", "-chosen")
        self._focus_pane()

    def _focus_pane(self) -> None:
        pane = self.query_one(f"#{self.pane}")
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
        if action == "source":
            return True if self.job and isinstance(self.job.fields.get("source_id"), str) else None
        return super().check_action(action, parameters)

    def action_open_queue(self) -> None:
        """Go to the queue."""
        if self.queue_here is not None:
            self.post_message(Visit(QueuePlace(self.queue_here)))

    def action_source(self) -> None:
        """Go to the job it is the dead letter of."""
        source = self.job.fields.get("source_id") if self.job else None
        if isinstance(source, str):
            self.post_message(Visit(JobPlace(source)))


def _stuck(job: Job) -> bool:
    """Whether it is active past its expiry or heartbeat."""
    since = {"expire_seconds": job.row.started_on, "heartbeat_seconds": job.fields.get("heartbeat_on")}
    limits = [(at, job.fields.get(name)) for name, at in since.items()]
    return job.row.state == "active" and any(
        isinstance(at, datetime) and isinstance(seconds, int | float) and at + timedelta(seconds=seconds) < job.read_at
        for at, seconds in limits
    )


def _step(event: Event, now: datetime) -> tuple[str, Text | str]:
    seconds = distance(event.at, now)
    if event.at is None:
        when = ""
    elif seconds is None:
        when = fmt.timestamp(event.at)
    else:
        when = f"in {fmt.age(-seconds)}" if seconds < 0 else f"{fmt.age(seconds)} ago"
    return when, event.what if event.sure else Text(fmt.clean(event.what), "dim italic")


def _fields(job: Job, now: datetime) -> Iterator[tuple[str, Text | str]]:
    """What is set, one line each, and the names of what is not."""
    row = job.row
    values: Mapping[str, object] = {**{name: getattr(row, name) for name in _COLUMNS}, **job.fields}
    yield "id", row.id
    yield "state", f"{state_glyph(row.state)} {row.state}"
    yield "queue", row.queue
    for name, value in values.items():
        if value is not None:
            yield name, _value(name, value, now)
    if job.row.started_on is not None:
        yield "ran", run_time(row, now)
    unset = [name for name, value in values.items() if value is None]
    if unset:
        yield "not set", Text(fmt.clean(", ".join(unset)), "dim")


def _value(name: str, value: object, now: datetime) -> str:
    if isinstance(value, datetime):
        return moment(value, now)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_seconds") and isinstance(value, int | float) and value >= 60:
        return f"{value:g} ({fmt.duration(value)})"
    return fmt.truncate(str(value), LONGEST)


def _size(payload: Payload) -> str:
    return "none" if payload.text is None else fmt.size(payload.size_bytes)

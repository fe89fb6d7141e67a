"""Going from place to place: the stack of screens, and the commands that lead to them."""

from __future__ import annotations

from textual import on

from bossctl.errors import UsageError
from bossctl.format import clean
from bossctl.tui.commands import Command
from bossctl.tui.desk import Desk
from bossctl.tui.pacing import Restyling
from bossctl.tui.places import (
    FindingsPlace,
    JobPlace,
    JobsPlace,
    LogPlace,
    Place,
    QueuePlace,
    QueuesPlace,
    SchedulesPlace,
    SystemPlace,
    Visit,
    WorkersPlace,
)
from bossctl.tui.router import screen_for
from bossctl.tui.screens.base import BossScreen

KEPT = 4
"""So many places keep their screens, half a megabyte to two each; beyond that the newest takes the screen of the one
before, of which only the place is kept."""
DEEPEST = 12
"""So many places are kept to come back to."""
FLOOR = 2
"""Textual's own blank screen and the queues are never left."""

GO_COMMANDS = (
    Command("go.queues", "1", "Queues", "all queues, the worst first", "Screens"),
    Command("go.queue", "2", "Queue", "the queue under the cursor", "Screens", ("name...",)),
    Command("go.jobs", "3", "Jobs", "by the selection language", "Screens", ("selection...",)),
    Command("go.job", "4", "Job", "the job under the cursor", "Screens", ("id?",)),
    Command("go.findings", "5", "Findings", "what doctor found", "Screens"),
    Command("go.schedules", "6", "Schedules", "next runs, missed and doubled slots", "Screens"),
    Command("go.workers", "7", "Workers", "who works the queues", "Screens"),
    Command("go.system", "8", "System", "how the schema is kept", "Screens"),
    Command("go.log", "9", "Log", "your own actions, and undo", "Screens"),
)


class Navigation(Restyling):
    """An app whose screens are places. A subclass sets `desk`."""

    desk: Desk

    def __init__(self) -> None:
        super().__init__()
        self._passed: list[Place] = []

    @on(Visit)
    def _visit(self, event: Visit) -> None:
        self.visit(event.place)
        if event.then:
            self.call_after_refresh(self.run_action, f"screen.{event.then}")

    def visit(self, place: Place) -> None:
        """Go to a place: back to it when it is open below, else to a new screen."""
        for steps, screen in enumerate(reversed(self._places)):
            if screen.place == place:
                for _ in range(steps):
                    self.pop_screen()
                return
        screen = self._screen_for(place)
        if screen is None:
            return
        here, passed = self.here, self._behind()
        if here is None or self.desk.writing or len(self._places) < KEPT:
            self.push_screen(screen)
            return
        if place in passed:
            del passed[passed.index(place) :]
        else:
            passed.append(here.place)
            del passed[: KEPT - DEEPEST]
        self.switch_screen(screen)

    @property
    def _places(self) -> list[BossScreen]:
        return [screen for screen in self.screen_stack if isinstance(screen, BossScreen)]

    def _behind(self) -> list[Place]:
        """The places without a screen that lie between the newest screen kept and the one below."""
        if len(self._places) < KEPT:
            self._passed.clear()
        return self._passed if len(self._places) == KEPT else []

    def _screen_for(self, place: Place) -> BossScreen | None:
        """A new screen; a place that cannot be is told of."""
        try:
            return screen_for(self.desk, place)
        except UsageError as error:
            self.notify(clean(f"{error}"), severity="error", markup=False)
            return None

    @property
    def here(self) -> BossScreen | None:
        """The place in front; None while a dialog is."""
        return self.screen if isinstance(self.screen, BossScreen) else None

    def remark(self, sentence: str) -> None:
        """Tell the user something that is not an error."""
        self.notify(clean(sentence), severity="warning", markup=False)

    def action_go_queues(self) -> None:
        """All queues."""
        self.visit(QueuesPlace())

    def action_go_queue(self, name: str = "") -> None:
        """The queue named, or under the cursor, or looked at last."""
        name = name or (self.here.queue_here if self.here else None) or self.desk.last_queue or ""
        if name:
            self.visit(QueuePlace(name))
        else:
            self.remark("choose a queue first")

    def action_go_jobs(self, selection: str = "") -> None:
        """Jobs by an expression; without one the jobs screen that is open, or all jobs."""
        places = [screen.place for screen in self.screen_stack if isinstance(screen, BossScreen)]
        opened = [place for place in places if isinstance(place, JobsPlace)]
        self.visit(JobsPlace(selection) if selection or not opened else opened[-1])

    def action_go_job(self, job_id: str = "") -> None:
        """The job named, or under the cursor, or looked at last."""
        place = JobPlace(job_id) if job_id else (self.here.job_here if self.here else None) or self.desk.last_job
        if place is not None:
            self.visit(place)
        else:
            self.remark("choose a job first")

    def action_go_findings(self) -> None:
        """What doctor found."""
        self.visit(FindingsPlace())

    def action_go_schedules(self) -> None:
        """When schedules run, and what became of their slots."""
        self.visit(SchedulesPlace())

    def action_go_log(self) -> None:
        """What was done with bossctl."""
        self.visit(LogPlace())

    def action_go_workers(self) -> None:
        """Who works the queues."""
        self.visit(WorkersPlace())

    def action_go_system(self) -> None:
        """How the schema is kept."""
        self.visit(SystemPlace())

    async def action_back(self) -> None:
        """Undo a filter, else leave the screen; the first screen stays."""
        here = self.here
        if here is None or here.go_back() or len(self.screen_stack) <= FLOOR:
            return
        behind = self._behind()
        before = self._screen_for(behind.pop()) if behind else None
        if before is not None:
            self.switch_screen(before)
        else:
            self.pop_screen()

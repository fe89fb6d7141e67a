"""Jobs, by the selection language."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from bossctl.errors import BossctlError
from bossctl.format import clean
from bossctl.models.queues import STATES
from bossctl.selector import Completion, Path, SelectorError, complete
from bossctl.tui.commands import Command, bindings
from bossctl.tui.desk import Desk
from bossctl.tui.filterline import FilterLine
from bossctl.tui.joblist import JobList
from bossctl.tui.places import JobPlace, JobsPlace, Visit
from bossctl.tui.screens.base import Reading
from bossctl.tui.screens.jobactions import with_footer
from bossctl.tui.screens.jobviews import VIEW_COMMANDS, JobViews
from bossctl.tui.selection import problem, read, state_of, text_of, toggled, with_state
from bossctl.tui.widgets.histogram import StateLegend, StatePicked
from bossctl.tui.widgets.table import LineTable

if TYPE_CHECKING:
    from bossctl.models.jobactions import ActionOutcome, JobAction
    from bossctl.tui.chosen import Chosen


class JobsScreen(JobViews):
    """Pages of jobs. The selection is one expression; quick filters put terms into it and take them out.

    An action is about the marked jobs, all that match where that was asked for, else the job under the cursor.
    """

    heading = "Jobs"
    COMMAND_LIST = (
        Command("jobs.open", "enter", "Open", "the job under the cursor", "Jobs", action="open"),
        Command(
            "jobs.filter",
            "slash",
            "Filter",
            "queue:mail* state:failed older:15m …",
            "Jobs",
            footer=True,
            action="filter",
            opens_line=True,
        ),
        Command(
            "jobs.next",
            "n,right_square_bracket",
            "Next page",
            "the jobs after these",
            "Jobs",
            footer=True,
            action="next_page",
        ),
        Command(
            "jobs.newer", "b,left_square_bracket", "Page back", "the jobs before these", "Jobs", action="previous_page"
        ),
        Command("jobs.stuck", "o", "Stuck", "only jobs past expiry or heartbeat", "Jobs", action="stuck"),
        Command("jobs.rerun", "u", "Re-run", "only jobs that ran more than once", "Jobs", action="rerun"),
        Command("jobs.state", "f", "State", "only jobs in the next state", "Jobs", ("state?",), action="state"),
        Command("jobs.all", "a", "All", "drop the selection", "Jobs", action="all"),
        *VIEW_COMMANDS,
        *with_footer(["retry"]),
    )
    BINDINGS: ClassVar = bindings(COMMAND_LIST)

    def __init__(self, desk: Desk, place: JobsPlace) -> None:
        super().__init__(desk, place)
        self._list = JobList(desk, read(place.selection))
        self._paths: Sequence[Path] = ()

    def body(self) -> list[Widget]:
        """The selection, the page, the filter line and the legend."""
        return [
            Static(id="selection", markup=False),
            self._list,
            StateLegend(),
            FilterLine(self._completions, checker=problem, placeholder="queue:mail* state:failed older:15m"),
        ]

    def on_mount(self) -> None:
        """Say what is selected."""
        self._say_selection()

    def readings(self) -> list[Reading]:
        """The page."""
        return [(self._list.poll, self._list.show)]

    def about(self) -> str:
        """Whether these are all, and how many are marked."""
        marks = self._list.marks_words
        return ("all" if self._list.selection is None else "selected") + (f" · {marks}" if marks else "")

    @property
    def queue_here(self) -> str | None:
        """The queue of the job under the cursor."""
        return self._list.queue_here

    @property
    def job_here(self) -> JobPlace | None:
        """The job under the cursor."""
        return self._list.job_here

    def go_back(self) -> bool:
        """Forget marks on other pages first; the table sees to its own."""
        return self._list.unmark()

    # --- actions on jobs

    def chosen(self, action: JobAction) -> Chosen | str:
        """The marked jobs, all that match, or the one under the cursor."""
        from bossctl.tui.chosen import all_of, these

        selection = self._list.selection
        if self._list.every and selection is not None:
            return all_of(selection)
        here = self._list.row_here
        return these(self._list.marked or ((here,) if here else ()), action)

    def acted(self, outcome: ActionOutcome) -> None:
        """What was to be done to the marked jobs is done."""
        if outcome.changed:
            self._list.unmark()

    # --- what the user does

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
        self.place = JobsPlace(text_of(self._list.selection))
        self._say_selection()
        self.drop_stale()

    def action_next_page(self) -> None:
        """Go on to the jobs after these."""
        if not self._list.next_page():
            self.notify("this is the last page", markup=False)

    def action_previous_page(self) -> None:
        """Go back to the jobs before these."""
        if not self._list.previous_page():
            self.notify("this is the first page", markup=False)

    def action_stuck(self) -> None:
        """Only stuck jobs, or no longer only these."""
        self._list.select(toggled(self._list.selection, "stuck"))

    def action_rerun(self) -> None:
        """Only jobs that ran more than once, or no longer only these."""
        self._list.select(toggled(self._list.selection, "rerun"))

    def action_state(self, state: str = "") -> None:
        """Only jobs in a state; without one in the next, after the last in any."""
        choices: list[str | None] = [None, *STATES]
        if state and state not in STATES:
            self.notify(f"a state is one of {', '.join(STATES)}", severity="warning", markup=False)
            return
        here = state_of(self._list.selection)
        following = choices[(choices.index(here) + 1) % len(choices)] if here in choices else None
        self._list.select(with_state(self._list.selection, state or following))

    @on(StatePicked)
    def _picked(self, event: StatePicked) -> None:
        same = state_of(self._list.selection) == event.state
        self._list.select(with_state(self._list.selection, None if same else event.state))

    def action_all(self) -> None:
        """Drop the selection."""
        self._list.select(None)

    def _say_selection(self) -> None:
        text = text_of(self._list.selection)
        line = self.query_one("#selection", Static)
        line.display = bool(text)
        line.update(Content("/ ").stylize("$text-muted") + Content(clean(text)))

    # --- the filter line

    def action_filter(self) -> None:
        """Open the filter line."""
        text = text_of(self._list.selection)
        self.query_one(FilterLine).open(f"{text} " if text else "")
        self.run_worker(self._learn_paths(), group="paths", exclusive=True)

    async def _learn_paths(self) -> None:
        """Look which paths are in a few payloads of this page, so that they can be offered."""
        page = self._list.poll.value
        if page is None or not page.jobs:
            return
        with suppress(BossctlError):
            self._paths = await self.desk.reader.payload_paths(page.jobs)
            self.query_one(FilterLine).help_again()

    def _completions(self, text: str, cursor: int) -> Sequence[Completion]:
        return complete(text, cursor, queues=self.desk.names, keys=self._list.singleton_keys, paths=self._paths)

    @on(FilterLine.Submitted)
    def _submitted(self, event: FilterLine.Submitted) -> None:
        line = self.query_one(FilterLine)
        try:
            selection = read(event.text)
        except SelectorError as error:
            line.complain(error)
            return
        except BossctlError as error:
            self.notify(clean(str(error)), severity="error", markup=False)
            return
        line.close()
        self._list.select(selection)

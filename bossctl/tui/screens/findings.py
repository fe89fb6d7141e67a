"""What doctor found, why it matters, and the ways on: to the jobs, the queue, the remedy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from bossctl import format as fmt
from bossctl.models.findings import CheckResult, Finding, Report, Status
from bossctl.selector import Ids, to_text
from bossctl.tui import findingtexts as texts
from bossctl.tui.chosen import all_of
from bossctl.tui.commands import Command, bindings
from bossctl.tui.desk import Desk
from bossctl.tui.panes import PaneStrip
from bossctl.tui.places import FindingsPlace, JobsPlace, QueuePlace, Visit
from bossctl.tui.remedies import Acting, Ensuring, way
from bossctl.tui.screens.base import Reading
from bossctl.tui.screens.changes import QueueChanges
from bossctl.tui.screens.jobactions import open_action
from bossctl.tui.widgets.columns import Column
from bossctl.tui.widgets.table import LineTable

if TYPE_CHECKING:
    from bossctl.doctor import Check
    from bossctl.tui.copying import Copyable

ALL, SKIPPED = "all", "skipped"
PANES = (ALL, *texts.FAMILIES, SKIPPED)
COLUMNS = (
    Column("severity", "SEVERITY", width=9),
    Column("code", "CODE", width=6),
    Column("certainty", "CERTAINTY", width=9, priority=3),
    Column("queue", "QUEUE", min_width=8, max_width=30, fit=True, priority=1),
    Column("count", "JOBS", width=5, align="right", priority=2),
    Column("message", "WHAT", width=30, min_width=16, flex=1),
)


class FindingsScreen(QueueChanges):
    """Findings above, by families; the one under the cursor in full below, or the explanation of its check."""

    heading = "Findings"
    COMMAND_LIST = (
        Command(
            "findings.its-jobs", "enter", "Its jobs", "the jobs of a finding", "Findings", footer=True, action="open"
        ),
        Command(
            "findings.remedy",
            "R",
            "Remedy",
            "go where the remedy's command leads, or plan what it changes",
            "Findings",
            footer=True,
            changes=True,
            action="remedy",
        ),
        Command("findings.explain", "x", "Explain", "what the check does", "Findings", footer=True, action="explain"),
        Command("findings.its-queue", "o", "Its queue", "the queue of a finding", "Findings", action="open_queue"),
        Command("findings.family", "tab,f", "Next family", "of findings", "Findings", action="next_family"),
        Command("findings.family-before", "shift+tab", "Family before", "", "Findings", action="family_before"),
        Command("findings.down", "right_square_bracket", "Read on", "scroll the detail", "Findings", action="read_on"),
        Command("findings.up", "left_square_bracket", "Read back", "scroll the detail", "Findings", action="read_back"),
    )
    BINDINGS: ClassVar = bindings(COMMAND_LIST)

    report: reactive[Report | None] = reactive(None, always_update=True, init=False)
    family: reactive[str] = reactive(ALL, init=False)
    explaining: reactive[bool] = reactive(False, init=False)

    def __init__(self, desk: Desk, place: FindingsPlace) -> None:
        super().__init__(desk, place)
        self._findings: dict[str, Finding] = {}
        self._checks: dict[str, CheckResult] = {}
        self._wanted = ""

    def body(self) -> list[Widget]:
        """Families, the table, the detail."""
        families = PaneStrip(PANES)
        families.chosen = ALL
        detail = VerticalScroll(Static(id="detail", markup=False), id="detail-scroll", can_focus=False)
        return [families, LineTable(COLUMNS, empty_text="nothing found", id="findings"), detail]

    @property
    def table(self) -> LineTable:
        """The findings."""
        return self.query_one("#findings", LineTable)

    def readings(self) -> list[Reading]:
        """The runs of doctor, of which the app takes those in the background."""
        return [(self.desk.checkup, self._took)]

    def tick(self) -> None:
        """Also show what was found while nobody looked here."""
        super().tick()
        latest = self.desk.checkup.value
        if latest is not None and latest is not self.report and self.in_use:
            self._took(latest)

    def _took(self, report: Report) -> None:
        self.report = report

    # --- what is shown

    def watch_report(self, report: Report | None) -> None:
        """Draw it."""
        if report is None:
            return
        self._findings = {one.fingerprint: one for one in report.findings}
        self._checks = {f"skipped {one.code}": one for one in report.checks if one.status is Status.SKIPPED}
        self._draw()

    def watch_family(self) -> None:
        """Show the findings of one family, or of all."""
        self.query_one(PaneStrip).chosen = self.family
        self.table.empty_text = "every check looked" if self.family == SKIPPED else "nothing found"
        self._draw()

    def _draw(self) -> None:
        if self.report is None:
            return
        families: dict[str, list[Finding]] = {}
        for one in self._findings.values():
            families.setdefault(texts.family(one.code), []).append(one)
        self.query_one(PaneStrip).titles = [self._title(pane, families.get(pane, ())) for pane in PANES]
        wanted = [texts.row(key, one) for key, one in self._findings.items() if self._is_of(one.code)]
        wanted += [texts.skipped_row(key, one) for key, one in self._checks.items() if self._lists(one)]
        self.table.update(wanted)
        self._find_wanted()
        self._show_detail()
        self.say_status()

    def action_look_at(self, finding: str) -> None:
        """Put the cursor on a finding, by its fingerprint or the code of its check, once doctor has looked."""
        self._wanted, self.family, self.explaining = finding, ALL, False
        self._find_wanted()

    def _find_wanted(self) -> None:
        of_check = (key for key, one in self._findings.items() if one.code == self._wanted)
        key = self._wanted if self._wanted in self._findings else next(of_check, None)
        if key is not None:
            self.table.go_to(key)
        self._wanted = "" if self.report is not None else self._wanted

    def _is_of(self, code: str) -> bool:
        return self.family in (ALL, texts.family(code))

    def _lists(self, check: CheckResult) -> bool:
        """All that did not look on their own pane; among the findings those that something kept from looking."""
        return self.family == SKIPPED or (texts.kept_from_looking(check) and self._is_of(check.code))

    def _title(self, pane: str, found: Sequence[Finding]) -> str:
        if pane == SKIPPED:
            return f"Skipped {len(self._checks)}"
        if pane == ALL:
            return f"All {len(self._findings)}"
        return f"{texts.sign(found)} {texts.FAMILIES[pane]} {len(found)}".strip()

    def badge(self) -> Content:
        """None: the summary says more."""
        return Content("")

    def about(self) -> str:
        """The sum of the report, or what doctor is at."""
        return self.desk.step if self.report is None else texts.summary(self.report)

    def _show_detail(self) -> None:
        key = self.table.cursor_key or ""
        finding, skipped = self._findings.get(key), self._checks.get(key)
        check = self._check if self.explaining else None
        shown = None
        if check is not None:
            shown = texts.explanation(check)
        elif finding is not None:
            shown = texts.detail(finding, self.desk.now())
        elif skipped is not None:
            shown = texts.skipped_detail(skipped)
        self.query_one("#detail", Static).update(shown or "")
        self.query_one("#detail-scroll").display = shown is not None

    def watch_explaining(self) -> None:
        """The finding, or its check."""
        self.query_one("#detail-scroll").scroll_home(animate=False)
        self._show_detail()

    # --- what is under the cursor

    @property
    def _here(self) -> Finding | None:
        return self._findings.get(self.table.cursor_key or "")

    @property
    def _check(self) -> Check | None:
        """The check that the line under the cursor comes from."""
        from bossctl.doctor import CHECKS

        here = self._here or self._checks.get(self.table.cursor_key or "")
        return next((check for check in CHECKS if here is not None and check.code == here.code), None)

    @property
    def _command(self) -> str | None:
        return self._here.remedy.command if self._here else None

    @property
    def queue_here(self) -> str | None:
        """The queue of the finding under the cursor."""
        return self._here.queue if self._here else None

    @on(LineTable.RowHighlighted)
    def _highlighted(self) -> None:
        self.query_one("#detail-scroll").scroll_home(animate=False)
        self._show_detail()
        self.refresh_bindings()

    # --- what the user does

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out ways that lead nowhere."""
        if action == "open":
            return True if self._here and self._here.jobs else None
        if action == "open_queue":
            return True if self.queue_here else None
        if action == "remedy":
            return True if self._command else None
        if action == "explain":
            return True if self.table.cursor_key else None
        return super().check_action(action, parameters)

    def action_open(self) -> None:
        """Show the jobs of the finding under the cursor."""
        self.table.action_select()

    @on(LineTable.RowSelected)
    def _selected(self, event: LineTable.RowSelected) -> None:
        finding = self._findings.get(event.key)
        if finding is None or not finding.jobs:
            self.notify("no job ids belong to this", markup=False)
            return
        self.post_message(Visit(JobsPlace(to_text(Ids(tuple(finding.jobs))))))

    def action_open_queue(self) -> None:
        """Go to the queue of the finding under the cursor."""
        if self.queue_here is not None:
            self.post_message(Visit(QueuePlace(self.queue_here)))

    def action_remedy(self) -> None:
        """Do inside what the remedy's command does: a list is gone to, a change is planned and asked about."""
        command = self._command
        if command is None:
            return
        leads = way(command)
        if isinstance(leads, Ensuring):
            from bossctl.tui.screens.ensure import EnsureForm

            self._open(EnsureForm(self.desk, leads.queue, given=leads.options), self._ensured)
        elif isinstance(leads, Acting):
            open_action(self, leads.action, all_of(leads.selector), leads.given)
        elif leads is not None:
            self.post_message(Visit(leads))
        else:
            self.notify(f"to run in a shell (y copies it):\n{fmt.clean(command)}", markup=False)

    def to_copy(self) -> Copyable | None:
        """The command of the remedy."""
        from bossctl.tui.copying import Copyable

        return Copyable("the command", self._command) if self._command else None

    def action_explain(self) -> None:
        """Say what the check does, how to confirm and how to fix; or show the finding again."""
        self.explaining = not self.explaining

    def go_back(self) -> bool:
        """From the explanation to the finding, from a family to all."""
        if self.explaining:
            self.explaining = False
        elif self.family != ALL:
            self.family = ALL
        else:
            return False
        return True

    @on(PaneStrip.Chosen)
    def _family_clicked(self, event: PaneStrip.Chosen) -> None:
        self.family = event.pane

    def action_next_family(self, step: int = 1) -> None:
        """Go to the next family."""
        self.family = PANES[(PANES.index(self.family) + step) % len(PANES)]

    def action_family_before(self) -> None:
        """Go to the family before."""
        self.action_next_family(-1)

    def action_read_on(self, lines: int = 4) -> None:
        """Scroll the detail."""
        self.query_one("#detail-scroll").scroll_relative(y=lines, animate=False)

    def action_read_back(self) -> None:
        """Scroll the detail back."""
        self.action_read_on(-4)

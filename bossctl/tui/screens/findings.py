"""What doctor found, and why it matters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import ClassVar

from rich.console import Group, RenderableType
from rich.text import Text
from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from bossctl import format as fmt
from bossctl.models.findings import CheckResult, EvidenceValue, Finding, Report, Severity, Status
from bossctl.selector import Ids, to_text
from bossctl.tui.commands import Command, bindings
from bossctl.tui.desk import Desk
from bossctl.tui.places import FindingsPlace, JobsPlace, QueuePlace, Visit
from bossctl.tui.polling import Poll
from bossctl.tui.screens.base import BossScreen, Reading
from bossctl.tui.widgets.columns import Column
from bossctl.tui.widgets.rows import Cell, Row
from bossctl.tui.widgets.table import LineTable
from bossctl.tui.words import moment, pairs, plural

INTERVAL = 60.0
"""Seconds between runs; a dear run comes less often still."""
EVIDENCE_SHOWN = 20
COLUMNS = (
    Column("severity", "SEVERITY", width=9),
    Column("code", "CODE", width=6),
    Column("certainty", "CERTAINTY", width=9, priority=3),
    Column("queue", "QUEUE", min_width=8, max_width=30, fit=True, priority=1),
    Column("count", "JOBS", width=5, align="right", priority=2),
    Column("message", "WHAT", width=30, min_width=16, flex=1),
)
_SIGNS: Mapping[str, tuple[str, str]] = {
    "error": ("✗", "$text-error bold"),
    "warning": ("▲", "$text-warning"),
    "info": ("·", "$text-primary"),
    "skipped": ("-", "$text-muted"),
}


class FindingsScreen(BossScreen):
    """Findings above, the one under the cursor in full below."""

    heading = "Findings"
    COMMAND_LIST = (
        Command(
            "findings.its-jobs", "enter", "Its jobs", "the jobs of a finding", "Findings", footer=True, action="open"
        ),
        Command(
            "findings.its-queue", "o", "Queue", "the queue of a finding", "Findings", footer=True, action="open_queue"
        ),
        Command("findings.down", "right_square_bracket", "Read on", "scroll the detail", "Findings", action="read_on"),
        Command("findings.up", "left_square_bracket", "Read back", "scroll the detail", "Findings", action="read_back"),
    )
    BINDINGS: ClassVar = bindings(COMMAND_LIST)

    report: reactive[Report | None] = reactive(None, always_update=True, init=False)

    def __init__(self, desk: Desk, place: FindingsPlace) -> None:
        super().__init__(desk, place)
        self._step = ""
        self._findings: dict[str, Finding] = {}
        self._checks: dict[str, CheckResult] = {}
        self._poll = Poll(
            lambda: desk.diagnose(self._note_step),
            interval=INTERVAL,
            cost=lambda report: report.elapsed_seconds * 1000,
            cheap=False,
        )

    def _note_step(self, step: str) -> None:
        self._step = step

    def body(self) -> list[Widget]:
        """The table and the detail."""
        detail = VerticalScroll(Static(id="detail", markup=False), id="detail-scroll", can_focus=False)
        return [LineTable(COLUMNS, empty_text="nothing found: all checks passed", id="findings"), detail]

    @property
    def table(self) -> LineTable:
        """The findings."""
        return self.query_one("#findings", LineTable)

    def readings(self) -> list[Reading]:
        """A run of doctor."""
        return [(self._poll, self._took)]

    def _took(self, report: Report) -> None:
        self.report = report

    def watch_report(self, report: Report | None) -> None:
        """Draw it."""
        if report is None:
            return
        self._findings = {one.fingerprint: one for one in report.findings}
        # What this schema has no such thing for is no news; what a right or a timeout kept from being looked at is.
        self._checks = {f"skipped {one.code}": one for one in report.checks if _kept_from_looking(one)}
        rows = [_row(key, one) for key, one in self._findings.items()]
        self.table.update([*rows, *(_skipped(key, one) for key, one in self._checks.items())])
        self._show_detail(self.table.cursor_key)

    def about(self) -> str:
        """The sum of the report."""
        if self.report is None:
            return self._step
        skipped = sum(check.status is Status.SKIPPED for check in self.report.checks)
        found = [sum(one.severity is severity for one in self.report.findings) for severity in Severity]
        errors, warnings, infos = found
        parts = [f"{plural(errors, 'error')}, {plural(warnings, 'warning')}, {infos} info"]
        parts.append(plural(len(self.report.checks) - skipped, "check"))
        if kept := len(self._checks):
            parts.append(f"{kept} could not look")
        if other := skipped - kept:
            parts.append(f"{other} not for this schema")
        return " · ".join([*parts, *self.report.notes])

    # --- what the user does

    @property
    def _here(self) -> Finding | None:
        return self._findings.get(self.table.cursor_key or "")

    @property
    def queue_here(self) -> str | None:
        """The queue of the finding under the cursor."""
        return self._here.queue if self._here else None

    @on(LineTable.RowHighlighted)
    def _highlighted(self, event: LineTable.RowHighlighted) -> None:
        self._show_detail(event.key)
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out ways that lead nowhere."""
        if action == "open":
            return True if self._here and self._here.jobs else None
        if action == "open_queue":
            return True if self._here and self._here.queue else None
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

    def action_read_on(self, lines: int = 4) -> None:
        """Scroll the detail."""
        self.query_one("#detail-scroll").scroll_relative(y=lines, animate=False)

    def action_read_back(self) -> None:
        """Scroll the detail back."""
        self.action_read_on(-4)

    def _show_detail(self, key: str | None) -> None:
        told: list[RenderableType] = []
        if (finding := self._findings.get(key or "")) is not None:
            told = [_head(finding), pairs(_detail(finding, self.desk.now()))]
        elif (check := self._checks.get(key or "")) is not None:
            told = [Text(f"{check.code} {check.slug}", "bold"), Text(fmt.clean(check.reason or ""))]
        self.query_one("#detail", Static).update(Group(*told))
        self.query_one("#detail-scroll").display = bool(told)


def _kept_from_looking(check: CheckResult) -> bool:
    return check.status is Status.SKIPPED and not (check.reason or "").startswith("era")


def _row(key: str, one: Finding) -> Row:
    queue = fmt.clean(one.queue or "")
    cells: tuple[Cell, ...] = (
        _severity(one.severity.value),
        one.code,
        one.certainty.value,
        queue,
        fmt.count(one.count),
        fmt.clean(one.message),
    )
    return Row(key, cells)


def _skipped(key: str, one: CheckResult) -> Row:
    return Row(key, (_severity("skipped"), one.code, "", "", "", fmt.clean(one.reason or "")), "muted")


def _severity(word: str) -> Content:
    sign, style = _SIGNS[word]
    return Content(f"{sign} {word}").stylize(style)


def _head(one: Finding) -> Text:
    where = f"  queue {fmt.clean(one.queue)}" if one.queue else ""
    sign = _SIGNS[one.severity.value][0]
    return Text.assemble(
        (f"{sign} {one.severity.value}  {one.code} {one.slug}", "bold"), f"{where}  ({one.certainty.value})"
    )


def _detail(one: Finding, now: datetime) -> Iterator[tuple[str, Text | str]]:
    yield "what", one.message
    if one.since is not None:
        yield "since", moment(one.since, now)
    yield "why", one.why
    yield "fix", one.remedy.text
    if one.remedy.command:
        yield "$", Text(fmt.clean(one.remedy.command), "bold")
    for number, evidence in enumerate(one.evidence[:EVIDENCE_SHOWN]):
        yield "" if number else "seen", _evidence(evidence)
    if len(one.evidence) > EVIDENCE_SHOWN:
        yield "", f"and {len(one.evidence) - EVIDENCE_SHOWN} more"


def _evidence(evidence: Mapping[str, EvidenceValue]) -> str:
    return "  ".join(f"{name} {_shown(value)}" for name, value in evidence.items() if value is not None)


def _shown(value: EvidenceValue) -> str:
    if isinstance(value, datetime):
        return fmt.timestamp(value)
    return ", ".join(value) if isinstance(value, tuple) else str(value)

"""Findings as they are shown: rows, the detail, the explanation of a check, the badge; harmless text only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text
from textual.content import Content

from bossctl import format as fmt
from bossctl.models.findings import CheckResult, EvidenceValue, Finding, Report, Severity, Status
from bossctl.tui.widgets.rows import Cell, Row
from bossctl.tui.words import moment, pairs, plural

if TYPE_CHECKING:
    from bossctl.doctor import Check

EVIDENCE_SHOWN = 20
FAMILIES: Mapping[str, str] = {"DUP": "Duplicates", "STK": "Stuck", "CFG": "Settings", "SCH": "Schema"}
_SIGNS: Mapping[str, tuple[str, str]] = {
    "error": ("✗", "$text-error bold"),
    "warning": ("▲", "$text-warning"),
    "info": ("·", "$text-primary"),
    "skipped": ("-", "$text-muted"),
}


def family(code: str) -> str:
    """The first letters of a check's code, which name its family."""
    return code[:3]


def sign(findings: Sequence[Finding]) -> str:
    """The sign of the worst of them; empty where there are none."""
    worst = min(findings, key=lambda one: one.severity.rank, default=None)
    return "" if worst is None else _SIGNS[worst.severity.value][0]


def mark_of(findings: Sequence[Finding]) -> Content:
    """The sign of the worst of them, with their codes: `▲ SCH03 SCH04`."""
    worst = min(findings, key=lambda one: one.severity.rank)
    mark, style = _SIGNS[worst.severity.value]
    return Content(f"{mark} {' '.join(dict.fromkeys(one.code for one in findings))}").stylize(style)


def badge(report: Report) -> Content:
    """The worst severity there is and how often: `✗ 4 errors`."""
    for severity in Severity:
        number = sum(one.severity is severity for one in report.findings)
        if number:
            mark, style = _SIGNS[severity.value]
            told = f"{number} {severity.value}" if severity is Severity.INFO else plural(number, severity.value)
            return Content(f"{mark} {told}").stylize(style)
    blind = sum(map(kept_from_looking, report.checks))
    if blind:
        return Content(f"? {plural(blind, 'check')} could not look").stylize("$text-muted")
    return Content("✓ nothing found").stylize("$text-success")


def kept_from_looking(check: CheckResult) -> bool:
    """Whether a right or a timeout kept it; that the schema has no such thing is no news."""
    return check.status is Status.SKIPPED and not (check.reason or "").startswith("era")


def summary(report: Report) -> str:
    """The sum of the report."""
    errors, warnings, infos = (sum(one.severity is severity for one in report.findings) for severity in Severity)
    skipped = sum(check.status is Status.SKIPPED for check in report.checks)
    kept = sum(map(kept_from_looking, report.checks))
    parts = [f"{plural(errors, 'error')}, {plural(warnings, 'warning')}, {infos} info"]
    if kept:
        parts.append(f"{kept} could not look")
    parts.append(plural(len(report.checks) - skipped, "check"))
    if skipped > kept:
        parts.append(f"{skipped - kept} not for this schema")
    return " · ".join([*parts, *report.notes])


def row(key: str, one: Finding) -> Row:
    """A finding as a line."""
    cells: tuple[Cell, ...] = (
        _severity(one.severity.value),
        one.code,
        one.certainty.value,
        fmt.clean(one.queue or ""),
        fmt.count(one.count),
        fmt.clean(one.message),
    )
    return Row(key, cells)


def skipped_row(key: str, one: CheckResult) -> Row:
    """A check that did not look, as a line with its reason."""
    return Row(key, (_severity("skipped"), one.code, "", "", "", f"{one.slug}: {_reason(one)}"), "muted")


def _reason(check: CheckResult) -> str:
    """Why a check did not look, without the word that programs go by."""
    kind, _, told = (check.reason or "").partition(" ")
    return fmt.clean(told if kind in ("era", "privilege", "timeout") else check.reason or "")


@cache
def _severity(word: str) -> Content:
    mark, style = _SIGNS[word]
    return Content(f"{mark} {word}").stylize(style)


def detail(one: Finding, now: datetime) -> RenderableType:
    """A finding in full: what, since when, why it is bad, what to do, the rows that show it."""
    where = f"  queue {fmt.clean(one.queue)}" if one.queue else ""
    mark = _SIGNS[one.severity.value][0]
    title = Text(f"{mark} {one.severity.value}  {one.code} {one.slug}", "bold")
    return Group(title.append(f"{where}  ({one.certainty.value})", "not bold"), pairs(_told(one, now)))


def skipped_detail(one: CheckResult) -> RenderableType:
    """A check that did not look, and why."""
    return Group(Text(f"{one.code} {one.slug}", "bold"), Text(f"did not look: {_reason(one)}"))


def explanation(check: Check) -> RenderableType:
    """All that a check's declaration says, as `bossctl doctor --explain`."""
    told = (
        ("what it tells", check.what),
        ("why", check.why),
        ("confirm", check.confirm),
        ("fix", check.fix),
        ("releases", check.releases),
    )
    title = Text(f"{check.code} {check.slug}  {fmt.clean(check.title)}", "bold")
    return Group(title, pairs(told))


def _told(one: Finding, now: datetime) -> Iterator[tuple[str, Text | str]]:
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


def _evidence(evidence: Mapping[str, EvidenceValue]) -> Text:
    shown = [(name, _shown(value)) for name, value in evidence.items() if value is not None]
    return Text("  ").join(Text.assemble((fmt.clean(name), "dim"), " ", fmt.clean(value)) for name, value in shown)


def _shown(value: EvidenceValue) -> str:
    if isinstance(value, datetime):
        return fmt.timestamp(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, tuple) else str(value)

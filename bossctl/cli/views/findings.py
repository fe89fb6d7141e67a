"""Doctor's report for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bossctl.cli import talk
from bossctl.cli.output import Printer
from bossctl.cli.shapes import summary
from bossctl.cli.table import Cell, Column, Table
from bossctl.format import clean, elapsed, timestamp
from bossctl.models.findings import Finding, Report, Status

if TYPE_CHECKING:
    from bossctl.doctor.check import Check

SEVERITY_STYLES = {"error": "red", "warning": "yellow", "info": "blue"}
JOBS_SHOWN = 5


def report(printer: Printer, found: Report) -> None:
    """The findings, the checks that could not look, the sum."""
    printer.clean_line(f"{found.target} (from {found.target.source})")
    for one in found.findings:
        printer.text("\n")
        _finding(printer, one)
    skipped = [check for check in found.checks if check.status is Status.SKIPPED]
    if skipped:
        printer.heading("skipped")
        rows = [[check.code, check.slug, check.reason or ""] for check in skipped]
        printer.table(Table((Column("CODE", whole=True), Column("CHECK", whole=True), Column("WHY")), rows))
    for note in found.notes:
        talk.say(f"note: {note}")
    printer.text("\n" + _sum(found) + "\n")


def _finding(printer: Printer, one: Finding) -> None:
    severity = printer.paint(one.severity.value, SEVERITY_STYLES[one.severity.value])
    where = f"  queue {clean(one.queue)}" if one.queue else ""
    printer.text(f"{severity}  {one.code} {one.slug}{where}  ({one.certainty.value})\n")
    printer.paragraph(one.message)
    if one.since:
        printer.clean_line(f"  since {timestamp(one.since)}")
    if one.jobs:
        more = f" and {one.count - JOBS_SHOWN:,} more" if one.count > JOBS_SHOWN else ""
        printer.paragraph(f"jobs: {', '.join(one.jobs[:JOBS_SHOWN])}{more}")
    printer.paragraph(f"why: {one.why}")
    printer.paragraph(f"fix: {one.remedy.text}")
    if one.remedy.command:
        printer.clean_line(f"    {one.remedy.command}")


def _sum(found: Report) -> str:
    tally = summary(found)
    parts = [_plural(tally["error"], "error"), _plural(tally["warning"], "warning"), f"{tally['info']} info"]
    ran = len(found.checks) - tally["skipped"]
    return f"{', '.join(parts)}; {ran} of {_plural(len(found.checks), 'check')} ran in {elapsed(found.elapsed_seconds)}"


def _plural(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def check_list(printer: Printer, checks: Sequence[Check]) -> None:
    """One line per check."""
    rows = [
        [one.code, one.slug, Cell(one.severity.value, SEVERITY_STYLES[one.severity.value]), one.title] for one in checks
    ]
    columns = (Column("CODE", whole=True), Column("CHECK", whole=True), Column("SEVERITY"), Column("TELLS"))
    printer.table(Table(columns, rows))


def check_explained(printer: Printer, check: Check) -> None:
    """All a check's declaration says."""
    printer.text(f"{check.code} {check.slug} ({check.severity.value})\n\n{check.title}\n")
    for title, text in (
        ("what it tells", check.what),
        ("why", check.why),
        ("confirm", check.confirm),
        ("fix", check.fix),
        ("releases", check.releases),
    ):
        printer.heading(title)
        printer.paragraph(text, indent=0)

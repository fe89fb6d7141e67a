"""Doctor's report for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from bossctl.cli import talk
from bossctl.cli.output import Printer
from bossctl.cli.reports.verdict import Verdict, plural, reason
from bossctl.cli.shapes import summary
from bossctl.cli.table import Cell, Column, Table
from bossctl.format import clean, elapsed, timestamp
from bossctl.models.findings import CheckResult, Finding, Status

if TYPE_CHECKING:
    from bossctl.doctor.check import Check

SEVERITY_STYLES = {"error": "red", "warning": "yellow", "info": "blue"}
JOBS_SHOWN = 5
ALL_IN_FULL = 5
"""So many findings of one check are told in full; of more only the first few, the others in a line each."""
FIRST_IN_FULL = 3
LINES_ON_A_TERMINAL = 20


def report(printer: Printer, verdict: Verdict) -> None:
    """The verdict, the findings by check, the checks that could not look, the sum."""
    found = verdict.report
    _verdict(printer, verdict)
    printer.clean_line(f"{found.target} (from {found.target.source})")
    explained: set[str] = set()
    for (_, code), same in groupby(found.findings, key=lambda one: (one.severity, one.code)):
        printer.text("\n")
        _same_check(printer, verdict, list(same), why=code not in explained)
        explained.add(code)
    _unseen(printer, "could not look", verdict.blind)
    _unseen(printer, "not in this schema", [one for one in found.checks if _skipped(one) and one not in verdict.blind])
    for note in found.notes:
        talk.say(f"note: {note}")
    printer.text("\n")
    total(printer, verdict)


def total(printer: Printer, verdict: Verdict) -> None:
    """How many findings and checks, in one line."""
    found = verdict.report
    sums = summary(found)
    parts = [plural(sums["error"], "error"), plural(sums["warning"], "warning"), f"{sums['info']} info"]
    known = f" ({len(found.findings) - len(verdict.new)} known)" if verdict.known is not None else ""
    ran = f"{verdict.ran} of {plural(len(found.checks), 'check')} ran in {elapsed(found.elapsed_seconds)}"
    printer.text(f"{', '.join(parts)}{known}; {ran}\n")


def headline(printer: Printer, verdict: Verdict, one: Finding) -> str:
    """Severity, check, queue and certainty of one finding."""
    where = f"  queue {clean(one.queue)}" if one.queue is not None else ""
    return f"{_severity(printer, one)}  {one.code} {one.slug}{where}  {_sure(verdict, one)}"


def told(printer: Printer, one: Finding) -> None:
    """What a finding says, when, which jobs, and what to type, below its headline."""
    _facts(printer, one, 2)
    _command(printer, one, 4)


def _verdict(printer: Printer, verdict: Verdict) -> None:
    text = printer.wrapped(verdict.sentence)
    if verdict.new:
        word = verdict.new[0].severity.value
        text = f"{printer.paint(word, SEVERITY_STYLES[word])}{text.removeprefix(word)}"
    printer.text(text)


def _same_check(printer: Printer, verdict: Verdict, found: Sequence[Finding], *, why: bool) -> None:
    """Findings of one check: its why once, each fix once, and of many findings most in one line."""
    if len(found) == 1:
        _alone(printer, verdict, found[0], why=why)
        return
    first = found[0]
    printer.text(f"{_severity(printer, first)}  {first.code} {first.slug}  {plural(len(found), 'finding')}\n")
    if why:
        printer.paragraph(f"why: {first.why}")
    hidden = False
    for fix in dict.fromkeys(one.remedy.text for one in found):
        hidden = _same_fix(printer, verdict, [one for one in found if one.remedy.text == fix]) or hidden
        printer.paragraph(f"fix: {fix}")
    if hidden:
        printer.text(f"  all of it, with jobs and evidence: --only {first.code} -o json\n")


def _alone(printer: Printer, verdict: Verdict, one: Finding, *, why: bool) -> None:
    printer.text(f"{headline(printer, verdict, one)}\n")
    _facts(printer, one, 2)
    if why:
        printer.paragraph(f"why: {one.why}")
    printer.paragraph(f"fix: {one.remedy.text}")
    _command(printer, one, 4)


def _same_fix(printer: Printer, verdict: Verdict, found: Sequence[Finding]) -> bool:
    """Print them; say whether some were not told in full."""
    shown = len(found) if len(found) <= ALL_IN_FULL else FIRST_IN_FULL
    for one in found[:shown]:
        where = f"queue {clean(one.queue)}" if one.queue is not None else clean(one.subject)
        printer.text(f"  {where}  {_sure(verdict, one)}\n")
        _facts(printer, one, 4)
        _command(printer, one, 4)
    if rest := found[shown:]:
        _lines(printer, verdict, rest)
    return bool(rest)


def _lines(printer: Printer, verdict: Verdict, found: Sequence[Finding]) -> None:
    """A line each; on a terminal not endlessly many."""
    limit = LINES_ON_A_TERMINAL if printer.terminal and len(found) > LINES_ON_A_TERMINAL else len(found)
    about = len({one.subject for one in found}) > 1
    columns = [Column("  QUEUE", least=20), Column("COUNT", right=True), Column("SINCE", whole=True)]
    columns += [Column("CERTAINTY", whole=True, rank=1), *([Column("ABOUT", rank=2)] if about else [])]
    rows = [_line(verdict, one, about=about) for one in found[:limit]]
    printer.table(Table(tuple(columns), rows))
    if left := found[limit:]:
        counted = sum(one.count for one in left)
        printer.text(f"  and {plural(len(left), 'finding')} more, {counted:,} in count\n")


def _line(verdict: Verdict, one: Finding, *, about: bool) -> list[Cell | str]:
    since = timestamp(one.since) if one.since else "-"
    sure = f"{one.certainty.value}{', known' if verdict.is_known(one) else ''}"
    subject = [one.subject] if about else []
    return [f"  {one.subject if one.queue is None else one.queue}", f"{one.count:,}", since, sure, *subject]


def _facts(printer: Printer, one: Finding, indent: int) -> None:
    printer.paragraph(one.message, indent)
    if one.since:
        printer.paragraph(f"since {timestamp(one.since)}", indent)
    if one.jobs:
        more = f" and {one.count - JOBS_SHOWN:,} more" if one.count > JOBS_SHOWN else ""
        printer.paragraph(f"jobs: {', '.join(one.jobs[:JOBS_SHOWN])}{more}", indent)


def _command(printer: Printer, one: Finding, indent: int) -> None:
    if one.remedy.command:
        printer.clean_line(f"{' ' * indent}{one.remedy.command}")


def _severity(printer: Printer, one: Finding) -> str:
    return printer.paint(one.severity.value, SEVERITY_STYLES[one.severity.value])


def _sure(verdict: Verdict, one: Finding) -> str:
    return f"({one.certainty.value}{', known' if verdict.is_known(one) else ''})"


def _unseen(printer: Printer, title: str, checks: Iterable[CheckResult]) -> None:
    """Checks that did not look, by reason."""
    reasons: dict[str, list[str]] = {}
    for check in checks:
        reasons.setdefault(reason(check), []).append(f"{check.code} {check.slug}")
    if reasons:
        printer.heading(title)
    for why, names in reasons.items():
        printer.paragraph(why)
        printer.paragraph(", ".join(names), 4)


def _skipped(check: CheckResult) -> bool:
    return check.status is Status.SKIPPED


def check_list(printer: Printer, checks: Sequence[Check], here: Mapping[str, str | None] | None) -> None:
    """One line per check; `here` tells by code why it cannot look in the database at hand, None that there is none."""
    rows: list[list[Cell | str]] = []
    for one in checks:
        severity = Cell(one.severity.value, SEVERITY_STYLES[one.severity.value])
        known = [] if here is None else ["no" if here[one.code] else "yes"]
        rows.append([one.code, one.slug, severity, *known, one.title])
    named = [Column("CODE", whole=True), Column("CHECK", whole=True), Column("SEVERITY")]
    known = [] if here is None else [Column("HERE", whole=True)]
    printer.table(Table((*named, *known, Column("TELLS")), rows))
    reasons = {one: here[one.code] for one in checks if here is not None}
    unable = [CheckResult(one.code, one.slug, Status.SKIPPED, why, 0.0) for one, why in reasons.items() if why]
    _unseen(printer, "cannot look here", unable)


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

"""Workflow commands of GitHub Actions: each finding becomes an annotation of the run."""

from __future__ import annotations

import re

from bossctl.cli.reports.verdict import Verdict, plural, reason, tally
from bossctl.format import clean
from bossctl.models.findings import Finding, Severity

LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_IN_DATA = re.compile("[%\r\n]")
_IN_PROPERTIES = re.compile("[%\r\n:,]")


def document(verdict: Verdict) -> str:
    """One command per finding and per check that could not look, then a line for the log.

    That line holds no text of the database: the runner looks for commands of an older kind in the middle of lines.
    """
    found = [_annotation(verdict, one) for one in verdict.report.findings]
    blind = [command("warning", f"{one.code} {one.slug} could not look", reason(one)) for one in verdict.blind]
    return "".join(f"{line}\n" for line in (*found, *blind, _last_line(verdict)))


def command(level: str, title: str, *lines: str) -> str:
    """`::error title=…::…`; control characters become visible, what separates is escaped."""
    message = "\n".join(map(clean, lines))
    return f"::{level} title={_escaped(_IN_PROPERTIES, clean(title))}::{_escaped(_IN_DATA, message)}"


def _annotation(verdict: Verdict, one: Finding) -> str:
    known = verdict.is_known(one)
    title = f"{one.code} {one.slug}{' (known)' if known else ''}"
    lines = [f"{one.message} ({one.certainty.value})", f"fix: {one.remedy.text}"]
    if one.jobs:
        lines.insert(1, f"jobs: {', '.join(one.jobs[:5])}{' …' if one.count > 5 else ''}")
    if one.remedy.command:
        lines.append(one.remedy.command)
    return command("notice" if known else LEVELS[one.severity], title, *lines)


def _escaped(separators: re.Pattern[str], text: str) -> str:
    return separators.sub(lambda match: f"%{ord(match[0]):02X}", text)


def _last_line(verdict: Verdict) -> str:
    found = tally(verdict.new) or "nothing new" if verdict.report.findings else "nothing found"
    return f"bossctl doctor: {found}; {verdict.ran} of {plural(len(verdict.report.checks), 'check')} ran"

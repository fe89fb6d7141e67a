"""Markdown for a job summary or a comment: a table, then what each check found.

Text from the database cannot become markup: a word with any sign that Markdown, HTML or a forge gives a meaning to is
shown as code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from bossctl.cli.reports.verdict import Verdict, plural, reason, tally
from bossctl.format import clean, timestamp
from bossctl.models.findings import Finding

MARKS = {"error": "❌", "warning": "⚠️", "info": "ℹ️"}
JOBS_SHOWN = 3
ALL_IN_FULL = 5
FIRST_IN_FULL = 3
_PLAIN = re.compile(r"""(?:[^\W_]|[-/%"'’.,:;?()+…–])*""")
_MEANT = re.compile(
    r"(?i)www\.|://|[^\W\d]\.[^\W\d]|:(?!\d\d:)[\w+-]+:|^[-+]|^\d+[.)]$|^\W*(?:gh-\d+|[0-9a-f]{7,40})\W*$"
)
"""What is plain and yet means something: addresses, emoji, list items, references to issues and commits."""


def document(verdict: Verdict) -> str:
    """The verdict, a table of findings, details by check, and what could not be looked at."""
    report = verdict.report
    parts = [f"**{prose(verdict.sentence)}**", f"pg-boss schema {prose(str(report.target))}"]
    if report.findings:
        parts.append(_table(verdict))
    for _, found in groupby(report.findings, key=lambda one: (one.severity, one.code)):
        parts.append(_details(verdict, list(found)))
    if skipped := [check for check in report.checks if check.reason is not None]:
        parts.append("### Could not look")
        parts.append("\n".join(f"- {check.code} {check.slug}: {prose(reason(check))}" for check in skipped))
    counted = tally(report.findings) or "no findings"
    parts.append(f"{counted}; {verdict.ran} of {plural(len(report.checks), 'check')} ran")
    return "\n\n".join(parts) + "\n"


def code(text: str) -> str:
    """Any text as one code span."""
    shown = clean(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    space = " " if shown[:1] in ("`", " ") or shown[-1:] in ("`", " ") else ""
    return f"{fence}{space}{shown}{space}{fence}" if shown else ""


def prose(text: str) -> str:
    """Text for reading, with whatever could be markup as code."""
    words = groupby(clean(text).split(), key=_plain)
    return " ".join(" ".join(some) if plain else code(" ".join(some)) for plain, some in words)


def _plain(word: str) -> bool:
    return _PLAIN.fullmatch(word) is not None and not _MEANT.search(word)


def _table(verdict: Verdict) -> str:
    header = ["", "check", "certainty", "queue", "count", "since"]
    known = verdict.known is not None
    rows = [[*header, *(["baseline"] if known else [])], ["---"] * (len(header) + known)]
    rows += [
        [*_row(one), *(["known" if verdict.is_known(one) else "new"] if known else [])]
        for one in verdict.report.findings
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(one: Finding) -> list[str]:
    mark = f"{MARKS[one.severity.value]} {one.severity.value}"
    queue = "" if one.queue is None else code(one.queue).replace("|", "\\|")
    since = timestamp(one.since) if one.since else ""
    return [mark, f"{one.code} {one.slug}", one.certainty.value, queue, f"{one.count:,}", since]


def _details(verdict: Verdict, found: Sequence[Finding]) -> str:
    first = found[0]
    fixes = dict.fromkeys(one.remedy.text for one in found)
    parts = [f"### {MARKS[first.severity.value]} {first.code} {first.slug}", f"Why: {prose(first.why)}"]
    parts += [f"Fix: {prose(text)}" for text in fixes]
    shown = found if len(found) <= ALL_IN_FULL else found[:FIRST_IN_FULL]
    lines = [line for one in shown for line in _item(verdict, one)]
    more = len(found) - len(shown)
    lines += [f"- and {plural(more, 'finding')} more in the table above"] if more else []
    parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _item(verdict: Verdict, one: Finding) -> list[str]:
    known = " – known" if verdict.is_known(one) else ""
    lines = [f"- {one.certainty.value}{known}: {prose(one.message)}"]
    if one.jobs:
        more = f" and {one.count - JOBS_SHOWN:,} more" if one.count > JOBS_SHOWN else ""
        lines.append(f"  - jobs: {', '.join(map(code, one.jobs[:JOBS_SHOWN]))}{more}")
    if one.remedy.command:
        lines.append(f"  - {code(one.remedy.command)}")
    return lines

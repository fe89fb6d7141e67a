"""Explanations and groups of errors for people."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from bossctl.cli import talk
from bossctl.cli.output import Printer
from bossctl.cli.table import Cell, Column, Table
from bossctl.cli.views.words import given
from bossctl.format import clean, timestamp
from bossctl.models.explanation import Attempt, Explanation, Reason
from bossctl.models.job_errors import ErrorGroup, JobErrors

HOLDS_STYLES = {"certain": "bold", "likely": "yellow", "possible": "blue", "unknown": "dim"}
INDENT = 4

ERROR_COLUMNS = (
    Column("COUNT", right=True),
    Column("HOUR", right=True, rank=3),
    Column("DAY", right=True, rank=2),
    Column("WEEK", right=True, rank=4),
    Column("QUEUE", least=12),
    Column("MESSAGE", least=40),
    Column("SAMPLE", whole=True, rank=5),
    Column("SELECTOR", least=20, rank=1),
)


def explanations(printer: Printer, found: Sequence[Explanation]) -> None:
    """The row that is there, and where an archive holds the same id, that one too."""
    for number, one in enumerate(found):
        if number:
            printer.text("\n")
        _explanation(printer, one)


def _explanation(printer: Printer, one: Explanation) -> None:
    row = one.job.row
    place = "archived, " if row.archived else ""
    key = f", key {clean(row.singleton_key)}" if row.singleton_key else ""
    printer.text(printer.wrapped(one.verdict))
    printer.clean_line(f"job {row.id} of queue {row.queue}, {place}{row.state}{key}")
    printer.heading("why" if row.state in ("created", "retry") else "what is known")
    for reason in one.reasons:
        _reason(printer, reason)
    if one.attempts:
        printer.heading("attempts")
        printer.table(Table(_ATTEMPT_COLUMNS, [_attempt(attempt) for attempt in one.attempts]))
    if one.unknown:
        printer.heading("not known")
        for unknown in one.unknown:
            printer.paragraph(unknown.text)


def _reason(printer: Printer, reason: Reason) -> None:
    sure = printer.paint(reason.holds.value, HOLDS_STYLES[reason.holds.value])
    printer.text(f"  {sure}  {reason.code}\n")
    printer.paragraph(reason.text, INDENT)


_ATTEMPT_COLUMNS = (
    Column("ATTEMPT", right=True),
    Column("FETCHED", whole=True),
    Column("ENDED", whole=True, rank=2),
    Column("OUTCOME", whole=True),
    Column("HOW SURE", whole=True, rank=3),
    Column("WHAT IS KNOWN", least=20, rank=1),
)


def _attempt(one: Attempt) -> list[Cell | str]:
    number = str(one.attempt) if one.attempt == one.through else f"{one.attempt}..{one.through}"
    style = "dim" if one.outcome == "unknown" else ""
    times = [timestamp(one.started_on), timestamp(one.ended_on)]
    return [number, *times, Cell(one.outcome, style), one.holds.value, one.text]


def error_groups(printer: Printer, found: JobErrors) -> None:
    """One line per group, the most frequent first; on a terminal the selectors stand below, whole."""
    if not found.groups:
        talk.say("note: no failure matches")
        return
    rows = [_error_group(one) for one in found.groups]
    if not printer.terminal:
        printer.table(Table(ERROR_COLUMNS, rows))
        return
    width = len(str(len(rows)))
    numbers = [str(number).rjust(width) for number in range(1, len(rows) + 1)]
    columns = (Column("#", right=True), *ERROR_COLUMNS[:-1])
    printer.table(Table(columns, [[number, *row[:-1]] for number, row in zip(numbers, rows, strict=True)]))
    printer.heading("selectors")
    printer.lines_of_text(
        f"{number}  {shlex.quote(one.selector)}" for number, one in zip(numbers, found.groups, strict=True)
    )


def _error_group(one: ErrorGroup) -> list[Cell | str]:
    counts = [f"{number:,}" for number in (one.count, one.last_hour, one.last_day, one.last_week)]
    return [*counts, one.queue, given(one.message), one.sample_id, one.selector]


def error_notes(printer: Printer, found: JobErrors) -> None:
    """How they were found, and what is left out, on stderr."""
    if found.note:
        talk.say(f"note: {found.note}")
    left = found.total - len(found.groups)
    if left > 0:
        talk.say(f"note: {left:,} more groups; {found.jobs:,} jobs in all; show more with --limit {found.total}")
    if found.groups and printer.human:
        talk.say("hint: bossctl job list 'SELECTOR' lists the jobs of a group")

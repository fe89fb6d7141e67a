"""Jobs for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bossctl.cli import talk
from bossctl.cli.output import Printer
from bossctl.cli.table import Cell, Column, Table, state_cell
from bossctl.cli.views.words import bytes_, given, since
from bossctl.format import exact_duration, pretty_json, timestamp
from bossctl.models.common import Payload
from bossctl.models.history import history
from bossctl.models.jobs import Job, JobPage, JobRow

LIST_COLUMNS = (
    Column("ID", whole=True),
    Column("QUEUE", least=12),
    Column("STATE", whole=True),
    Column("RETRIES", right=True, rank=2),
    Column("PRIORITY", right=True, rank=5),
    Column("CREATED", rank=1),
    Column("DUE OR STARTED", rank=3),
    Column("FINISHED", rank=4),
    Column("KEY", rank=6),
)


def job_list(printer: Printer, page: JobPage) -> None:
    """One line per job."""
    if not page.jobs:
        talk.say("note: no job matches")
        return
    printer.table(Table(LIST_COLUMNS, [_row(row) for row in page.jobs]))


def page_notes(printer: Printer, page: JobPage) -> None:
    """How the page was found and how to get the next one, on stderr."""
    if page.note:
        talk.say(f"note: {page.note}")
    if page.next and printer.format != "json":
        talk.say(f"hint: more with --after {page.next}")


def _row(row: JobRow) -> list[Cell | str]:
    state = "archived, " + row.state if row.archived else row.state + (", blocked" if row.blocked else "")
    return [
        row.id,
        row.queue,
        state_cell(row.state, state),
        f"{row.retry_count}/{row.retry_limit}",
        str(row.priority),
        timestamp(row.created_on),
        timestamp(row.started_on if row.state not in ("created", "retry") else row.start_after),
        timestamp(row.completed_on),
        given(row.singleton_key),
    ]


def jobs_in_detail(printer: Printer, jobs: Sequence[Job]) -> None:
    """The job, and where an archive holds the same id, that one too."""
    for index, job in enumerate(jobs):
        if index:
            printer.text("\n")
        _detail(printer, job)


def _detail(printer: Printer, job: Job) -> None:
    """Every field, the history, payload and output."""
    row = job.row
    facts: list[tuple[str, Cell | str]] = [("id", row.id), ("queue", row.queue), ("state", state_cell(row.state))]
    facts += [("archived", given(row.archived)), ("blocked", given(row.blocked)), ("priority", str(row.priority))]
    facts += [("retries", f"{row.retry_count} of {row.retry_limit}")]
    for name in ("created_on", "start_after", "started_on", "completed_on", "keep_until"):
        facts.append((name, timestamp(getattr(row, name))))
    facts += [("singleton_key", given(row.singleton_key)), ("dead_letter", given(row.dead_letter))]
    facts += [(name, _field(name, value)) for name, value in job.fields.items() if name != "source_output"]
    printer.facts(facts)
    printer.heading("history")
    printer.table(Table((Column("WHEN", whole=True), Column("AGO", right=True), Column("WHAT")), _events(job)))
    source = job.fields.get("source_output")
    payloads = [("data", job.data), ("output", job.output)]
    if isinstance(source, str):
        payloads.append(("output of the job it comes from", Payload(source, len(source))))
    for title, payload in payloads:
        printer.heading(title)
        printer.lines_of_text(_pretty(payload))


def _field(name: str, value: object) -> str:
    if isinstance(value, datetime):
        return timestamp(value)
    if name.endswith("_seconds") and isinstance(value, (int, float)) and value >= 60:
        return f"{value:g} ({exact_duration(int(value))})"
    return given(value)


def _events(job: Job) -> list[list[Cell | str]]:
    rows: list[list[Cell | str]] = []
    for event in history(job):
        known = event.at is not None and event.at.year not in (datetime.min.year, datetime.max.year)
        ago = (job.read_at - event.at).total_seconds() if event.at is not None and known else None
        ahead = ago is not None and ago < 0
        distance = "-" if ago is None else f"in {since(-ago)}" if ahead else since(ago)
        rows.append(
            [timestamp(event.at), distance, event.what if event.sure else Cell(f"{event.what} (inferred)", "dim")]
        )
    return rows


def _pretty(payload: Payload) -> list[str]:
    if payload.text is None:
        return ["-"]
    lines = pretty_json(payload.text).split("\n")
    if payload.cut:
        lines.append(f"… cut here, {bytes_(payload.size_bytes)} in all; --full shows it whole")
    return lines

"""Every field of a job, as the Job screen lists them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from rich.text import Text

from bossctl import format as fmt
from bossctl.models.jobs import Job
from bossctl.tui.widgets.states import state_glyph
from bossctl.tui.words import moment, run_time

LONGEST = 400
"""Cells of a field's value."""
_COLUMNS = (
    *("priority", "retry_count", "retry_limit", "singleton_key", "dead_letter", "blocked"),
    *("created_on", "start_after", "started_on", "completed_on", "keep_until"),
)


def fields(job: Job, now: datetime) -> Iterator[tuple[str, Text | str]]:
    """What is set, one line each, and the names of what is not."""
    row = job.row
    values: Mapping[str, object] = {**{name: getattr(row, name) for name in _COLUMNS}, **job.fields}
    yield "id", row.id
    yield "state", f"{state_glyph(row.state)} {row.state}"
    yield "queue", row.queue
    for name, value in values.items():
        if value is not None:
            yield name, _value(name, value, now)
    if job.row.started_on is not None:
        yield "ran", run_time(row, now)
    unset = [name for name, value in values.items() if value is None]
    if unset:
        yield "not set", Text(fmt.clean(", ".join(unset)), "dim")


def _value(name: str, value: object, now: datetime) -> str:
    if isinstance(value, datetime):
        return moment(value, now)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_seconds") and isinstance(value, int | float) and value >= 60:
        return f"{value:g} ({fmt.duration(value)})"
    return fmt.truncate(str(value), LONGEST)

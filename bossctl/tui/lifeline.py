"""The steps of a job's life as points of a timeline."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bossctl.models.history import history
from bossctl.models.jobs import Event, Job
from bossctl.tui.widgets.states import state_glyph
from bossctl.tui.widgets.timeline import Point
from bossctl.tui.words import distance

UNSURE, COMING = "?", "◇"
ENDLESS = "»"
_SIGNS = {"sent": "●", "due": "▴", "fetched": state_glyph("active"), "heartbeat": "•", "archived": "■", "expires": "!"}
_NOTE = "·"
ELSEWHERE = "when is in the options of pg-boss's clients, not in the database"
_LINES = {"fetched": "run", "heartbeat": "run", "expires": "run", "ended": "rest", "archived": "rest", "kept": "rest"}


def lifeline(job: Job, now: datetime) -> list[Point]:
    """Every step, in the order history tells them; moments that the row does not hold are left open."""
    return [*(_point(event, job, now) for event in history(job)), *_removal(job)]


def _removal(job: Job) -> Iterator[Point]:
    """What becomes of it at last, where its own columns do not tell."""
    stored = "deletion_seconds" in job.fields
    if job.row.archived and stored:
        yield Point(None, ENDLESS, "kept in bossctl's own archive until it is restored", "future")
    elif job.row.archived:
        yield Point(None, UNSURE, f"deleted from the archive: {ELSEWHERE}", "future")
    elif not stored and job.row.state not in ("created", "retry", "active"):
        yield Point(None, UNSURE, f"archived, and deleted later: {ELSEWHERE}", "future")


def _point(event: Event, job: Job, now: datetime) -> Point:
    at = event.at if distance(event.at, now) is not None else None
    coming = event.kind == "kept" or (at is not None and at > now)
    line = _LINES.get(event.kind, "wait")
    if line == "run" and job.row.state in ("created", "retry"):
        line = "wait"
    if not event.sure or (at is None and event.kind == "failed"):
        return Point(None, UNSURE, event.what, "unknown", line)
    if coming:
        return Point(at, COMING if at is not None else ENDLESS, event.what, "future", line)
    sign = state_glyph(job.row.state) if event.kind == "ended" else _SIGNS.get(event.kind, _NOTE)
    return Point(at, sign, event.what, "past", line)

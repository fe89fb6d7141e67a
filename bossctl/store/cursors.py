"""Cursors of pages of jobs: where the last row of a page stood, as opaque text that survives a restart."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from bossctl.errors import UsageError
from bossctl.models.joborders import DEFAULT_ORDER
from bossctl.sql.job_orders import JobOrder
from bossctl.store.connections import Row


@dataclass(frozen=True)
class Cursor:
    """What a statement binds to go on. `rest` says that the jobs with a value to be sorted by have all been listed."""

    values: Mapping[str, object]
    rest: bool
    as_of: datetime | None


def encode(order: JobOrder, row: Row, as_of: datetime) -> str:
    """The cursor behind a row; `as_of` goes along where the order is by a time that passes."""
    parts: list[object] = [_spelled(row["created_on"]), row["id"], row["queue"]]
    if order.name != DEFAULT_ORDER:
        parts += [order.name, order.rest, _spelled(row["sorted_by"]), _spelled(as_of) if order.as_of else None]
    return base64.urlsafe_b64encode(json.dumps(parts, ensure_ascii=False).encode()).decode().rstrip("=")


def decode(text: str, order: JobOrder) -> Cursor:
    """Where to go on. Raises UsageError for a text that is no cursor of this order."""
    try:
        padded = text + "=" * (-len(text) % 4)
        return _cursor(json.loads(base64.urlsafe_b64decode(padded.encode("ascii"))), order)
    except (ValueError, TypeError, AttributeError, binascii.Error):
        raise UsageError("--after takes the cursor a former page ended with", "start again without --after") from None


def _cursor(parts: list[Any], order: JobOrder) -> Cursor:
    created, job_id, queue, *more = parts
    values: dict[str, object] = {
        "after_on": _moment(created),
        "after_id": str(UUID(job_id)),
        "after_name": str(queue),
    }
    if order.name == DEFAULT_ORDER and not more:
        return Cursor(values, rest=False, as_of=None)
    name, rest, value, as_of = more
    if name != order.name:
        raise ValueError(name)
    if order.expression is not None and not rest:
        values["after_value"] = _moment(value) if order.kind == "timestamptz" else int(value)
    return Cursor(values, bool(rest), datetime.fromisoformat(as_of) if as_of is not None else None)


def _spelled(value: object) -> object:
    """A moment as PostgreSQL and `fromisoformat` read it back, the infinite ones by their words."""
    if not isinstance(value, datetime):
        return value
    if value.year == datetime.max.year:
        return "infinity"
    return "-infinity" if value.year == datetime.min.year else value.isoformat()


def _moment(text: str) -> datetime | str:
    if text in ("infinity", "-infinity"):
        return text
    return datetime.fromisoformat(text).astimezone(UTC)

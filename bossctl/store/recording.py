"""A record of what is run, for whoever asks for one; without one nothing is kept.

It goes by the task: readings that are under way at once each have their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from bossctl.models.statements import Statement
from bossctl.sql import Query

MOST = 500
"""So many statements of one reading are kept; doctor runs a few hundred."""
LONGEST = 200
"""Characters of a bound value."""

_record: ContextVar[list[Statement] | None] = ContextVar("bossctl_statements", default=None)


@contextmanager
def recording() -> Iterator[list[Statement]]:
    """Keep what is run in the block, by this task and those it starts."""
    ran: list[Statement] = []
    token = _record.set(ran)
    try:
        yield ran
    finally:
        _record.reset(token)


def note(
    query: Query, values: Mapping[str, object] | None, ms: float, *, rows: int | None = None, error: str | None = None
) -> None:
    """Put a statement on the record, where there is one."""
    record = _record.get()
    if record is not None and len(record) < MOST:
        bound = tuple((name, _shown(value)) for name, value in (values or {}).items() if name in query.parameters)
        record.append(Statement(query.name, query.text.as_string(), bound, rows, ms, error))


def _shown(value: object) -> str:
    text = "NULL" if value is None else str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"

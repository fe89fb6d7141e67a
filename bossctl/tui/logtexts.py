"""The operator's log as it is shown: rows, one record in full; harmless text only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import RenderableType
from rich.text import Text
from textual.content import Content

from bossctl import format as fmt
from bossctl.models.jobactions import Operation
from bossctl.models.oplog import KeptRows, OperationRecord
from bossctl.tui.widgets.columns import Column
from bossctl.tui.widgets.rows import Cell, Row
from bossctl.tui.words import distance, moment, pairs, plural

QUEUES_SHOWN = 20
COLUMNS = (
    Column("when", "WHEN", width=8, align="right", tooltip="how long ago"),
    Column("what", "WHAT", min_width=6, max_width=26, fit=True),
    Column("selector", "SELECTOR", width=28, min_width=12, flex=3),
    Column("changed", "CHANGED", min_width=7, fit=True, align="right"),
    Column("undone", "UNDONE", min_width=6, fit=True, align="right"),
    Column("who", "WHO", min_width=12, max_width=34, fit=True, flex=1, priority=2),
    Column("where", "KEPT IN", width=7, priority=3, tooltip="the schema bossctl, or a file of this machine"),
    Column("operation", "OPERATION", width=20, priority=4),
)
_BECAME = {
    "changed": "changed",
    "gone": "deleted",
    "moved": "moved to or from the archive",
    "made": "created",
}


def what(one: Operation) -> str:
    """The action; of an undo what it took back."""
    told = f"{one.action} of {one.undoes}" if one.undoes else one.action
    return fmt.clean(told if one.finished else f"{told}, broken off")


def row(one: Operation, now: datetime) -> Row:
    """An operation as a line."""
    done = _taken_back(one)
    cells: tuple[Cell, ...] = (
        fmt.age(distance(one.at, now)),
        what(one) if one.finished else Content(what(one)).stylize("$text-warning"),
        fmt.clean(one.selector),
        f"{one.changed:,}",
        f"{one.undone:,}" if one.undone else "",
        fmt.clean(one.by),
        one.where,
        one.operation,
    )
    return Row(one.operation, cells, "muted" if done else "")


def words(one: Operation) -> str:
    """Everything that a filter may look for."""
    found = (what(one), one.selector, one.by, one.where, one.operation, one.target, fmt.timestamp(one.at))
    return fmt.clean(" ".join(found)).casefold()


def summary(found: Sequence[Operation], filtered: int, text: str, most: int) -> str:
    """How many there are."""
    number = f"the newest {len(found)}" if len(found) >= most else str(len(found))
    return f'{filtered} of {number} with "{text}"' if text else number


def detail(one: Operation, record: OperationRecord | None, now: datetime) -> RenderableType:
    """An operation in full; what only its record tells is there once it was read."""
    return pairs(_told(one, record, now))


def _told(one: Operation, record: OperationRecord | None, now: datetime) -> Iterator[tuple[str, Text | str]]:
    yield "what", Text.assemble((what(one), "bold"), f" · {one.operation}")
    yield "when", moment(one.at, now)
    yield "who", one.by
    yield "selection", one.selector
    yield "changed", _changed(one)
    yield "undo", undoable(one)
    if record is None:
        yield "record", "reading …"
        return
    for name, value in record.options.items():
        yield name.removesuffix("_seconds"), _option(name, value)
    yield from _rows(record.rows)
    yield "kept in", f"the file {record.path}" if record.path else "the schema bossctl of this database"
    if record.undone_by:
        yield "undone by", ", ".join(record.undone_by)
    yield "skipped", "how many were left out, and why, is not kept"
    yield "target", one.target


def _changed(one: Operation) -> str:
    undone = f", {one.undone:,} of them taken back since" if one.undone else ""
    ended = "" if one.finished else "; it did not come to its end"
    return f"{plural(one.changed, 'job')}{undone}{ended}"


def _option(name: str, value: object) -> str:
    return fmt.duration(value) if name.endswith("_seconds") and isinstance(value, int | float) else f"{value}"


def _rows(rows: Sequence[KeptRows]) -> Iterator[tuple[str, str]]:
    for one in rows[:QUEUES_SHOWN]:
        yield "queue", f"{one.queue}: {plural(one.rows, 'row')} {_BECAME.get(one.kind, one.kind)}"
    if len(rows) > QUEUES_SHOWN:
        yield "", f"and {len(rows) - QUEUES_SHOWN} more"


def undoable(one: Operation) -> str:
    """Whether it can be taken back."""
    if _taken_back(one):
        return "all of it was taken back already"
    if not one.changed:
        return "it changed nothing"
    left = "the rest of it" if one.undone else "it"
    return f"U plans to take {left} back, as far as its jobs are as it left them"


def _taken_back(one: Operation) -> bool:
    return one.undone >= one.changed > 0

"""The operator's log for people."""

from __future__ import annotations

from collections.abc import Sequence

from bossctl.cli import talk
from bossctl.cli.output import Printer
from bossctl.cli.table import Cell, Column, Table
from bossctl.format import timestamp
from bossctl.models.jobactions import Operation

COLUMNS = (
    Column("OPERATION", whole=True),
    Column("ACTION", whole=True),
    Column("WHEN", rank=1),
    Column("CHANGED", right=True),
    Column("UNDONE", right=True),
    Column("BY", rank=2, least=12),
    Column("WHERE", rank=4),
    Column("TARGET", rank=3, least=12),
    Column("SELECTOR", least=12),  # last: the ids of thousands of jobs need no room in the lines of the others
)


def operations(printer: Printer, found: Sequence[Operation]) -> None:
    """One line per operation."""
    if not found:
        talk.say("note: the log is empty")
        return
    printer.table(Table(COLUMNS, [_row(one) for one in found]))


def _row(one: Operation) -> list[Cell | str]:
    what = f"{one.action} of {one.undoes}" if one.undoes else one.action
    return [
        one.operation,
        what if one.finished else f"{what}, broken off",
        timestamp(one.at),
        f"{one.changed:,}",
        f"{one.undone:,}",
        one.by,
        one.where,
        one.target,
        one.selector,
    ]

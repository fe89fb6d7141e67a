"""What `queue ensure` and `queue delete` did or would do, for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bossctl.cli import talk
from bossctl.cli.output import Printer
from bossctl.cli.table import Cell, Column, Table
from bossctl.models.operations import EnsureAction, EnsureResult, QueueDeletion
from bossctl.models.options import shown

ACTION_STYLES = {
    EnsureAction.CREATED: "green",
    EnsureAction.UPDATED: "yellow",
    EnsureAction.UNCHANGED: "",
    EnsureAction.REFUSED: "red",
}


def ensured(printer: Printer, results: Sequence[EnsureResult], *, show_sql: bool) -> None:
    """One line per queue, then the statements if asked for."""
    columns = (Column("QUEUE", least=20), Column("ACTION", whole=True), Column("CHANGES"), Column("REASON"))
    rows = [
        [one.queue, Cell(one.action.value, ACTION_STYLES[one.action]), _changes(one), one.reason or "-"]
        for one in results
    ]
    if rows:
        printer.table(Table(columns, rows))
    for one in results if show_sql else ():
        statements(printer, one.statements)


def statements(printer: Printer, texts: Sequence[str]) -> None:
    """SQL to read, or to paste."""
    if texts:
        printer.lines_of_text([f"{text};" for text in ("BEGIN", *texts, "COMMIT")])


def hints(results: Sequence[EnsureResult]) -> None:
    """What to type next, each once."""
    for hint in dict.fromkeys(one.hint for one in results if one.hint):
        talk.say(f"hint: {hint}")


def surplus(printer: Printer, names: Iterable[str]) -> None:
    """The queues that the file does not name; json holds them itself."""
    if printer.human:
        printer.lines_of_text(f"not in the file: {name}" for name in names)
    elif printer.format.value != "json":
        for name in names:
            talk.say(f"note: not in the file: {name}")


def deleted(printer: Printer, done: QueueDeletion, *, show_sql: bool) -> None:
    """One line about the queue, then the statements if asked for."""
    action = Cell("refused", "red") if done.reason else Cell("deleted", "green" if done.applied else "yellow")
    states = ", ".join(f"{rows:,} {state}" for state, rows in done.counts.items() if rows) or "-"
    columns = (Column("QUEUE", least=20), Column("ACTION", whole=True), Column("JOBS"), Column("REASON"))
    printer.table(Table(columns, [[done.queue, action, states, done.reason or "-"]]))
    if show_sql:
        statements(printer, done.statements)


def _changes(result: EnsureResult) -> str:
    def word(name: str, value: int | bool | str | None) -> str:
        return shown(name, value, client_defaults=result.client_defaults)

    if result.current is None:
        return ", ".join(f"{name} {word(name, after)}" for name, (_, after) in result.changes.items()) or "-"
    return ", ".join(f"{name} {word(name, a)} → {word(name, b)}" for name, (a, b) in result.changes.items()) or "-"

"""The statements of a screen's last readings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from bossctl import format as fmt
from bossctl.models.statements import Statement
from bossctl.tui.copying import Copyable, hand_over
from bossctl.tui.pacing import PacedDialog
from bossctl.tui.widgets.columns import Column
from bossctl.tui.widgets.rows import Row
from bossctl.tui.widgets.table import LineTable
from bossctl.tui.words import plural

COLUMNS = (
    Column("name", "STATEMENT", min_width=12, max_width=32, fit=True),
    Column("rows", "ROWS", width=7, align="right"),
    Column("ms", "MS", width=8, align="right", tooltip="until the answer was there"),
    Column("read", "READ", width=9, align="right", priority=2, tooltip="how long ago"),
    Column("sql", "SQL", width=10, min_width=10, flex=1, priority=1),
)


@dataclass(frozen=True)
class Ran:
    """A statement and how many seconds ago it was run; None where its reading has not come back well yet."""

    statement: Statement
    age: float | None


class StatementsScreen(PacedDialog[None]):
    """What was sent to the database for the screen below: a line for each statement, the one at the cursor in full."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,at", "close", "Close"),
        Binding("ctrl+c", "app.quit", "Quit", show=False),
        Binding("y", "copy", "Copy the statement"),
        Binding("right_square_bracket", "read_on(4)", show=False),
        Binding("left_square_bracket", "read_on(-4)", show=False),
    ]

    def __init__(self, title: str, ran: Sequence[Ran]) -> None:
        super().__init__()
        self._title = title
        self._ran = ran

    def compose(self) -> ComposeResult:
        """The list above, one in full below."""
        with Vertical(classes="dialog") as box:
            box.border_title = Content(fmt.clean(f"Statements of {self._title}")).markup
            yield Static(Content(self._summary()), classes="summary", markup=False)
            yield LineTable(COLUMNS, empty_text="nothing was read yet", id="statements")
            with VerticalScroll(can_focus=False, id="sql-scroll"):
                yield Static(id="sql", markup=False)

    def on_mount(self) -> None:
        """List them in the order they were sent."""
        self.query_one(LineTable).update(_row(number, ran) for number, ran in enumerate(self._ran))

    def _summary(self) -> str:
        statements = [one.statement for one in self._ran]
        parts = [
            plural(len(statements), "statement"),
            plural(sum(one.rows or 0 for one in statements), "row"),
            f"{sum(one.ms for one in statements):.1f} ms",
            "y copies one, [ ] scroll it, Esc closes",
        ]
        return " · ".join(parts)

    @property
    def _here(self) -> Statement | None:
        key = self.query_one(LineTable).cursor_key
        return None if key is None else self._ran[int(key)].statement

    @on(LineTable.RowHighlighted)
    def _highlighted(self) -> None:
        here = self._here
        self.query_one("#sql", Static).update(Content("") if here is None else _full(here))
        self.query_one("#sql-scroll").scroll_to(y=0, animate=False)

    def action_copy(self) -> None:
        """Copy the statement under the cursor."""
        if self._here is not None:
            hand_over(self.app, Copyable("the statement", self._here.text, lines=True))

    def action_read_on(self, lines: int) -> None:
        """Scroll the statement."""
        self.query_one("#sql-scroll").scroll_relative(y=lines, animate=False)

    def action_close(self) -> None:
        """Back to the screen."""
        self.dismiss(None)


def _row(number: int, ran: Ran) -> Row:
    one = ran.statement
    rows = "failed" if one.rows is None else f"{one.rows:,}"
    age = fmt.UNKNOWN if ran.age is None else f"{fmt.age(ran.age)} ago"
    cells = (fmt.clean(one.name), rows, f"{one.ms:.1f}", age, fmt.clean(" ".join(one.text.split())))
    return Row(str(number), cells, "error" if one.rows is None else "")


def _full(one: Statement) -> Content:
    lines = [Content("\n".join(fmt.clean(line) for line in one.text.splitlines()))]
    if one.error is not None:
        lines.insert(0, Content(fmt.clean(one.error)).stylize("$text-error"))
    lines += [Content(fmt.clean(f"%({name})s = {value}")).stylize("$text-muted") for name, value in one.values]
    return Content("\n").join(lines)

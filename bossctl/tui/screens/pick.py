"""Dialogs in which one picks: an order, a saved selection, the columns of a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from bossctl.format import clean
from bossctl.tui.jobcolumns import USUAL_KEYS, column_of, read_keys
from bossctl.tui.pacing import PacedDialog
from bossctl.tui.widgets.columns import Column
from bossctl.tui.widgets.rows import Row
from bossctl.tui.widgets.table import LineTable

R = TypeVar("R")
COLUMNS = (
    Column("name", "NAME", min_width=8, max_width=34, fit=True),
    Column("about", "", min_width=10, flex=1, priority=1),
)
FRAME = 8
"""Lines of a dialog that are not its table, and a rest of what is behind it."""


@dataclass(frozen=True)
class Option:
    """Something to pick: its key, its name as shown, and what is to be said of it."""

    key: str
    name: str
    about: str = ""


class PickDialog(PacedDialog[R | None], Generic[R]):
    """A table of options with a line under it. Dismissed with what was picked, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", show=False, priority=True),
        Binding("ctrl+c", "interrupt", "Quit", show=False),
    ]

    def __init__(self, title: str, note: str, *, empty: str = "nothing here") -> None:
        super().__init__()
        self._title = title
        self._note = note
        self._empty = empty

    def options(self) -> Sequence[Option]:
        """What there is to pick from."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """The table, and what can be done."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = clean(self._title)
            yield LineTable(COLUMNS, empty_text=self._empty)
            yield Static(Content(self._note), classes="note", markup=False)

    def on_mount(self) -> None:
        """Show the options."""
        self.fill()
        self.table.focus()
        self.begin()

    def begin(self) -> None:
        """The options are shown for the first time."""

    @property
    def table(self) -> LineTable:
        """The options."""
        return self.query_one(LineTable)

    def fill(self) -> None:
        """Show the options as they are now."""
        rows = [Row(one.key, (clean(one.name), clean(one.about))) for one in self.options()]
        self.table.update(rows, reorder=True)
        self.on_resize()

    def on_resize(self) -> None:
        """As many lines as there are options, and as there is room for."""
        wanted = max(len(self.options()), 1) + 1
        self.table.styles.height = max(3, min(wanted, self.app.size.height - FRAME))

    def say(self, sentence: str) -> None:
        """Put a sentence in place of the note."""
        note = self.query_one(".note", Static)
        note.update(Content(clean(sentence or self._note)))
        note.set_class(bool(sentence), "-error")

    def action_close(self) -> None:
        """Pick nothing."""
        self.dismiss(None)

    async def action_interrupt(self) -> None:
        """As everywhere: leave the app."""
        await self.run_action("app.quit")


class PickOne(PickDialog[str]):
    """Enter picks; with `forget` the key D removes the option under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("D", "forget", "Forget", show=False)]

    def __init__(
        self,
        title: str,
        offered: Callable[[], Sequence[Option]],
        *,
        here: str | None = None,
        empty: str = "nothing here",
        forget: Callable[[str], None] | None = None,
    ) -> None:
        note = "Enter picks" + (", D forgets" if forget is not None else "") + ", Esc closes"
        super().__init__(title, note, empty=empty)
        self._offered = offered
        self._here = here
        self._forget = forget

    def options(self) -> Sequence[Option]:
        """What was offered."""
        return self._offered()

    def begin(self) -> None:
        """At what is picked now."""
        if self._here is not None:
            self.table.go_to(self._here)

    @on(LineTable.RowSelected)
    def _picked(self, event: LineTable.RowSelected) -> None:
        self.dismiss(event.key)

    def action_forget(self) -> None:
        """Remove the option under the cursor."""
        key = self.table.cursor_key
        if self._forget is not None and key is not None:
            self._forget(key)
            self.fill()


class PickColumns(PickDialog[tuple[str, ...]]):
    """Space takes a column in or out; the line holds all of them in their order, and paths such as data.user.id."""

    def __init__(self, keys: Sequence[str], offered: Sequence[Option], fields: Sequence[str]) -> None:
        super().__init__(
            "Columns", "Space takes in or out, Tab goes to the line, Enter shows them, Esc leaves all as it is"
        )
        self._keys = list(keys)
        self._offered = offered
        self._fields = fields

    def options(self) -> Sequence[Option]:
        """The columns there are."""
        return self._offered

    def begin(self) -> None:
        """With what is shown now."""
        line = Input(",".join(self._keys), placeholder="the usual columns", compact=True, select_on_focus=False)
        self.query_one(".dialog", Vertical).mount(line, before=self.query_one(".note"))
        self.table.set_marks(self._keys)

    @on(LineTable.MarksChanged)
    def _marked(self, event: LineTable.MarksChanged) -> None:
        known = {one.key for one in self._offered}
        kept = [key for key in self._keys if key not in known or key in event.marks]
        self._keys = [*kept, *(one.key for one in self._offered if one.key in event.marks and one.key not in kept)]
        for line in self.query(Input):
            if read_keys(line.value) != self._keys:
                line.value = ",".join(self._keys)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._keys = read_keys(event.value)
        self.say("")
        self.table.set_marks([key for key in self._keys if key in {one.key for one in self._offered}])

    @on(Input.Submitted)
    @on(LineTable.RowSelected)
    def _done(self) -> None:
        unknown = unknown_column(self._keys, self._fields)
        if unknown is None:
            self.dismiss(tuple(self._keys or USUAL_KEYS))
        else:
            self.say(unknown)


def unknown_column(keys: Sequence[str], fields: Sequence[str]) -> str | None:
    """What is wrong with names of columns, in a sentence."""
    for key in keys:
        if column_of(key, fields) is None:
            return f'there is no column "{key}" in this schema: a path begins with data. or output.'
    return None

"""Parts of a page, one below the other: each has a heading, a note on what cannot be seen, and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from bossctl.tui.widgets.columns import Column
from bossctl.tui.widgets.rows import Row
from bossctl.tui.widgets.table import LineTable

Facts = Sequence[tuple[str, Text | str]]
"""Names with values."""

FEWEST = 3
"""Lines of a table that is longer than there is room."""


@dataclass(frozen=True)
class Part:
    """What a section shows; texts are made harmless by whoever makes it.

    `sum` stands beside the title, `note` below it. `told` says by key what a row means in full, `leads` the finding
    that doctor has about it (the fingerprint, or the code of the check), `queues` the queue that it belongs to.
    """

    rows: Sequence[Row] = ()
    sum: str = ""
    note: str = ""
    told: Mapping[str, Facts] = field(default_factory=dict)
    leads: Mapping[str, str] = field(default_factory=dict)
    queues: Mapping[str, str] = field(default_factory=dict)


class Heading(Static):
    """The title of a section; it takes the focus where the table has nothing to offer."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Heading { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
    Heading:focus { background: $primary 45%; }
    """


class Section(Vertical):
    """One part of the page."""

    DEFAULT_CSS = """
    Section { height: auto; margin-bottom: 1; }
    Section > .note { height: auto; padding: 0 1; color: $text-muted; }
    Section > .note.-unseen { color: $text-warning; }
    """

    def __init__(self, key: str, title: str, columns: Sequence[Column], *, most: int, empty: str) -> None:
        super().__init__(id=f"section-{key}")
        self.key = key
        self.part: Part | None = None
        self._title = title
        self._columns = columns
        self._most = most
        self._empty = empty
        self._room = most
        self._mark = Content("")
        self._unseen = ""
        self._absent = False
        self._said: tuple[Content, str] | None = None

    def compose(self) -> ComposeResult:
        """Heading, note, table."""
        yield Heading(markup=False)
        yield Static(classes="note", markup=False)
        yield LineTable(self._columns, empty_text=self._empty, id=self.key)

    def on_mount(self) -> None:
        """The skeleton."""
        self.query_one(".note").display = False
        self._fit()
        self._say()

    @property
    def table(self) -> LineTable:
        """Its rows."""
        return self.query_one(LineTable)

    def focus_here(self) -> None:
        """Put the focus on the table, or on the heading where there is none. The page is not scrolled."""
        heading = self.query_one(Heading)
        (heading if heading.can_focus else self.table).focus(scroll_visible=False)

    def show(self, part: Part) -> None:
        """Draw a reading."""
        self.part = part
        self.table.update(part.rows)
        self._fit()
        self._say()

    def say(self, unseen: str, mark: Content, *, absent: bool = False) -> None:
        """Tell why it cannot be read now (empty: it can), and what doctor found about it.

        With `absent` this schema has no such thing; else it is unknown how that stands.
        """
        if self.is_mounted and (unseen != self._unseen or not mark.is_same(self._mark)):
            self._unseen, self._mark, self._absent = unseen, mark, absent
            self._fit()
            self._say()

    def give_room(self, lines: int) -> None:
        """Show at most so many lines of the table."""
        if lines != self._room:
            self._room = lines
            if self.is_mounted:
                self._fit()

    def _fit(self) -> None:
        table, heading = self.table, self.query_one(Heading)
        lines = table.line_count if self.part is not None else 1
        table.styles.height = 1 + max(1, min(lines, self._most, max(FEWEST, self._room)))
        table.display = lines > 0 and not (self.part is None and self._unseen)
        heading.can_focus = not table.display

    def _say(self) -> None:
        part, note = self.part, self.query_one(".note", Static)
        title = Content(self._title.upper()).stylize("bold $text-accent")
        blind = self._unseen and not self._absent and part is None
        unknown = Content(" ?").stylize("bold $text-warning") if blind else Content("")
        total = Content(f"  {part.sum}" if part is not None and part.sum else "").stylize("$text-muted")
        mark = Content("  ") + self._mark if self._mark else Content("")
        heading = title + unknown + mark + total
        empty = self._empty if part is not None and not part.rows and not part.note else ""
        told = "\n".join(filter(None, (self._unseen, part.note if part is not None else "", empty)))
        if self._said is not None and heading.is_same(self._said[0]) and told == self._said[1]:
            return
        self._said = heading, told
        self.query_one(Heading).update(heading, layout=False)
        note.set_class(bool(self._unseen) and not self._absent, "-unseen")
        note.display = bool(told)
        note.update(Text(told))

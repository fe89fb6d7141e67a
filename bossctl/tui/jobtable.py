"""The table of a page of jobs: marks that can mean more than what is loaded."""

from __future__ import annotations

from collections.abc import Iterable

from textual.message import Message

from bossctl.tui.widgets.rows import Row
from bossctl.tui.widgets.table import LineTable


class JobTable(LineTable):
    """`every` says that all jobs of the selection are meant, loaded or not. It ends as soon as a row is unmarked."""

    every = False

    class AllWanted(Message):
        """All loaded rows are marked, and the user asked for more than these."""

    class Cleared(Message):
        """The user wants nothing marked, on no page."""

    def action_mark_all(self) -> None:
        """First all that are loaded, then all of the selection, then none."""
        if not self.keys or self.marks != frozenset(self.keys):
            super().action_mark_all()
        elif self.every:
            self.action_clear_marks()
        else:
            self.touch()
            self.post_message(self.AllWanted())

    def mark_every(self) -> None:
        """Mean all jobs of the selection."""
        self.every = True
        super().set_marks(self.keys)
        self.post_message(self.MarksChanged(self, self.marks))

    def set_marks(self, keys: Iterable[str]) -> None:
        """Mark exactly these rows of the page."""
        super().set_marks(keys)
        if self.marks != frozenset(self.keys):
            self.every = False

    def update(self, rows: Iterable[Row], *, reorder: bool = False) -> None:
        """Show a new snapshot; what came is marked too while all are meant."""
        super().update(rows, reorder=reorder)
        if self.every:
            super().set_marks(self.keys)

    def action_clear_marks(self) -> None:
        """Unmark all, those of other pages too."""
        super().action_clear_marks()
        self.every = False
        self.post_message(self.Cleared())

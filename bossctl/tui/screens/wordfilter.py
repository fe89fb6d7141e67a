"""A screen whose table is filtered by words typed after `/`."""

from __future__ import annotations

from textual import on

from bossctl.tui.filterline import FilterLine
from bossctl.tui.screens.base import BossScreen


class WordFilter(BossScreen):
    """A subclass has a `FilterLine` in its body and a `show_only` that begins with `super().show_only(words)`."""

    filter_words = ""

    def action_filter(self) -> None:
        """Open the filter line."""
        self.query_one(FilterLine).open(self.filter_words)

    @on(FilterLine.Changed)
    def _filter_changed(self, event: FilterLine.Changed) -> None:
        self.show_only(event.text)

    @on(FilterLine.Submitted)
    def _filter_submitted(self, event: FilterLine.Submitted) -> None:
        self.show_only(event.text)
        self.query_one(FilterLine).close()

    @on(FilterLine.Cancelled)
    def _filter_cancelled(self) -> None:
        self.show_only("")

    def go_back(self) -> bool:
        """Drop the filter; whether there was any."""
        had = bool(self.filter_words)
        self.show_only("")
        return had

    def show_only(self, words: str) -> None:
        """Filter the table; no words show every row."""
        self.filter_words = words.strip()

"""What was copied, to select by hand where the terminal's clipboard was not reached."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static, TextArea

from bossctl.format import clean
from bossctl.tui.pacing import PacedDialog

SHOWN = 20_000
"""Characters that are laid out: nobody selects more by hand, and wrapping takes its time."""


class CopiedScreen(PacedDialog[None]):
    """A sentence, and the value without a frame beside it, so that the terminal's own selection takes nothing else."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,y,enter", "close", "Close", priority=True),
        Binding("ctrl+c", "close", "Close", show=False),
    ]

    def __init__(self, sentence: str, text: str) -> None:
        super().__init__()
        self._sentence = sentence[:1].upper() + sentence[1:]
        self._text = text

    def compose(self) -> ComposeResult:
        """The sentence above the value."""
        more = "" if len(self._text) <= SHOWN else f" Here are its first {SHOWN:,} characters."
        with Vertical():
            yield Static(Content(clean(f"{self._sentence}.{more} Esc closes.")), classes="sentence", markup=False)
            yield TextArea(
                self._text[:SHOWN], read_only=True, show_line_numbers=False, soft_wrap=True, compact=True, id="copied"
            )

    def action_close(self) -> None:
        """Back to the screen."""
        self.dismiss(None)

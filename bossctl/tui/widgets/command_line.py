"""The `:` line at the bottom of the screen, with completion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from bossctl.tui.commands import CommandLineError, Invocation, Offer, Values, complete, parse_line
from bossctl.tui.pacing import PacedDialog

SHOWN = 8


class CommandLineScreen(PacedDialog[Invocation | None]):
    """Asks for a command; dismissed with what is to be run, or None.

    Tab and Right take the first completion, Up and Down go through earlier lines, Esc closes.
    """

    DEFAULT_CSS = """
    CommandLineScreen {
        align: left bottom;
        background: $background 40%;
        & > Vertical { height: auto; background: $panel; }
        & .choices { height: auto; padding: 0 2; color: $text-muted; }
        & .error { height: auto; padding: 0 2; color: $text-error; }
        & Input { height: 1; border: none; padding: 0 1; background: $panel; }
        & Input:focus { border: none; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", show=False),
        Binding("ctrl+c", "close", "Close", show=False, priority=True),
        Binding("tab", "take", "Complete", show=False),
        Binding("up", "earlier(-1)", "Earlier line", show=False),
        Binding("down", "earlier(1)", "Later line", show=False),
    ]

    def __init__(
        self,
        choices: Sequence[Offer],
        *,
        text: str = "",
        values: Values | None = None,
        history: list[str] | None = None,
    ) -> None:
        """`history` is the caller's list; lines that were run are appended to it."""
        super().__init__()
        self._choices = choices
        self._text = text
        self._values = values
        self._history = [] if history is None else history
        self._place = len(self._history)

    def compose(self) -> ComposeResult:
        """Completions above the line."""
        with Vertical():
            yield Static(classes="error", markup=False)
            yield Static(classes="choices", markup=False)
            yield Input(f":{self._text}", select_on_focus=False)

    def on_mount(self) -> None:
        """Ready to type."""
        self.query_one(".error").display = False
        self.query_one(Input).cursor_position = len(self._text) + 1

    def on_key(self, event: events.Key) -> None:
        """What is typed before the field has the focus is not lost."""
        if self.focused is None and event.is_printable and event.character is not None:
            event.stop()
            self._text += event.character
            for field in self.query(Input):
                self._set(self._text)
                field.focus()

    def _completions(self) -> list[str]:
        return complete(self.query_one(Input).value, self._choices, self._values)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what it could become; without its colon the line closes."""
        event.stop()
        if event.value.startswith(":"):
            self.offer()
            self.query_one(".error").display = False
        else:
            self.dismiss(None)

    def offer(self) -> None:
        """Show what the line could become: also when more has become known since it was typed."""
        found = self._completions()
        more = f"  … {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        typed = self.query_one(Input).value.removeprefix(":").rpartition(" ")
        known = len(typed[0] + typed[1]) if all(one.startswith(typed[0] + typed[1]) for one in found) else 0
        choices = self.query_one(".choices", Static)
        choices.update(Content("  ".join(one[known:] for one in found[:SHOWN]) + more))
        choices.display = bool(found)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Run it, or say why not."""
        event.stop()
        try:
            invocation = parse_line(event.value, self._choices)
        except CommandLineError as error:
            message = self.query_one(".error", Static)
            message.update(Content(str(error)))
            message.display = True
            return
        self._history.append(event.value.removeprefix(":"))
        self.dismiss(invocation)

    def action_close(self) -> None:
        """Nothing is run."""
        self.dismiss(None)

    def action_take(self) -> None:
        """Take the first completion, or what all completions begin with."""
        found = self._completions()
        if found:
            goes_on = found[0].endswith((":", ".", "/"))
            self._set(_shared(found) if len(found) > 1 else found[0] if goes_on else f"{found[0]} ")

    def action_earlier(self, step: int) -> None:
        """Go through earlier lines."""
        self._place = min(max(self._place + step, 0), len(self._history))
        self._set(self._history[self._place] if self._place < len(self._history) else "")

    def _set(self, text: str) -> None:
        field = self.query_one(Input)
        field.value = f":{text}"
        field.cursor_position = len(field.value)


def _shared(lines: Sequence[str]) -> str:
    low, high = min(lines), max(lines)
    length = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    return low[:length]

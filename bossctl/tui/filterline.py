"""The `/` line: a field at the bottom with completion above it, and a caret under a mistake."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from bossctl.format import clean

if TYPE_CHECKING:
    from bossctl.selector import Completion, SelectorError

SHOWN = 8
Completer = Callable[[str, int], "Sequence[Completion]"]


class FilterLine(Vertical):
    """Hidden until `open`; then Enter posts `Submitted`, Esc `Cancelled`, every key `Changed`.

    Tab takes the first completion. After a submit the screen calls `close`, or `complain` and it stays open.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Close the filter", show=False),
        Binding("tab", "take", "Complete", show=False),
    ]

    class Changed(Message):
        """Another text stands in the field."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Submitted(Changed):
        """Enter was pressed."""

    class Cancelled(Message):
        """Esc was pressed; the line is closed."""

    def __init__(self, completer: Completer | None = None, *, placeholder: str = "") -> None:
        super().__init__()
        self.display = False
        self._completer = completer
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        """Mistake and completions above the field."""
        yield Static(classes="filter-error", markup=False)
        yield Static(classes="filter-choices", markup=False)
        yield Input(placeholder=self._placeholder, select_on_focus=False, compact=True)

    def open(self, text: str) -> None:
        """Show the line with a text in it."""
        field = self.query_one(Input)
        self.display = True
        field.value = text
        field.cursor_position = len(text)
        self._say_choices(text)
        self.query_one(".filter-error").display = False
        self.screen.set_focus(field)  # at once: `focus()` would let the next keys go elsewhere

    def close(self) -> None:
        """Hide the line; the focus goes back to where the screen wants it."""
        self.display = False
        self.screen.focus_next("LineTable")

    def complain(self, error: SelectorError) -> None:
        """Show what is wrong, and where."""
        message = self.query_one(".filter-error", Static)
        message.update(Content(f"{error.caret()}\n{clean(str(error))}" + (f" — {error.hint}" if error.hint else "")))
        message.display = True

    def _found(self) -> Sequence[Completion]:
        field = self.query_one(Input)
        return self._completer(field.value, field.cursor_position) if self._completer else ()

    def _say_choices(self, text: str) -> None:
        found = self._found()
        line = "  ".join(clean(one.text) for one in found[:SHOWN])
        more = "  …" if len(found) > SHOWN else ""
        about = f"   {found[0].help}" if len(found) == 1 and found[0].help else ""
        choices = self.query_one(".filter-choices", Static)
        choices.update(Content(line + more + about))
        choices.display = bool(found)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Pass it on, with what it could become."""
        event.stop()
        if self.display:
            self._say_choices(event.value)
            self.query_one(".filter-error").display = False
            self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Pass it on."""
        event.stop()
        self.post_message(self.Submitted(event.value))

    def action_cancel(self) -> None:
        """Close without a change."""
        self.close()
        self.post_message(self.Cancelled())

    def action_take(self) -> None:
        """Take the first completion."""
        field = self.query_one(Input)
        for one in self._found()[:1]:
            field.value = field.value[: one.start] + one.text + field.value[one.end :]
            field.cursor_position = one.start + len(one.text)

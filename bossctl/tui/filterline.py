"""The `/` line: a field at the bottom; under it mistakes while one types, and what may come next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

if TYPE_CHECKING:
    from bossctl.selector import Completion, SelectorError

MOST_LINES, LEAST_LINES = 8, 4
"""Lines under the field in a tall terminal and in a small one: they stay as many while one types."""
Completer = Callable[[str, int], "Sequence[Completion]"]
Checker = Callable[[str], "SelectorError | None"]


class _Field(Input):
    """Lets go of the keys as it is submitted: what is typed right after Enter is meant for the table."""

    async def _on_key(self, event: events.Key) -> None:
        """Take Enter here: as a binding it would go by way of the app, which hands on the next key meanwhile."""
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            await self.action_submit()
        else:
            await super()._on_key(event)

    async def action_submit(self) -> None:
        self.screen.focus_next("LineTable")
        await super().action_submit()


class FilterLine(Vertical):
    """Hidden until `open`; then Enter posts `Submitted`, Esc `Cancelled`, every key `Changed`.

    Up and Down choose among what may come next, Tab takes it. `checker` says what is wrong with a text. After a submit
    the screen calls `close`, or `complain` and it stays open.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Close the filter", show=False),
        Binding("tab", "take", "Complete", show=False),
        Binding("up", "choose(-1)", "Completion before", show=False),
        Binding("down", "choose(1)", "Next completion", show=False),
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

    def __init__(
        self, completer: Completer | None = None, *, checker: Checker | None = None, placeholder: str = ""
    ) -> None:
        super().__init__()
        self.display = False
        self._completer = completer
        self._checker = checker
        self._placeholder = placeholder
        self._refused: SelectorError | None = None
        self._chosen = 0

    def compose(self) -> ComposeResult:
        """The field, and under it what helps to fill it."""
        yield _Field(placeholder=self._placeholder, select_on_focus=False, compact=True)
        yield Static(classes="filter-help", markup=False)

    def open(self, text: str) -> None:
        """Show the line with a text in it."""
        field = self.query_one(Input)
        self.display = True
        field.value = text
        field.cursor_position = len(text)
        self._begin_again()
        self.screen.set_focus(field)  # at once: `focus()` would let the next keys go elsewhere

    def close(self) -> None:
        """Hide the line; the focus goes back to where the screen wants it."""
        if self.query_one(Input).has_focus:
            self.screen.focus_next("LineTable")
        self.display = False

    def complain(self, error: SelectorError) -> None:
        """Show what is wrong, and where, until the next key."""
        self._refused = error
        self.screen.set_focus(self.query_one(Input))
        self.help_again()

    @property
    def candidates(self) -> Sequence[Completion]:
        """What the word before the cursor may become."""
        field = self.query_one(Input)
        return self._completer(field.value, field.cursor_position) if self._completer else ()

    def help_again(self) -> None:
        """Draw the lines under the field: what may come next may have become known."""
        shown = self._completer is not None or self._refused is not None
        panel = self.query_one(".filter-help", Static)
        panel.display = shown
        if not shown or not self.display:
            return
        from bossctl.tui import filterhelp

        height = MOST_LINES if self.app.size.height >= 30 else LEAST_LINES
        width = max(20, self.app.size.width - 2)
        found = self.candidates
        lines = self._mistake(width, may_go_on=bool(found))
        self._chosen = min(self._chosen, max(0, len(found) - 1))
        lines += filterhelp.candidates(found, self._chosen, width, height - len(lines))
        panel.styles.height = height
        panel.update(Content("\n").join(lines))

    def _mistake(self, width: int, *, may_go_on: bool) -> list[Content]:
        """What is wrong; nothing is with a word that is being typed as long as it can become something."""
        from bossctl.tui import filterhelp

        field = self.query_one(Input)
        if self._refused is not None:
            return filterhelp.mistake(self._refused, width, quiet=False)
        error = self._checker(field.value) if self._checker is not None and field.value.strip() else None
        typing = error is not None and filterhelp.unfinished(error, field.cursor_position)
        if error is None or (typing and may_go_on):
            return []
        return filterhelp.mistake(error, width, quiet=typing)

    def _begin_again(self) -> None:
        self._refused, self._chosen = None, 0
        self.help_again()

    def on_resize(self) -> None:
        """Another width holds other lines."""
        self.help_again()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Pass it on, with what it could become."""
        event.stop()
        if self.display:
            self._begin_again()
            self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Pass it on."""
        event.stop()
        self.post_message(self.Submitted(event.value))

    def action_cancel(self) -> None:
        """Close without a change."""
        self.close()
        self.post_message(self.Cancelled())

    def action_choose(self, step: int) -> None:
        """Go through what may come next."""
        found = self.candidates
        if found:
            self._chosen = (self._chosen + step) % len(found)
            self.help_again()

    def action_take(self) -> None:
        """Take the chosen completion."""
        field = self.query_one(Input)
        for one in self.candidates[self._chosen : self._chosen + 1]:
            field.value = field.value[: one.start] + one.text + field.value[one.end :]
            field.cursor_position = one.start + len(one.text)

"""A field of one line for few answers: keys and clicks go through them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from bossctl.format import clean


class Choice(Widget, can_focus=True):
    """Shows one of `choices`; the empty one stands for `placeholder`.

    Space, ←, → and a click go through the choices, a letter to the next that begins with it, Enter submits.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Choice {
        height: 1;
        background: $panel;
        pointer: pointer;
        &:focus { background: $primary 30%; text-style: bold; }
        &:disabled { background: $surface; color: $text-disabled; pointer: default; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,right", "turn(1)", "Next choice", show=False),
        Binding("left", "turn(-1)", "Choice before", show=False),
        Binding("enter", "submit", "Submit", show=False),
    ]

    value: reactive[str] = reactive("", init=False)
    placeholder: reactive[str] = reactive("")
    choices: reactive[Sequence[str]] = reactive((), layout=False)

    class Changed(Message):
        """Another choice is shown."""

    class Submitted(Message):
        """Enter was pressed."""

    def watch_value(self) -> None:
        """Tell that another choice is shown."""
        self.post_message(self.Changed())

    def render(self) -> Content:
        """The choice, between arrows while the keys go here."""
        text = Content(clean(self.value or self.placeholder))
        if not self.value:
            text = text.stylize("dim")
        return Content("‹ ") + text + " ›" if self.has_focus else text

    def action_turn(self, step: int) -> None:
        """Go to the next choice, round the end."""
        if self.choices:
            self.value = self.choices[(self._place + step) % len(self.choices)]

    @property
    def _place(self) -> int:
        return self.choices.index(self.value) if self.value in self.choices else -1

    def action_submit(self) -> None:
        """Done choosing."""
        self.post_message(self.Submitted())

    def on_key(self, event: events.Key) -> None:
        """A letter goes to the next choice that begins with it."""
        following = [*self.choices[self._place + 1 :], *self.choices[: self._place + 1]]
        letter = event.character or ""
        found = next((one for one in following if letter.isalpha() and one.startswith(letter)), None)
        if found is not None:
            event.stop()
            self.value = found

    def on_click(self) -> None:
        """Go to the next choice."""
        self.action_turn(1)

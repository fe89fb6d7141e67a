"""One option of a queue as a line of a form: its value, what it was, what it means; changed ones are marked."""

from __future__ import annotations

import re
from collections.abc import Mapping

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from bossctl.errors import UsageError
from bossctl.format import clean, exact_duration
from bossctl.models.operations import OptionField
from bossctl.models.options import NONE, Kind, from_text, same
from bossctl.models.queues import OptionValue
from bossctl.tui.widgets.choice import Choice

CHANGED, WRONG = "*", "!"
"""Stand before an option that differs, and before one that cannot be."""

CLIENT_DEFAULT = "client default"
FIXED = "fixed once it is created"

PGBOSS_DEFAULTS: Mapping[str, str] = {
    "policy": "standard",
    "retry_limit": "2",
    "retry_delay": "0s",
    "retry_backoff": "no",
    "expire_in": "15m",
    "retention": "14d",
    "delete_after": "7d",
    "warning_queued": "0",
    "notify": "no",
    "partition": "no",
}
"""What create_queue of pg-boss 11 and later sets where nothing is given; the other options are none."""


class OptionRow(Horizontal):
    """An option that can be given another value, unless it is fixed.

    A field left empty, or as it was, asks for nothing. `load` may be called again for another queue: what the user
    typed stays. Posts `Edited` and `Submitted`.
    """

    class Edited(Message):
        """The text is another one."""

    class Submitted(Message):
        """Enter was pressed."""

    def __init__(self, option: OptionField, *, exists: bool) -> None:
        super().__init__(id=f"row-{option.name}")
        self.option = option
        self._initial = self._seen = ""
        self._marked = ("", "")
        self._entry = self._new_entry()
        self._lead = Static(classes="lead", markup=False)
        self._about = Static(classes="about", markup=False)
        self._problem: Static | None = None
        self.load(option, exists=exists)

    def _new_entry(self) -> Input | Choice:
        name = f"option-{self.option.name}"
        if self.option.kind in (Kind.FLAG, Kind.POLICY):
            return Choice(id=name)
        known = [one for one in self.option.choices if one == clean(one)]
        return Input(id=name, compact=True, suggester=SuggestFromList(known) if known else None)

    def compose(self) -> ComposeResult:
        """Mark and name, field, remark."""
        yield self._lead
        yield self._entry
        yield self._about

    # --- what it is about

    def load(self, option: OptionField, *, exists: bool) -> None:
        """Show this option of another queue."""
        kept = self.text if self._touched else None
        self.option, self._exists = option, exists
        self._initial = _initial(option) if exists else ""
        self._entry.placeholder = self.default
        if isinstance(self._entry, Choice):
            self._entry.choices = _choices(option, self._initial)
        self._entry.value = self._initial if kept is None or self.fixed else kept
        self._entry.disabled = self.fixed
        self._seen = self.text
        self.forgive()

    def fill(self, text: str) -> None:
        """Enter a text as the user would."""
        self._entry.value = text

    @property
    def fixed(self) -> bool:
        """Whether it can no longer change."""
        return self._exists and self.option.fixed

    @property
    def default(self) -> str:
        """What holds as long as nothing is given."""
        if self._exists:
            return self._initial or clean(self.option.shown)
        if self.option.shown == CLIENT_DEFAULT and self.option.kind != Kind.POLICY:
            return CLIENT_DEFAULT
        return PGBOSS_DEFAULTS.get(self.option.name, NONE)

    @property
    def help(self) -> str:
        """What it means and what it takes."""
        option = self.option
        if self.fixed:
            return f"{option.what}; {FIXED}"
        choices = f": {', '.join(option.choices)}" if option.kind == Kind.POLICY else ""
        unit = f", in units of {exact_duration(option.unit_seconds)}" if option.unit_seconds > 1 else ""
        return f"{option.what}{choices}{unit}" + (f"; {NONE} clears it" if option.clearable and self._exists else "")

    # --- what was typed

    @property
    def text(self) -> str:
        """What stands in the field."""
        return self._entry.value.strip()

    @property
    def _touched(self) -> bool:
        return self.text not in ("", self._initial)

    def wanted(self) -> dict[str, OptionValue]:
        """The option with its new value, or nothing where it stays. Raises UsageError."""
        if self.fixed or not self._touched:
            return {}
        value = from_text(self.option.name, self.text)
        return {} if self._exists and same(self.option.name, self.option.current, value) else {self.option.name: value}

    def complain(self, sentence: str) -> None:
        """Say what is wrong, under the field."""
        if self._problem is None and self.is_mounted:
            self._problem = Static(classes="problem", markup=False)
            self.screen.mount(self._problem, after=self)
        if self._problem is not None:
            self._problem.update(Content(clean(sentence)))
            self._problem.display = True
        self._mark(WRONG)

    def forgive(self) -> None:
        """Nothing is wrong, as far as is known."""
        if self._problem is not None:
            self._problem.display = False
        self._mark(CHANGED if self._touched and self._differs() else "")

    def check(self) -> bool:
        """Whether the text can be read; says so if not."""
        try:
            self.wanted()
        except UsageError as error:
            self.complain(problem(error))
            return False
        return True

    def _differs(self) -> bool:
        try:
            return bool(self.wanted())
        except UsageError:
            return True

    def _mark(self, mark: str) -> None:
        if mark:
            told = f"was {self.default}" if self._exists else f"pg-boss sets {self.default}"
        else:
            told = FIXED if self.fixed else self.option.what
        if (mark, told) == self._marked:
            return
        self._marked = mark, told
        self._lead.update(Content(f"{mark or ' '} {self.option.name}"), layout=False)
        self._about.update(Content(clean(told)), layout=False)
        self.set_class(mark == CHANGED, "-changed")
        self.set_class(mark == WRONG, "-wrong")

    # --- events

    @on(Input.Changed)
    @on(Choice.Changed)
    def _edited(self, event: Input.Changed | Choice.Changed) -> None:
        event.stop()
        if self.text != self._seen:
            self._seen = self.text
            self.forgive()
            self.post_message(self.Edited())

    @on(Input.Blurred)
    def _left(self, event: Input.Blurred) -> None:
        event.stop()
        self.check()

    @on(Input.Submitted)
    @on(Choice.Submitted)
    def _submitted(self, event: Input.Submitted | Choice.Submitted) -> None:
        event.stop()
        self.post_message(self.Submitted())

    def focus_entry(self) -> None:
        """Bring the keys here; what is typed replaces what is there."""
        self._entry.focus()
        if isinstance(self._entry, Input):
            self._entry.action_select_all()


def problem(error: UsageError) -> str:
    """What is wrong with a field, its hint with the names that fields have."""
    hint = re.sub(r"--([a-z][a-z-]+)", lambda found: found[1].replace("-", "_"), error.hint or "")
    return f"{error} – {hint}" if hint else str(error)


def _initial(option: OptionField) -> str:
    """The current value as the field shows it; empty where there is none."""
    if option.name == "policy":
        return clean(str(option.current or "standard"))
    return "" if option.current is None else clean(option.shown)


def _choices(option: OptionField, initial: str) -> tuple[str, ...]:
    """What a choice goes through: where nothing is set, that too."""
    answers = option.choices if option.kind == Kind.POLICY else ("yes", "no")
    cleared = (NONE,) if initial and option.clearable else ()
    return (*(() if initial else ("",)), *answers, *cleared)

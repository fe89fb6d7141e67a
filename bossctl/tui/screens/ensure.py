"""A form that makes sure a queue exists with the options given: first the plan, then the change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.css.query import NoMatches
from textual.events import DescendantFocus
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Label, Static

from bossctl import format as fmt
from bossctl.errors import BossctlError, UsageError
from bossctl.models.operations import EnsureAction, EnsureResult, OptionField, QueueForm, QueueSpec
from bossctl.models.options import from_text, shown
from bossctl.tui.desk import Desk

_FLAG_WORDS = ("yes", "no")


class EnsureForm(ModalScreen[EnsureResult | None]):
    """Asks for a name and options, shows what would be done, does it on the second Enter.

    An option left empty is not touched. Dismissed with what was done, or None.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(self, desk: Desk, name: str = "", policy: str = "") -> None:
        super().__init__()
        self._desk = desk
        self._given = {"policy": policy} if policy else {}
        self._name = name
        self._form: QueueForm | None = None
        self._plan: EnsureResult | None = None
        self._busy = False

    def compose(self) -> ComposeResult:
        """The name, the options, the plan."""
        with Vertical(id="ensure") as box:
            box.border_title = "Ensure a queue"
            box.border_subtitle = "Enter: plan, then apply · Tab: next · Esc: close"
            with Horizontal(classes="field"):
                yield Label("queue")
                known = SuggestFromList([name for name in self._desk.names if not name.startswith("__")])
                yield Input(self._name, id="name", compact=True, suggester=known, placeholder="its name")
            yield VerticalScroll(id="options", can_focus=False)
            yield Static(id="focused", markup=False)
            yield Static(id="plan", markup=False)

    async def on_mount(self) -> None:
        """Learn which options there are."""
        self.query_one("#name", Input).focus()
        self.run_worker(self._load(), group="ensure")

    # --- the options of this schema, and of this queue

    async def _load(self) -> None:
        try:
            form = await self._desk.operator.queue_form(self._typed_name())
        except BossctlError as error:
            self._say(_error(error), "error")
            return
        if self.is_attached:
            await self._show_options(form)

    async def _show_options(self, form: QueueForm) -> None:
        options = self.query_one("#options", VerticalScroll)
        if self._form is None:
            await options.mount_all(_row(field, self._given.get(field.name, "")) for field in form.fields)
        self._form = form
        for field in form.fields:
            entry = self._entry(field)
            entry.placeholder = fmt.clean(field.shown) if form.exists else "as pg-boss sets it"
            entry.disabled = form.exists and field.fixed
        title = "Change a queue" if form.exists else "Create a queue"
        self.query_one("#ensure").border_title = title

    def _entry(self, field: OptionField) -> Input:
        return self.query_one(f"#option-{field.name}", Input)

    def _typed_name(self) -> str:
        return self.query_one("#name", Input).value.strip()

    def _spec(self) -> QueueSpec:
        """What was typed. Raises UsageError."""
        options = {}
        for field in self._form.fields if self._form else ():
            text = self._entry(field).value.strip()
            if text and not self._entry(field).disabled:
                try:
                    options[field.name] = from_text(field.name, text)
                except UsageError as error:
                    self._entry(field).focus()
                    raise UsageError(f"{field.name}: {error}", error.hint) from None
        return QueueSpec(self._typed_name(), options)

    # --- plan and change

    @on(Input.Changed)
    def _changed(self) -> None:
        if self._plan is not None:
            self._plan = None
            self._say("", "")

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Say what the field is about."""
        named = {f"option-{field.name}": field for field in (self._form.fields if self._form else ())}
        field = named.get(event.widget.id or "")
        told = _about(field) if field else "letters, digits, _ . / and -; an existing queue is changed"
        self.query_one("#focused", Static).update(Content(fmt.clean(told)))

    @on(Input.Blurred, "#name")
    def _name_left(self) -> None:
        if self._form is not None and self._typed_name() != self._form.queue:
            self.run_worker(self._load(), group="ensure", exclusive=True)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        if self._busy:
            return
        self._busy = True
        self.run_worker(self._go_on(), group="go-on")

    async def _go_on(self) -> None:
        try:
            if self._plan is None:
                await self._make_plan()
            elif self._plan.action in (EnsureAction.CREATED, EnsureAction.UPDATED):
                self.dismiss(await self._desk.operator.ensure(self._spec()))
            else:
                self.dismiss(self._plan)
        except BossctlError as error:
            self._say(_error(error), "error")
        finally:
            self._busy = False

    async def _make_plan(self) -> None:
        if not self._typed_name():
            raise UsageError("give the queue a name")
        if self._form is None or self._form.queue != self._typed_name():
            await self._load()
        plan = await self._desk.operator.ensure(self._spec(), apply=False)
        if self.is_attached:
            self._plan = plan
            self._say("\n".join(_plan(plan)), "error" if plan.action is EnsureAction.REFUSED else "ready")

    def _say(self, text: str, tone: str) -> None:
        try:
            told = self.query_one("#plan", Static)
        except NoMatches:
            return
        told.update(Content(fmt.clean(text, newline=True)))
        told.set_class(tone == "error", "-error")
        told.set_class(tone == "ready", "-ready")

    def action_close(self) -> None:
        """Nothing is changed."""
        self.dismiss(None)


def _row(field: OptionField, text: str) -> Horizontal:
    choices = _FLAG_WORDS if field.kind == "flag" else field.choices
    known = SuggestFromList(choices) if choices else None
    return Horizontal(
        Label(field.name),
        Input(text, id=f"option-{field.name}", compact=True, suggester=known),
        Label(Content(fmt.clean(_about(field))), classes="about"),
        classes="field",
    )


def _about(field: OptionField) -> str:
    """What an option means and what it takes."""
    choices = f": {', '.join(field.choices)}" if field.kind == "policy" else ""
    unit = f", in units of {fmt.exact_duration(field.unit_seconds)}" if field.unit_seconds > 1 else ""
    return f"{field.what}{choices}{unit}" + ("; none clears it" if field.clearable else "")


def _plan(plan: EnsureResult) -> Iterator[str]:
    if plan.action is EnsureAction.REFUSED:
        yield f"refused: {plan.reason}" + (f" ({plan.hint})" if plan.hint else "")
        return
    if plan.action is EnsureAction.UNCHANGED:
        yield "nothing to do: it is there as asked for; Enter closes"
        return
    verb = "will create" if plan.action is EnsureAction.CREATED else "will change"
    yield f"{verb} {plan.queue}: {', '.join(_changes(plan)) or 'with the options pg-boss sets'}"
    yield from plan.notices
    yield "Enter does it"


def _changes(plan: EnsureResult) -> Iterator[str]:
    for name, (before, after) in plan.changes.items():
        new = shown(name, after)
        created = plan.action is EnsureAction.CREATED
        yield (
            f"{name} {new}"
            if created
            else f"{name} {shown(name, before, client_defaults=plan.client_defaults)} → {new}"
        )


def _error(error: BossctlError) -> str:
    return f"{error}" + (f"\n{error.hint}" if error.hint else "")


def toast(result: EnsureResult) -> str:
    """What was done, in one sentence."""
    changes = ", ".join(_changes(result)) if result.applied else ""
    sentence = f"{result.action.value} queue {result.queue}" + (f": {changes}" if changes else "")
    return fmt.clean(sentence + (f" ({result.reason})" if result.reason else ""))

"""A form that makes sure a queue exists with the options given: first the plan, then the change."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import DescendantFocus
from textual.suggester import SuggestFromList
from textual.timer import Timer
from textual.widgets import Button, ContentSwitcher, Input, Label, Static

from bossctl.errors import BossctlError, Unreachable, UsageError
from bossctl.format import clean
from bossctl.models.operations import EnsureAction, EnsureResult, QueueForm, QueueSpec
from bossctl.models.queues import OptionValue
from bossctl.tui import plans
from bossctl.tui.desk import Desk
from bossctl.tui.optionrow import OptionRow, problem
from bossctl.tui.screens.dialog import ChangeDialog

PAUSE = 0.3
"""Seconds without a key in the name until its options are looked up."""
AGAIN = 1.0
"""Seconds until a database that did not answer is asked again."""
FRAME_LINES = 12
"""Lines of the dialog around its options."""
ROWS_AT_ONCE = 3
NAME_HELP = "another name makes another queue: letters, digits, _ . / and -"


class EnsureForm(ChangeDialog[EnsureResult]):
    """Asks for a name and options, shows the plan, then does it.

    An option left empty, or as it was, is not touched.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(self, desk: Desk, name: str = "", policy: str = "", given: Mapping[str, str] | None = None) -> None:
        """`given` are options as typed on the command line; with them the plan comes at once."""
        super().__init__(desk)
        self._opened_on = name
        self._policy = policy
        self._given = given
        self._form: QueueForm | None = None
        self._spec: QueueSpec | None = None
        self._plan: EnsureResult | None = None
        self._shown_sql = False
        self._loading, self._planning = asyncio.Lock(), asyncio.Lock()
        self._soon: Timer | None = None
        self._trouble = False

    def compose(self) -> ComposeResult:
        """The target; the form or the plan; a message; buttons."""
        known = [name for name in self._desk.names if name == clean(name) and not name.startswith("__")]
        with Vertical(id="ensure", classes="dialog") as box:
            box.border_title = "Ensure a queue"
            yield Static(plans.where(self._desk.target), classes="target", markup=False)
            with ContentSwitcher(initial="form"):
                with Vertical(id="form"):
                    with Horizontal(id="name-row"):
                        yield Label("  queue", classes="lead")
                        yield Input(clean(self._opened_on), id="name", compact=True, suggester=SuggestFromList(known))
                        yield Static(id="known", classes="about", markup=False)
                    yield VerticalScroll(id="options", can_focus=False)
                    yield Static(id="help", markup=False)
                with VerticalScroll(id="plan"):
                    yield Static(id="plan-text", markup=False)
            yield Static(id="message", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Plan", id="go-plan", variant="primary", compact=True)
                yield Button("Apply", id="apply", variant="success", compact=True)
                yield Button("Back", id="back", compact=True)
                yield Button("Statements", id="statements", compact=True)
                yield Button("Close", id="close", compact=True)

    def begin(self) -> None:
        """Learn which options there are."""
        self._turn_to("form")
        self.query_one("#name", Input).focus()
        self.set_timer(PAUSE, self._still_reading)
        self._look_up()

    def _still_reading(self) -> None:
        if self._form is None and not self.has_class("-barred"):
            self.say("reading …")

    # --- the options of this schema, and of this queue

    def _look_up(self, pause: float = 0.0) -> None:
        """Look the name up after a pause in which none is asked for again; what is under way is not broken off."""
        if self._soon is not None:
            self._soon.stop()
        self._soon = self.set_timer(pause, self._start_look_up) if pause else None
        if not pause:
            self._start_look_up()

    def _start_look_up(self) -> None:
        self.run_worker(self._load(), group="load")

    async def _load(self) -> None:
        async with self._loading:
            name = self._queue
            if self._form is not None and name == self._form.queue:
                return
            try:
                form = await self._desk.operator.queue_form(name)
            except BossctlError as error:
                self._trouble = True
                self.say(plans.failure(error), "error")
                if not self._rows:
                    self._bar()
                if isinstance(error, Unreachable) and self.is_attached:
                    self._look_up(AGAIN)
                return
            if self.is_attached:
                await self._show(form)

    def _bar(self) -> None:
        """Without options there is no form, only the sentence that says why."""
        if self.has_class("-barred"):
            return
        self.add_class("-barred")
        self._offer("close")
        self.query_one("#ensure").border_subtitle = "Esc: close"
        self.query_one("#close", Button).focus()

    async def _show(self, form: QueueForm) -> None:
        if self._form is None or self._trouble:
            self.say("")
        self._trouble = False
        with self.app.batch_update():
            if self._rows:
                self._reload(form)
            else:
                await self._mount_rows(form)
            self._form = form
            about = "exists, will be changed" if form.exists else "new, will be created" if form.queue else ""
            self.query_one("#known", Static).update(Content(about), layout=False)
            self.query_one("#ensure").border_title = "Change a queue" if form.exists else "Create a queue"
        if self.has_class("-barred"):
            self.remove_class("-barred")
            self._turn_to("form")
            self.query_one("#name", Input).focus()
        if self._policy:
            await self._ask_for_policy()
        if self._given is not None:
            self._fill_in()

    async def _mount_rows(self, form: QueueForm) -> None:
        """A few at a time, so that the keyboard need not wait; nothing is drawn before all are there."""
        self.query_one("#ensure").styles.max_height = len(form.fields) + FRAME_LINES
        options = self.query_one("#options", VerticalScroll)
        for start in range(0, len(form.fields), ROWS_AT_ONCE):
            fields = form.fields[start : start + ROWS_AT_ONCE]
            if options.is_attached:
                await options.mount_all(OptionRow(option, exists=form.exists) for option in fields)

    def _fill_in(self) -> None:
        """Enter what was given, and plan it unless this schema has no such option."""
        given, self._given = self._given or {}, None
        rows = {row.option.name: row for row in self._rows}
        for option, text in given.items():
            if option in rows:
                rows[option].fill(text)
        if missing := given.keys() - rows:
            self.say(f"this release of pg-boss has no {' and no '.join(sorted(missing))}", "error")
        else:
            self._make_plan()

    def _reload(self, form: QueueForm) -> None:
        fields = {option.name: option for option in form.fields}
        for row in self._rows:
            row.load(fields.get(row.option.name, row.option), exists=form.exists)

    async def _ask_for_policy(self) -> None:
        """Fill in the policy this was opened with, or say why it cannot be."""
        policy, self._policy = self._policy, ""
        row = self._row("policy")
        if policy in row.option.choices and not row.fixed:
            row.fill(policy)
            return
        try:
            plan = await self._desk.operator.plan_ensure(QueueSpec(self._queue, {"policy": policy}))
        except BossctlError as error:
            self._complain(error)
            return
        if plan.action is EnsureAction.REFUSED:
            self.say(plans.refusal(plan), "error")

    def _row(self, option: str) -> OptionRow:
        return self.query_one(f"#row-{option}", OptionRow)

    @property
    def _rows(self) -> list[OptionRow]:
        return list(self.query(OptionRow))

    @property
    def _queue(self) -> str:
        """The queue's name: the one this was opened with, however it is shown, or what was typed."""
        typed = self.query_one("#name", Input).value
        return self._opened_on if typed == clean(self._opened_on) else typed.strip()

    # --- while one types

    @on(Input.Changed, "#name")
    def _name_edited(self) -> None:
        self._look_up(PAUSE)

    @on(Input.Blurred, "#name")
    def _name_left(self) -> None:
        if not self.has_class("-barred"):
            self._look_up()

    @on(OptionRow.Edited)
    def _edited(self) -> None:
        self.say("")

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Say what the field is about."""
        rows = [node for node in event.widget.ancestors if isinstance(node, OptionRow)]
        told = rows[0].help if rows else NAME_HELP if event.widget.id == "name" else ""
        self.query_one("#help", Static).update(Content(clean(told)), layout=False)

    # --- the plan

    @on(Input.Submitted, "#name")
    @on(OptionRow.Submitted)
    @on(Button.Pressed, "#go-plan")
    def _make_plan(self) -> None:
        self.run_worker(self._planned_once(), group="plan")

    async def _planned_once(self) -> None:
        """Plan, unless Enter was pressed twice and the plan is already there."""
        async with self._planning:
            if self.query_one(ContentSwitcher).current == "form":
                await self._planned()

    async def _planned(self) -> None:
        if not self._queue:
            self.say("give the queue a name", "error")
            self.query_one("#name", Input).focus()
            return
        await self._load()
        if self._form is None or self._form.queue != self._queue:
            return
        options = self._options()
        if options is None:
            return
        spec = QueueSpec(self._queue, options)
        try:
            plan = await self._desk.operator.plan_ensure(spec)
        except BossctlError as error:
            self._complain(error)
            return
        if self.is_attached:
            self._spec, self._plan = spec, plan
            self._show_plan(plan)

    def _options(self) -> dict[str, OptionValue] | None:
        """What was typed; None where something cannot be read, which is said under its field."""
        wrong = [row for row in self._rows if not row.check()]
        if wrong:
            wrong[0].focus_entry()
            return None
        return {name: value for row in self._rows for name, value in row.wanted().items()}

    def _complain(self, error: BossctlError) -> None:
        """Say it under the option it is about, where it is about one."""
        place, _, rest = str(error).partition(": ")
        spec = QueueSpec(self._queue)
        row = next((row for row in self._rows if spec.place(row.option.name) == place), None)
        if row is None or not isinstance(error, UsageError):
            self.say(plans.failure(error), "error")
            return
        row.complain(problem(UsageError(rest, error.hint)))
        row.focus_entry()

    def _show_plan(self, plan: EnsureResult) -> None:
        if plan.action is EnsureAction.REFUSED:
            self.say(plans.refusal(plan), "error")
        elif plan.action is EnsureAction.UNCHANGED:
            self.say("nothing to do: the queue is there as asked for")
        else:
            self.say("")
            self._draw_plan()
            self._turn_to("plan")
            self.query_one("#apply", Button).focus()

    def _draw_plan(self) -> None:
        if self._plan is not None:
            text = plans.ensure_plan(self._plan)
            if self._shown_sql:
                text += Content("\n\n") + plans.statements(self._plan.statements)
            self.query_one("#plan-text", Static).update(text)

    def _turn_to(self, pane: str) -> None:
        self.query_one(ContentSwitcher).current = pane
        if pane == "plan":
            self._offer("apply", "back", "statements", "close")
            keys = "Enter: apply · Esc: back · ^s: statements"
        else:
            self._offer("go-plan", "close")
            keys = "Enter: plan · Tab: next · Esc: close"
        self.query_one("#ensure").border_subtitle = keys

    def _offer(self, *buttons: str) -> None:
        for button in self.query(Button):
            button.display = button.id in buttons

    @on(Button.Pressed, "#statements")
    def action_statements(self) -> None:
        """Show the statements under the plan, or hide them."""
        self._shown_sql = not self._shown_sql
        self._draw_plan()

    @on(Button.Pressed, "#back")
    def _back(self) -> None:
        """From the plan to the form; what was typed is still there."""
        if not self.doing:
            self._turn_to("form")
            self.query_one("#name", Input).focus()

    # --- the change

    @on(Button.Pressed, "#apply")
    def _apply(self) -> None:
        if self._spec is None or self._plan is None or self.doing:
            return
        verb = "create" if self._plan.action is EnsureAction.CREATED else "change"
        name = self._spec.name
        self.carry_out(
            self._desk.operator.ensure(self._spec),
            doing=f"{verb[:-1]}ing queue {name}",
            whether=f"queue {name} was {verb}d",
        )

    def told(self, result: EnsureResult) -> str:
        """The refusal, or what was done."""
        return plans.refusal(result) if result.action is EnsureAction.REFUSED else plans.ensured(result)

    def settled(self, result: EnsureResult) -> bool:
        """Unless it was refused."""
        return result.action is not EnsureAction.REFUSED

    def failed(self, sentence: str) -> None:
        """Back to the form; the next plan begins with how things are by then."""
        self._turn_to("form")
        self._form = None if self._form is None else QueueForm("", self._form.exists, self._form.fields)

    @on(Button.Pressed, "#close")
    def _close(self) -> None:
        super().action_close()

    def action_close(self) -> None:
        """From the plan back to the form, from the form away."""
        if self.query_one(ContentSwitcher).current == "plan" and not self.doing:
            self._back()
        else:
            super().action_close()

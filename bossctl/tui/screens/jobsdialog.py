"""What dialogs of actions on jobs share: what would be done, the question, progress, what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Button, Input, Static

from bossctl.errors import BossctlError, UsageError
from bossctl.models import jobwords
from bossctl.models.jobactions import ActionOutcome, ActionPlan, JobAction, Progress
from bossctl.tui import actionplans, plans
from bossctl.tui.actionform import Field, FieldLine, fields_of
from bossctl.tui.desk import Desk
from bossctl.tui.screens.delete import guarded
from bossctl.tui.screens.dialog import ChangeDialog

PAUSE = 0.4
"""Seconds of rest in a field after which the plan is made anew."""

MODULES = ("bossctl.actions.jobs.engine", "bossctl.actions.jobs.planning", "bossctl.actions.jobs.undo")


class JobsDialog(ChangeDialog[ActionOutcome]):
    """Plans, asks, does, tells. The number of jobs is typed where they are many or the target is guarded.

    Esc and Ctrl-C stop what is under way after the batch at hand. Dismissed with what was done, whether it was shown
    here (`shown`) or is still to be told.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "confirm", "Yes", show=False),
        Binding("U", "undo", "Undo", show=False),
    ]

    def __init__(self, desk: Desk, action: JobAction, given: Mapping[str, str]) -> None:
        super().__init__(desk)
        self.action = action
        self.shown = False
        self._given = given
        self._plan: ActionPlan | None = None
        self._outcome: ActionOutcome | None = None
        self._stop = asyncio.Event()
        self._after = ""
        self._soon: Timer | None = None
        self._shown_sql = False

    # --- what a subclass gives

    @property
    def subject(self) -> Content:
        """What is to be done to what, in one line."""
        raise NotImplementedError

    @property
    def title_words(self) -> str:
        """What stands in the frame."""
        return f"{self._verb} jobs"

    @property
    def count(self) -> int | None:
        """How many jobs were chosen one by one."""
        return None

    async def make_plan(self) -> ActionPlan:
        """Look at how things are. Raises BossctlError."""
        raise NotImplementedError

    def deed(self, plan: ActionPlan) -> Coroutine[Any, Any, ActionOutcome]:
        """Do it, telling `advance` and heeding `stop`."""
        raise NotImplementedError

    def lines(self) -> Sequence[Sequence[Field]]:
        """The fields."""
        return fields_of(self.action)

    # --- the frame

    def compose(self) -> ComposeResult:
        """The target, the plan, fields, the question, a message, buttons."""
        with Vertical(id="action", classes="dialog") as box:
            box.border_title = self.title_words
            yield Static(plans.where(self._desk.target), classes="target", markup=False)
            with VerticalScroll(id="plan"):
                yield Static(self.subject, id="plan-text", markup=False)
            for fields in self.lines():
                yield FieldLine(fields, self._given, self._desk.names)
            yield Static(id="question", markup=False)
            yield Input(id="typed", compact=True)
            yield Static(id="message", markup=False)
            with Horizontal(classes="buttons"):
                variant = "error" if self.action is JobAction.DELETE else "primary"
                yield Button(self._verb, id="confirm", variant=variant, compact=True, disabled=True)
                yield Button("Statements", id="statements", compact=True)
                yield Button("Undo", id="undo", compact=True)
                yield Button("Close", id="close", compact=True)

    def begin(self) -> None:
        """Count, unless something must be said first."""
        self._ask()
        missing = self._missing
        if missing is None:
            self._look()
        else:
            line, field = missing
            line.entry(field).focus()
            self.say(f"{field.name}: {field.about}")

    @property
    def _verb(self) -> str:
        return actionplans.TITLES[self.action]

    @property
    def _missing(self) -> tuple[FieldLine, Field] | None:
        lines = self.query(FieldLine)
        return next(((line, line.missing) for line in lines if line.missing is not None), None)

    # --- the plan

    def _look(self, after: str = "", *, focus: bool = True) -> None:
        """Read how things are, `after` a deed that was not done; until then nothing can be confirmed."""
        self._plan, self._after = None, after
        self._ask(focus=False)
        self.run_worker(self._planned(focus=focus), group="plan", exclusive=True)

    async def _planned(self, *, focus: bool) -> None:
        if not self._after:
            self.say("counting the jobs …")
        for name in MODULES:
            await asyncio.to_thread(import_module, name)  # beside the loop: 80 ms at the first time
        try:
            plan = await self.make_plan()
        except BossctlError as error:
            if self.is_attached:
                self._unplanned(error, focus=focus)
            return
        if not self.is_attached:
            return
        self._plan = plan
        self._draw_plan()
        if not self._after:
            self.say("" if jobwords.free(plan) else "nothing to do")
        self._ask(focus=focus)

    def _unplanned(self, error: BossctlError, *, focus: bool) -> None:
        """Say why; what is wrong with a request is put right in its fields, so a hint at options is left out."""
        wrong = isinstance(error, UsageError)
        told = str(error) if wrong else plans.failure(error)
        self.say(f"{self._after} – now: {error}" if self._after else told, "error")
        lines = list(self.query(FieldLine))
        if focus and wrong and lines and not isinstance(self.focused, Input):
            lines[0].entry(lines[0].fields[0]).focus()

    def _draw_plan(self) -> None:
        if self._plan is not None:
            text = actionplans.plan(self._plan, self.subject, count=self.count)
            if self._shown_sql and self._plan.statements:
                text += Content("\n\n") + plans.statements(self._plan.statements)
            self.query_one("#plan-text", Static).update(text)

    @on(Input.Changed)
    def _edited(self, event: Input.Changed) -> None:
        """What was planned is not what is asked for any more; the plan of it follows when one rests."""
        if event.input.id == "typed":
            self.say("")
            self.query_one("#confirm", Button).disabled = not self._agreed
        elif not self.doing and self._outcome is None and event.value != self._given.get(_field(event.input), ""):
            self._given = {**self._given, _field(event.input): event.value}
            self._plan = None
            self._ask(focus=False)
            self._rest()
            self._soon = self.set_timer(PAUSE, self._rested)

    def _rest(self) -> None:
        if self._soon is not None:
            self._soon.stop()
        self._soon = None

    def _rested(self) -> None:
        if self._missing is None:
            self._look(focus=False)

    @on(Input.Submitted, "FieldLine Input")
    def _field_done(self) -> None:
        self._rest()
        if self._missing is None and not self.doing:
            self._look()

    @on(Button.Pressed, "#statements")
    def action_statements(self) -> None:
        """Show the statements under the plan, or hide them."""
        if self._outcome is None:
            self._shown_sql = not self._shown_sql
            self.set_class(self._shown_sql, "-long")
            self._draw_plan()

    # --- the question

    def _ask(self, *, focus: bool = True) -> None:
        """Show what fits: the question, what is under way, or what became of it."""
        possible = self._free > 0 and self._outcome is None and not self.doing
        typed = self.query_one("#typed", Input)
        typed.display = possible and self._needs_number
        question = self.query_one("#question", Static)
        question.display = possible
        question.update(Content(self._question))
        for line in self.query(FieldLine):
            line.display = self._outcome is None and not self.doing
        operation = self._can_be_undone
        for name, shown in {"confirm": possible, "statements": possible, "undo": operation}.items():
            self.query_one(f"#{name}", Button).display = shown
        self.query_one("#confirm", Button).disabled = not self._agreed
        close = self.query_one("#close", Button)
        close.label = "Stop" if self.doing else "Close"
        close.refresh(layout=True)  # as wide as its new word
        keys = "Esc: stop after this batch" if self.doing else "U: undo · Esc: close" if operation else "Esc: close"
        self.query_one("#action").border_subtitle = f"^s: statements · {keys}" if possible else keys
        if focus:
            self.set_focus(typed if typed.display else close)

    @property
    def _can_be_undone(self) -> bool:
        return can_be_undone(self._outcome)

    @property
    def _free(self) -> int:
        return 0 if self._plan is None else jobwords.free(self._plan)

    @property
    def _needs_number(self) -> bool:
        return self._free > jobwords.TYPED_ABOVE or guarded(self._desk.target)

    @property
    def _question(self) -> str:
        number, verb = jobwords.number(self._free), self._verb.lower()
        if not self._needs_number:
            return f"{self._verb} {number}? y: yes"
        return f"To {verb} {number}, type {self._free} and press Enter:"

    @property
    def _agreed(self) -> bool:
        if not self._free or self.doing or self._outcome is not None:
            return False
        return not self._needs_number or self._typed == str(self._free)

    @property
    def _typed(self) -> str:
        return self.query_one("#typed", Input).value.strip().replace(",", "")

    # --- the deed

    @on(Input.Submitted, "#typed")
    @on(Button.Pressed, "#confirm")
    def action_confirm(self) -> None:
        """Do it, if what is asked for was given."""
        if self._plan is None or not self._free or self.doing or self._outcome is not None:
            return
        if not self._agreed:
            self.say("that is not the number of jobs: nothing was changed", "error")
            return
        self._stop.clear()
        words = f"{self._verb.lower()} of {jobwords.number(self._free)}"
        self.carry_out(self._do(self._plan), doing=words, whether=f"all of the {words} was done")
        self._ask()

    async def _do(self, plan: ActionPlan) -> ActionOutcome:
        self._outcome = None
        outcome = self._outcome = await self.deed(plan)
        return outcome

    def advance(self, so_far: Progress) -> None:
        """Say how far it is, as long as somebody looks."""
        if not self._left and self._plan is not None:
            stopping = " – stopping after this batch" if self._stop.is_set() else ""
            self.say(jobwords.progress_line(self._plan.request, so_far) + stopping)

    def told(self, result: ActionOutcome) -> str:
        """What was done."""
        return jobwords.told(result)

    def settled(self, result: ActionOutcome) -> bool:
        """Whether there is nothing to explain."""
        return bool(result.changed) and not result.skipped and not result.warnings and _to_the_end(result)

    def failed(self, sentence: str) -> None:
        """Show what became of it; after an error count again."""
        if self._outcome is None:
            with self.prevent(Input.Changed):  # an answer to it would wipe out the sentence
                self.query_one("#typed", Input).clear()
            self._look(sentence)
            return
        self.shown = True
        self.remove_class("-long")
        self.query_one("#plan-text", Static).update(actionplans.outcome(self._outcome))
        self.query_one("#plan").scroll_home(animate=False)
        self.say("" if _to_the_end(self._outcome) else "not all was done", "")
        self._ask()

    # --- leaving

    def action_undo(self) -> None:
        """From the result: take it back."""
        done = self._outcome
        if done is not None and self._can_be_undone and not self.doing:
            app = self.app
            self.dismiss(done)
            app.call_after_refresh(app.run_action, f"app.undo({done.operation!r})")

    @on(Button.Pressed, "#undo")
    def _undo(self) -> None:
        self.action_undo()

    async def action_interrupt(self) -> None:
        """Stop what is under way, else as everywhere."""
        if self.doing and not self._stop.is_set():
            self.action_close()
        else:
            await super().action_interrupt()

    @on(Button.Pressed, "#close")
    def action_close(self) -> None:
        """Stop after this batch what is under way; asked again let it come to that alone. Else close."""
        if self.doing and not self._stop.is_set():
            self._stop.set()
            self.say("stopping after this batch …")
        elif self._outcome is not None and not self.doing:
            self.dismiss(self._outcome)
        else:
            super().action_close()


def can_be_undone(outcome: ActionOutcome | None) -> bool:
    """Whether `U` takes it back, or some of it: not what took something back itself."""
    if outcome is None or outcome.plan.request.action is JobAction.UNDO:
        return False
    return jobwords.undoing(outcome) != "none"


def _to_the_end(result: ActionOutcome) -> bool:
    return result.stopped is None and not result.interrupted and "locked" not in result.skipped


def _field(entry: Input) -> str:
    return (entry.id or "").removeprefix("field-")

"""The question before a queue is deleted: what it holds, what goes with it, what stands in the way."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Input, Static

from bossctl.errors import BossctlError
from bossctl.format import clean
from bossctl.models.common import Target
from bossctl.models.operations import QueueDeletion
from bossctl.tui import plans
from bossctl.tui.desk import Desk
from bossctl.tui.screens.dialog import ChangeDialog


class DeleteDialog(ChangeDialog[QueueDeletion]):
    """Shows the plan and asks: for the queue's name where it holds jobs or the target is guarded, else for a yes."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "confirm", "Delete", show=False)]

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__(desk)
        self._victim = name
        self._plan: QueueDeletion | None = None
        self._after = ""
        self._shown_sql = False

    def compose(self) -> ComposeResult:
        """The target, the plan, the question, a message, buttons."""
        with Vertical(id="delete", classes="dialog") as box:
            box.border_title = "Delete a queue"
            yield Static(plans.where(self._desk.target), classes="target", markup=False)
            with VerticalScroll(id="plan"):
                yield Static(id="plan-text", markup=False)
            yield Static(id="question", markup=False)
            yield Input(id="typed", compact=True)
            yield Static(id="message", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Delete", id="confirm", variant="error", compact=True, disabled=True)
                yield Button("Statements", id="statements", compact=True)
                yield Button("Close", id="close", compact=True)

    def begin(self) -> None:
        """Count what it holds."""
        self._look()

    # --- the plan

    def _look(self, after: str = "") -> None:
        """Read how things are, `after` a deed that was not done; until then nothing can be confirmed."""
        self._plan, self._after = None, after
        self._ask()
        self.run_worker(self._planned(), group="plan", exclusive=True)

    async def _planned(self) -> None:
        if not self._after:
            self.say(f"counting the jobs of queue {self._victim} …")
        try:
            plan = await self._desk.operator.plan_delete(self._victim, with_jobs=True)
        except BossctlError as error:
            self.say(f"{self._after} – now: {error}" if self._after else plans.failure(error), "error")
            return
        if not self.is_attached:
            return
        self._plan = plan
        self._draw_plan()
        if plan.reason is not None and not self._after:
            self.say(plans.refusal(plan), "error")
        elif not self._after:
            self.say("")
        self._ask()

    def _draw_plan(self) -> None:
        if self._plan is not None:
            text = plans.delete_plan(self._plan)
            if self._shown_sql and self._plan.statements:
                text += Content("\n\n") + plans.statements(self._plan.statements)
            self.query_one("#plan-text", Static).update(text)

    def _ask(self) -> None:
        """Show the question that fits, if it can be deleted at all."""
        plan = self._plan
        possible = plan is not None and plan.reason is None
        typed = self.query_one("#typed", Input)
        typed.display = possible and self._needs_name
        self.query_one("#question", Static).display = possible
        self.query_one("#question", Static).update(Content(self._question))
        self.query_one("#confirm", Button).display = possible
        self.query_one("#confirm", Button).disabled = not self._agreed
        self.query_one("#statements", Button).display = possible
        self.set_focus(typed if typed.display else self.query_one("#close", Button))
        self.query_one("#delete").border_subtitle = "^s: statements · Esc: close" if possible else "Esc: close"

    @property
    def _needs_name(self) -> bool:
        return self._plan is not None and (self._plan.jobs > 0 or guarded(self._desk.target))

    @property
    def _question(self) -> str:
        if self._plan is None:
            return ""
        if not self._needs_name:
            return "Delete it? There is no undo. y: yes"
        return f"There is no undo. To delete it with {plans.jobs(self._plan)}, type its name and press Enter:"

    @property
    def _agreed(self) -> bool:
        if self._plan is None or self._plan.reason is not None or self.doing:
            return False
        return not self._needs_name or self.query_one("#typed", Input).value in (self._victim, clean(self._victim))

    @on(Input.Changed, "#typed")
    def _typed(self) -> None:
        self.say("")
        self.query_one("#confirm", Button).disabled = not self._agreed

    @on(Button.Pressed, "#statements")
    def action_statements(self) -> None:
        """Show the statements under the plan, or hide them."""
        self._shown_sql = not self._shown_sql
        self.set_class(self._shown_sql, "-long")
        self._draw_plan()

    # --- the deed

    @on(Input.Submitted, "#typed")
    @on(Button.Pressed, "#confirm")
    def action_confirm(self) -> None:
        """Delete it, if what is asked for was given."""
        if self._plan is None or self._plan.reason is not None or self.doing:
            return
        if not self._agreed:
            self.say("that is not its name: nothing was deleted", "error")
            return
        deed = self._desk.operator.delete_queue(self._victim, with_jobs=self._plan.jobs > 0)
        self.carry_out(deed, doing=f"deleting queue {self._victim}", whether=f"queue {self._victim} was deleted")
        self.query_one("#confirm", Button).disabled = True

    def told(self, result: QueueDeletion) -> str:
        """What was deleted, or why not."""
        return plans.deleted(result)

    def settled(self, result: QueueDeletion) -> bool:
        """Whether it is gone."""
        return result.applied

    def failed(self, sentence: str) -> None:
        """Count again: the question may be another one now."""
        with self.prevent(Input.Changed):  # an answer to it would wipe out the sentence
            self.query_one("#typed", Input).clear()
        self._look(sentence)

    @on(Button.Pressed, "#close")
    def _close(self) -> None:
        self.action_close()


def guarded(target: Target | None) -> bool:
    """Whether even an empty queue is deleted only by its name: in every context that was given one."""
    return target is not None and target.context is not None

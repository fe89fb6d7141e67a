"""Acting on chosen jobs, and taking an operation back."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any

from textual.content import Content

from bossctl.format import clean, timestamp, truncate
from bossctl.models import jobwords
from bossctl.models.jobactions import ActionOutcome, ActionPlan, ActionRequest, JobAction
from bossctl.models.undo import UndoPlan
from bossctl.selector import to_text
from bossctl.tui import actionplans
from bossctl.tui.actionform import FieldLine
from bossctl.tui.chosen import Chosen
from bossctl.tui.desk import Desk
from bossctl.tui.screens.jobsdialog import JobsDialog

LONGEST = 200
"""Cells of a selection that are shown."""


class ActionDialog(JobsDialog):
    """An action on chosen jobs."""

    def __init__(self, desk: Desk, action: JobAction, chosen: Chosen, given: Mapping[str, str]) -> None:
        super().__init__(desk, action, given)
        self._chosen = chosen

    @property
    def subject(self) -> Content:
        """The action and the jobs."""
        return actionplans.chosen(self._chosen, self._verb)

    @property
    def count(self) -> int | None:
        """How many were marked."""
        return self._chosen.count

    async def make_plan(self) -> ActionPlan:
        """Of what the fields say."""
        request = ActionRequest(self.action, self._chosen.selector, to_text(self._chosen.selector))
        for line in self.query(FieldLine):
            request = line.read(request)
        return await self._desk.operator.plan_jobs(request, statements=True)

    def deed(self, plan: ActionPlan) -> Coroutine[Any, Any, ActionOutcome]:
        """The yes to a plan that says so is a yes to the schema bossctl too."""
        return self._desk.operator.apply_jobs(
            plan.request, plan, progress=self.advance, stop=self._stop, own_schema=True
        )


class UndoDialog(JobsDialog):
    """Taking back an operation; without its name the last one of this user."""

    def __init__(self, desk: Desk, operation: str = "") -> None:
        super().__init__(desk, JobAction.UNDO, {})
        self._operation = operation
        self._undo_plan: UndoPlan | None = None

    @property
    def title_words(self) -> str:
        """What stands in the frame."""
        return "Undo"

    @property
    def subject(self) -> Content:
        """The operation, once it is known."""
        if self._undo_plan is None:
            return Content(clean(f"Undo {self._operation or 'the last operation'}"))
        told = self._undo_plan.operation
        name = Content(clean(f"{told.action} of {jobwords.number(told.changed)}")).stylize("bold")
        about = f"{told.operation} · {timestamp(told.at)} · by {told.by}"
        return Content("Undo ") + name + Content(f"\n  {clean(about)}\n  {truncate(clean(told.selector), LONGEST)}")

    async def make_plan(self) -> ActionPlan:
        """Of what is as the operation left it."""
        planned = await self._desk.operator.plan_undo(self._operation or None, statements=True)
        self._undo_plan, self._operation = planned, planned.operation.operation
        return planned.plan

    def deed(self, plan: ActionPlan) -> Coroutine[Any, Any, ActionOutcome]:
        """Take it back."""
        if self._undo_plan is None:
            raise LookupError("nothing was planned")
        return self._desk.operator.undo(self._undo_plan, progress=self.advance, stop=self._stop)

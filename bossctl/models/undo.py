"""Taking an operation back: what it would do."""

from __future__ import annotations

from dataclasses import dataclass

from bossctl.models.jobactions import ActionPlan, Operation


@dataclass(frozen=True)
class UndoPlan:
    """What taking back `operation` would do, as an action's plan; `plan.skipped` says what stays and why."""

    operation: Operation
    plan: ActionPlan

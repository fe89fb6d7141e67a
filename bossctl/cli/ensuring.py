"""Ensuring several queues, and what that means for the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bossctl.cli import talk
from bossctl.errors import BossctlError, Exit
from bossctl.format import clean
from bossctl.models.common import Target
from bossctl.models.operations import EnsureAction, EnsureResult, QueueSpec
from bossctl.models.options import is_internal

if TYPE_CHECKING:
    from bossctl.actions import Operator
    from bossctl.store import Store


@dataclass
class Outcome:
    """What has been done so far, filled in on the way so that an interruption can tell.

    `failure` is what stopped it, `surplus` the queues that are in the database and were not asked for.
    """

    results: list[EnsureResult] = field(default_factory=list)
    surplus: tuple[str, ...] = ()
    failure: BossctlError | None = None
    target: Target = field(default_factory=lambda: Target("", 0, "", "", "", ""))

    @property
    def applied(self) -> bool:
        """Whether anything was changed."""
        return any(result.applied for result in self.results)


async def ensure_all(
    store: Store, specs: Sequence[QueueSpec], outcome: Outcome, apply: bool, *, prune: bool = False
) -> None:
    """Plan all, say what should be known before it is done, then do one after the other until one fails.

    Raises what stops it before anything is written.
    """
    from bossctl.actions import Operator

    operator = Operator(store)
    outcome.target = store.target
    plans = await operator.plan_all(specs, apply=apply)
    for planned in plans:
        for notice in planned.notices:
            talk.say(f"note: {clean(planned.queue)}: {notice}")
    if apply:
        await _apply(operator, plans, {spec.name: spec for spec in specs}, outcome)
    else:
        outcome.results += plans
    if prune:
        wanted = {spec.name for spec in specs}
        names = await store.queue_names()
        outcome.surplus = tuple(name for name in names if name not in wanted and not is_internal(name))


async def _apply(
    operator: Operator, plans: Sequence[EnsureResult], specs: dict[str, QueueSpec], outcome: Outcome
) -> None:
    for planned in plans:
        if planned.action in (EnsureAction.UNCHANGED, EnsureAction.REFUSED):
            outcome.results.append(planned)
            continue
        try:
            outcome.results.append(await operator.ensure(specs[planned.queue]))
        except BossctlError as error:
            outcome.failure = error
            return


def left_undone(outcome: Outcome, specs: Sequence[QueueSpec]) -> str:
    """What is still to do, in words."""
    done = {result.queue for result in outcome.results}
    rest = [clean(spec.name) for spec in specs if spec.name not in done]
    return f"not done: {', '.join(rest)}; running it again finishes them" if rest else "all queues were done"


def exit_code(results: Sequence[EnsureResult], *, check: bool, surplus: bool = False) -> Exit:
    """All refused 5, some refused 6; under `--check` any difference is 1, and so is a queue too many."""
    actions = [result.action for result in results]
    if check:
        same = all(action is EnsureAction.UNCHANGED for action in actions)
        return Exit.OK if same and not surplus else Exit.FINDINGS
    refused = actions.count(EnsureAction.REFUSED)
    if not refused:
        return Exit.OK
    return Exit.NOTHING if refused == len(actions) else Exit.PARTLY

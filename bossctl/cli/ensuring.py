"""Ensuring several queues, and what that means for the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bossctl.errors import BossctlError, Exit
from bossctl.models.common import Target
from bossctl.models.operations import EnsureAction, EnsureResult, QueueSpec

if TYPE_CHECKING:
    from bossctl.store import Store


async def ensure_all(
    store: Store, specs: Sequence[QueueSpec], *, apply: bool
) -> tuple[Target, list[EnsureResult], BossctlError | None]:
    """Ensure each in turn; the error that stopped it comes with what was done before, and with where."""
    from bossctl.actions import Operator

    operator = Operator(store)
    results: list[EnsureResult] = []
    for spec in specs:
        try:
            results.append(await operator.ensure(spec, apply=apply))
        except BossctlError as error:
            return store.target, results, error
    return store.target, results, None


def exit_code(results: Sequence[EnsureResult], *, check: bool) -> Exit:
    """All refused 5, some refused 6; under `--check` any difference is 1."""
    actions = [result.action for result in results]
    if check:
        return Exit.OK if all(action is EnsureAction.UNCHANGED for action in actions) else Exit.FINDINGS
    refused = actions.count(EnsureAction.REFUSED)
    if not refused:
        return Exit.OK
    return Exit.NOTHING if refused == len(actions) else Exit.PARTLY

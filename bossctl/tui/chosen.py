"""What an action on jobs is about: the marked ones, the one under the cursor, or all of a selection."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from bossctl.models.jobactions import JobAction
from bossctl.models.jobs import JobRow
from bossctl.models.jobwords import number
from bossctl.selector import And, Archived, Expr, Ids, Is, Or, QueueGlob, Selector, to_text

ARCHIVED = "archived jobs are left alone: restore them first"
LIVE = "only archived jobs can be restored"


@dataclass(frozen=True)
class Chosen:
    """`said` names the jobs; `count` is how many were chosen one by one, None for a whole selection."""

    selector: Selector
    said: str
    count: int | None = None


def all_of(selection: Selector) -> Chosen:
    """Every job a selection finds when the action is planned."""
    return Chosen(selection, f"all that match {to_text(selection)}")


def these(rows: Sequence[JobRow], action: JobAction) -> Chosen | str:
    """These jobs, or why this action cannot be about them; where all are active, retry is about stuck ones."""
    archived = action is JobAction.RESTORE
    fit = [row for row in rows if row.archived == archived]
    if not fit:
        return (LIVE if archived else ARCHIVED) if rows else "choose a job first"
    items = _named(fit)
    if action is JobAction.RETRY and all(row.state == "active" for row in fit):
        items = (*items, Is("stuck"))
    if archived:
        items = (*items, Archived("true"))
    selector = And(items) if len(items) > 1 else next(iter(items))
    return Chosen(selector, _said(fit, len(rows) - len(fit)), len(fit))


def _named(rows: Sequence[JobRow]) -> tuple[Expr, ...]:
    by_queue: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_queue[row.queue].append(row.id)
    named: list[tuple[Expr, ...]] = [
        (QueueGlob.exactly(queue), Ids(tuple(dict.fromkeys(ids)))) for queue, ids in by_queue.items()
    ]
    return named[0] if len(named) == 1 else (Or(tuple(And(one) for one in named)),)


def _said(rows: Sequence[JobRow], left_out: int) -> str:
    if len(rows) == 1 and not left_out:
        return f"job {rows[0].id} of queue {rows[0].queue}"
    word = "live" if rows[0].archived else "archived"
    return f"{number(len(rows))} marked" + (f", without {left_out:,} {word}" if left_out else "")

"""Taking an operation back, row by row, as far as its rows are as it left them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

from bossctl.actions.jobs import filelog, groups, records
from bossctl.actions.jobs.entry import new_entry, person
from bossctl.actions.jobs.groups import Group
from bossctl.actions.jobs.phrases import jobs
from bossctl.actions.jobs.records import Logged
from bossctl.actions.jobs.undogroups import UndoGroups
from bossctl.errors import Refused
from bossctl.format import timestamp
from bossctl.models.jobactions import ActionOutcome, ActionRequest, JobAction, Progress
from bossctl.models.undo import UndoPlan
from bossctl.selector import Archived
from bossctl.sql.archives import ARCHIVED_AFTER
from bossctl.store import Store

_INVERSE = {"archive": "restore", "restore": "archive"}


async def plan_undo(store: Store, operation: str | None, *, statements: bool = False) -> UndoPlan:
    """What taking back this operation would do; None is the last one of this user on this target.

    Raises NotFound for one the log does not know, and Refused where all of it was taken back already.
    """
    logged = await (records.last(store, person()) if operation is None else records.find(store, operation))
    told = logged.operation
    if told.undone and told.undone >= told.changed:
        raise Refused(
            f"operation {told.operation} ({told.action}) was taken back already",
            "bossctl log lists the others; bossctl undo OPERATION takes back one of them",
        )
    request = _request(logged)
    tallied = await groups.count(store, _groups(store, logged, request), statements=statements)
    counted = tallied.counted()
    free = counted.jobs
    effect = f"{jobs(free)} → as before {told.action} {told.operation} of {timestamp(told.at)}"
    warnings = (*_warnings(logged), *_overdue(store, counted.facts.get("overdue", 0)))
    plan = groups.planned(request, tallied, effect, (), warnings, await records.describe(store))
    return UndoPlan(told, plan)


async def undo(
    store: Store,
    planned: UndoPlan,
    *,
    progress: Callable[[Progress], None] | None = None,
    stop: asyncio.Event | None = None,
) -> ActionOutcome:
    """Take it back; logged as an operation of its own."""
    logged = await records.find(store, planned.operation.operation)
    done = str(logged.entry.details.get("does", logged.entry.action))
    details = {"does": _INVERSE[done]} if done in _INVERSE and "path" not in logged.entry.details else {}
    entry = new_entry(store, "undo", logged.entry.selector, details, undoes=planned.operation.operation)
    record = await records.record_of(store, entry)
    every = _groups(store, logged, planned.plan.request)
    outcome = await groups.apply(store, every, planned.plan, record, progress=progress, stop=stop)
    if logged.path is not None and outcome.changed:
        filelog.note(logged.path, {"undone": planned.operation.undone + outcome.changed})
    return outcome


def _request(logged: Logged) -> ActionRequest:
    return ActionRequest(JobAction.UNDO, Archived("any"), logged.entry.selector)


def _groups(store: Store, logged: Logged, request: ActionRequest) -> groups.Groups:
    def made() -> AsyncIterator[Group]:
        return UndoGroups(store, logged, request).groups()

    return made


def _warnings(logged: Logged) -> tuple[str, ...]:
    found = []
    if not logged.operation.finished:
        found.append("the operation did not come to its end: what it had done until then is taken back")
    if logged.entry.action in ("retry", "resume", "resend", "redrive"):
        found.append("what has run since stays as it is")
    return tuple(found)


def _overdue(store: Store, rows: int) -> Iterator[str]:
    """About finished jobs that maintenance had left longer than it means to."""
    if rows and store.catalog.has("archive"):
        yield (
            f"{jobs(rows)} ended over {ARCHIVED_AFTER} ago: pg-boss's next maintenance moves them to its archive,"
            " unless its clients are configured otherwise"
        )
    elif rows:
        yield f"{jobs(rows)} past their retention, as they were before: pg-boss's next maintenance removes them"

"""delete: gone, whole rows kept for undo; never an active job, nor one that others wait for."""

from __future__ import annotations

from bossctl.actions.jobs.chosen import Chosen
from bossctl.actions.jobs.kind import Batch, Counted, Done, Kind, Words
from bossctl.actions.jobs.phrases import jobs
from bossctl.actions.jobs.record import Record
from bossctl.actions.jobs.steps import Steps
from bossctl.models.jobactions import ActionRequest
from bossctl.sql.change_kinds import deleted
from bossctl.sql.changes import BY_ID
from bossctl.store import Store
from bossctl.store.session import Transaction


async def make(store: Store, request: ActionRequest) -> Kind:
    """The declaration."""
    change = deleted(store.session.queries)
    return Kind(
        change,
        words,
        image=(),
        deed=delete,
        removes=True,
        slots=False,
        statements=(("action_delete", {"chosen": BY_ID}),),
        at_once=at_once,
    )


async def delete(batch: Batch) -> Done:
    """Delete the rows, kept whole."""
    return Done(await batch.record.gone(batch.transaction, batch.chosen))


async def at_once(store: Store, record: Record) -> Steps | None:
    """The same in one statement."""
    return await record.taking()


async def remove(transaction: Transaction, chosen: Chosen) -> list[str]:
    """Delete these rows; the ids of those that were there."""
    rows = await transaction.rows("action_delete", chosen.values, chosen=chosen.where)
    return [str(row["id"]) for row in rows]


def words(counted: Counted) -> Words:
    """What the plan says."""
    warnings = []
    if counted.facts["waiting"]:
        warnings.append(f"{jobs(counted.facts['waiting'])} still waiting: they will never run")
    return Words(f"{jobs(counted.jobs)} deleted", ("undo puts them back while its record is kept",), tuple(warnings))

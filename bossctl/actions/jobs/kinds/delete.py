"""delete: gone, whole rows kept for undo; never an active job, nor one that others wait for."""

from __future__ import annotations

from bossctl.actions.jobs.chosen import Chosen
from bossctl.actions.jobs.kind import Batch, Counted, Done, Kind, Words
from bossctl.actions.jobs.phrases import jobs
from bossctl.models.jobactions import ActionRequest
from bossctl.sql.change_kinds import deleted
from bossctl.sql.changes import BY_ID
from bossctl.sql.text import id_list
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
    )


async def delete(batch: Batch) -> Done:
    """Delete the rows, kept whole."""
    return Done(await batch.record.gone(batch.transaction, batch.chosen))


async def remove(transaction: Transaction, chosen: Chosen) -> list[str]:
    """Delete these rows; the ids of those that were there."""
    [row] = await transaction.rows("action_delete", chosen.values, chosen=chosen.where)
    return id_list(row["ids"])


def words(counted: Counted) -> Words:
    """What the plan says."""
    warnings = []
    if counted.facts["waiting"]:
        warnings.append(f"{jobs(counted.facts['waiting'])} still waiting: they will never run")
    return Words(f"{jobs(counted.jobs)} deleted", ("undo puts them back while its record is kept",), tuple(warnings))

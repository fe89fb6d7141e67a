"""delete: gone, whole rows kept for undo; never an active job, nor one that others wait for."""

from __future__ import annotations

from bossctl.actions.jobs.kind import Batch, Counted, Done, Kind, Words
from bossctl.actions.jobs.phrases import jobs
from bossctl.models.jobactions import ActionRequest
from bossctl.sql.change_kinds import deleted
from bossctl.sql.text import id_array
from bossctl.store import Store


async def make(store: Store, request: ActionRequest) -> Kind:
    """The declaration."""
    change = deleted(store.session.queries)
    return Kind(
        change,
        words,
        image=None,
        deed=delete,
        removes=True,
        slots=False,
        statements=(("action_delete", {}),),
    )


async def delete(batch: Batch) -> Done:
    """Delete the rows."""
    rows = await batch.transaction.rows("action_delete", {"queue": batch.queue, "ids": id_array(batch.ids)})
    return Done([row["id"] for row in rows])


def words(counted: Counted) -> Words:
    """What the plan says."""
    warnings = []
    if counted.facts["waiting"]:
        warnings.append(f"{jobs(counted.facts['waiting'])} still waiting: they will never run")
    return Words(f"{jobs(counted.jobs)} deleted", ("undo puts them back while its record is kept",), tuple(warnings))

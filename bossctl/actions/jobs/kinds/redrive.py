"""redrive: dead letters back to the queue they came from, as pg-boss's own redrive."""

from __future__ import annotations

from bossctl.actions.jobs.chosen import Chosen
from bossctl.actions.jobs.kind import Batch, Counted, Done, Kind, Words
from bossctl.actions.jobs.kinds.delete import remove
from bossctl.actions.jobs.kinds.making import make_jobs, slots
from bossctl.actions.jobs.phrases import due, jobs
from bossctl.errors import Unsupported, UsageError
from bossctl.format import clean
from bossctl.models.jobactions import ActionRequest
from bossctl.sql.changes import BY_ID
from bossctl.sql.new_jobs import redriven
from bossctl.store import Store
from bossctl.store.queues import no_such_queue


async def make(store: Store, request: ActionRequest) -> Kind:
    """The declaration. Raises Unsupported on 8.x and 9.x, UsageError where `--to` is needed, NotFound for its queue."""
    queries = store.session.queries
    if not store.catalog.has("job.dead_letter"):
        raise Unsupported("dead-letter queues came with pg-boss 10.0.0; this schema does not have them")
    if request.to_queue is None and not store.catalog.has("job.source_name"):
        raise UsageError(
            "this pg-boss schema does not record where a dead letter came from (pg-boss does since 12.23)",
            "name the queue with --to QUEUE",
        )
    async with store.snapshot() as transaction:
        dead_letters = [row["queue"] for row in await transaction.rows("dead_letter_queues")]
        if request.to_queue is not None and not await transaction.rows("queues", {"names": [request.to_queue]}):
            raise await no_such_queue(transaction, request.to_queue)
    change = redriven(queries, request.to_queue, dead_letters, spread_out=request.spread_seconds is not None)
    return Kind(
        change,
        lambda counted: words(request, counted),
        image=None,
        deed=redrive,
        removes=True,
        statements=(("action_insert", slots(change, queries)), ("action_delete", {"chosen": BY_ID})),
    )


async def redrive(batch: Batch) -> Done:
    """Make the new jobs, and remove the dead letters they were made from."""
    made = await make_jobs(batch)
    return Done(await remove(batch.transaction, Chosen(batch.queue, made)))


def words(request: ActionRequest, counted: Counted) -> Words:
    """What the plan says."""
    where = "the queue each came from" if request.to_queue is None else f'queue "{clean(request.to_queue)}"'
    effect = f"{jobs(counted.jobs)} → new jobs in {where}, with its current rules; the dead letters are removed"
    return Words(effect, (due(request), "the failed originals stay: one that is retried too makes its work run twice"))

"""restore: archived jobs put back as they were, from pg-boss's archive, bossctl's own, or a file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from bossctl.actions.jobs import putback
from bossctl.actions.jobs.chosen import Chosen
from bossctl.actions.jobs.kind import Batch, Counted, Done, Kind, Words
from bossctl.actions.jobs.phrases import jobs
from bossctl.errors import NotFound
from bossctl.models.jobactions import ActionRequest
from bossctl.sql.archives import ARCHIVED_AFTER, native_columns, native_rows, own_rows, put_back
from bossctl.sql.catalog import Catalog
from bossctl.sql.changes import Change
from bossctl.sql.ownschema import Shape, kept_columns
from bossctl.sql.text import Composable
from bossctl.store import Store
from bossctl.store.grants import need_own


async def make(store: Store, request: ActionRequest) -> Kind:
    """The declaration for an archive in the database; files are `restore_file`'s."""
    queries = store.session.queries
    if not store.catalog.has("archives"):
        need_own(store.catalog)
        raise NotFound(
            "nothing is archived here: pg-boss 11 and newer has no archive, and bossctl has made none yet",
            "bossctl job restore --from FILE reads a file that job archive --to has written",
        )
    native = store.catalog.has("archive")
    twice = native and not store.catalog.has("queue")
    change = put_back(queries, queries.relation("restorable"), keep_seconds=request.keep_seconds, twice=twice)
    return Kind(
        change,
        partial(words, store.catalog, request),
        image=(),
        deed=from_native if native else from_own,
        wakes=True,
        statements=shown(store.catalog, change),
    )


def shown(catalog: Catalog, change: Change) -> tuple[tuple[str, Mapping[str, Composable]], ...]:
    """The statements of a batch for those who ask to see them."""
    if catalog.has("archive"):
        columns = native_columns(catalog)
        return (putback.shown(catalog, native_rows(catalog), columns, change), ("out_of_archive", {}))
    kept = kept_columns(catalog, "archive")
    shape = Shape(1, tuple(kept), tuple(one.kept for one in kept.values()))
    return (putback.shown(catalog, own_rows(catalog, shape), shape.columns, change), ("out_of_own_archive", {}))


async def from_native(batch: Batch) -> Done:
    """Put a batch back from pg-boss's archive table."""
    transaction = batch.transaction
    catalog = transaction.queries.catalog
    ids = await putback.insert(batch, batch.ids, native_rows(catalog), native_columns(catalog), {})
    await transaction.rows("out_of_archive", {"queue": batch.queue, "ids": ids})
    await _returned(batch, ids, ())
    return Done(ids)


async def from_own(batch: Batch) -> Done:
    """Put a batch back from bossctl's own archive."""
    transaction = batch.transaction
    catalog = transaction.queries.catalog
    values = {"schema": catalog.schema, "queue": batch.queue, "ids": list(batch.ids)}
    back: list[str] = []
    links: list[putback.Link] = []
    for row in await transaction.rows("shapes_archived", values):
        [shape] = await putback.shapes(transaction, row["shape"])
        back += await putback.insert(batch, row["ids"], own_rows(catalog, shape), shape.columns, {})
        links += await putback.links_of(transaction, row["operations"], batch.queue, row["ids"])
    await transaction.rows("out_of_own_archive", {**values, "ids": back})
    await _returned(batch, back, links)
    return Done(back)


async def _returned(batch: Batch, ids: list[str], links: list[putback.Link] | tuple[()]) -> None:
    await putback.settle(batch.transaction, batch.queue, ids, links)
    await batch.record.batch(batch.transaction, Chosen(batch.queue, ids), ())


def words(catalog: Catalog, request: ActionRequest, counted: Counted) -> Words:
    """What the plan says."""
    effect = f"{jobs(counted.jobs)} → back among the live jobs as they were"
    consequences, warnings = [], []
    waiting = counted.facts["waiting"]
    if waiting:
        consequences.append(f"{jobs(waiting)} not ended yet: workers take them as soon as they are due")
    if not catalog.has("job.deletion_seconds"):
        consequences.append(
            f"pg-boss archives finished jobs again {ARCHIVED_AFTER} after they ended, unless its clients are configured"
            " otherwise"
        )
        if request.keep_seconds is not None:
            warnings.append("--keep has no effect on finished jobs: 8 to 10 keep no limit for them in the job")
    elif request.keep_seconds is None:
        consequences.append("pg-boss deletes finished jobs when their own limit is over; --keep gives them more time")
    return Words(effect, tuple(consequences), tuple(warnings))

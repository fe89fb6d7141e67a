"""archive: finished jobs moved out of the job table: to pg-boss's archive, to bossctl's own, or to a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from bossctl.actions.jobs import ownschema
from bossctl.actions.jobs.entry import person
from bossctl.actions.jobs.kind import Batch, Counted, Done, Kind, Words
from bossctl.actions.jobs.phrases import jobs
from bossctl.errors import Refused
from bossctl.format import clean
from bossctl.models.jobactions import ActionRequest
from bossctl.sql.archives import archived, native_only, to_native
from bossctl.sql.catalog import OWN_SCHEMA, Catalog
from bossctl.sql.changes import BY_ID
from bossctl.sql.ownschema import creation, stored
from bossctl.sql.text import Composable, id_list
from bossctl.store import Store
from bossctl.store.connections import Row

PURGED_AFTER = "7 days"


async def make(store: Store, request: ActionRequest) -> Kind:
    """The declaration."""
    if request.path is not None:
        from bossctl.actions.jobs.exports import archiving_to

        return await archiving_to(store, request, Path(request.path))
    queries = store.session.queries
    own = not store.catalog.has("archive")
    if own:
        await _can_be_kept(store)
    change = archived(queries, own=own, exported=False)
    unknown = {"operation": "…", "shape": 1, "by": person()}
    return Kind(
        replace(change, values={**change.values, **unknown}),
        partial(_words, store.catalog, own=own),
        image=(),
        deed=move,
        prepare=_prepare if own else None,
        removes=True,
        slots=False,
        statements=_shown(store.catalog, own=own),
    )


def _shown(catalog: Catalog, *, own: bool) -> tuple[tuple[str, Mapping[str, Composable]], ...]:
    chosen = {"chosen": BY_ID}
    if not own:
        return (("moved_to_archive", {**to_native(catalog), **chosen}),)
    made = [] if catalog.has("own:archive") else creation(catalog, schema=True)
    moved = ("moved_to_own_archive", {**stored(catalog, "archive", list(catalog.columns("job"))), **chosen})
    return (*((write.name, write.slots) for write in made), moved)


async def _can_be_kept(store: Store) -> None:
    found = await ownschema.look(store)
    if not found.ready:
        ownschema.may_be_made(found)


async def _prepare(store: Store, allowed: bool) -> None:
    found = await ownschema.look(store)
    if not found.present and not allowed:
        raise Refused(f"archived jobs would be kept in a new schema {OWN_SCHEMA}, which was not agreed to")
    await ownschema.make(store)


async def move(batch: Batch) -> Done:
    """Move a batch to the archive of this schema."""
    transaction = batch.transaction
    catalog = transaction.queries.catalog
    if catalog.has("archive"):
        await batch.record.batch(transaction, batch.chosen, ())
        slots = {**to_native(catalog), "chosen": batch.chosen.where}
        row = await transaction.row("moved_to_archive", batch.chosen.values, **slots)
    else:
        row = await _to_own(batch, catalog)
    return Done(id_list(row["ids"]) if row else ())


async def _to_own(batch: Batch, catalog: Catalog) -> Row:
    """The archive's rows name their operation, so that its record needs no image of them."""
    transaction = batch.transaction
    columns = list(catalog.columns("job"))
    operation = batch.record.operation
    values = {
        **batch.chosen.values,
        "schema": catalog.schema,
        "operation": operation,
        "generation": catalog.generation,
        "shape": await ownschema.shape_of(transaction, "archive", columns),
        "by": person(),
    }
    await ownschema.keep_links(transaction, operation, batch.queue, batch.ids)
    chosen = batch.chosen
    query = transaction.queries.kept(
        "moved_to_own_archive",
        f"{bool(chosen.places)}",
        lambda: {**stored(catalog, "archive", columns), "chosen": chosen.where},
    )
    [row] = await transaction.run(query, values)
    return row


def _words(catalog: Catalog, counted: Counted, *, own: bool) -> Words:
    moved = jobs(counted.jobs)
    warnings = []
    if own:
        where = f"{OWN_SCHEMA}.archive, a table of bossctl's own beside pg-boss's schema"
        if not catalog.has("own:archive"):
            warnings.append(f"the schema {OWN_SCHEMA} is created in this database")
        after = ("nothing removes them there; bossctl job restore brings them back",)
    else:
        where = "pg-boss's own archive table"
        after = (
            f"pg-boss purges its archive: {PURGED_AFTER} after a job came there, unless its clients are configured"
            " otherwise (deleteAfter…, archive interval); until then bossctl job restore brings them back",
        )
        lost = native_only(catalog)
        if lost:
            names = ", ".join(map(clean, lost))
            warnings.append(f"pg-boss's archive table has no column {names}: what the jobs hold there is not kept")
    return Words(f"{moved} → {where}", after, tuple(warnings))

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
from bossctl.actions.jobs.record import Record
from bossctl.actions.jobs.steps import Steps
from bossctl.errors import Refused
from bossctl.format import clean
from bossctl.models.jobactions import ActionRequest
from bossctl.sql import Queries
from bossctl.sql.archives import archived, native_only, to_native
from bossctl.sql.at_once import GONE, NOTHING
from bossctl.sql.catalog import OWN_SCHEMA, Catalog
from bossctl.sql.changes import BY_ID
from bossctl.sql.ownschema import creation, stored
from bossctl.sql.text import Composable
from bossctl.store import Store

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
        statements=_shown(queries, own=own),
        at_once=at_once,
    )


def _shown(queries: Queries, *, own: bool) -> tuple[tuple[str, Mapping[str, Composable]], ...]:
    catalog = queries.catalog
    made = creation(catalog, schema=True) if own and not catalog.has("own:archive") else []
    slots = {"leaving": queries.get("action_leaving", chosen=BY_ID).text, "deed": _kept(queries)}
    return (*((write.name, write.slots) for write in made), ("action_moved", slots))


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
    queries, record = transaction.queries, batch.record
    values: Mapping[str, object] = {}
    if queries.catalog.has("archive"):
        await record.batch(transaction, batch.chosen, ())
    else:
        # The archive's rows name their operation, so that its record needs no image of them.
        await ownschema.keep_links(transaction, record.operation, batch.queue, batch.ids)
        values = _bound(queries.catalog, record, await ownschema.shape_of(transaction, "archive", _columns(queries)))
    return Done(await ownschema.moved(transaction, batch.chosen, _kept(queries), values))


async def at_once(store: Store, record: Record) -> Steps | None:
    """The same in one statement."""
    queries = store.session.queries
    if queries.catalog.has("archive"):
        if (moving := record.moving()) is None:
            return Steps(NOTHING, _kept(queries), takes=True, keeps_ids=True)
        text, values = moving
        return Steps(NOTHING, _kept(queries), values, takes=True, moved=text)
    shape = await ownschema.lasting_shape(store, "archive", _columns(queries))
    return Steps(NOTHING, _kept(queries), _bound(queries.catalog, record, shape), takes=True, unlinked=True)


def _kept(queries: Queries) -> Composable:
    """What writes deleted rows to the archive of this schema."""
    if queries.catalog.has("archive"):
        return queries.get("into_archive", gone=GONE, **to_native(queries.catalog)).text
    columns = stored(queries.catalog, "archive", _columns(queries))
    return queries.get("into_own_archive", gone=GONE, **columns).text


def _columns(queries: Queries) -> list[str]:
    return list(queries.catalog.columns("job"))


def _bound(catalog: Catalog, record: Record, shape: int) -> dict[str, object]:
    bound = {"schema": catalog.schema, "operation": record.operation, "generation": catalog.generation}
    return {**bound, "shape": shape, "by": person()}


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

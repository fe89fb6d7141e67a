"""Where an operation is recorded, and what the log tells afterwards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bossctl.actions.jobs import filelog, ownschema
from bossctl.actions.jobs.entry import Entry, details_of, new_entry
from bossctl.actions.jobs.record import Record
from bossctl.errors import MissingPrivilege, NotFound
from bossctl.format import clean
from bossctl.models.jobactions import ActionPlan, ActionRequest, Operation
from bossctl.sql.catalog import OWN_SCHEMA
from bossctl.store import Store
from bossctl.store.grants import need_own
from bossctl.store.session import Transaction


@dataclass(frozen=True)
class Logged:
    """An operation of the log with its entry, and its file where it is kept in one."""

    operation: Operation
    entry: Entry
    path: Path | None


async def describe(store: Store) -> str:
    """Where a record would be kept, for a plan: one phrase."""
    if await _in_schema(store):
        return f"the schema {OWN_SCHEMA} of this database"
    return f"a file in {filelog.log_directory()}"


async def open_record(store: Store, request: ActionRequest, plan: ActionPlan) -> Record:
    """Begin the record of an operation. Nothing may be left behind when no row was changed."""
    return await record_of(store, new_entry(store, request.action.value, request.text, details_of(request)))


async def record_of(store: Store, entry: Entry) -> Record:
    """The record of an entry: in the schema bossctl where there is one that can be used, else in a file."""
    if await _in_schema(store):
        try:
            await ownschema.make(store)
            return ownschema.SchemaRecord(store, entry)
        except MissingPrivilege:
            pass  # somebody else's tables lack a column of this job table
    return filelog.FileRecord(store, entry, await filelog.identity(store))


async def _in_schema(store: Store) -> bool:
    found = await ownschema.look(store)
    return found.ready or found.can_be_filled


async def operations(store: Store, *, limit: int = 50) -> tuple[Operation, ...]:
    """What was done to this pg-boss schema, newest first, from the schema bossctl and from this machine's files."""
    return tuple(one.operation for one in await _logged(store, None, limit))


async def find(store: Store, operation: str) -> Logged:
    """One operation. Raises NotFound."""
    found = await _logged(store, operation.strip(), 1_000)
    if not found:
        need_own(store.catalog)
        raise NotFound(f"the log knows no operation {clean(operation)} on {store.target}", "bossctl log lists them")
    return found[0]


async def last(store: Store, person: str) -> Logged:
    """The last operation of this role and person on this target that is not itself an undo. Raises NotFound."""
    for one in await _logged(store, None, 1000):
        if one.entry.undoes is None and (one.entry.role, one.entry.person) == (store.target.user, person):
            return one
    need_own(store.catalog)
    raise NotFound(f"the log knows no operation of yours on {store.target}", "bossctl log lists all")


async def _logged(store: Store, operation: str | None, limit: int) -> list[Logged]:
    database = await filelog.identity(store)
    async with store.snapshot() as transaction:
        found = await _in_own_schema(transaction, operation, limit)
        for path, entry in filelog.headers(database):
            if len(found) >= limit and entry.operation < found[limit - 1].operation.operation:
                break
            if operation in (None, entry.operation, entry.undoes):
                found.append(await _in_file(transaction, path, entry))
                found.sort(key=lambda one: one.operation.operation, reverse=True)
    told = [_with_undone(one, found) for one in found]
    return [one for one in told if operation in (None, one.entry.operation)][:limit]


def _with_undone(one: Logged, found: Sequence[Logged]) -> Logged:
    """What undos of it have in their own records counts: one that was killed noted nothing in the file of this."""
    if one.path is None:
        return one
    undos = sum(other.operation.changed for other in found if other.entry.undoes == one.entry.operation)
    return replace(one, operation=replace(one.operation, undone=max(one.operation.undone, undos)))


async def _in_own_schema(transaction: Transaction, operation: str | None, limit: int) -> list[Logged]:
    catalog = transaction.queries.catalog
    if not catalog.has("own:operation"):
        return []
    values = {"schema": catalog.schema, "operation": operation, "limit": limit}
    rows = await transaction.rows("operations", values)
    found = []
    for row in rows:
        entry = Entry(
            operation=row["operation"],
            action=row["action"],
            selector=row["selector"],
            schema=catalog.schema,
            generation=row["generation"],
            role=row["role"],
            person=row["person"],
            target=row["target"],
            at=row["started_on"],
            details=json.loads(row["details"]),
            undoes=row["undoes"],
        )
        told = _operation(entry, "schema", row["changed"], row["undone"], finished=row["finished"])
        found.append(Logged(told, entry, None))
    return found


async def _in_file(transaction: Transaction, path: Path, entry: Entry) -> Logged:
    end = filelog.ending(path)
    changed = end["changed"] if "changed" in end else await _committed(transaction, filelog.counts(path))
    told = _operation(entry, "file", changed, end.get("undone", 0), finished="finished" in end)
    return Logged(told, entry, path)


async def _committed(transaction: Transaction, counts: dict[int, int]) -> int:
    """How many rows the transactions of a file changed that was left open; the server knows which were committed."""
    rows = await transaction.rows("transactions_ended", {"xids": list(counts)})
    return sum(counts[row["xid"]] for row in rows if row["status"] != "aborted")


def _operation(entry: Entry, where: str, changed: int, undone: int, *, finished: bool) -> Operation:
    return Operation(
        operation=entry.operation,
        action=entry.action,
        at=entry.at,
        by=entry.by,
        target=entry.target,
        selector=entry.selector,
        changed=changed,
        undone=undone,
        where=where,
        undoes=entry.undoes,
        finished=finished,
    )

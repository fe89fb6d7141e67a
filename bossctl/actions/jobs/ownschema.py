"""The schema `bossctl` in the database: whether it can be used, making it, and records kept in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bossctl.actions.jobs.chosen import Chosen
from bossctl.actions.jobs.entry import Entry, written
from bossctl.actions.jobs.steps import Steps
from bossctl.errors import MissingPrivilege, Unreachable, Unsupported
from bossctl.format import clean
from bossctl.models.jobactions import ActionOutcome
from bossctl.sql.at_once import CHANGED, CHANGED_ROWS, GIVEN, GONE, LOCKED, NOTHING, kept_first
from bossctl.sql.catalog import OWN_SCHEMA, Catalog
from bossctl.sql.grants import quoted
from bossctl.sql.ownschema import additions, creation, kept_columns, missing_columns, stored
from bossctl.sql.spelling import spelled
from bossctl.sql.text import Composable, id_array, id_list
from bossctl.store import Store
from bossctl.store.session import Transaction


@dataclass(frozen=True)
class OwnSchema:
    """What there is of it and what this role may do.

    `ready`: its tables are there and may be written. `can_be_filled`: it is there, empty, and ours to fill. `entered`:
    we may use it and create in it.
    """

    present: bool
    ready: bool
    mine: bool
    can_be_filled: bool
    can_be_made: bool
    foreign: bool
    filled: bool
    entered: bool
    role: str
    database: str


async def look(store: Store) -> OwnSchema:
    """See what there is. Where pg-boss itself is in a schema of that name, ours can never be."""
    async with store.snapshot() as transaction:
        row = await transaction.row("own_schema", {"schema": store.catalog.schema})
    if row is None:
        raise LookupError("own_schema has one row")
    taken = store.catalog.schema == OWN_SCHEMA
    empty = row["present"] and row["tables"] == 0
    return OwnSchema(
        present=row["present"],
        ready=row["present"] and row["usable"] and row["ours"] and row["writable"],
        mine=row["mine"],
        can_be_filled=empty and row["usable"] and row["may_create_tables"],
        can_be_made=not row["present"] and row["may_create_schema"] and not taken,
        foreign=taken or (row["tables"] > 0 and not row["ours"]),
        filled=row["tables"] > 0,
        entered=row["usable"] and row["may_create_tables"],
        role=row["role"],
        database=store.target.database,
    )


async def make(store: Store) -> None:
    """Make the schema where it is absent, and its tables. Raises Unsupported and MissingPrivilege."""
    found = await look(store)
    if not found.ready:
        may_be_made(found)
        async with store.session.write() as transaction:
            for write in creation(store.catalog, schema=not found.present):
                await transaction.rows(write.name, write.values, **write.slots)
        await store.session.reread()
    await fit(store)


async def fit(store: Store) -> None:
    """Add the columns that this job table has and the own tables do not. Raises MissingPrivilege."""
    if OWN_SCHEMA_TABLES - store.catalog.own.keys():
        await store.session.reread()
    if not lacking(store.catalog):
        return
    if not (await look(store)).mine:
        raise MissingPrivilege(
            "the job table has columns that the tables of the schema bossctl lack, and only their owner can add them",
            "run any action once as their owner",
        )
    async with store.session.write() as transaction:
        for write in additions(store.catalog):
            await transaction.rows(write.name, write.values, **write.slots)
    await store.session.reread()


OWN_SCHEMA_TABLES = {"operation", "shape", "image", "link", "archive"}


def lacking(catalog: Catalog) -> bool:
    """Whether a table of the own schema lacks a column that the job table has."""
    return any(missing_columns(catalog, table) for table in ("image", "archive"))


def may_be_made(found: OwnSchema) -> None:
    """Raise Unsupported or MissingPrivilege where the schema cannot be made or filled."""
    if found.foreign:
        raise Unsupported(
            f"a schema {OWN_SCHEMA} is there that is not bossctl's own, so it cannot keep anything in this database",
            "archive to a file instead: --to FILE.jsonl",
        )
    if found.present and not found.can_be_filled:
        role = quoted(found.role)
        entering = [] if found.entered else [f"GRANT USAGE, CREATE ON SCHEMA {OWN_SCHEMA} TO {role}"]
        tables = [f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {OWN_SCHEMA} TO {role}"]
        raise MissingPrivilege(
            f"role {clean(found.role)} may not write in the schema {OWN_SCHEMA}",
            "; ".join([*entering, *(tables if found.filled else [])]),
        )
    if not found.present and not found.can_be_made:
        raise MissingPrivilege(
            f"role {clean(found.role)} may not create the schema {OWN_SCHEMA}, where archived jobs are kept",
            f"GRANT CREATE ON DATABASE {quoted(found.database)} TO {quoted(found.role)}",
        )


async def shape_of(transaction: Transaction, table: str, columns: Sequence[str]) -> int:
    """The number of a shape, made where it is new."""
    kept = kept_columns(transaction.queries.catalog, table)
    values = {"columns": list(columns), "kept": [kept[column].kept for column in columns]}
    row = await transaction.row("shape_of", values) or await transaction.row("shape_added", values)
    if row is None:
        raise LookupError("a shape that was added has a number")
    return row["shape"]


async def lasting_shape(store: Store, table: str, columns: Sequence[str]) -> int:
    """The same, committed: for many transactions, of which any may be rolled back."""
    async with store.session.write() as transaction:
        return await shape_of(transaction, table, columns)


async def moved(transaction: Transaction, chosen: Chosen, kept: Composable, values: Mapping[str, object]) -> list[str]:
    """Delete these rows and keep them by a statement over `gone`; the ids of those that were there."""
    queries = transaction.queries
    slots = {"leaving": queries.get("action_leaving", chosen=chosen.where).text, "deed": kept}
    [row] = await transaction.rows("action_moved", {**values, **chosen.values}, **slots)
    return id_list(row["ids"])


def image_columns(catalog: Catalog, columns: Sequence[str] | None) -> list[str]:
    """Canonical columns as the job table calls them, with id and name; None means all of them."""
    if columns is None:
        return list(catalog.columns("job"))
    found = [spelled(catalog, column) for column in ("id", "name", *columns)]
    return list(dict.fromkeys(column for column in found if column is not None))


class SchemaRecord:
    """An operation whose record is in the schema bossctl, written in the very transactions that change the jobs."""

    where = "schema"

    def __init__(self, store: Store, entry: Entry) -> None:
        self._store = store
        self._entry = entry

    @property
    def operation(self) -> str:
        """Its name."""
        return self._entry.operation

    async def batch(self, transaction: Transaction, chosen: Chosen, columns: Sequence[str] | None) -> None:
        """Keep these columns of these rows; None: whole rows and their links; none at all: that they were moved."""
        if columns is not None and not columns:
            await self._ids(transaction, "moved", chosen.queue, dict.fromkeys(chosen.ids))
            return
        raw = image_columns(transaction.queries.catalog, columns)
        shape = await shape_of(transaction, "image", raw)
        values = {**self._values("gone" if columns is None else "changed", shape), **chosen.values}
        kept = stored(transaction.queries.catalog, "image", raw)
        await transaction.rows("image_kept", values, chosen=chosen.where, **kept)
        if columns is None:
            await keep_links(transaction, self.operation, chosen.queue, chosen.ids)

    async def gone(self, transaction: Transaction, chosen: Chosen) -> list[str]:
        """Move the rows here, with their links."""
        await keep_links(transaction, self.operation, chosen.queue, chosen.ids)
        raw = image_columns(transaction.queries.catalog, None)
        kept = transaction.queries.get("image_of_gone", gone=GONE, **stored(transaction.queries.catalog, "image", raw))
        shape = await shape_of(transaction, "image", raw)
        return await moved(transaction, chosen, kept.text, self._values("gone", shape))

    def _values(self, kind: str, shape: int) -> dict[str, object]:
        return {"operation": self.operation, "kind": kind, "shape": shape}

    async def keeping(self, columns: Sequence[str]) -> tuple[Composable, Mapping[str, object]]:
        """An insert beside the change."""
        queries = self._store.session.queries
        raw = image_columns(queries.catalog, columns)
        kept = queries.get("image_kept", chosen=LOCKED, **stored(queries.catalog, "image", raw))
        return kept_first(kept.text), self._values("changed", await lasting_shape(self._store, "image", raw))

    async def taking(self) -> Steps | None:
        """The rows moved here, where none of them can have links."""
        queries = self._store.session.queries
        raw = image_columns(queries.catalog, None)
        kept = queries.get("image_of_gone", gone=GONE, **stored(queries.catalog, "image", raw))
        shape = await lasting_shape(self._store, "image", raw)
        return Steps(NOTHING, kept.text, self._values("gone", shape), takes=True, unlinked=True)

    def moving(self) -> tuple[Composable, Mapping[str, object]]:
        """The ids of what was moved, kept beside the change."""
        return self._store.session.queries.get("moved_kept", changed=CHANGED).text, {"operation": self.operation}

    async def made(self, transaction: Transaction, queue: str, origins: Mapping[str, str]) -> None:
        """Keep which jobs were created."""
        await self._ids(transaction, "made", queue, origins)

    async def _ids(
        self, transaction: Transaction, kind: str, queue: str, origins: Mapping[str, str] | Mapping[str, None]
    ) -> None:
        values = {"operation": self.operation, "kind": kind, "queue": queue}
        lists = {"ids": list(origins), "origins": list(origins.values())}
        await transaction.rows("ids_kept", {**values, **lists})

    async def count(self, transaction: Transaction, changed: int) -> None:
        """So many more."""
        if changed:
            values = {**operation_values(self._entry), "changed": changed}
            await transaction.rows("operation_counted", values, changed_rows=GIVEN["changed"])

    def counting(self) -> tuple[Composable, Mapping[str, object]]:
        """The same as a step after a change."""
        counted = self._store.session.queries.get("operation_counted", changed_rows=CHANGED_ROWS)
        return counted.text, operation_values(self._entry)

    async def finish(self, outcome: ActionOutcome) -> None:
        """Write down that it is over; a lost connection leaves it unfinished."""
        if outcome.changed and outcome.stopped is None:
            try:
                async with self._store.session.write() as transaction:
                    await transaction.rows("operation_finished", {"operation": self.operation})
            except Unreachable:
                return


def operation_values(entry: Entry) -> dict[str, object]:
    """What the table `operation` holds of an entry."""
    return {
        "operation": entry.operation,
        "schema": entry.schema,
        "generation": entry.generation,
        "action": entry.action,
        "selector": entry.selector,
        "details": written(entry.details),
        "role": entry.role,
        "person": entry.person,
        "target": entry.target,
        "undoes": entry.undoes,
    }


async def keep_links(transaction: Transaction, operation: str, queue: str, ids: Sequence[str]) -> None:
    """Keep the flow links of these jobs: pg-boss forgets them once a job is gone."""
    if transaction.queries.supports("links_kept"):
        await transaction.rows("links_kept", {"operation": operation, "queue": queue, "ids": id_array(ids)})

"""The rows of one operation in groups, each with what takes it back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bossctl.actions.jobs import archive, filelog, putback, restore
from bossctl.actions.jobs.entry import Entry
from bossctl.actions.jobs.exports import chunks
from bossctl.actions.jobs.groups import Group
from bossctl.actions.jobs.kind import Batch, Counted, Deed, Done, Kind, Words
from bossctl.actions.jobs.records import Logged
from bossctl.actions.jobs.selected import Selected
from bossctl.errors import UsageError
from bossctl.models.jobactions import ActionRequest
from bossctl.sql import undoing
from bossctl.sql.changes import Change
from bossctl.sql.selection import select
from bossctl.sql.text import Composable
from bossctl.sql.undoing import TEXT_IDS
from bossctl.store import Store
from bossctl.store.session import Transaction


@dataclass(frozen=True)
class Rows:
    """Stored rows of one queue: `source` composed, `values` bound in it, `columns` raw names."""

    queue: str
    source: Composable
    columns: tuple[str, ...]
    values: Mapping[str, object]


class UndoGroups:
    """Makes the groups of one operation, from wherever its record is."""

    def __init__(self, store: Store, logged: Logged, request: ActionRequest) -> None:
        self._store = store
        self._logged = logged
        self._request = request
        self._entry: Entry = logged.entry

    async def groups(self) -> AsyncIterator[Group]:
        """All groups. Raises UsageError where a file that holds the rows cannot be read."""
        if self.done == "archive" and "path" in self._entry.details:
            for group in self._of_export(Path(str(self._entry.details["path"]))):
                yield group
        elif self.done == "archive" and not self._store.catalog.has("archive"):
            async for group in self._of_own_archive():
                yield group
        elif self._logged.path is not None:
            for stored in filelog.transactions(self._logged.path):
                for group in self._of_file(stored):
                    yield group
        else:
            async for group in self._of_own_schema():
                yield group

    @property
    def done(self) -> str:
        """What the operation did: an undo does what its details say."""
        return str(self._entry.details.get("does", self._entry.action))

    def _group(self, queue: str, change: Change, kind: Kind, values: Mapping[str, object], rows: int | None) -> Group:
        queries = self._store.session.queries
        selection = select(None, queries.catalog)
        bound = {**change.values, **values}
        source = change.source or queries.relation("job")
        return Group(queue, Selected(self._request, kind, queries, selection, source, bound), rows)

    def _of_export(self, path: Path) -> list[Group]:
        found = []
        for chunk in chunks(path):
            if chunk.operation == self._entry.operation:
                rows = text_rows(self._store, chunk.queue, chunk.columns, chunk.rows, 0)
                found.append(self._back(rows, len(chunk.rows), chunk.links))
        return found

    async def _of_own_archive(self) -> AsyncIterator[Group]:
        catalog = self._store.catalog
        values = {"operation": self._entry.operation}
        left = self._logged.operation.changed - self._logged.operation.undone
        if not catalog.has("own:archive"):
            return
        async with self._store.snapshot() as transaction:
            found = await transaction.rows("archived_groups", {**values, "schema": catalog.schema})
        change = undoing.archived_own(self._store.session.queries)
        kind = _kind(change, self._spending(restore.from_own), restore.shown(catalog, change))
        for place, row in enumerate(found):
            missing = left - sum(one["rows"] for one in found) if place == 0 else 0
            bound = {**values, "of_queue": row["queue"]}
            yield self._group(row["queue"], change, kind, bound, row["rows"] + max(0, missing))

    async def _of_own_schema(self) -> AsyncIterator[Group]:
        queries = self._store.session.queries
        values = {"operation": self._entry.operation}
        async with self._store.snapshot() as transaction:
            found = await transaction.rows("image_groups", values) if queries.supports("image_groups") else []
            shapes = {
                row["shape"]: await putback.shape(transaction, row["shape"])
                for row in found
                if row["shape"] is not None
            }
        paired = {"made", "gone"} <= {row["kind"] for row in found}
        pairs = undoing.id_rows(queries, "made", every_queue=True) if paired else None
        for row in found:
            shape = shapes.get(row["shape"])
            bound = {**values, "of_queue": row["queue"]}
            if row["kind"] in ("made", "moved"):
                source, columns = undoing.id_rows(queries, row["kind"]), ("id", "name")
            elif shape is not None:
                source, columns = undoing.image_rows(queries.catalog, shape, row["kind"]), shape.columns
            else:
                continue
            rows = Rows(row["queue"], source, columns, bound)
            group = self._of(row["kind"], rows, row["rows"], pairs)
            if group is not None:
                yield group

    def _of_file(self, stored: Sequence[filelog.Stored]) -> list[Group]:
        """What one transaction left in a file."""
        made = [one for one in stored if one.kind == "made"]
        pairs = _ids(made) if made and any(one.kind == "gone" for one in stored) else None
        found = []
        for one in stored:
            if one.kind in ("made", "moved"):
                rows = Rows(one.queue, TEXT_IDS, ("id", "name"), _ids([one]))
            else:
                rows = text_rows(self._store, one.queue, one.columns, one.rows, one.xid)
                rows = Rows(rows.queue, rows.source, rows.columns, {**rows.values, **(pairs or {})})
            found.append(self._of(one.kind, rows, len(one.rows), TEXT_IDS if pairs else None, one.links))
        return [group for group in found if group is not None]

    def _of(
        self,
        kind: str,
        rows: Rows,
        count: int,
        pairs: Composable | None,
        links: Sequence[putback.Link] = (),
    ) -> Group | None:
        queries = self._store.session.queries
        if kind == "changed":
            change = undoing.changed(queries, rows.source, rows.columns)
            deed = self._spending(partial(_change_back, rows))
            image = tuple(name for name in change.after)
            restored = undoing.restored_values(queries.catalog, rows.columns)
            shown = (("undo_changed", {"rows": rows.source, "restored": restored}),)
            made = Kind(change, _no_words, image=image, deed=deed, wakes=True, statements=shown)
            return self._group(rows.queue, change, made, rows.values, count)
        if kind == "gone":
            return self._back(rows, count, links, pairs)
        if kind == "made":
            if pairs is not None:
                return None  # goes with the job it was made from
            change = undoing.made(queries, rows.source)
            deed, shown = self._spending(_remove), (("action_delete", {}),)
            made = Kind(change, _no_words, image=None, deed=deed, removes=True, slots=False, statements=shown)
            return self._group(rows.queue, change, made, rows.values, count)
        return self._moved(rows, count)

    def _moved(self, rows: Rows, count: int) -> Group:
        queries = self._store.session.queries
        if self.done == "archive":
            change = undoing.archived_native(queries, rows.source)
            kind = _kind(change, self._spending(restore.from_native), restore.shown(queries.catalog, change))
            return self._group(rows.queue, change, kind, rows.values, count)
        change = undoing.unrestored(queries, rows.source)
        kind = Kind(change, _no_words, image=(), deed=self._spending(archive.move), removes=True, slots=False)
        return self._group(rows.queue, change, kind, rows.values, count)

    def _back(self, rows: Rows, count: int, links: Sequence[putback.Link], pairs: Composable | None = None) -> Group:
        change = undoing.gone(self._store.session.queries, rows.source, rows.columns, pairs)
        operation = self._entry.operation if self._logged.path is None else None
        deed = self._spending(partial(_put_back, rows, links, operation, pairs))
        shown = putback.shown(self._store.catalog, rows.source, rows.columns, change)
        return self._group(rows.queue, change, _kind(change, deed, (shown,)), rows.values, count)

    def _spending(self, deed: Deed) -> Deed:
        """The deed, and then the images of what it took back are no longer kept."""
        if self._logged.path is not None:
            return deed

        async def done(batch: Batch) -> Done:
            result = await deed(batch)
            await spend(batch.transaction, self._entry.operation, batch.queue, result.changed)
            return result

        return done


async def spend(transaction: Transaction, operation: str, queue: str, ids: Sequence[str]) -> None:
    """Forget the images of rows that were taken back, and count them."""
    values: dict[str, Any] = {"operation": operation, "queue": queue, "ids": list(ids)}
    await transaction.rows("images_spent", values)
    await transaction.rows("operation_undone", {"operation": operation, "undone": len(ids)})


async def _change_back(rows: Rows, batch: Batch) -> Done:
    transaction = batch.transaction
    values = {**batch.values, "queue": batch.queue, "ids": list(batch.ids)}
    restored = undoing.restored_values(transaction.queries.catalog, rows.columns)
    found = await transaction.rows("undo_changed", values, rows=rows.source, restored=restored)
    ids = [row["id"] for row in found]
    await putback.add_to_counters(transaction, batch.queue, ids, total=0)
    return Done(ids)


async def _put_back(
    rows: Rows, links: Sequence[putback.Link], operation: str | None, pairs: Composable | None, batch: Batch
) -> Done:
    transaction = batch.transaction
    ids, skipped = list(batch.ids), {}
    if pairs is not None:
        removed = await _remove_pairs(batch, pairs)
        ids = [one for one in batch.ids if one in removed]
        skipped = {"changed-since": [one for one in batch.ids if one not in removed]}
    else:
        removed = {}
    back = await putback.insert(batch, ids, rows.source, rows.columns, rows.values)
    if operation is not None:
        links = await putback.links_of(transaction, [operation], batch.queue, back)
    await putback.settle(transaction, batch.queue, back, links)
    await batch.record.made(transaction, batch.queue, {one: removed.get(one, one) for one in back})
    return Done(back, {reason: found for reason, found in skipped.items() if found})


async def _remove_pairs(batch: Batch, pairs: Composable) -> dict[str, str]:
    """Remove what was made from these, recorded whole; id → id of what was removed."""
    transaction = batch.transaction
    values = {**batch.values, "ids": list(batch.ids)}
    there: dict[str, list[str]] = {}
    for row in await transaction.rows("pairs_of", values, rows=pairs):
        there.setdefault(row["queue"], []).append(row["id"])
    for queue, ids in there.items():
        await batch.record.batch(transaction, queue, ids, None)
    removed = await transaction.rows("pairs_removed", values, rows=pairs)
    if transaction.queries.supports("reduce_counters"):
        for queue in there:
            total = sum(row["queue"] == queue for row in removed)
            await transaction.rows("reduce_counters", {"queue": queue, "retained": 0, "total": total})
    return {row["origin"]: row["id"] for row in removed}


async def _remove(batch: Batch) -> Done:
    rows = await batch.transaction.rows("action_delete", {"queue": batch.queue, "ids": list(batch.ids)})
    return Done([row["id"] for row in rows])


def text_rows(store: Store, queue: str, columns: Sequence[str], rows: Sequence[Sequence[str | None]], xid: int) -> Rows:
    """Rows that are text."""
    arrays: dict[str, object] = {f"text_{place}": [row[place] for row in rows] for place in range(len(columns))}
    known = tuple(column for column in columns if column in store.catalog.columns("job"))
    if "id" not in known or "name" not in known:
        raise UsageError("the rows have neither id nor name")
    source = undoing.text_rows(store.catalog, columns)
    return Rows(queue, source, known, {**arrays, "undo_xid": xid % 2**32})


def _ids(stored: Sequence[filelog.Stored]) -> dict[str, object]:
    """What is bound for the ids that one transaction made or moved."""
    rows = [(row, one.queue) for one in stored for row in one.rows]
    return {
        "made": [row[0] for row, _ in rows],
        "made_in": [queue for _, queue in rows],
        "origins": [row[1] if len(row) > 1 else None for row, _ in rows],
        "undo_xid": stored[0].xid % 2**32,
    }


def _kind(change: Change, deed: Deed, shown: tuple[tuple[str, Mapping[str, Composable]], ...]) -> Kind:
    """Rows that come back."""
    return Kind(change, _no_words, image=(), deed=deed, wakes=True, statements=shown)


def _no_words(counted: Counted) -> Words:
    return Words("")

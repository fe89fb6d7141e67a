"""Records kept in local files, where the database holds no schema of bossctl's own.

One file per operation, JSON lines. The first says which operation it is and where; then, per batch, a line that names
queue, kind and columns, one line per row (values as PostgreSQL writes them, null for SQL NULL), and a line that counts.
A batch without that last line was never committed: everything is written and fsynced before the commit. Whether the
batch was committed the transaction's number tells, which the server remembers.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from bossctl.actions.jobs.chosen import Chosen, TooLarge
from bossctl.actions.jobs.entry import Entry
from bossctl.actions.jobs.ownschema import image_columns
from bossctl.actions.jobs.steps import Steps
from bossctl.config import state_directory
from bossctl.errors import UsageError
from bossctl.models.jobactions import ActionOutcome
from bossctl.sql.at_once import CHANGED_LINES, LOCKED, NOTHING
from bossctl.sql.catalog import Catalog
from bossctl.sql.ownschema import as_line, line_of
from bossctl.sql.text import Composable, id_array, id_list
from bossctl.store import Store
from bossctl.store.connections import Row
from bossctl.store.session import Transaction

TAIL_BYTES = 64 * 1024
IMAGE_BYTES = 16 * 1024 * 1024
"""The most that is held of one batch."""
SUFFIX = ".jsonl"


@dataclass(frozen=True)
class Identity:
    """Which database it is, under whatever name it was reached."""

    server: str
    database: str
    schema: str


async def identity(store: Store) -> Identity:
    """The identity of the database a store has open."""
    async with store.snapshot() as transaction:
        allowed = await transaction.row("may_identify_server")
        row = await transaction.row("server_identity" if allowed and allowed["allowed"] else "database_identity")
    target = store.target
    server = (row or {}).get("server") or f"{target.host}:{target.port}"
    return Identity(server, row["database"] if row else target.database, target.schema)


def log_directory() -> Path:
    """Where the files are."""
    return state_directory() / "log"


@dataclass(frozen=True)
class Stored:
    """One batch of a file: at most some thousand rows of one queue, each a JSON array of texts and nulls."""

    kind: str
    queue: str
    xid: int
    columns: tuple[str, ...]
    lines: tuple[str, ...]
    links: tuple[tuple[str, str, str, str], ...] = ()


class FileRecord:
    """An operation whose record is a local file, made when the first batch is about to be committed."""

    where = "file"

    def __init__(self, store: Store, entry: Entry, database: Identity) -> None:
        self.path = log_directory() / f"{entry.operation}{SUFFIX}"
        self._store = store
        self._entry = entry
        self._database = database
        self._pending: WeakKeyDictionary[Transaction, list[str]] = WeakKeyDictionary()
        self._writing = asyncio.Lock()
        self._size = 0

    @property
    def operation(self) -> str:
        """Its name."""
        return self._entry.operation

    async def batch(self, transaction: Transaction, chosen: Chosen, columns: Sequence[str] | None) -> None:
        """Read these columns of these rows; None: whole rows and their links; none at all: that they were moved."""
        lines = self._lines_of(transaction)
        if columns is not None and not columns:
            rows = await transaction.rows("transaction_id")
            lines += _batch("moved", chosen.queue, rows[0]["xid"], ("id",), ())
            lines += ['["', '"]\n["'.join(chosen.ids), '"]\n']
            return
        raw = image_columns(transaction.queries.catalog, columns)
        links = await _links(transaction, chosen) if columns is None else []
        found = await _read(transaction, "image_lines", chosen, chosen=chosen.where, line_texts=as_line(raw))
        lines += _batch("gone" if columns is None else "changed", chosen.queue, found["xid"], raw, ())
        lines += [found["lines"], "\n", *links] if found["rows"] else []

    async def gone(self, transaction: Transaction, chosen: Chosen) -> list[str]:
        """Delete the rows and read them whole by that; their links before, for with them they go."""
        lines = self._lines_of(transaction)
        raw = image_columns(transaction.queries.catalog, None)
        links = await _links(transaction, chosen)
        leaving = transaction.queries.get("leaving_lines", chosen=chosen.where, line_texts=as_line(raw))
        found = await _read(transaction, "lines_taken", chosen, leaving=leaving.text)
        lines += _batch("gone", chosen.queue, found["xid"], raw, ())
        lines += [found["lines"], "\n", *links] if found["rows"] else []
        return id_list(found["ids"])

    async def keeping(self, columns: Sequence[str]) -> tuple[Composable, Mapping[str, object]]:
        """Nothing: what the statement reads comes to `told`."""
        return NOTHING, {}

    async def taking(self) -> Steps | None:
        """The rows read as they are deleted, where none of them can have links."""
        queries = self._store.session.queries
        texts = as_line(image_columns(queries.catalog, None))
        deed = queries.get("leaving_lines", chosen=LOCKED, line_texts=texts)
        return Steps(NOTHING, deed.text, {"most": IMAGE_BYTES}, lines=CHANGED_LINES, unlinked=True)

    def moving(self) -> None:
        """None: `batch` is told."""

    def counting(self) -> None:
        """None: it is written when all else is done."""

    def line(self, catalog: Catalog, columns: Sequence[str]) -> Composable:
        """What `batch` would read of a row, for who reads the row anyway; the lines go to `told`."""
        return line_of(catalog, ("id", "name", *columns))

    def told(self, transaction: Transaction, queue: str, columns: Sequence[str] | None, xid: str, lines: str) -> None:
        """The same as `batch`, or as `gone` for None, with what it would have read."""
        kind, raw = "gone" if columns is None else "changed", image_columns(transaction.queries.catalog, columns)
        self._lines_of(transaction).extend([*_batch(kind, queue, int(xid), raw, ()), lines + "\n"])

    async def made(self, transaction: Transaction, queue: str, origins: Mapping[str, str]) -> None:
        """Keep which jobs were created, each with the job it was made from."""
        rows = await transaction.rows("transaction_id")
        lines = self._lines_of(transaction)
        lines += _batch("made", queue, rows[0]["xid"], ("id", "origin"), map(list, origins.items()))

    def _lines_of(self, transaction: Transaction) -> list[str]:
        """What this transaction has told so far; of one that was rolled back nothing stays."""
        return self._pending.setdefault(transaction, [])

    async def count(self, transaction: Transaction, changed: int) -> None:
        """Write what this transaction told, and wait until it is on disk."""
        lines = self._pending.pop(transaction, [])
        if changed:
            async with self._writing:
                await asyncio.to_thread(self._append, [*lines, _line({"counted": changed})])

    async def finish(self, outcome: ActionOutcome) -> None:
        """Write down that it is over, and how many rows it changed; of one that was stopped the server knows better."""
        if self._size and outcome.stopped is None:
            over = {"changed": outcome.changed, "finished": datetime.now(UTC).isoformat()}
            with suppress(UsageError):
                await asyncio.to_thread(self._append, [_line(over)])

    def _append(self, lines: Sequence[str]) -> None:
        if not self._size:
            lines = [_line({"bossctl": 1, **_plain(self._entry), "database": asdict(self._database)}), *lines]
        self._size = append(self.path, lines, self._size)


async def _links(transaction: Transaction, chosen: Chosen) -> list[str]:
    """Flow links of these rows, a line each."""
    if not transaction.queries.supports("links_read"):
        return []
    links = await transaction.rows("links_read", {"queue": chosen.queue, "ids": id_array(chosen.ids)})
    return [_line({"link": list(link.values())}) for link in links]


async def _read(transaction: Transaction, statement: str, jobs: Chosen, **slots: Composable) -> Row:
    """The lines of these rows as one text, and what is known of them. Raises TooLarge."""
    [found] = await transaction.rows(statement, {**jobs.values, "most": IMAGE_BYTES}, **slots)
    if found["lines"] is None and found["rows"]:
        raise TooLarge(max(1, found["rows"] * IMAGE_BYTES // found["bytes"]))
    return found


def append(path: Path, lines: Sequence[str], size: int) -> int:
    """Add lines to a file at `size`, fsync it, return its new size.

    A file that is made is readable by its owner alone. Raises UsageError, and then the file is as it was.
    """
    data = "".join(lines).encode("utf-8", "surrogatepass")
    try:
        made = not path.exists()
        for directory in (path.parent.parent, path.parent):  # parents made on the way would be open to others
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            os.lseek(file, size, os.SEEK_SET)
            _write_all(file, data, size)
            os.fsync(file)
        finally:
            os.close(file)
        if made:
            sync_directory(path.parent)
    except OSError as error:
        raise UsageError(
            f"the record for undo cannot be written to {path.parent}: {error.strerror}",
            "set XDG_STATE_HOME to a directory that can be written",
        ) from None
    return size + len(data)


def note(path: Path, noted: Mapping[str, object]) -> None:
    """Add a line at the end of a file, on a line of its own even where a crash tore the last one."""
    append(path, ["\n" * _torn(path), _line(noted)], path.stat().st_size)


def _torn(path: Path) -> bool:
    with path.open("rb") as file:
        return file.seek(0, os.SEEK_END) > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"


def _write_all(file: int, data: bytes, start: int) -> None:
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(file, left) :]
    except OSError:
        os.ftruncate(file, start)
        raise


def sync_directory(path: Path) -> None:
    """Make the entry of a new file last."""
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def headers(database: Identity) -> Iterator[tuple[Path, Entry]]:
    """The operations on this database whose files are here, newest first. What cannot be read is passed over."""
    try:
        paths = sorted(log_directory().glob(f"*{SUFFIX}"), reverse=True)
    except OSError:
        return
    for path in paths:
        with suppress(OSError, ValueError, KeyError, TypeError), path.open(encoding="utf-8") as file:
            first = json.loads(file.readline())
            if first["database"] == asdict(database):
                yield path, _entry(first)


def ending(path: Path) -> dict[str, Any]:
    """What was noted at the end of a file: `changed` and `finished` once it was over, `undone` rows."""
    found: dict[str, Any] = {}
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
        for line in file.read().split(b"\n"):
            if line.startswith((b'{"changed"', b'{"undone"')):
                with suppress(ValueError):
                    found |= json.loads(line)
    return found


def transactions(path: Path) -> Iterator[Sequence[Stored]]:
    """What each transaction of a file left there, as far as it was written whole."""
    held: list[Stored] = []
    lines: list[str] = []
    links: list[tuple[str, str, str, str]] = []
    with path.open(encoding="utf-8", errors="surrogatepass", newline="\n") as file:
        for line in file:
            if not line.endswith("\n"):
                return
            if line.startswith("["):
                lines.append(line.rstrip("\n"))
                continue
            try:
                item = json.loads(line)
            except ValueError:  # torn by a crash, with others added after it
                held, lines, links = [], [], []
                continue
            if "batch" in item:
                held = _closed(held, lines, links)
                held.append(Stored(item["batch"], item["queue"], item["xid"], tuple(item["columns"]), ()))
                lines, links = [], []
            elif "link" in item:
                a, b, c, d = item["link"]
                links.append((a, b, c, d))
            elif "counted" in item:
                yield _closed(held, lines, links)
                held, lines, links = [], [], []


def _closed(held: list[Stored], lines: list[str], links: list[tuple[str, str, str, str]]) -> list[Stored]:
    """The batches with the last one's rows and links."""
    return [*held[:-1], replace(held[-1], lines=tuple(lines), links=tuple(links))] if held else []


def counts(path: Path) -> dict[int, int]:
    """Transaction → rows it changed, for a file that says nothing at its end."""
    found: dict[int, int] = {}
    xid = 0
    with path.open("rb") as file:
        for line in file:
            if line.startswith((b'{"batch"', b'{"counted"')):
                with suppress(ValueError):  # torn by a crash
                    item = json.loads(line)
                    xid = item.get("xid", xid)
                    found[xid] = found.get(xid, 0) + item.get("counted", 0)
    return found


def _batch(kind: str, queue: str, xid: int, columns: Sequence[str], rows: Iterator[list[Any]] | Any) -> list[str]:
    head = {"batch": kind, "queue": queue, "xid": xid, "columns": list(columns)}
    return [_line(head), *(_line(row) for row in rows)]


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def _plain(entry: Entry) -> dict[str, Any]:
    return {**asdict(entry), "at": entry.at.isoformat()}


def _entry(first: Mapping[str, Any]) -> Entry:
    names = ("operation", "action", "selector", "schema", "generation", "role", "person", "target", "details", "undoes")
    return Entry(at=datetime.fromisoformat(first["at"]), **{name: first[name] for name in names})

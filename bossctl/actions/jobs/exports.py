"""Jobs in a file: `archive --to FILE.jsonl[.gz]` and `restore --from FILE`.

JSON lines. A line with `"bossctl"` says what the following ones are: schema, generation, and the columns with their
types. Every other line is a job under the job table's own column names: JSON columns as they are, digit for digit,
numbers and booleans as such, everything else as PostgreSQL writes it. A key that is absent was SQL NULL.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import IO, Any

from bossctl.actions.jobs.chosen import Chosen
from bossctl.actions.jobs.filelog import sync_directory
from bossctl.actions.jobs.kind import Batch, Counted, Done, Kind, Words
from bossctl.actions.jobs.kinds.delete import remove
from bossctl.actions.jobs.phrases import jobs
from bossctl.errors import UsageError
from bossctl.format import clean
from bossctl.models.jobactions import ActionRequest
from bossctl.sql.archives import archived
from bossctl.sql.changes import BY_ID
from bossctl.sql.ownschema import as_texts
from bossctl.sql.text import id_list
from bossctl.store import Store

PORTION_ROWS = 250
CHUNK_ROWS = 500
CHUNK_BYTES = 16 * 1024 * 1024
_PLAIN = frozenset(("integer", "bigint", "smallint", "boolean"))
_JSON = frozenset(("json", "jsonb"))


@dataclass(frozen=True)
class Chunk:
    """Some jobs of one queue from a file, each a JSON array of PostgreSQL's texts. `operation` exported them.

    `links` are flow links, each child and parent by name and id.
    """

    queue: str
    columns: tuple[str, ...]
    lines: tuple[str, ...]
    operation: str
    links: tuple[tuple[str, str, str, str], ...] = ()


async def archiving_to(store: Store, request: ActionRequest, path: Path) -> Kind:
    """The declaration of archive with `--to`."""
    _may_be_made(path)
    export = _Export(path)
    return Kind(
        archived(store.session.queries, own=False, exported=True),
        partial(_words, path),
        image=(),
        deed=export.move,
        removes=True,
        slots=False,
        finish=export.finish,
        statements=(("action_delete", {"chosen": BY_ID}),),
    )


def _may_be_made(path: Path) -> None:
    if path.name == "-":
        raise UsageError(
            "jobs are deleted once they are safe in a file, and what goes to stdout is not", "name one: --to jobs.jsonl"
        )
    if path.exists() or path.is_symlink():
        raise UsageError(
            f"the file {clean(str(path))} is there already, and nothing is ever added to a file or written over it",
            f"name another one: --to {clean(str(_free_name(path)))}; where an earlier run was interrupted, what that"
            " one wrote stays good, the new file takes the rest, and restore --from brings back either",
        )
    if not path.parent.is_dir():
        raise UsageError(f"there is no directory {clean(str(path.parent))}")


def _free_name(path: Path) -> Path:
    """The next name beside it that is free."""
    ends = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    stem = path.name.removesuffix(ends)
    names = (path.with_name(f"{stem}-{number}{ends}") for number in count(2))
    return next(name for name in names if not name.exists())


def _words(path: Path, counted: Counted) -> Words:
    return Words(
        f"{jobs(counted.jobs)} → the file {path}, then deleted",
        (f"bossctl job restore --from {path} brings them back",),
    )


class _Export:
    """A file that batches are added to: each is written and fsynced before its jobs are deleted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._columns: Mapping[str, str] = {}
        self._size = 0
        self._made = False

    async def finish(self, changed: bool) -> None:
        """A file of jobs that are all still there would only be in the way of the next try."""
        if self._made and not changed:
            with suppress(OSError):
                await asyncio.to_thread(self._path.unlink)

    async def move(self, batch: Batch) -> Done:
        """Write a batch, make it last, delete what was written."""
        transaction = batch.transaction
        columns = dict(transaction.queries.catalog.columns("job"))
        values = {"queue": batch.queue, "ids": list(batch.ids)}
        await batch.record.batch(transaction, batch.chosen, ())
        if columns != self._columns:
            await asyncio.to_thread(self._append, [self._header(batch, columns)])
            self._columns = columns
        place, written = list(columns).index("id"), list[str]()
        async for ids in _portions(batch):
            some = {**values, "ids": ids}
            rows = await transaction.rows("image_text", some, texts=as_texts(list(columns)))
            lines = [_line(columns, [row[f"t{number}"] for number in range(len(columns))]) for row in rows]
            await asyncio.to_thread(self._append, lines)
            written += [row[f"t{place}"] for row in rows]
        if transaction.queries.supports("links_read"):
            links = [list(row.values()) for row in await transaction.rows("links_read", values)]
            if links:
                found = {"bossctl": 1, "kind": "links", "links": links}
                await asyncio.to_thread(self._append, [json.dumps(found, ensure_ascii=False) + "\n"])
        return Done(await remove(transaction, Chosen(batch.queue, written)))

    def _header(self, batch: Batch, columns: Mapping[str, str]) -> str:
        catalog = batch.transaction.queries.catalog
        head = {
            "bossctl": 1,
            "kind": "jobs",
            "schema": catalog.schema,
            "generation": catalog.generation,
            "operation": batch.record.operation,
            "at": datetime.now(UTC).isoformat(),
            "columns": columns,
        }
        return json.dumps(head, ensure_ascii=False) + "\n"

    def _append(self, lines: Sequence[str]) -> None:
        data = "".join(lines).encode("utf-8", "surrogatepass")
        if self._path.suffix == ".gz":
            data = gzip.compress(data, compresslevel=6)
        flags = os.O_WRONLY | os.O_NOFOLLOW | (0 if self._made else os.O_CREAT | os.O_EXCL)
        try:
            file = os.open(self._path, flags, 0o600)
            self._made = True
            try:
                os.lseek(file, self._size, os.SEEK_SET)
                left = memoryview(data)
                while left:
                    left = left[os.write(file, left) :]
                os.ftruncate(file, self._size + len(data))
                os.fsync(file)
            finally:
                os.close(file)
            if not self._size:
                sync_directory(self._path.parent)
        except OSError as error:
            raise UsageError(
                f"cannot write {clean(str(self._path))}: {error.strerror}", "no job of it was deleted"
            ) from None
        self._size += len(data)


async def _portions(batch: Batch) -> AsyncIterator[list[str]]:
    """As many at a time as should be held at once."""
    [row] = await batch.transaction.rows("image_sizes", batch.chosen.by_id().values)
    portion: list[str] = []
    held = 0
    for id, size in zip(id_list(row["ids"]), map(int, id_list(row["sizes"])), strict=True):
        if portion and (len(portion) == PORTION_ROWS or held + size > CHUNK_BYTES):
            yield portion
            portion, held = [], 0
        portion.append(id)
        held += size
    if portion:
        yield portion


def _line(columns: Mapping[str, str], values: Sequence[str | None]) -> str:
    parts = (
        f"{json.dumps(column, ensure_ascii=False)}: {_value(kind, value)}"
        for (column, kind), value in zip(columns.items(), values, strict=True)
        if value is not None
    )
    return "{" + ", ".join(parts) + "}\n"


def _value(kind: str, value: str) -> str:
    if kind in _JSON:
        return value.replace("\n", " ").replace("\r", " ")
    return value if kind in _PLAIN else json.dumps(value, ensure_ascii=False)


def chunks(path: Path) -> Iterator[Chunk]:
    """The jobs of a file, in chunks of one queue and one set of columns. Raises UsageError.

    An end torn by a crash is passed over: what it held was not deleted from the database.
    """
    head: Mapping[str, Any] | None = None
    rows: list[str] = []
    queue, size = "", 0
    for number, line in enumerate(_lines(path), 1):
        if head is None or line.startswith('{"bossctl"'):
            found = _head(path, number, line)
            if head is not None and rows:
                yield _chunk(head, queue, rows, found.get("links", ()))
            rows, size = [], 0
            head = found if found["kind"] == "jobs" else head
            continue
        row, name = _row(path, number, line, head["columns"])
        if rows and (name != queue or len(rows) >= CHUNK_ROWS or size > CHUNK_BYTES):
            yield _chunk(head, queue, rows)
            rows, size = [], 0
        queue = name
        rows.append(row)
        size += len(line)
    if head is None:
        raise UsageError(f"{clean(str(path))} holds nothing")
    if rows:
        yield _chunk(head, queue, rows)


def _chunk(head: Mapping[str, Any], queue: str, rows: Sequence[str], links: Sequence[Sequence[str]] = ()) -> Chunk:
    flow = tuple((a, b, c, d) for a, b, c, d in links)
    return Chunk(queue, tuple(head["columns"]), tuple(rows), str(head.get("operation", "")), flow)


def _lines(path: Path) -> Iterator[str]:
    try:
        with _opened(path) as file:
            for line in file:
                if line.endswith("\n"):
                    yield line
    except (EOFError, zlib.error):
        return
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "it is not what archive --to writes"
        raise UsageError(f"cannot read {clean(str(path))}: {reason}") from None


def _opened(path: Path) -> IO[str]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    if packed:
        return gzip.open(path, "rt", encoding="utf-8", errors="surrogatepass", newline="\n")
    return path.open(encoding="utf-8", errors="surrogatepass", newline="\n")


def _head(path: Path, number: int, line: str) -> Mapping[str, Any]:
    try:
        head = json.loads(line)
        if head["bossctl"] == 1 and head["kind"] == "links":
            return {"kind": "links", "links": head["links"]}
        if head["bossctl"] == 1 and head["kind"] == "jobs" and {"id", "name", "state"} <= head["columns"].keys():
            return head
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise UsageError(f"{clean(str(path))}, line {number}: this is no file that bossctl job archive --to has written")


def _row(path: Path, number: int, line: str, columns: Mapping[str, str]) -> tuple[str, str]:
    """A job's texts as a JSON array, and its queue."""
    try:
        values = _split(line)
        row = [_text(columns[column], values.get(column)) for column in columns]
        return json.dumps(row, ensure_ascii=False), str(json.loads(values["name"]))
    except (ValueError, LookupError, TypeError):
        raise UsageError(f"{clean(str(path))}, line {number}: this is not a job") from None


def _text(kind: str, value: str | None) -> str | None:
    """A value of the line as PostgreSQL's text."""
    if value is None or kind in _JSON or kind in _PLAIN:
        return value
    return json.loads(value)


def _split(line: str) -> dict[str, str]:
    """A JSON object as key → JSON text of its value, digit for digit."""
    decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
    found: dict[str, str] = {}
    place = _past(line, 0, "{")
    while line[place] != "}":
        key, place = decoder.raw_decode(line, place)
        place = _past(line, place, ":")
        end = decoder.raw_decode(line, place)[1]
        found[key] = line[place:end]
        place = _skipped(line, end)
        if line[place] == ",":
            place = _skipped(line, place + 1)
        elif line[place] != "}":
            raise ValueError(line[place])
    return found


def _past(line: str, place: int, wanted: str) -> int:
    place = _skipped(line, place)
    if line[place] != wanted:
        raise ValueError(line[place])
    return _skipped(line, place + 1)


def _skipped(line: str, place: int) -> int:
    while line[place] in " \t\r\n":
        place += 1
    return place

"""Reading a file of exported jobs, as `exports` has written it."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bossctl.errors import UsageError
from bossctl.format import clean

CHUNK_ROWS = 500
CHUNK_BYTES = 16 * 1024 * 1024
PLAIN = frozenset(("integer", "bigint", "smallint", "boolean"))
JSON = frozenset(("json", "jsonb"))
AGAIN = "again"
AGAIN_LINE = '{"bossctl": 1, "kind": "again"'
END = "end"
END_LINE = '{"bossctl": 1, "kind": "end"'
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
_WITHIN = {"links": {"links"}, AGAIN: {"queue", "ids"}, END: {"operation"}}
"""What lines of bossctl's own have after the head of a run: flow links, what is written again, the end of a run."""


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


def chunks(path: Path) -> Iterator[Chunk]:
    """The jobs of a file, in chunks of one queue and one set of columns. Raises UsageError.

    An end torn by a crash is passed over: what it held was not deleted from the database. Of a job that was written
    again, because an interrupted run had written it and not deleted it, the last line counts.
    """
    again = _written_again(path)
    head: Mapping[str, Any] | None = None
    rows: list[str] = []
    queue, size = "", 0
    for number, line in enumerate(lines(path), 1):
        if head is None or is_head(line):
            found = head_of(path, number, line)
            if found["kind"] in (AGAIN, END):
                continue
            if head is not None and rows:
                yield _chunk(head, queue, rows, found.get("links", ()))
            rows, size = [], 0
            head = found if found["kind"] == "jobs" else head
            continue
        row, name, id = _row(path, number, line, head["columns"])
        if again.get((name, id), 0) > number:
            continue
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


def _written_again(path: Path) -> dict[tuple[str, str], int]:
    """Queue and id of jobs → the line after which they are written again."""
    found: dict[tuple[str, str], int] = {}
    for number, line in enumerate(lines(path), 1):
        if line.startswith(AGAIN_LINE):
            told = head_of(path, number, line)
            found.update(dict.fromkeys(((told["queue"], id) for id in told["ids"]), number))
    return found


def _chunk(head: Mapping[str, Any], queue: str, rows: Sequence[str], links: Sequence[Sequence[str]] = ()) -> Chunk:
    flow = tuple((a, b, c, d) for a, b, c, d in links)
    return Chunk(queue, tuple(head["columns"]), tuple(rows), str(head.get("operation", "")), flow)


def lines(path: Path) -> Iterator[str]:
    """The lines of a file, its torn end left out. Raises UsageError where it cannot be read."""
    number = 0
    try:
        with _opened(path) as file:
            for line in file:
                number += 1
                if line.endswith("\n"):
                    yield line
    except EOFError:
        return
    except zlib.error:
        name = clean(shlex.quote(str(path)))
        raise UsageError(
            f"{clean(str(path))} is damaged behind line {number:,}: more may stand there than can be read",
            f"for what stands before: gunzip < {name} > before.jsonl, then restore --from before.jsonl",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "it is not what archive --to writes"
        raise UsageError(f"cannot read {clean(str(path))}: {reason}") from None


def _opened(path: Path) -> IO[str]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    if packed:
        return gzip.open(path, "rt", encoding="utf-8", errors="surrogatepass", newline="\n")
    return path.open(encoding="utf-8", errors="surrogatepass", newline="\n")


def is_head(line: str) -> bool:
    """Whether a line is bossctl's own and no job."""
    return line.startswith('{"bossctl"')


def head_of(path: Path, number: int, line: str) -> Mapping[str, Any]:
    """What such a line says. Raises UsageError."""
    try:
        head = json.loads(line)
        begins = head["kind"] == "jobs" and {"id", "name", "state"} <= head["columns"].keys()
        if head["bossctl"] == 1 and (begins or (number > 1 and _WITHIN[head["kind"]] <= head.keys())):
            return _shaped(head)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise UsageError(f"{clean(str(path))}, line {number}: this is no file that bossctl job archive --to has written")


def _shaped(head: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same with texts where texts belong, whoever wrote it. Raises ValueError, TypeError and AttributeError."""
    match head["kind"]:
        case "jobs":
            return {**head, "columns": {column: str(kind) for column, kind in head["columns"].items()}}
        case "links":
            return {**head, "links": [_four(*map(str, link)) for link in head["links"]]}
        case "again":
            return {**head, "queue": str(head["queue"]), "ids": [str(id) for id in head["ids"]]}
    return head


def _four(queue: str, id: str, parent_queue: str, parent: str) -> Sequence[str]:
    return queue, id, parent_queue, parent


def key_of(path: Path, number: int, line: str) -> tuple[str, str]:
    """Queue and id of a job's line, which is read no further than that. Raises UsageError."""
    found: dict[str, str] = {}
    try:
        for key, value in _pairs(line):
            if key in ("id", "name"):
                found[key] = json.loads(value)
            if len(found) == 2:
                return str(found["name"]), str(found["id"])
    except (ValueError, LookupError, RecursionError):
        pass
    raise _no_job(path, number)


def _row(path: Path, number: int, line: str, columns: Mapping[str, str]) -> tuple[str, str, str]:
    """A job's texts as a JSON array, its queue and its id."""
    try:
        values = dict(_pairs(line))
        row = [_text(columns[column], values.get(column)) for column in columns]
        return json.dumps(row, ensure_ascii=False), str(json.loads(values["name"])), str(json.loads(values["id"]))
    except (ValueError, LookupError, TypeError, RecursionError):
        raise _no_job(path, number) from None


def _no_job(path: Path, number: int) -> UsageError:
    return UsageError(f"{clean(str(path))}, line {number}: this is not a job")


def _text(kind: str, value: str | None) -> str | None:
    """A value of the line as PostgreSQL's text."""
    if value is None or kind in JSON or kind in PLAIN:
        return value
    return json.loads(value)


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    """The keys of a JSON object, each with the JSON text of its value, digit for digit."""
    place = _past(line, 0, "{")
    while line[place] != "}":
        key, place = _DECODER.raw_decode(line, place)
        place = _past(line, place, ":")
        end = _end(line, place)
        yield key, line[place:end]
        place = _skipped(line, end)
        if line[place] == ",":
            place = _skipped(line, place + 1)
        elif line[place] != "}":
            raise ValueError(line[place])


def _end(line: str, place: int) -> int:
    """Where a value ends. PostgreSQL keeps payloads that are nested deeper than the decoder goes."""
    try:
        return _DECODER.raw_decode(line, place)[1]
    except RecursionError:
        depth = 0
        for part in re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[{]|[\]}]').finditer(line, place):
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(part[0], 0)
            if not depth:
                return part.end()
        raise ValueError("a value without an end") from None


def _past(line: str, place: int, wanted: str) -> int:
    place = _skipped(line, place)
    if line[place] != wanted:
        raise ValueError(line[place])
    return _skipped(line, place + 1)


def _skipped(line: str, place: int) -> int:
    while line[place] in " \t\r\n":
        place += 1
    return place

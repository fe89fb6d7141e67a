"""JSON and CSV text of what was read. Payloads are spliced in as the database wrote them, digit for digit."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bossctl.format import iso

FORMAT_VERSION = 1
_INVISIBLE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


@dataclass(frozen=True)
class JsonText:
    """A JSON value as text, written out unchanged."""

    text: str


def to_json(value: Any, indent: int | None = 2) -> str:
    """Write JSON. Control, bidirectional and separator characters are escaped; `indent` None means one line."""
    return "".join(_pieces(value, indent, 0))


def document(body: Mapping[str, Any]) -> dict[str, Any]:
    """Put the format version first."""
    return {"bossctl": FORMAT_VERSION, **body}


def to_csv(rows: Sequence[Mapping[str, Any]], keys: Iterable[str]) -> str:
    """RFC 4180 text with a header. `keys` name the columns of an empty list; nested objects become dotted columns."""
    flat = [_flat(row) for row in rows]
    header = list(dict.fromkeys(key for row in flat for key in row)) or list(keys)
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([row.get(key, "") for key in header] for row in flat)
    return written.getvalue()


def pairs(body: Mapping[str, Any]) -> list[dict[str, str]]:
    """One object as rows of key and value."""
    return [{"key": key, "value": value} for key, value in _flat(body).items()]


def _pieces(value: Any, indent: int | None, depth: int) -> Iterable[str]:
    if isinstance(value, Mapping):
        items = [(f"{_string(str(key))}: ", item) for key, item in value.items()]
        yield from _container("{}", items, indent, depth)
    elif isinstance(value, (list, tuple)):
        yield from _container("[]", [("", item) for item in value], indent, depth)
    else:
        yield _scalar(value, indent)


def _container(brackets: str, items: Sequence[tuple[str, Any]], indent: int | None, depth: int) -> Iterable[str]:
    if not items:
        yield brackets
        return
    newline = "" if indent is None else "\n" + " " * (indent * (depth + 1))
    separator = ", " if indent is None else f",{newline}"
    yield brackets[0] + newline
    for index, (label, item) in enumerate(items):
        yield separator + label if index else label
        yield from _pieces(item, indent, depth + 1)
    yield ("" if indent is None else "\n" + " " * (indent * depth)) + brackets[1]


def _scalar(value: Any, indent: int | None) -> str:
    if isinstance(value, JsonText):
        text = _escape(value.text)
        return text if indent is not None else text.replace("\n", " ").replace("\r", " ")
    if isinstance(value, datetime):
        return f'"{iso(value)}"'
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, float):
        return json.dumps(value) if value - value == 0 else "null"
    return json.dumps(value)


def _string(value: str) -> str:
    return _escape(json.dumps(value, ensure_ascii=False))


def _escape(text: str) -> str:
    return _INVISIBLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    cells: dict[str, str] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            cells |= _flat(value, f"{prefix}{key}.")
        else:
            cells[prefix + key] = _cell(value)
    return cells


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, JsonText):
        return value.text
    if isinstance(value, str):
        return str(value)
    if isinstance(value, datetime):
        return iso(value)
    return to_json(value, None)

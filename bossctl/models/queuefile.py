"""The file of queues that `queue ensure -f` reads and `queue export` writes: TOML or JSON, `[queues.NAME]` tables."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bossctl.errors import UsageError
from bossctl.format import clean, truncate
from bossctl.models.operations import QueueSpec
from bossctl.models.options import OPTIONS, from_file, to_file

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
_PG_BOSS_NAMES = {
    "expire_in_seconds": "expire_in",
    "expire_seconds": "expire_in",
    "retention_seconds": "retention",
    "retention_minutes": "retention",
    "delete_after_seconds": "delete_after",
    "deletion_seconds": "delete_after",
    "warning_queue_size": "warning_queued",
    "heartbeat_seconds": "heartbeat",
}
_HINT = "a file has [queues.NAME] tables with the options of bossctl queue ensure, in snake_case"


def load(content: bytes, source: str) -> tuple[QueueSpec, ...]:
    """The queues of a file, in its order. JSON starts with a brace, everything else is TOML.

    `source` names the file in errors. Raises UsageError, with the key in question, for anything that is not as it
    should be; nothing of a bad file is used.
    """
    text = _decoded(content, source)
    parse = _parse_json if text.lstrip()[:1] == "{" else _parse_toml
    try:
        document = parse(text)
    except RecursionError:
        raise UsageError(f"{source} is nested too deeply", _HINT) from None
    except ValueError as error:
        raise UsageError(f"{source} cannot be read: {clean(str(error))}", _HINT) from None
    return tuple(_queues(document, source))


def _decoded(content: bytes, source: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{source} is not UTF-8: byte {error.start} is {content[error.start]:#04x}") from None


def _parse_toml(text: str) -> dict[str, Any]:
    return tomllib.loads(text)


def _parse_json(text: str) -> dict[str, Any]:
    return json.loads(text, object_pairs_hook=_without_doubles)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {_named(next(key for key in keys if keys.count(key) > 1))} is there twice")
    return found


def _queues(document: Mapping[str, Any], source: str) -> Iterable[QueueSpec]:
    for key in document:
        if key not in ("queues", "bossctl"):
            raise UsageError(f"{source}: there is no such key as {_named(key)}", _HINT)
    if document.get("bossctl", 1) != 1:
        raise UsageError(f"{source} was written for another bossctl: its format is not 1")
    queues = document.get("queues", {})
    if not isinstance(queues, dict):
        raise UsageError(f"{source}: queues must be a table of queues", _HINT)
    for name, options in queues.items():
        yield _queue(name, options, f"{source}: queues.{_named(name)}")


def _queue(name: str, options: object, place: str) -> QueueSpec:
    if not isinstance(options, dict):
        raise UsageError(f"{place} must be a table of options", _HINT)
    values = {}
    for key, value in options.items():
        if key not in OPTIONS:
            raise UsageError(f"{place}.{_named(key)}: there is no such option", _near(key))
        try:
            values[key] = from_file(key, value)
        except UsageError as error:
            raise UsageError(f"{place}.{key}: {error}", error.hint) from None
    return QueueSpec(name, values, place)


def _near(key: str) -> str:
    snake = _CAPITAL.sub("_", key).replace("-", "_").lower()
    known = _PG_BOSS_NAMES.get(snake, snake)
    near = [known] if known in OPTIONS else difflib.get_close_matches(snake, OPTIONS, n=1)
    return f"did you mean {near[0]}?" if near else f"options are {', '.join(OPTIONS)}"


def dump_toml(specs: Sequence[QueueSpec], title: str = "") -> str:
    """A file that `load` reads back as `specs`; `title` becomes a comment on the first line."""
    lines = [f"# {clean(title)}"] if title else []
    for spec in specs:
        lines += ["", f"[queues.{_key(spec.name)}]"] if lines else [f"[queues.{_key(spec.name)}]"]
        lines += [f"{name} = {_toml(to_file(name, value))}" for name, value in spec.options.items()]
    return "".join(f"{line}\n" for line in lines)


def to_document(specs: Sequence[QueueSpec]) -> dict[str, Any]:
    """What the file holds as JSON."""
    return {
        "queues": {spec.name: {name: to_file(name, value) for name, value in spec.options.items()} for spec in specs}
    }


def _toml(value: object) -> str:
    writers: dict[type, Callable[[Any], str]] = {
        bool: lambda flag: "true" if flag else "false",
        int: str,
        str: _quoted,
        dict: lambda table: "{ " + ", ".join(f"{_key(key)} = {_toml(item)}" for key, item in table.items()) + " }",
    }
    return writers[type(value)](value)


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _quoted(key)


def _named(key: str) -> str:
    return truncate(_key(key), 80)


def _quoted(text: str) -> str:
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    return f"\\u{ord(char):04X}" if ord(char) < 0x10000 else f"\\U{ord(char):08X}"

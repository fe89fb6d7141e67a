"""From a key and its raw value to a typed term."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal, TypeVar

from bossctl.errors import UsageError
from bossctl.format import clean, parse_duration, truncate
from bossctl.selector.lexer import Token, Value
from bossctl.selector.problem import Problem
from bossctl.selector.tree import (
    CONDITIONS,
    STATES,
    Age,
    Archived,
    DataPath,
    ErrorText,
    Ids,
    Is,
    Moment,
    Moments,
    Numbers,
    QueueGlob,
    RunTime,
    SingletonKey,
    States,
    Term,
)

ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_LARGEST = 2**63 - 1
_MOMENT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt](?P<minute>[0-9]{2}:[0-9]{2})(?P<second>:[0-9]{2}(?P<microsecond>\.[0-9]{1,6})?)?)?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
_COMMA = re.compile(r"(?:[^\\,]|\\.)*+,", re.DOTALL)
_UNESCAPED_COMMA = re.compile(r"(?<!\\),")
_YEARS = range(1970, 9999)
_GLOB_ESCAPE = re.compile(r"\\([\\\"'*?\s().:!,])|\\")

_RANGE_HINT = "ranges are a..b, a.. and ..b, ends included"
_DATE_HINT = "a date is 2026-01-02 or 2026-01-02T10:00, UTC unless it ends in a zone such as +02:00"

Bound = TypeVar("Bound", int, Moment)


def term_of(token: Token) -> Term:
    """The term a token stands for; raises Problem."""
    key = token.key[0].lower()
    if key in ("data", "output"):
        return _data_path(token, "data" if key == "data" else "output")
    read = _READERS.get(key)
    if read is None or len(token.key) > 1:
        raise _unknown_key(token)
    _require_value(token)
    return read(token.value)


def ids_of(value: Value) -> tuple[str, ...]:
    """Job ids separated by commas, without repeats; raises Problem."""
    ids: dict[str, None] = {}
    for item, position in _items(value):
        if not ID.fullmatch(item):
            raise Problem(
                position, f'"{_shown(item)}" is not a job id', "a job id is a whole UUID; separate several by commas"
            )
        ids[item.lower()] = None
    return tuple(ids)


def _shown(text: str) -> str:
    return truncate(clean(text), 40)


def _require_value(token: Token) -> None:
    value = token.value
    if not value.raw:
        hint = "put no space after the colon" if not value.quoted else None
        raise Problem(value.start, f"a value is missing after {_shown('.'.join(token.key))}:", hint)


def _unknown_key(token: Token) -> Problem:
    written = ".".join(token.key)
    bare = written.lower().lstrip("-")
    if written.startswith("-") and bare in _READERS:
        return Problem(token.start, f'unknown key "{_shown(written)}"', f"exclude with NOT {bare}:…")
    if written.isdigit():
        return Problem(token.start, f'unknown key "{_shown(written)}"', "no space in a time: 2026-01-02T10:00")
    known = (*_READERS, "data", "output")
    hint = _did_you_mean(token.key[0], "keys", known)
    return Problem(token.start, f'unknown key "{_shown(written)}"', hint)


def _did_you_mean(written: str, what: str, known: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(written.lower()[:20], known, 1)
    guess = f"did you mean {close[0]}? " if close else ""
    return f"{guess}{what}: {', '.join(known)}"


def _items(value: Value) -> Iterator[tuple[str, int]]:
    position = value.start
    for item in value.raw.split(","):
        yield item, position
        position += len(item) + 1


def _choice(item: str, position: int, what: str, known: tuple[str, ...]) -> str:
    if item.lower() in known:
        return item.lower()
    message = f'unknown {what} "{_shown(item)}"' if item else f"a {what} is missing"
    raise Problem(position, message, _did_you_mean(item, f"{what}s", known))


def _queue(value: Value) -> QueueGlob:
    comma = None if value.quoted else _COMMA.match(value.raw)
    if comma:
        each = " OR ".join(f"queue:{_shown(name)}" for name in _UNESCAPED_COMMA.split(value.raw) if name)
        hint = f'for several write ({each}); quote a name that has a comma: queue:"a,b"'
        raise Problem(value.start + comma.end() - 1, "queue: takes one name or pattern", hint)
    return QueueGlob(_GLOB_ESCAPE.sub(_glob_escape, value.raw))


def _glob_escape(match: re.Match[str]) -> str:
    if match[1] is None:
        return "\\\\"
    return match[0] if match[1] in "\\*?" else match[1]


def _states(value: Value) -> States:
    return States(tuple(dict.fromkeys(_choice(item, position, "state", STATES) for item, position in _items(value))))


def _is(value: Value) -> Is:
    return Is(_choice(value.raw, value.start, "condition", CONDITIONS))


def _archived(value: Value) -> Archived:
    chosen = _choice(value.raw, value.start, "scope", ("true", "any", "false"))
    return Archived("true" if chosen == "true" else "any" if chosen == "any" else "false")


def _data_path(token: Token, root: Literal["data", "output"]) -> DataPath:
    if len(token.key) < 2:
        hint = "text anywhere in the output is error:…" if root == "output" else None
        raise Problem(token.start, f"{root}: needs a path, as in {root}.user.id:42", hint)
    if not token.value.quoted:
        _require_value(token)
    return DataPath(root, token.key[1:], token.value.text)


def _range(value: Value, read: Callable[[str, int], Bound]) -> tuple[Bound | None, Bound | None]:
    if value.raw[:1] in ("<", ">", "="):
        raise Problem(value.start, f'"{value.raw[0]}" is not part of the language', _RANGE_HINT)
    low, dots, high = value.raw.partition("..")
    first = read(low, value.start) if low else None
    if not dots:
        return first, first
    second = read(high, value.start + len(low) + 2) if high else None
    if first is None and second is None:
        raise Problem(value.start, "the range has neither a beginning nor an end", _RANGE_HINT)
    return first, second


def _forward(value: Value, forward: bool) -> None:
    if not forward:
        raise Problem(value.start, "the range ends before it begins", _RANGE_HINT)


def _whole_range(value: Value, read: Callable[[str, int], int]) -> tuple[int | None, int | None]:
    low, high = _range(value, read)
    _forward(value, low is None or high is None or low <= high)
    return low, high


def _integer(text: str, position: int) -> int:
    if not _INTEGER.fullmatch(text):
        raise Problem(position, f'"{_shown(text)}" is not a whole number', _RANGE_HINT)
    number = int(text)
    if abs(number) > _LARGEST:
        raise Problem(position, f'"{text}" is too large a number')
    return number


def _retries(value: Value) -> Numbers:
    return Numbers("retries", *_whole_range(value, _integer))


def _priority(value: Value) -> Numbers:
    return Numbers("priority", *_whole_range(value, _integer))


def _seconds(text: str, position: int) -> int:
    try:
        return parse_duration(text)
    except UsageError as error:
        raise Problem(position, str(error), error.hint) from None


def _run(value: Value) -> RunTime:
    return RunTime(*_whole_range(value, _seconds))


def _age(side: Literal["older", "newer"]) -> Callable[[Value], Age]:
    def read(value: Value) -> Age:
        if ".." in value.raw:
            raise Problem(value.start, f"{side}: takes one age", "between two ages: older:15m newer:1h")
        return Age(side, _seconds(value.raw, value.start))

    return read


def _moments(field: Literal["created", "started", "completed"]) -> Callable[[Value], Moments]:
    def read(value: Value) -> Moments:
        low, high = _range(value, _moment)
        _forward(value, low is None or high is None or low.at < high.end)
        return Moments(field, low, high)

    return read


def _moment(text: str, position: int) -> Moment:
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise Problem(position, f'"{_shown(text)}" is not a date', _DATE_HINT)
    unit = next(name for name in ("microsecond", "second", "minute", "day") if match[name])
    wall = f"{match['day']}T{match['minute'] or '00:00'}{match['second'] or ''}"
    if match["microsecond"]:
        wall = wall.removesuffix(match["microsecond"]) + match["microsecond"].ljust(7, "0")
    try:
        at = datetime.fromisoformat(wall).replace(tzinfo=_zone(match["zone"]))
    except ValueError:
        raise Problem(position, f'there is no date "{text}"', _DATE_HINT) from None
    if at.year not in _YEARS:
        raise Problem(position, f"the year is not between {_YEARS[0]} and {_YEARS[-1]}")
    return Moment(at, _UNITS[unit])


_UNITS: dict[str, Literal["day", "minute", "second", "microsecond"]] = {
    "day": "day",
    "minute": "minute",
    "second": "second",
    "microsecond": "microsecond",
}


def _zone(text: str | None) -> timezone:
    if not text or text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[4:])
    if minutes > 59:
        raise ValueError(text)
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


_READERS: dict[str, Callable[[Value], Term]] = {
    "queue": _queue,
    "state": _states,
    "is": _is,
    "id": lambda value: Ids(ids_of(value)),
    "key": lambda value: SingletonKey(value.text),
    "error": lambda value: ErrorText(value.text),
    "retries": _retries,
    "priority": _priority,
    "run": _run,
    "older": _age("older"),
    "newer": _age("newer"),
    "created": _moments("created"),
    "started": _moments("started"),
    "completed": _moments("completed"),
    "archived": _archived,
}

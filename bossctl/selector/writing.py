"""From the tree back to text, in one canonical form."""

from __future__ import annotations

import re

from bossctl.format import exact_duration
from bossctl.selector.tree import (
    Age,
    And,
    Archived,
    DataPath,
    ErrorText,
    Expr,
    Ids,
    Is,
    Moment,
    Moments,
    Not,
    Numbers,
    Or,
    QueueGlob,
    RunTime,
    SingletonKey,
    States,
    Term,
)

_PLAIN = re.compile(r"[\w.:/@%+,=-]+")
_PLAIN_GLOB = re.compile(r"[\w.:/@%+=*?-]+")
_PLAIN_SEGMENT = re.compile(r"[\w/@%+=-]+")
_TIMESPEC = {"minute": "minutes", "second": "seconds", "microsecond": "microseconds"}


def to_text(expr: Expr) -> str:
    """The canonical text of a selection: `parse(to_text(expr)) == expr` for all that `parse` can give."""
    match expr:
        case And(items):
            return " ".join(_within(item, (And, Or)) for item in items)
        case Or(items):
            return " OR ".join(_within(item, (Or,)) for item in items)
        case Not(item):
            return f"NOT {_within(item, (And, Or))}"
        case _:
            return _term(expr)


def _within(expr: Expr, enclosed: tuple[type[And | Or], ...]) -> str:
    text = to_text(expr)
    return f"({text})" if isinstance(expr, enclosed) else text


def quote(value: str) -> str:
    """A value as the language reads it back: plain where that is safe, else in double quotes."""
    return value if _PLAIN.fullmatch(value) else _in_quotes(value)


def _in_quotes(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _glob(pattern: str) -> str:
    if _PLAIN_GLOB.fullmatch(pattern):
        return pattern
    # The pattern's own backslashes already are the language's.
    escaped = pattern.replace('"', '\\"')
    return f'"{escaped}"'


def _term(term: Term) -> str:
    match term:
        case QueueGlob(pattern):
            return f"queue:{_glob(pattern)}"
        case States(states):
            return f"state:{','.join(states)}"
        case Is(condition):
            return f"is:{condition}"
        case Ids(ids):
            return f"id:{','.join(ids)}"
        case SingletonKey(value):
            return f"key:{quote(value)}"
        case ErrorText(text):
            return f"error:{quote(text)}"
        case DataPath(root, path, value):
            return f"{'.'.join([root, *map(_segment, path)])}:{quote(value)}"
        case _:
            return _measure(term)


def _segment(name: str) -> str:
    return name if _PLAIN_SEGMENT.fullmatch(name) else _in_quotes(name)


def _measure(term: Numbers | RunTime | Age | Moments | Archived) -> str:
    match term:
        case Numbers(field, low, high):
            return f"{field}:{_range(_number(low), _number(high))}"
        case RunTime(low, high):
            return f"run:{_range(_seconds(low), _seconds(high))}"
        case Age(side, seconds):
            return f"{side}:{exact_duration(seconds)}"
        case Moments(field, low, high):
            return f"{field}:{_range(_moment(low), _moment(high))}"
        case Archived(which):
            return f"archived:{which}"


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low}..{high}"


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _seconds(value: int | None) -> str:
    return "" if value is None else exact_duration(value)


def _moment(moment: Moment | None) -> str:
    if moment is None:
        return ""
    offset = moment.at.utcoffset()
    zone = "" if moment.unit == "day" else "Z"
    wall = moment.at.replace(tzinfo=None)
    if offset:
        zone = moment.at.isoformat()[-6:]
    if moment.unit == "day":
        return f"{wall:%Y-%m-%d}{zone}"
    return wall.isoformat(timespec=_TIMESPEC[moment.unit]) + zone

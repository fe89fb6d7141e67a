"""Failures as they are read: the message before the stack, and causes in the same order within."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from bossctl.models.common import Payload

FIRST = ("message", "name", "code", "reason", "stack", "cause", "errors", "value")
"""The order in which members of an error are shown; the others follow. `jsonb` keeps no order of its own."""

LONGEST = 256 * 1024
"""Longer texts stay as they are: taking them apart would hold up the keyboard."""
DEEPEST = 20

_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str, strict=False)
_BLANK = " \t\r\n"


def message_first(payload: Payload) -> Payload:
    """The output of a failed job with its errors put in order; every value stays as it is, digit for digit."""
    text = payload.text
    if text is None or payload.cut or len(text) > LONGEST or '"message"' not in text:
        return payload
    try:
        return replace(payload, text=_ordered(text.strip(_BLANK), DEEPEST))
    except (ValueError, IndexError, RecursionError):
        return payload


def _ordered(text: str, depth: int) -> str:
    if depth == 0 or text[0] not in "{[" or '"message"' not in text:
        return text
    if text[0] == "[":
        return "[" + ", ".join(_ordered(item, depth - 1) for item in _items(text)) + "]"
    members = dict(_members(text))
    names = [name for name in FIRST if name in members] if "message" in members or "value" in members else []
    names += [name for name in members if name not in names]
    return "{" + ", ".join(f"{members[name][0]}: {_ordered(members[name][1], depth - 1)}" for name in names) + "}"


def _items(text: str) -> Iterator[str]:
    at = _skip(text, 1)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        yield text[at:end]
        at = _after(text, end)


def _members(text: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Name → the name and the value as they are written."""
    at = _skip(text, 1)
    while text[at] != "}":
        name, end = _DECODER.raw_decode(text, at)
        begin = _skip(text, _skip(text, end) + 1)
        _, after = _DECODER.raw_decode(text, begin)
        yield name, (text[at:end], text[begin:after])
        at = _after(text, after)


def _skip(text: str, at: int) -> int:
    while text[at] in _BLANK:
        at += 1
    return at


def _after(text: str, at: int) -> int:
    """Where the next item begins, or the closing bracket stands."""
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at

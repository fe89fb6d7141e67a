"""JSON string tokens: what they stand for, and how long ones are laid out in lines."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rich.cells import chop_cells

_MEASURED = 20_000
"""Longer lines of wide characters are cut by the most a character can take; measuring megabytes would stall."""


def decoded(token: str) -> str:
    """The string a JSON string token stands for, even if its end was cut off."""
    try:
        return json.loads(token, strict=False)
    except ValueError:
        body = token[1:]
    # The longest escape that can have been cut is a surrogate pair: twelve characters less one.
    for missing in range(min(12, len(body) + 1)):
        try:
            return json.loads(f'"{body[: len(body) - missing]}"', strict=False)
        except ValueError:
            continue
    return body


def pieces(string: str, width: int) -> Iterator[tuple[int, int]]:
    """Where the lines of a string begin and end, long ones wrapped to `width` cells; newlines are left out."""
    begin, simple = 0, string.isascii()
    while begin <= len(string):
        end = string.find("\n", begin)
        end = len(string) if end < 0 else end
        if end - begin <= width // 2 or (simple and end - begin <= width):
            yield begin, end
        else:
            yield from _wrap(string, begin, end, width)
        begin = end + 1


def _wrap(string: str, begin: int, end: int, width: int) -> Iterator[tuple[int, int]]:
    if string.isascii() or end - begin > _MEASURED:
        step = width if string.isascii() else width // 2
        for at in range(begin, end, step):
            yield at, min(end, at + step)
        return
    # What is of no width at all is chopped into nothing.
    for piece in chop_cells(string[begin:end], width) or [string[begin:end]]:
        yield begin, begin + len(piece)
        begin += len(piece)

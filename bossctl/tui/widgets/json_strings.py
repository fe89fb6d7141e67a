"""JSON string tokens: what they stand for, and how long ones are laid out in lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache

from rich.cells import chop_cells

from bossctl.format import cell_width, clean

_MEASURED = 20_000
"""Longer lines of wide characters are cut by the most a letter can take; measuring megabytes would stall."""
_WIDEST = 10
"""Cells of the character that takes most: one made visible as `\\U000e0001`."""


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


def readable(text: str) -> str:
    """A text with tabs as blanks and control characters made visible."""
    return clean(text.replace("\t", "    "))


def pieces(string: str, width: int) -> Iterator[tuple[int, int]]:
    """Where the lines of a string begin and end, long ones wrapped to `width` cells; newlines are left out."""
    begin, simple = 0, string.isascii() and "\t" not in string
    while begin <= len(string):
        end = string.find("\n", begin)
        end = len(string) if end < 0 else end
        if end - begin <= (width if simple else width // _WIDEST):
            yield begin, end
        elif simple or end - begin > _MEASURED:
            step = width if simple else width // 2
            for at in range(begin, end, step):
                yield at, min(end, at + step)
        else:
            yield from _wrap(string[begin:end], begin, width)
        begin = end + 1


def _wrap(line: str, begin: int, width: int) -> Iterator[tuple[int, int]]:
    # What is of no width at all is chopped into nothing.
    parts = (chop_cells(line, width) or [line]) if readable(line) == line else _chopped(line, width)
    for part in parts:
        yield begin, begin + len(part)
        begin += len(part)


def _chopped(line: str, width: int) -> Iterator[str]:
    """The parts of a line whose characters take more room where they are made visible."""
    begin = used = 0
    for at, character in enumerate(line):
        cells = _drawn(character)
        if used + cells > width and at > begin:
            yield line[begin:at]
            begin, used = at, 0
        used += cells
    yield line[begin:]


@lru_cache(1024)
def _drawn(character: str) -> int:
    return cell_width(readable(character))

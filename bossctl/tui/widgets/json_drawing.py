"""One line of a JSON text as styled pieces."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from bossctl.tui.widgets.json_index import INDENT, Kind, Line, indent
from bossctl.tui.widgets.json_strings import readable

Piece = tuple[str, tuple[str, ...]]
"""A text and the component classes of its style."""
LONGEST = 4000
"""Characters of one number or name that are drawn; more is not readable anyway."""


def line_pieces(text: str, line: Line, string: str, *, folded: bool) -> Iterator[Piece]:
    """A line without its fold sign and comma. `string` is the decoded string of a block."""
    if line.kind == Kind.TEXT:
        yield " " * (indent(line.depth) - INDENT) + "│ ", ("json--mark",)
        yield readable(string[line.key : line.end]), ("json--block",)
        return
    yield " " * indent(line.depth), ("json--mark",)
    if line.key >= 0:
        name = text[line.key : line.start].rstrip().removesuffix(":").rstrip()
        yield readable(name[:LONGEST]), ("json--key",)
        yield ": ", ("json--mark",)
    yield from _value_pieces(text, line, string, folded=folded)


def _value_pieces(text: str, line: Line, string: str, *, folded: bool) -> Iterator[Piece]:
    if line.kind == Kind.CUT:
        yield "… the text was cut here", ("json--note",)
    elif line.kind == Kind.BLOCK:
        yield _block_note(line, string), ("json--note",)
        if folded:
            yield "  " + readable(string[:80].split("\n", 1)[0]), ("json--string",)
    elif line.kind == Kind.OPEN and folded:
        begin = text[line.start]
        what = ("member" if begin == "{" else "item") + ("s" if line.count != 1 else "")
        yield begin, ("json--mark",)
        yield f" … {line.count} {what} ", ("json--note",)
        yield "}" if begin == "{" else "]", ("json--mark",)
    else:
        yield from _token(text[line.start : min(line.end, line.start + LONGEST)])


def _block_note(line: Line, string: str) -> str:
    return f"{line.count} lines" if line.count > 1 else f"{len(string)} characters"


def _token(token: str) -> Iterator[Piece]:
    first = token[:1]
    if not token:
        yield "…", ("json--note",)
    elif first == '"':
        yield readable(token), ("json--string",)
    elif first in "-0123456789":
        yield readable(token), ("json--number",)
    elif first in "{}[]":
        yield token, ("json--mark",)
    else:
        yield readable(token), ("json--literal",)


def highlight(pieces: Sequence[Piece], pattern: re.Pattern[str] | None) -> Sequence[Piece]:
    """The same pieces, cut so that every match of the pattern is styled as one."""
    if pattern is None:
        return pieces
    spans = [match.span() for match in pattern.finditer("".join(text for text, _ in pieces))]
    if not spans:
        return pieces
    cuts = sorted({edge for span in spans for edge in span})
    result: list[Piece] = []
    at = 0
    for text, names in pieces:
        edges = [0, *(cut - at for cut in cuts if at < cut < at + len(text)), len(text)]
        for begin, end in pairwise(edges):
            inside = any(low <= at + begin < high for low, high in spans)
            result.append((text[begin:end], (*names, "json--match") if inside else names))
        at += len(text)
    return result

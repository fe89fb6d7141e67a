"""Where the lines of a pretty-printed JSON text are, found step by step, without parsing it into objects.

Numbers stay the digits they are, a text cut in the middle is fine, and 10 MB cost time slices, not a stall.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from time import perf_counter

from bossctl.format import cell_width
from bossctl.tui.widgets.json_strings import decoded, pieces, readable

INDENT = 2
DEEPEST = 40
"""Levels that are indented; what lies deeper stands under this one."""
NARROWEST = 20
"""Long strings are wrapped to the view, but not narrower than this."""
_TOKEN = re.compile(
    r"""\s*+(?:
        (?P<string>"[^"\\]{0,80}+")
      | (?P<long>")
      | (?P<open>[{\[])
      | (?P<close>[}\]])
      | (?P<mark>[,:])
      | (?P<scalar>[^\s"{}\[\],:]++)
    )""",
    re.VERBOSE | re.DOTALL,
)
_TOKENS_PER_LOOK = 64
_KIND, _COMMA = 0x7F, 0x80
_KEPT = 16


def indent(depth: int) -> int:
    """The cells before a line."""
    return INDENT * min(depth, DEEPEST)


class Kind(IntEnum):
    """What a line holds."""

    SCALAR = 0  # a number, true, false, null, a short string, {} or []
    OPEN = 1
    CLOSE = 2
    BLOCK = 3  # the head of a string shown over several lines
    TEXT = 4  # a line of such a string
    CUT = 5  # the text ended here too early


@dataclass(frozen=True)
class Line:
    """One line. `start` and `end` delimit the value in the text, `key` is where its name starts, or -1.

    `count` is the number of members of a container or of lines in a block's string. For TEXT `start` is the line of the
    block's head and `key` and `end` delimit the line within the decoded string.
    """

    kind: Kind
    depth: int
    key: int
    start: int
    end: int
    count: int
    comma: bool


class JsonIndex:
    """The lines of `text` wrapped to `width` cells. Call `advance` until it returns True."""

    def __init__(self, text: str, width: int) -> None:
        self.text = text
        self.width = width
        self.done = False
        self.deepest = 0
        self._kind = bytearray()
        self._depth = array("i")
        self._key = array("i")
        self._start = array("i")
        self._end = array("i")
        self._mate: dict[int, int] = {}
        self._count: dict[int, int] = {}
        self._strings: dict[int, str] = {}
        self._stack: list[int] = []
        self._last = -1
        self._steps = self._scan()

    def __len__(self) -> int:
        return len(self._kind)

    def advance(self, seconds: float) -> bool:
        """Work for about so long; whether all lines are known."""
        until = perf_counter() + seconds
        for _ in self._steps:
            if perf_counter() >= until:
                return False
        self.done = True
        return True

    def line(self, number: int) -> Line:
        """One line."""
        return Line(
            Kind(self._kind[number] & _KIND),
            self._depth[number],
            self._key[number],
            self._start[number],
            self._end[number],
            self._count.get(number, 0),
            self._kind[number] & _COMMA > 0,
        )

    def mate(self, number: int) -> int:
        """The last line of what begins here; the line itself when nothing does or its end is not known yet."""
        return self._mate.get(number, number)

    def foldable(self, depth: int) -> list[int]:
        """The lines on which containers and blocks of at least this depth begin."""
        return [line for line in self._mate if self._depth[line] >= depth]

    def parent(self, number: int) -> int:
        """The line on which the container or block around a line begins; -1 at the top."""
        if self._kind[number] & _KIND == Kind.TEXT:
            return self._start[number]
        depth = self._depth[number] - (self._kind[number] & _KIND != Kind.CLOSE)
        for line in range(number - 1, -1, -1):
            if self._kind[line] & _KIND == Kind.OPEN and self._depth[line] == depth:
                return line
        return -1

    def position(self, number: int) -> int:
        """Where in the text a line begins; the lines of a block all begin where their string does."""
        if self._kind[number] & _KIND == Kind.TEXT:
            return self._start[self._start[number]]
        key = self._key[number]
        return self._start[number] if key < 0 else key

    def line_of(self, offset: int) -> int:
        """The line that shows what stands at an offset of the text."""
        line = max(0, bisect_right(range(len(self)), offset, key=self.position) - 1)
        if self._kind[line] & _KIND != Kind.TEXT:
            return line
        head = self._start[line]
        if not self._start[head] < offset < self._end[head]:
            return head if offset <= self._start[head] else line
        within = len(decoded(self.text[self._start[head] : offset]))
        return bisect_right(self._key, within, lo=head + 1, hi=line + 1) - 1

    def token(self, number: int) -> str:
        """The value of a line as it stands in the text; for TEXT that of the whole string."""
        head = self._head(number)
        return self.text[self._start[head] : self._end[head]]

    def string(self, number: int) -> str:
        """The string a BLOCK or TEXT line belongs to; the latest few are kept."""
        head = self._head(number)
        if head not in self._strings:
            if len(self._strings) >= _KEPT:
                self._strings.clear()
            self._strings[head] = decoded(self.token(head))
        return self._strings[head]

    def _head(self, number: int) -> int:
        return self._start[number] if self._kind[number] & _KIND == Kind.TEXT else number

    # --- scanning

    def _scan(self) -> Iterator[None]:
        expects_key, key = False, -1
        for number, (kind, start, end) in enumerate(_tokens(self.text)):
            if number % _TOKENS_PER_LOOK == 0:
                yield
            if kind == "mark":
                expects_key = self._mark(start, key >= 0)
            elif kind == "string" and expects_key and key < 0:
                key = start
            elif kind == "close":
                self._close(start)
                expects_key, key = False, -1
            elif kind == "open":
                self._open(key, start)
                expects_key, key = self.text[start] == "{", -1
            else:
                yield from self._value(key, start, end)
                expects_key, key = False, -1
        self._finish(key)

    def _mark(self, at: int, named: bool) -> bool:
        """A comma or colon; whether a name is expected next."""
        if self.text[at] == ":":
            return named
        if self._last >= 0 and not named:
            self._kind[self._last] |= _COMMA
        return bool(self._stack) and self.text[self._start[self._stack[-1]]] == "{"

    def _open(self, key: int, start: int) -> None:
        self._join()
        self._stack.append(self._add(Kind.OPEN, key, start, start + 1))

    def _close(self, at: int) -> None:
        if not self._stack:
            self._last = self._add(Kind.SCALAR, -1, at, at + 1)
            return
        begin = self._stack.pop()
        if begin == len(self) - 1:
            self._kind[begin], self._end[begin], self._last = Kind.SCALAR, at + 1, begin
        else:
            self._last = self._mate[begin] = self._add(Kind.CLOSE, -1, at, at + 1)

    def _value(self, key: int, start: int, end: int) -> Iterator[None]:
        self._join()
        self._last = head = self._add(Kind.SCALAR, key, start, end)
        if self.text[start] != '"':
            return
        long = self._is_long(start if key < 0 else key, end)
        if not (long or self.text.find("\\n", start, end) >= 0):
            return
        yield
        string = self.string(head)
        if not long and "\n" not in string:
            return
        self._kind[head] = Kind.BLOCK
        for number, (begin, stop) in enumerate(pieces(string, self._room(1))):
            if number % _TOKENS_PER_LOOK == 0:
                yield
            self._add(Kind.TEXT, begin, head, stop)
        self._mate[head] = len(self) - 1
        self._count[head] = string.count("\n") + 1

    def _is_long(self, start: int, end: int) -> bool:
        """Whether a name and its string, quotes and comma, take more than a line."""
        room = self._room(0) - 3
        if end - start > room:
            return True
        shown = self.text[start:end]
        return not shown.isascii() and cell_width(readable(shown)) > room

    def _join(self) -> None:
        """A value joins the container it is in."""
        if self._stack:
            self._count[self._stack[-1]] = self._count.get(self._stack[-1], 0) + 1

    def _room(self, deeper: int) -> int:
        return max(NARROWEST, self.width - indent(len(self._stack) + deeper))

    def _add(self, kind: Kind, key: int, start: int, end: int) -> int:
        depth = len(self._stack) + (kind == Kind.TEXT)
        self._kind.append(kind)
        self._depth.append(depth)
        self._key.append(key)
        self._start.append(start)
        self._end.append(end)
        if depth > self.deepest:
            self.deepest = depth
        return len(self._kind) - 1

    def _finish(self, key: int) -> None:
        end = len(self.text)
        if key >= 0:
            self._join()
            self._add(Kind.SCALAR, key, end, end)
        if self._stack:
            last = self._add(Kind.CUT, -1, end, end)
            self._mate.update(dict.fromkeys(self._stack, last))


def _tokens(text: str) -> Iterator[tuple[str, int, int]]:
    at = 0
    while at < len(text):
        for match in _TOKEN.finditer(text, at):
            kind = match.lastgroup or ""
            start, at = match.span(kind or 0)
            if kind == "long":
                # find() reads a megabyte in the time the pattern needs for twenty kilobytes.
                at = _string_end(text, start)
                yield "string", start, at
                break
            yield kind, start, at
        else:
            return


def _string_end(text: str, start: int) -> int:
    """Where the string that begins at `start` ends: behind its quote, or at the end of the text."""
    quote = text.find('"', start + 1)
    while quote >= 0:
        before = quote - 1
        while text[before] == "\\":
            before -= 1
        if (quote - before) % 2:
            return quote + 1
        quote = text.find('"', quote + 1)
    return len(text)

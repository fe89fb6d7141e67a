"""A line of time with points on it, drawn as text: an axis with labels, or a list where there is no room for one.

Nothing of Textual in here: a line is a sequence of pieces, each a text with the role it plays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from bossctl.format import UNKNOWN, age, cell_width, clean, elapsed, timestamp, truncate

NOW = "┼"
FUTURE, LEADER, BREAK = "┈", "│", "╱"
LINES = {"wait": "─", "run": "━", "rest": "╌"}
"""What happens from a point on: it waits, a worker has it, it has ended."""

LEAST = 1
"""Cells between two points at least."""
UNEVEN = 1.5
"""A stretch with so many times more seconds to a cell than the finest one is shown as cut short."""
LEAST_WORDS = 24
"""Cells for words beside their times; where there are fewer, the times stand beneath."""
STUB = 6
"""Cells of axis after the last moment that is known, for each point that has none."""

Piece = tuple[str, str]
"""A text and its role: past, future, unknown, now, wait, run, rest, length, leader or label."""
Line = list[Piece]


@dataclass(frozen=True)
class Point:
    """One point: its sign and what it is. `at` None: its moment is not known, but its place among the others is.

    `role` is past, future or unknown; `line` is what happens from here on: wait, run or rest.
    """

    at: datetime | None
    sign: str
    text: str
    role: str = "past"
    line: str = "wait"


def axis(points: Sequence[Point], now: datetime, width: int) -> list[Line]:
    """The points on an axis of `width` cells: what is to come above it as far as it fits, the rest below.

    Each stretch between two moments carries its length. Where they do not fit in proportion, those that are drawn
    shorter than the others are broken (`╱ 2h ╱`), and the last line says so.
    """
    return _Axis(with_now(points, now), now, width).lines()


def column(points: Sequence[Point], now: datetime, width: int) -> list[Line]:
    """The same points as a list, one beneath the other, wrapped to `width` cells.

    Times stand before the words, or where there is little room beneath them.
    """
    placed = with_now(points, now)
    times = [_clock(one, now) for one in placed]
    first = max(map(cell_width, times), default=0)
    gaps = [_since(placed, number) for number in range(len(placed))]
    second = max(map(cell_width, gaps), default=0)
    narrow = width - first - second - 6 < LEAST_WORDS
    lines: list[Line] = []
    for number, (one, time, gap) in enumerate(zip(placed, times, gaps, strict=True)):
        spine = LEADER if number + 1 < len(placed) else " "
        if narrow:
            lines += _entry(one, spine, "", width)
            if time:
                lines.append([(spine, "leader"), (truncate(f"   {time}  {gap}".rstrip(), width - 1), "length")])
        else:
            lines += _entry(one, spine, f"{time:<{first}}  {gap:>{second}}  ", width)
    return lines


def _entry(one: Point, spine: str, lead: str, width: int) -> Iterator[Line]:
    """What a point is in lines, the first with its sign and the lead, the others beneath."""
    role = "label" if one.role == "past" else one.role
    for place, text in enumerate(_wrapped(one.text, max(12, width - cell_width(lead) - 2))):
        begin: Line = [(one.sign, one.role), (" " + lead, "length")] if not place else _under(spine, lead)
        yield [*begin, (text, role)]


def plain(lines: Sequence[Line]) -> list[str]:
    """The bare text of drawn lines."""
    return ["".join(text for text, _ in line) for line in lines]


def with_now(points: Sequence[Point], now: datetime) -> list[Point]:
    """The points in order of time, and now among them; those without a time stay behind the one they followed.

    Points of one moment become one.
    """
    moments: list[tuple[datetime, list[Point]]] = []
    loose: list[Point] = []
    for one in points:
        if one.at is not None:
            moments.append((one.at, [one]))
        elif one.role != "future":
            (moments[-1][1] if moments else loose).append(one)
    moments.sort(key=lambda moment: moment[0])
    before = [group for at, group in moments if at <= now]
    after = [group for at, group in moments if at > now]
    line = before[-1][0].line if before else "wait"
    endless = [one for one in points if one.at is None and one.role == "future"]
    groups = [*before, [Point(now, NOW, "now", "now", line)], *after, endless]
    return [*loose, *_merged([one for group in groups for one in group])]


def _merged(points: Sequence[Point]) -> list[Point]:
    found: list[Point] = []
    for one in points:
        same = next((place for place, other in enumerate(found) if one.at is not None and other.at == one.at), None)
        if same is None or one.role == "now":
            found.append(one)
        else:
            found[same] = replace(found[same], text=f"{found[same].text}; {one.text}", line=one.line)
    return found


def _clock(one: Point, now: datetime) -> str:
    if one.at is None:
        return UNKNOWN if one.role == "unknown" else ""
    return moment(one.at, now) if one.role == "now" else f"{moment(one.at, now)}  {distance(one.at, now)}"


def moment(at: datetime, now: datetime) -> str:
    """A moment to the second; without its date when that is today's."""
    text = timestamp(at)
    day, _, clock = text.partition(" ")
    return clock if clock and day == timestamp(now).partition(" ")[0] else text


def distance(at: datetime, now: datetime) -> str:
    """`in 5m`, `2h ago`."""
    seconds = (at - now).total_seconds()
    return f"in {age(seconds)}" if seconds > 0 else f"{age(-seconds)} ago"


def _since(points: Sequence[Point], number: int) -> str:
    """How long after the last moment before it."""
    at = points[number].at
    before = next((one.at for one in reversed(points[:number]) if one.at is not None), None)
    return "" if at is None or before is None else f"+{elapsed((at - before).total_seconds())}"


def _under(spine: str, lead: str) -> Line:
    return [(spine, "leader"), (" " * (cell_width(lead) + 1), "label")]


def _wrapped(text: str, width: int) -> Iterator[str]:
    """The words of a text in lines of `width` cells; a word that is longer is cut apart."""
    line = ""
    for word in clean(text).split(" "):
        if line and cell_width(f"{line} {word}") > width:
            yield line
            line = ""
        line = f"{line} {word}" if line else word
        while cell_width(line) > width:
            head = truncate(line, width + 1)[:-1]
            yield head
            line = line[len(head) :]
    yield line


@dataclass(frozen=True)
class _Label:
    """What is said of the point at cell `x`; of `text` some may be left out, of `when` nothing."""

    x: int
    text: str
    when: str
    role: str

    @property
    def cells(self) -> int:
        return cell_width(self.text + self.when)

    def cut(self, room: int) -> _Label:
        return replace(self, text=truncate(self.text, max(1, room - cell_width(self.when))))

    @property
    def piece(self) -> Piece:
        return self.text + self.when, "label" if self.role == "past" else self.role


class _Axis:
    """One drawing. Only moments have a place by time; points without one stand within the stretch they fall into."""

    def __init__(self, points: Sequence[Point], now: datetime, width: int) -> None:
        self.now, self.width = now, width
        self.timed = [one for one in points if one.at is not None]
        self.loose: list[list[Point]] = [[] for _ in self.timed]
        """The points that follow each of them without a moment of their own."""
        at = -1
        for one in points:
            if one.at is not None:
                at += 1
            else:
                self.loose[max(at, 0)].append(one)
        stub = STUB * len(self.loose[-1])
        self.seconds = _gaps(self.timed)
        self.lengths = [elapsed(seconds) for seconds in self.seconds]
        room = max(width - len(self.timed) - stub, len(self.seconds) * LEAST)
        self.cells, self.exact = _shared(self.seconds, self._wishes(room), room)
        self.stub = stub

    def _wishes(self, room: int) -> list[int]:
        """Cells that each stretch needs to carry its length; without it where there is no room."""
        marks = [2 * len(self.loose[number]) for number in range(len(self.seconds))]
        full = [len(text) + 8 + mark for text, mark in zip(self.lengths, marks, strict=True)]
        if sum(full) <= room:
            return full
        bare = [LEAST + mark for mark in marks]
        return bare if sum(bare) <= room else [LEAST] * len(marks)

    def lines(self) -> list[Line]:
        """Labels above, the axis, labels below, and a word on its scale."""
        line, labels = self._drawn()
        above, below = self._sides(labels)
        found = [*reversed([self._above(above, number) for number in range(len(above))]), line]
        below.reverse()
        found += [self._below(below, number) for number in range(len(below))]
        return [*found, [(truncate(self._scale(), self.width), "length")]]

    def _scale(self) -> str:
        if self.exact:
            return "to scale"
        return f"not to scale: {BREAK} {BREAK} is drawn short, each stretch tells its length"

    def _drawn(self) -> tuple[Line, list[_Label]]:
        line: Line = []
        labels: list[_Label] = []
        x = 0
        finest = min((s / c for s, c in zip(self.seconds, self.cells, strict=True)), default=0.0)
        for number, one in enumerate(self.timed):
            line.append((one.sign, one.role))
            labels.append(self._label(x, one))
            x += 1
            if number < len(self.cells):
                cells = self.cells[number]
                cut = not self.exact and self.seconds[number] / cells > UNEVEN * finest
                pieces = self._stretch(number, cells, cut=cut)
            else:
                cells = self.stub
                pieces = [(FUTURE * cells, "future")] if cells else []
            line += self._marked(pieces, self.loose[number], x, cells, labels)
            x += cells
        return line, labels

    def _stretch(self, number: int, cells: int, *, cut: bool) -> Line:
        one, following = self.timed[number], self.timed[number + 1]
        role = "future" if following.at is not None and following.at > self.now else one.line
        sign = FUTURE if role == "future" else LINES[role]
        length = f" {self.lengths[number]} "
        if cut:
            length = f"{BREAK}{length}{BREAK}"
        if len(length) + 2 + 2 * len(self.loose[number]) > cells:
            if cut and cells > 2:
                left = (cells - 1) // 2
                return [(sign * left, role), (BREAK, "length"), (sign * (cells - 1 - left), role)]
            return [(sign * cells, role)]
        left = (cells - len(length)) // 2 + (len(self.loose[number]) if self.loose[number] else 0)
        left = min(left, cells - len(length) - 1)
        return [(sign * left, role), (length, "length"), (sign * (cells - left - len(length)), role)]

    def _marked(self, pieces: Line, loose: Sequence[Point], x: int, cells: int, labels: list[_Label]) -> Line:
        """The stretch with the signs of points that have no moment, side by side near its beginning."""
        places = [min(1 + 2 * place, cells - 1) for place in range(len(loose))]
        for one, place in zip(loose, places, strict=True):
            labels.append(self._label(x + place, one))
            pieces = _put(pieces, place, (one.sign, one.role))
        return pieces

    def _label(self, x: int, one: Point) -> _Label:
        if one.at is None:
            return _Label(x, clean(one.text), "", one.role)
        if one.role == "now":
            return _Label(x, "now", f" {moment(one.at, self.now)}", one.role)
        return _Label(x, clean(one.text), f"  {moment(one.at, self.now)}, {distance(one.at, self.now)}", one.role)

    def _sides(self, labels: Sequence[_Label]) -> tuple[list[_Label], list[_Label]]:
        """What goes above, to the left of its point, and what below, to its right; both by place."""
        above, below = [], []
        for one in sorted(labels, key=lambda label: label.x):
            left, right = one.x - 2, self.width - one.x - 2
            upward = one.role in ("now", "future")
            if one.cells > max(left, right):
                upward = left > right
            elif one.cells > (left if upward else right):
                upward = not upward
            (above if upward else below).append(one.cut(left if upward else right))
        return above, below

    def _above(self, labels: Sequence[_Label], number: int) -> Line:
        """The line of one label; those further right go on upwards."""
        one = labels[number]
        line: Line = [(" " * (one.x - 1 - one.cells), "label"), one.piece, (" ╮", "leader")]
        return line + _leaders(one.x + 1, labels[number + 1 :])

    def _below(self, labels: Sequence[_Label], number: int) -> Line:
        """The line of one label; those further left go on downwards."""
        one = labels[number]
        line = _leaders(0, sorted(labels[number + 1 :], key=lambda label: label.x))
        at = sum(len(text) for text, _ in line)
        line.append((" " * (one.x - at) + "╰ ", "leader"))
        return [*line, one.piece]


def _leaders(x: int, labels: Sequence[_Label]) -> Line:
    text = ""
    for one in labels:
        text += " " * (one.x - x - len(text)) + LEADER
    return [(text, "leader")] if text else []


def _put(pieces: Line, place: int, piece: Piece) -> Line:
    """The pieces with one cell replaced."""
    found: Line = []
    x = 0
    for text, role in pieces:
        if x <= place < x + len(text):
            found += [(text[: place - x], role), piece, (text[place - x + 1 :], role)]
        else:
            found.append((text, role))
        x += len(text)
    return [one for one in found if one[0]]


def _gaps(points: Sequence[Point]) -> list[float]:
    moments = [one.at for one in points if one.at is not None]
    return [max((b - a).total_seconds(), 0.001) for a, b in pairwise(moments)]


def _shared(seconds: Sequence[float], wishes: Sequence[int], room: int) -> tuple[list[int], bool]:
    """Cells for each stretch, and whether they are in proportion.

    They are when each gets at least what it wishes; else the spare room goes by the logarithm of their lengths.
    """
    if not seconds:
        return [], True
    even = _split([one / sum(seconds) for one in seconds], room)
    if all(one >= wish for one, wish in zip(even, wishes, strict=True)):
        return even, True
    weights = [math.log1p(one / min(seconds)) for one in seconds]
    spare = _split([one / sum(weights) for one in weights], max(0, room - sum(wishes)))
    return [wish + more for wish, more in zip(wishes, spare, strict=True)], False


def _split(shares: Sequence[float], room: int) -> list[int]:
    """Whole cells by largest remainder."""
    exact = [share * room for share in shares]
    cells = [int(one) for one in exact]
    order = sorted(range(len(cells)), key=lambda number: cells[number] - exact[number])
    for number in order[: room - sum(cells)]:
        cells[number] += 1
    return cells

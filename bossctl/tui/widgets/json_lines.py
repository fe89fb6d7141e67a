"""The lines of a JSON text on screen: only those in view are drawn, containers fold, a search jumps."""

from __future__ import annotations

import json
import re
from asyncio import sleep
from collections.abc import Iterator
from typing import ClassVar

from rich.segment import Segment
from textual import events, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from bossctl.tui.widgets.cursor_view import CursorView
from bossctl.tui.widgets.json_drawing import Piece, highlight, line_pieces
from bossctl.tui.widgets.json_folds import Folds
from bossctl.tui.widgets.json_index import NARROWEST, JsonIndex, Kind, indent

GUTTER = 2
SLICE = 0.008
"""Seconds of indexing between two turns of the event loop."""
WINDOW = 1 << 18
"""Characters searched between two turns of the event loop."""


class JsonLines(CursorView):
    """A JSON text, pretty-printed by the line. Use it through `JsonView`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "json--key",
        "json--string",
        "json--number",
        "json--literal",
        "json--mark",
        "json--block",
        "json--note",
        "json--match",
        "json--cursor",
        "json--hover",
    }

    DEFAULT_CSS = """
    JsonLines {
        background: $surface;
        color: $foreground;
        & > .json--key { color: $text-primary; }
        & > .json--string { color: $text-success; }
        & > .json--number { color: $text-warning; }
        & > .json--literal { color: $text-accent; text-style: italic; }
        & > .json--mark { color: $text-muted; }
        & > .json--block { color: $foreground; }
        & > .json--note { color: $text-muted; text-style: italic; }
        & > .json--match { background: $warning; color: auto; text-style: bold; }
        & > .json--cursor { background: $foreground 12%; }
        & > .json--hover { background: $foreground 6%; }
        &:focus > .json--cursor { background: $primary 20%; }
        &:dark:focus > .json--cursor { background: $primary 40%; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "toggle_fold", "Fold or unfold", show=False, id="json.toggle"),
        Binding("left,h", "fold", "Fold, or go to what is around", show=False, id="json.fold"),
        Binding("right,l", "unfold", "Unfold", show=False, id="json.unfold"),
        Binding("z", "fold_all", "Fold all, or unfold all", show=False, id="json.fold-all"),
        Binding("shift+left", "scroll_cells(-8)", "Scroll left", show=False, id="json.left"),
        Binding("shift+right", "scroll_cells(8)", "Scroll right", show=False, id="json.right"),
    ]

    class Searched(Message):
        """A search ended: whether it found something, and whether it went on from the other end for it."""

        def __init__(self, query: str, found: bool, wrapped: bool) -> None:
            super().__init__()
            self.query = query
            self.found = found
            self.wrapped = wrapped

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._text = ""
        self._index = JsonIndex("", 80)
        self._folds = Folds()
        self._cursor = 0
        self._wanted: int | None = None
        self._place = 0
        self._pattern: re.Pattern[str] | None = None
        self._match_at = -1

    # --- text

    def load(self, text: str) -> None:
        """Show a text. Place and folds stay if it only grew; the first lines are there at once."""
        if text == self._text and self._index.done:
            return
        grown = bool(self._text) and text.startswith(self._text)
        if not grown:
            self._folds, self._cursor, self._match_at = Folds(), 0, -1
            self.scroll_to(0, 0, animate=False, force=True)
        self._text = text
        self._start_over()

    @property
    def indexed(self) -> bool:
        """Whether all lines are known."""
        return self._index.done

    def _start_over(self) -> None:
        """Index the text for the present width; the cursor stays where it is in the text."""
        self._wanted = self._index.position(self._cursor) if len(self._index) else 0
        self._place = self.cursor_line - self.scroll_offset.y
        self._index = JsonIndex(self._text, self.inner_width - GUTTER - 1)
        self._index.advance(SLICE)
        self._grown()
        if not self._index.done:
            self._go_on()

    @work(exclusive=True, group="index")
    async def _go_on(self) -> None:
        """Index the rest in slices."""
        index, slices = self._index, 0
        while index is self._index and not index.advance(SLICE):
            slices += 1
            if slices % 16 == 1:
                self._grown()
            await sleep(0)
        if index is self._index:
            self._grown()

    def _grown(self) -> None:
        """More lines are known: folds, cursor and scroll bars follow."""
        index = self._index
        self._folds.rebuild(index)
        self._extent()
        if self._wanted is not None and (index.done or self._wanted < self._reached()):
            self._cursor = index.line_of(self._wanted) if len(index) else 0
            self._wanted = None
            self.scroll_to(y=self.cursor_line - self._place, animate=False, force=True)
        self.refresh()

    def _reached(self) -> int:
        return self._index.position(len(self._index) - 1) if len(self._index) else -1

    def _extent(self) -> None:
        deep = GUTTER + indent(self._index.deepest) + NARROWEST + 1
        self.set_extent(max(self.inner_width, deep))

    def resized(self) -> None:
        """Wrap long strings anew when the width has changed."""
        if self._index.width != self.inner_width - GUTTER - 1:
            self._start_over()
        if self.line_count:
            self.reveal(self.cursor_line)

    # --- lines

    @property
    def line_count(self) -> int:
        """How many lines are on display."""
        return len(self._index) - self._folds.hidden

    @property
    def cursor_line(self) -> int:
        """The display row of the cursor."""
        return self._folds.row_of(self._cursor)

    def cursor_moved(self, line: int) -> None:
        """Follow the user."""
        self.redraw_line(self.cursor_line)
        self._cursor = self._folds.line_at(line)
        self._wanted = None
        self.redraw_line(line)

    def line_strip(self, line: int) -> Strip:
        """Draw a display row."""
        number = self._folds.line_at(line)
        over = ("json--cursor",) if line == self.cursor_line else ()
        over = over or (("json--hover",) if line == self.hover_line else ())
        pieces = highlight(list(self._pieces(number)), self._pattern)
        segments = [Segment(text, self.line_style(*over, *names)[1]) for text, names in pieces]
        strip = Strip(segments)
        return strip.extend_cell_length(max(self.inner_width, self.virtual_size.width), self.line_style(*over)[1])

    def _pieces(self, number: int) -> Iterator[Piece]:
        index = self._index
        folded = self._folds.is_folded(number)
        foldable = index.mate(number) > number
        yield ("▸ " if folded else "▾ " if foldable else "  "), ("json--mark",)
        line = index.line(number)
        comma = line.comma or (folded and index.line(index.mate(number)).comma)
        string = index.string(number) if line.kind in (Kind.BLOCK, Kind.TEXT) else ""
        yield from line_pieces(self._text, line, string, folded=folded)
        if comma and line.kind != Kind.TEXT and (folded or line.kind != Kind.OPEN):
            yield ",", ("json--mark",)

    # --- folding

    def _set_fold(self, line: int, folded: bool) -> None:
        change = self._folds.offsets.add if folded else self._folds.offsets.discard
        change(self._index.line(line).start)
        self._refold(line)

    def _refold(self, cursor: int) -> None:
        self._folds.rebuild(self._index)
        self._cursor = self._folds.line_at(self._folds.row_of(cursor))
        self._extent()
        self.refresh()
        self.reveal(self.cursor_line)

    def action_toggle_fold(self) -> None:
        """Fold or unfold what begins on this line, or what this line is in."""
        line = self._cursor
        if self._index.mate(line) == line:
            line = max(0, self._index.parent(line))
        if self._index.mate(line) > line:
            self._set_fold(line, not self._folds.is_folded(line))

    def action_fold(self) -> None:
        """Fold what begins here; else go to what is around."""
        line = self._cursor
        if self._index.mate(line) > line and not self._folds.is_folded(line):
            self._set_fold(line, True)
        elif (parent := self._index.parent(line)) >= 0:
            self.move_cursor(self._folds.row_of(parent))

    def action_unfold(self) -> None:
        """Unfold what begins here."""
        self._set_fold(self._cursor, False)

    def action_fold_all(self) -> None:
        """Fold every container and block below the top; unfold all when something is folded."""
        if self._folds.offsets:
            self._folds.offsets.clear()
        else:
            index = self._index
            self._folds.offsets = {index.line(line).start for line in index.foldable(1)}
        self._refold(self._cursor)

    def on_click(self, event: events.Click) -> None:
        """Go to the line; the sign in front of it folds, a double click anywhere."""
        row = self.line_at(event)
        if row is not None and row >= 0:
            self.move_cursor(row)
            if event.chain == 2 or event.get_content_offset_capture(self).x < GUTTER:
                self.action_toggle_fold()

    # --- searching

    def mark(self, query: str) -> None:
        """Highlight a text wherever it is on screen; nothing for an empty one. Capitals matter if there are any."""
        self._match_at = -1
        if query:
            escaped = json.dumps(query, ensure_ascii=False)[1:-1]
            pattern = f"{re.escape(query)}|{re.escape(escaped)}"
            self._pattern = re.compile(pattern, re.NOFLAG if query != query.lower() else re.IGNORECASE)
        else:
            self._pattern = None
        self.refresh()

    @work(exclusive=True, group="search")
    async def search(self, query: str, *, forward: bool = True) -> None:
        """Go to the next or previous place of the marked text, from the cursor; round the end if need be."""
        here = self._match_at
        if not len(self._index) or self._pattern is None:
            return
        if here < 0 or self._index.line_of(here) != self._cursor:
            here = self._index.position(self._cursor) - (1 if forward else 0)
        length = len(self._text)
        ways = ((here + 1, length), (0, here + 1)) if forward else ((0, here), (here, length))
        for wrapped, (start, stop) in enumerate(ways):
            found = await (self._first(start, stop) if forward else self._latest(start, stop))
            if found is not None:
                await self._go_to_offset(found)
                self.post_message(self.Searched(query, True, bool(wrapped)))
                return
        self.post_message(self.Searched(query, False, False))

    async def _first(self, start: int, stop: int) -> int | None:
        pattern, margin = self._pattern, 2 * WINDOW
        while pattern is not None and start < stop:
            match = pattern.search(self._text, start, min(start + margin, len(self._text)))
            if match and match.start() < stop:
                return match.start()
            start += WINDOW
            await sleep(0)
        return None

    async def _latest(self, start: int, stop: int) -> int | None:
        pattern = self._pattern
        while pattern is not None and start < stop:
            low = max(start, stop - WINDOW)
            places = [m.start() for m in pattern.finditer(self._text, low, min(len(self._text), stop + WINDOW))]
            if before := [place for place in places if place < stop]:
                return before[-1]
            stop = low
            await sleep(0)
        return None

    async def _go_to_offset(self, offset: int) -> None:
        while not self._index.done and self._reached() <= offset:
            self._index.advance(SLICE)
            await sleep(0)
        line = self._index.line_of(offset)
        around = self._index.parent(line)
        while around >= 0:
            self._folds.offsets.discard(self._index.line(around).start)
            around = self._index.parent(around)
        self._refold(line)
        self._match_at = offset

"""The last gate before the terminal: every strip of every widget passes here, whatever it was made from.

Text is cleaned, and made visible, where it enters (the store). These filters only guarantee the outcome: no
control, escape or bidirectional character leaves the program (`SafeOutput`), and with `--ascii` nothing but
ASCII does (`AsciiOutput`). Both keep the width of every segment, or the layout would break.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # invisible, bidirectional
    "\ud800-\udfff"  # lone surrogates: writing one raises
    "\U000e0000-\U000e0fff"  # tags and variation selectors supplement
    "]"
)
"""What may not reach a terminal raw. The zero-width joiner may: emoji are made with it."""

ASCII: dict[str, str] = {
    **dict.fromkeys("─━┄┅┈┉╌╍═╴╶╸╺╼╾▁▔⎯—–―‐‑‒−", "-"),
    **dict.fromkeys("│┃┆┇┊┋╎╏║╵╷╹╻╽╿▏▎▍▕▌▐▊▋▉⎸⎹", "|"),
    **dict.fromkeys("█▇▆▅▓■◼▮▰", "#"),
    **dict.fromkeys("▄▃▂▀▒", "="),
    **dict.fromkeys("░·•∙⋅․", "."),
    **dict.fromkeys("●◉⬤◆✱★", "*"),
    **dict.fromkeys("○◌◯◇⊙", "o"),
    **dict.fromkeys("✓✔☑", "v"),
    **dict.fromkeys("✗✘✕×╳⨯⊗❌", "x"),
    **dict.fromkeys("⊘∅", "-"),
    **dict.fromkeys("▶▸►❯›»→⇒⟶⮕◐", ">"),
    **dict.fromkeys("◀◂◄❮‹«←⇐", "<"),
    **dict.fromkeys("▲▴↑⇑△˄", "^"),
    **dict.fromkeys("▼▾↓⇓▽˅", "v"),
    **dict.fromkeys("↻↺⟳⟲", "@"),
    **dict.fromkeys("⏎↵⮐", "<"),
    **dict.fromkeys("⚠❗", "!"),
    **dict.fromkeys("“”„", '"'),
    **dict.fromkeys("‘’‚", "'"),
    **dict.fromkeys("≈∼", "~"),
    **dict.fromkeys("…", "."),
    **dict.fromkeys("\xa0\u2007\u2009\u202f", " "),
    **dict.fromkeys("⏸", "="),
    "╱": "/",
}
"""What stands for a sign when only ASCII may be shown; corners and crossings of boxes become `+`."""

_BOX = range(0x2500, 0x2580)
_BLOCKS = range(0x2580, 0x25A0)
_BRAILLE = range(0x2800, 0x2900)


def safe(text: str) -> str:
    """`text` without unsafe characters, in as many cells as before."""
    return _same_width(text, UNSAFE.sub(_stand_in, text))


def ascii_only(text: str) -> str:
    """`text` in ASCII, in as many cells as before: known signs by likeness, the rest as `?`."""
    return _same_width(text, "".join(map(_ascii, text)))


def _stand_in(match: re.Match[str]) -> str:
    return "\N{REPLACEMENT CHARACTER}" * cell_len(match[0])


def _same_width(before: str, after: str) -> str:
    # Taking a character out of a cluster can change what its neighbours measure.
    width = cell_len(before)
    return after if cell_len(after) == width else set_cell_size(after, width)


@lru_cache(4096)
def _ascii(character: str) -> str:
    if character.isascii():
        return character
    width = cell_len(character)
    known = ASCII.get(character)
    if known is None:
        known = _by_block(ord(character))
    return known.ljust(width)[:width] if known != "?" else "?" * width


def _by_block(code: int) -> str:
    if code in _BOX:
        return "+"
    return "#" if code in _BLOCKS or code in _BRAILLE else "?"


class SafeOutput(LineFilter):
    """Lets no control, escape or bidirectional character through, in text, controls or links."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Clean a line; the common case, all printable, costs one look per segment."""
        for segment in segments:
            style = segment.style
            if not segment.text.isprintable() or segment.control or (style is not None and style.link):
                return [_safe_segment(segment) for segment in segments]
        return segments


def _safe_segment(segment: Segment) -> Segment:
    style = segment.style
    if style is not None and style.link and UNSAFE.search(style.link):
        style = style.update_link(None)
    text = segment.text if segment.text.isprintable() else safe(segment.text)
    return Segment(text, style)


class AsciiOutput(LineFilter):
    """Lets only ASCII through, for terminals and fonts that have nothing else."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Replace what is not ASCII."""
        if all(segment.text.isascii() for segment in segments):
            return segments
        return [
            segment if segment.text.isascii() else Segment(ascii_only(segment.text), segment.style)
            for segment in segments
        ]


SAFE = SafeOutput()
ASCII_ONLY = AsciiOutput()
"""One object each, so that Textual's cache of filtered strips, keyed by filter, holds."""


class InOne(LineFilter):
    """Several filters, one after the other. Behind each Textual keeps a strip of every line."""

    def __init__(self, filters: Sequence[LineFilter]) -> None:
        super().__init__()
        self.filters = tuple(filters)

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """What comes out of the last one."""
        for one in self.filters:
            segments = one.apply(segments, background)
        return segments

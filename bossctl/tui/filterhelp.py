"""What stands under the `/` line: a caret and a sentence where the expression is wrong, and what may come next."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from textual.content import Content

from bossctl.format import cell_width, clean, truncate

if TYPE_CHECKING:
    from bossctl.selector import Completion, SelectorError

MOST_TOLD = 3
"""So many lines a sentence about a mistake may take."""
CHOSEN, OTHER = "› ", "  "


def unfinished(error: SelectorError, cursor: int) -> bool:
    """Whether the mistake lies in the word that is being typed: it may yet become right."""
    text = error.text
    begin = max(text.rfind(sign, 0, cursor) for sign in " (\t") + 1
    return cursor == len(text) and error.position >= begin


def mistake(error: SelectorError, width: int, *, quiet: bool) -> list[Content]:
    """A caret under the place and a sentence, wrapped; a text longer than the field is repeated around the place."""
    told = clean(str(error)) + (f" — {clean(error.hint)}" if error.hint else "")
    before, text = clean(error.text[: error.position]), clean(error.text)
    lines = [f"{' ' * cell_width(before)}^"] if cell_width(text) < width else error.caret().split("\n")
    style = "$text-muted" if quiet else "$text-error"
    return [Content(truncate(line, width)).stylize(style) for line in [*lines, *wrap(told, width)[:MOST_TOLD]]]


def candidates(found: Sequence[Completion], chosen: int, width: int, rows: int) -> list[Content]:
    """One candidate a line with what it is, the chosen one marked and in view; how many more there are on the last."""
    if rows <= 0 or not found:
        return []
    room = rows - (len(found) > rows)
    first = max(0, min(chosen - room + 1, len(found) - room))
    shown = list(enumerate(found))[first : first + room]
    widest = min(max((cell_width(clean(one.text)) for _, one in shown), default=0), max(8, width // 2))
    lines = [_candidate(one, widest, width, chosen=place == chosen) for place, one in shown]
    if len(found) > len(shown):
        lines.append(Content(f"{OTHER}… {len(found)} in all, ↑ ↓ choose").stylize("$text-muted"))
    return lines


def _candidate(one: Completion, widest: int, width: int, *, chosen: bool) -> Content:
    text = truncate(clean(one.text), widest)
    gap = " " * (widest - cell_width(text) + 2)
    about = truncate(clean(one.help), max(0, width - widest - 4)) if one.help else ""
    line = Content(CHOSEN if chosen else OTHER) + Content(text).stylize("bold" if chosen else "")
    return line + Content(gap + about).stylize("$text-muted")

"""Copying: what `y` takes, and how it is handed to the terminal, which never says whether it took it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.app import App

from bossctl import format as fmt
from bossctl.models.common import Payload

if TYPE_CHECKING:
    from textual.screen import Screen

CAP = 100 * 1024
"""Bytes that are sent to a terminal's clipboard at most: many terminals drop what is longer."""

_KEYS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a terminal that it is pasted into could take for keys; in one line also line breaks and tabs."""
_LINES = re.compile(r"[\t\n]")


@dataclass(frozen=True)
class Copyable:
    """A value and what it is (`the job's id`); `note` says what is missing of it. `lines`: it may have several."""

    what: str
    text: str
    note: str = ""
    lines: bool = False


def of_payload(what: str, payload: Payload) -> Copyable | None:
    """A payload as far as it was read; None for none."""
    if payload.text is None:
        return None
    size = len(payload.text.encode(errors="replace"))
    note = f"only the first {fmt.size(size)} of {fmt.size(payload.size_bytes)} are read: F reads all"
    return Copyable(what, payload.text, note if payload.cut else "", lines=True)


def under_cursor(screen: Screen[Any]) -> Copyable | None:
    """What is under the cursor of the widget in focus: a payload, or the row of a table by its first column."""
    from bossctl.tui.widgets.json_view import JsonView
    from bossctl.tui.widgets.table import LineTable

    focused = screen.focused
    views = [] if focused is None else [one for one in focused.ancestors_with_self if isinstance(one, JsonView)]
    for view in views:
        name = "the output" if view.id == "output" else "the payload"
        return of_payload(name, view.payload) if view.payload is not None else None
    if isinstance(focused, LineTable) and focused.cursor_key is not None:
        return Copyable("the row", "  ".join(focused.texts(focused.cursor_key)))
    return None


def hand_over(app: App[Any], value: Copyable) -> None:
    """Send a value to the terminal's clipboard, and show it for those whom it does not reach."""
    from bossctl.tui.screens.copied import CopiedScreen

    risky = _KEYS.search(value.text) or (not value.lines and _LINES.search(value.text))
    if risky:
        reason = "it holds control characters, which a terminal it is pasted into could take for keys"
        app.push_screen(CopiedScreen(f"{value.what} was not sent to the clipboard: {reason}", fmt.clean(value.text)))
        return
    sent = capped(value.text)
    app.copy_to_clipboard(sent)
    parts = [f"{value.what} was sent to the terminal's clipboard; if it did not arrive, select it here"]
    if sent != value.text:
        whole = len(value.text.encode(errors="replace"))
        parts.append(f"only the first {fmt.size(CAP)} of {fmt.size(whole)}: no more is sent to a clipboard")
    app.push_screen(CopiedScreen(". ".join([*parts, *([value.note] if value.note else [])]), sent))


def capped(text: str) -> str:
    """The beginning of a text that a clipboard is trusted with; no character is cut."""
    raw = text.encode(errors="replace")
    return text if len(raw) <= CAP else raw[:CAP].decode(errors="ignore")

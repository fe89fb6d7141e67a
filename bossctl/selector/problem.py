"""A bad selection, and where it is bad."""

from __future__ import annotations

from bossctl.errors import UsageError
from bossctl.format import ELLIPSIS, cell_width, clean, truncate

_LINE = 100
_BEFORE = 60


class Problem(Exception):
    """Raised inside the parser, which knows the place but not the whole text."""

    def __init__(self, position: int, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.position = position
        self.message = message
        self.hint = hint


class SelectorError(UsageError):
    """A selection that cannot be read: what is wrong, and the `position` (0 … len(text)) in `text` where."""

    def __init__(self, message: str, hint: str | None, *, text: str, position: int) -> None:
        super().__init__(message, hint)
        self.text = text
        self.position = position

    def caret(self) -> str:
        """The expression on one line and, on the next, a `^` under the place; long ones are cut around it."""
        before = _tail(clean(self.text[max(self.position - 4 * _BEFORE, 0) : self.position]))
        if self.position > 4 * _BEFORE and not before.startswith(ELLIPSIS):
            before = ELLIPSIS + before
        indent = cell_width(before)
        after = truncate(clean(self.text[self.position : self.position + 4 * _LINE]), _LINE - indent)
        return f"{before}{after}\n{' ' * indent}^"


def _tail(text: str) -> str:
    if cell_width(text) <= _BEFORE:
        return text
    kept = text[-_BEFORE:]
    while cell_width(kept) >= _BEFORE:
        kept = kept[1:]
    return ELLIPSIS + kept

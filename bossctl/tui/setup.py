"""What the user wants of the app: how it looks, which keys it has, where else it can go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bossctl.tui.ports import Opener


class Contexts(Protocol):
    """The named databases that `:ctx` switches between."""

    def names(self) -> Sequence[str]:
        """All there are; none where they cannot be read."""
        ...

    def opener(self, name: str) -> Opener:
        """Who opens one. Raises UsageError for a name there is not, or a context that is wrong."""
        ...


@dataclass(frozen=True)
class Setup:
    """All of it may be left out.

    `theme` is one of `bossctl.tui.look.THEMES`; without it the one kept in `theme_file` is taken. `keymap` is the
    file of keys. `color_off` is for `--no-color`; NO_COLOR is seen by Textual itself.
    """

    theme: str | None = None
    ascii_only: bool = False
    color_off: bool = False
    keymap: Path | None = None
    theme_file: Path | None = None
    contexts: Contexts | None = None


PLAIN = Setup()

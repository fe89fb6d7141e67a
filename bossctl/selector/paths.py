"""Paths into payload and output as the language spells them: `data.user.id`, `output."odd key".0`."""

from __future__ import annotations

from bossctl.selector.parser import parse
from bossctl.selector.problem import SelectorError
from bossctl.selector.tree import DataPath
from bossctl.selector.writing import to_text

ROOTS = ("data", "output")
Path = tuple[str, ...]
"""`data` or `output`, then the names."""


def path_of(text: str) -> Path | None:
    """The path a text means; None when it is none."""
    try:
        found = parse(f"{text}:x")
    except SelectorError:
        return None
    return (found.root, *found.path) if isinstance(found, DataPath) and found.value == "x" else None


def path_text(path: Path) -> str:
    """The text that means this path."""
    return to_text(DataPath("data" if path[0] == "data" else "output", path[1:], "x")).removesuffix(":x")

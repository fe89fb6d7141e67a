"""What the terminal UI remembers from one start to the next: the columns of jobs and saved selections.

One file of the user's own, `tui.json` in bossctl's state directory, mode 0600. A file that cannot be read, or holds
something else, is left alone and not used; that is said once, and nothing is lost but the memory.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bossctl.selector import SelectorError, parse

FILE = "tui.json"
FORMAT = 1
LONGEST_NAME = 60
MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Remembered:
    """`columns` by their keys, empty for the usual ones; `selections` by name, each an expression that can be read."""

    columns: tuple[str, ...] = ()
    selections: Mapping[str, str] = field(default_factory=dict)


class Memory:
    """The file, and what it holds. `path` None remembers nothing beyond this run."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: Remembered | None = None
        self._complaint: str | None = None

    @property
    def remembered(self) -> Remembered:
        """What is remembered; the file is read the first time."""
        if self._known is None:
            self._known = self._read()
        return self._known

    def complaint(self) -> str | None:
        """What is wrong with the file, in a sentence; told once."""
        _ = self.remembered
        told, self._complaint = self._complaint, None
        return told

    def set_columns(self, columns: tuple[str, ...]) -> str | None:
        """Remember columns; why they could not be kept beyond this run, or None."""
        return self._change(lambda known: replace(known, columns=columns))

    def save(self, name: str, expression: str) -> str | None:
        """Remember a selection; why it could not be kept beyond this run, or None."""
        return self._change(lambda known: replace(known, selections={**known.selections, name: expression}))

    def forget(self, name: str) -> str | None:
        """Forget a selection; why the file still has it, or None."""
        return self._change(
            lambda known: replace(
                known, selections={one: text for one, text in known.selections.items() if one != name}
            )
        )

    def _change(self, change: Callable[[Remembered], Remembered]) -> str | None:
        """Change what the file holds now: another bossctl may have written since it was read."""
        before = self.remembered
        current = self._read()
        told, self._complaint = self._complaint, None
        self._known = change(before if told else current)
        return told or self._write(self._known)

    # --- the file

    def _read(self) -> Remembered:
        if self._path is None:
            return self._known or Remembered()
        try:
            with self._path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
        except FileNotFoundError:
            return Remembered()
        except OSError as error:
            return self._refused(f"cannot be read ({error.strerror or error})")
        try:
            return _understood(json.loads(content))
        except (ValueError, TypeError, RecursionError):
            return self._refused("is not what bossctl wrote")

    def _refused(self, why: str) -> Remembered:
        self._complaint = f"{self._path} {why}: columns and saved selections are not remembered until it is moved away"
        return Remembered()

    def _write(self, known: Remembered) -> str | None:
        if self._path is None:
            return None
        document = {"bossctl": FORMAT, "columns": list(known.columns), "selections": dict(known.selections)}
        try:
            _replace(self._path, json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n")
        except OSError as error:
            return f"not kept for the next start: {error.strerror or error} ({self._path})"
        return None


def _understood(document: Any) -> Remembered:
    """What a document says. Raises ValueError for one that is not ours."""
    if not isinstance(document, dict) or document.get("bossctl") != FORMAT:
        raise ValueError("not ours")
    columns, selections = document.get("columns", []), document.get("selections", {})
    if not isinstance(columns, list) or not isinstance(selections, dict):
        raise ValueError("not ours")
    if not all(isinstance(text, str) for text in [*columns, *selections.values()]):
        raise ValueError("not ours")
    return Remembered(tuple(columns), {name: text for name, text in selections.items() if _readable(text)})


def _readable(expression: str) -> bool:
    with suppress(SelectorError):
        parse(expression)
        return True
    return False


def _replace(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def open_memory() -> Memory:
    """The memory of this user."""
    from bossctl.config import state_directory

    return Memory(state_directory() / FILE)

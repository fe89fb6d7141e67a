"""An entry of the operator's log with all that was kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bossctl.models.jobactions import Operation


@dataclass(frozen=True)
class KeptRows:
    """Rows of one queue that an operation touched, by what became of them.

    `kind` is changed (fields of theirs), gone (deleted), moved (to or from an archive) or made (created).
    """

    queue: str
    kind: str
    rows: int


@dataclass(frozen=True)
class OperationRecord:
    """An operation, the options it was given, the rows it touched, and the file it is kept in, if it is in one.

    `undone_by` are the operations that took it back, wholly or in part.
    """

    operation: Operation
    options: Mapping[str, object]
    rows: tuple[KeptRows, ...]
    path: str | None
    undone_by: tuple[str, ...]

"""Statements that were run, as the people who watch a screen may see them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Statement:
    """A statement that was run: its name in bossctl, its SQL as sent, with `%(name)s` where values were bound.

    `values` are the bound values as text, long ones cut. `rows` is None where it failed, `error` says how; `ms` is
    how long the answer took, the way there and back included.
    """

    name: str
    text: str
    values: tuple[tuple[str, str], ...]
    rows: int | None
    ms: float
    error: str | None = None

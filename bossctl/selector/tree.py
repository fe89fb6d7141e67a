"""What a selection says, as a frozen tree: `And`, `Or` and `Not` over terms of one class for each kind of question."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal

STATES = ("created", "retry", "active", "completed", "cancelled", "failed", "expired")
"""pg-boss's six states, and the seventh that only 8 and 9 have."""

CONDITIONS = ("open", "due", "stuck", "rerun")

Scope = Literal["live", "all", "archived"]

_GLOB_PIECE = re.compile(r"\\(.)|(.)", re.DOTALL)


@dataclass(frozen=True)
class And:
    """All of two or more."""

    items: tuple[Expr, ...]

    def __post_init__(self) -> None:
        _two_or_more(self.items)


@dataclass(frozen=True)
class Or:
    """Any of two or more."""

    items: tuple[Expr, ...]

    def __post_init__(self) -> None:
        _two_or_more(self.items)


@dataclass(frozen=True)
class Not:
    """Whatever the item does not select."""

    item: Expr


def _two_or_more(items: tuple[Expr, ...]) -> None:
    if len(items) < 2:
        raise ValueError("And and Or join two or more")


@dataclass(frozen=True)
class QueueGlob:
    """`queue:`: the queue's name. In `pattern` `*` is any text, `?` one character, `\\` makes them literal."""

    pattern: str

    @classmethod
    def exactly(cls, name: str) -> QueueGlob:
        """The pattern only this name fits."""
        return cls(re.sub(r"[\\*?]", r"\\\g<0>", name))

    @cached_property
    def literal(self) -> str | None:
        """The one name the pattern stands for, or None if it has a wildcard."""
        pieces = list(_GLOB_PIECE.finditer(self.pattern))
        if any(piece[2] in ("*", "?") for piece in pieces):
            return None
        return "".join(piece[1] or piece[2] for piece in pieces)

    @property
    def like(self) -> str:
        """The pattern for SQL's LIKE with its default escape, the backslash."""
        return _GLOB_PIECE.sub(_like_piece, self.pattern)


def _like_piece(piece: re.Match[str]) -> str:
    if piece[2] in ("*", "?"):
        return "%" if piece[2] == "*" else "_"
    char = piece[1] or piece[2]
    return "\\" + char if char in "%_\\" else char


@dataclass(frozen=True)
class States:
    """`state:`: one of these states. Whoever asks for `failed` means `expired` too."""

    states: tuple[str, ...]


@dataclass(frozen=True)
class Is:
    """`is:`: open (created, retry, active), due, stuck (active past expiry or heartbeat) or rerun."""

    condition: str


@dataclass(frozen=True)
class Ids:
    """`id:` or bare ids: one of these jobs; ids in lower case with hyphens."""

    ids: tuple[str, ...]


@dataclass(frozen=True)
class SingletonKey:
    """`key:`: the singleton key, exactly."""

    value: str


@dataclass(frozen=True)
class ErrorText:
    """`error:`: text somewhere in the output."""

    text: str


@dataclass(frozen=True)
class DataPath:
    """`data.…:` and `output.…:`: the value at a path, as text: `42` stands for the number and the string."""

    root: Literal["data", "output"]
    path: tuple[str, ...]
    value: str


@dataclass(frozen=True)
class Numbers:
    """`retries:` (retry_count) and `priority:`: from `low` to `high`, both included, None for open."""

    field: Literal["retries", "priority"]
    low: int | None
    high: int | None


@dataclass(frozen=True)
class RunTime:
    """`run:`: how long it ran or has been running, rounded down to whole seconds, `low` to `high` included."""

    low: int | None
    high: int | None


@dataclass(frozen=True)
class Age:
    """`older:` and `newer:`: created more, or less, than so many seconds ago."""

    side: Literal["older", "newer"]
    seconds: int


@dataclass(frozen=True)
class Moment:
    """A date as it was written: an aware datetime, standing for the whole `unit` it begins."""

    at: datetime
    unit: Literal["day", "minute", "second", "microsecond"]

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return self.at + timedelta(**{f"{self.unit}s": 1})


@dataclass(frozen=True)
class Moments:
    """`created:`, `started:`, `completed:`: within these moments, None for open."""

    field: Literal["created", "started", "completed"]
    low: Moment | None
    high: Moment | None

    @property
    def since(self) -> datetime | None:
        """Where it begins, included."""
        return self.low.at if self.low else None

    @property
    def before(self) -> datetime | None:
        """Where it ends, excluded: the end of the last day, minute or second named."""
        return self.high.end if self.high else None


@dataclass(frozen=True)
class Archived:
    """`archived:`: `true` only archived jobs, `any` archived or not (so always true), `false` only live ones."""

    which: Literal["true", "any", "false"]


Term = (
    QueueGlob | States | Is | Ids | SingletonKey | ErrorText | DataPath | Numbers | RunTime | Age | Moments | Archived
)
Expr = And | Or | Not | Term
Selector = Expr


def walk(expr: Expr) -> Iterator[Expr]:
    """Every node, parents before their items, left to right."""
    waiting: list[Expr] = [expr]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, And | Or):
            waiting.extend(reversed(node.items))
        elif isinstance(node, Not):
            waiting.append(node.item)


def terms(expr: Expr) -> Iterator[Term]:
    """Every term, left to right."""
    for node in walk(expr):
        if not isinstance(node, And | Or | Not):
            yield node


def scope(expr: Expr) -> Scope:
    """Where to look: live jobs unless an `archived:` term widens it; `archived` if the whole demands it."""
    required = expr.items if isinstance(expr, And) else (expr,)
    if Archived("true") in required:
        return "archived"
    widened = any(isinstance(term, Archived) and term.which != "false" for term in terms(expr))
    return "all" if widened else "live"


def is_archived_scope(expr: Expr) -> bool:
    """Whether the archive must be read too."""
    return scope(expr) != "live"

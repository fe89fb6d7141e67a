"""The jobs that one job has to do with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Relative:
    """Another job. `relation` says what it is to this one: source, dead letter, lineage, parent or child.

    `state` None: it is not stored any more. `sure` False: no link is recorded; it is told by the instant it was made
    and by its payload.
    """

    relation: str
    id: str
    queue: str
    state: str | None = None
    created_on: datetime | None = None
    archived: bool = False
    sure: bool = True


@dataclass(frozen=True)
class Relatives:
    """Those that were found. `more` counts by relation what is not listed, `unknown` tells what cannot be known."""

    found: tuple[Relative, ...] = ()
    more: Mapping[str, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()

"""Plans and outcomes of what bossctl changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bossctl.models.queues import OptionValue


class EnsureAction(StrEnum):
    """What `queue ensure` did or would do."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True)
class QueueSpec:
    """A queue as asked for: only the options given, keys of OPTION_NAMES, durations in seconds.

    A None value clears a nullable option.
    """

    name: str
    options: Mapping[str, OptionValue] = field(default_factory=dict)


@dataclass(frozen=True)
class EnsureResult:
    """Outcome for one queue.

    `changes` maps option → (before, after); before is None for a created queue. `applied` is False for
    `--check`, `--dry-run` and refusals. `statements` is the SQL with its values written in, for `--show-sql`.
    """

    queue: str
    action: EnsureAction
    applied: bool
    changes: Mapping[str, tuple[OptionValue, OptionValue]]
    reason: str | None = None
    hint: str | None = None
    statements: tuple[str, ...] = ()

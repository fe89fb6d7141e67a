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

    A None value clears a nullable option. `source` is the place in a file it came from, for errors; empty for the
    command line and for forms.
    """

    name: str
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    source: str = field(default="", compare=False)

    def place(self, option: str) -> str:
        """Where the value of `option` stands: `queues.toml: queues.email.retention`, or `--retention`."""
        return f"{self.source}.{option}" if self.source else f"--{option.replace('_', '-')}"


@dataclass(frozen=True)
class EnsureResult:
    """What is to be done to one queue, or was.

    `changes` maps option → (before, after); before is None for a created queue. `applied` is False for a plan,
    `--check`, `--dry-run` and refusals. `current` holds every option this schema has as it was, None where the queue
    is absent; with `client_defaults` (10.x) a None among them, except for the dead letter, means "the client's
    default". `notices` are sentences to be read before it is done. `statements` is the SQL of the one transaction,
    with its values written in.
    """

    queue: str
    action: EnsureAction
    applied: bool
    changes: Mapping[str, tuple[OptionValue, OptionValue]]
    reason: str | None = None
    hint: str | None = None
    statements: tuple[str, ...] = ()
    current: Mapping[str, OptionValue] | None = None
    client_defaults: bool = False
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class OptionField:
    """An option as a form offers it.

    `current` is the value now (None: not set, or no such queue); `fixed` ones cannot change once the queue is there;
    `clearable` ones take `none`. `choices` are the policies of this schema, or the queues a dead letter could go to.
    `unit_seconds` is 60 where a duration is kept in whole minutes. `shown` is `current` in words.
    """

    name: str
    kind: str
    what: str
    current: OptionValue
    shown: str
    fixed: bool
    clearable: bool
    choices: tuple[str, ...] = ()
    unit_seconds: int = 1


@dataclass(frozen=True)
class QueueForm:
    """What a form for ensuring a queue starts from; `exists` is False for a queue to be created."""

    queue: str
    exists: bool
    fields: tuple[OptionField, ...]


@dataclass(frozen=True)
class QueueDeletion:
    """What deleting one queue means, or what it did.

    `counts` are its jobs by state, exact; `schedules` and `subscriptions` go with it. `reason` says why it is
    refused, with a `hint`; `applied` is True once it is gone. `gone` is how many jobs were deleted, also where
    something stopped it half-way. `notices` and `statements` as in EnsureResult.
    """

    queue: str
    applied: bool
    counts: Mapping[str, int]
    schedules: int
    subscriptions: int
    storage: str
    gone: int = 0
    reason: str | None = None
    hint: str | None = None
    notices: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()

    @property
    def jobs(self) -> int:
        """How many jobs it holds, in any state."""
        return sum(self.counts.values())

"""What the operator's log says of an operation, wherever it is kept."""

from __future__ import annotations

import json
import os
import pwd
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bossctl.models.jobactions import ActionRequest
from bossctl.store import Store


@dataclass(frozen=True)
class Entry:
    """One operation: who, where, what, with which options; `undoes` is the operation it takes back.

    `schema` is pg-boss's, `generation` the generation it is of, `details` the options of the request that were given.
    """

    operation: str
    action: str
    selector: str
    schema: str
    generation: str
    role: str
    person: str
    target: str
    at: datetime
    details: Mapping[str, object] = field(default_factory=dict)
    undoes: str | None = None

    @property
    def by(self) -> str:
        """Role and person in one."""
        return f"{self.role} ({self.person})"


def new_entry(
    store: Store, action: str, selector: str, details: Mapping[str, object] | None = None, *, undoes: str | None = None
) -> Entry:
    """An operation that begins now."""
    now = datetime.now(UTC)
    return Entry(
        operation=_name(now),
        action=action,
        selector=selector,
        schema=store.target.schema,
        generation=store.catalog.generation,
        role=store.target.user,
        person=person(),
        target=str(store.target),
        at=now,
        details=details or {},
        undoes=undoes,
    )


def details_of(request: ActionRequest) -> dict[str, object]:
    """The options of a request that were given."""
    given = {
        "limit": request.limit,
        "spread_seconds": request.spread_seconds,
        "by_seconds": request.by_seconds,
        "until": request.until.isoformat() if request.until else None,
        "now": request.now or None,
        "to_queue": request.to_queue,
        "keep_seconds": request.keep_seconds,
        "path": request.path,
    }
    return {name: value for name, value in given.items() if value is not None}


def person() -> str:
    """The person at this machine: `user@host`."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return f"{name}@{socket.gethostname()}"


def _name(now: datetime) -> str:
    """Sorts by time, to the millisecond."""
    fine = now.microsecond // 1000 << 6 | secrets.randbits(6)
    return f"{now:%Y%m%d-%H%M%S}-{fine:04x}"


def written(details: Mapping[str, object]) -> str:
    """Details as JSON."""
    return json.dumps(details, ensure_ascii=False)

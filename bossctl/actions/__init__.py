"""The only writer: what bossctl changes, planned and applied through one `Operator` for command line and TUI."""

from __future__ import annotations

from bossctl.models.operations import EnsureResult, QueueSpec
from bossctl.store import Store


class Operator:
    """Changes to one pg-boss schema.

    Methods raise UsageError (bad request, read-only), Unsupported (this schema or server cannot), MissingPrivilege
    and Unreachable; what is refused because of how things are comes back as a result.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ensure(self, spec: QueueSpec, *, apply: bool = True) -> EnsureResult:
        """Create a queue if it is absent; `apply=False` only says what would be done."""
        from bossctl.actions.ensure import ensure

        return await ensure(self._store, spec, apply=apply)

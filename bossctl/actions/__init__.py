"""The only writer: what bossctl changes, planned and applied through one `Operator` for command line and TUI."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from bossctl.errors import BossctlError, MissingPrivilege
from bossctl.models.jobactions import ActionOutcome, ActionPlan, ActionRequest, JobAction, Operation, Progress
from bossctl.models.operations import EnsureResult, QueueDeletion, QueueForm, QueueSpec
from bossctl.models.oplog import OperationRecord
from bossctl.models.undo import UndoPlan
from bossctl.sql.grants import acting, keeping, reading
from bossctl.store import Store
from bossctl.store.translate import Deadlock, Denied, SchemaChanged

if TYPE_CHECKING:
    from bossctl.actions.jobs.pruning import Prunable
    from bossctl.sql.catalog import Catalog
    from bossctl.sql.grants import Need

ATTEMPTS = 5
_T = TypeVar("_T")


class Operator:
    """Changes to one pg-boss schema.

    Methods raise UsageError (bad request, read-only), Unsupported (this schema or server cannot), MissingPrivilege
    and Unreachable; what is refused because of how things are comes back as a result.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def queue_form(self, name: str) -> QueueForm:
        """What a form starts from: the options this schema has, with their values where the queue exists."""
        from bossctl.actions.form import queue_form

        return await self._done(lambda: queue_form(self._store, name))

    async def plan_ensure(self, spec: QueueSpec) -> EnsureResult:
        """What `ensure` would do, with the current values, the changes and the statements. Reads only."""
        [planned] = await self.plan_all([spec])
        return planned

    async def plan_all(self, specs: Sequence[QueueSpec], *, apply: bool = False) -> list[EnsureResult]:
        """Plans for queues that belong together, dead letters before the queues that use them.

        With `apply` also raises MissingPrivilege where this role could not do it. Raises before it returns anything:
        what is wrong with one queue stops all.
        """
        from bossctl.actions.ensure import may_write, plan

        found = await self._done(lambda: plan(self._store, specs))
        for planned in found if apply else ():
            may_write(self._store, planned)
        return found

    async def ensure(self, spec: QueueSpec, *, apply: bool = True) -> EnsureResult:
        """Create the queue if it is absent, else update those options given that differ; in one transaction."""
        from bossctl.actions.ensure import ensure

        return await (self._done(lambda: ensure(self._store, spec), acting) if apply else self.plan_ensure(spec))

    async def queue_specs(self) -> list[QueueSpec]:
        """All queues with the options that are set, by name, without those pg-boss makes for itself. Reads only."""
        from bossctl.actions.ensure import queue_specs

        return await self._done(lambda: queue_specs(self._store))

    async def plan_delete(self, name: str, *, with_jobs: bool = False) -> QueueDeletion:
        """What `delete_queue` would do, or why it would refuse. Reads only. Raises NotFound."""
        from bossctl.actions.delete import plan_delete

        return await self._done(lambda: plan_delete(self._store, name, with_jobs=with_jobs))

    async def delete_queue(self, name: str, *, with_jobs: bool = False) -> QueueDeletion:
        """Delete a queue, and only `with_jobs` one that holds any; refused while others depend on it."""
        from bossctl.actions.delete import delete_queue

        return await self._done(lambda: delete_queue(self._store, name, with_jobs=with_jobs), acting)

    async def plan_jobs(self, request: ActionRequest, *, statements: bool = False) -> ActionPlan:
        """What an action on jobs would do, counted by the predicate that `apply_jobs` uses. Reads only."""
        if _from_file(request):
            from bossctl.actions.jobs import restore_file

            return await self._done(lambda: restore_file.plan(self._store, request, statements=statements))
        from bossctl.actions.jobs.planning import plan_jobs

        return await self._done(lambda: plan_jobs(self._store, request, statements=statements))

    async def apply_jobs(
        self,
        request: ActionRequest,
        plan: ActionPlan,
        *,
        progress: Callable[[Progress], None] | None = None,
        stop: asyncio.Event | None = None,
        own_schema: bool = False,
    ) -> ActionOutcome:
        """Do it in batches; `stop` ends it after the batch at hand.

        `own_schema` says that the schema bossctl may be created where an action needs it. What was done before an
        error is in the outcome, with the error as `stopped`; an error before anything was done is raised.
        """
        from bossctl.actions.jobs.engine import apply_jobs

        try:
            if _from_file(request):
                from bossctl.actions.jobs import restore_file

                return await restore_file.apply(self._store, request, plan, progress=progress, stop=stop)
            return await apply_jobs(self._store, request, plan, progress=progress, stop=stop, own_schema=own_schema)
        except Denied as error:
            kept = (keeping,) if request.action is JobAction.RESTORE else ()
            raise await self._with_grant(error, acting, *kept) from None

    async def operations(self, *, limit: int = 50) -> tuple[Operation, ...]:
        """What was done to jobs of this schema, newest first, from the database and from this machine's files."""
        from bossctl.actions.jobs.records import operations

        return await self._done(lambda: operations(self._store, limit=limit))

    async def operation_record(self, operation: str) -> OperationRecord:
        """All that the log keeps of an operation. Raises NotFound for one it does not know."""
        from bossctl.actions.jobs.recorded import read_record

        return await self._done(lambda: read_record(self._store, operation))

    async def prunable(self, older_than_seconds: int) -> Prunable:
        """What the log holds of operations older than so many seconds. Raises UsageError for less than an hour."""
        from bossctl.actions.jobs.pruning import prunable

        return await self._done(lambda: prunable(self._store, older_than_seconds))

    async def prune(self, old: Prunable) -> int:
        """Forget these operations: they can no longer be taken back. How many there were."""
        from bossctl.actions.jobs.pruning import prune

        return await self._done(lambda: prune(self._store, old), keeping)

    async def plan_undo(self, operation: str | None = None, *, statements: bool = False) -> UndoPlan:
        """What taking back an operation would do; None is the last one of this user on this target.

        Raises NotFound for one the log does not know, Refused where all of it was taken back already.
        """
        from bossctl.actions.jobs.undo import plan_undo

        return await self._done(lambda: plan_undo(self._store, operation, statements=statements))

    async def undo(
        self,
        plan: UndoPlan,
        *,
        progress: Callable[[Progress], None] | None = None,
        stop: asyncio.Event | None = None,
    ) -> ActionOutcome:
        """Take it back in batches; what has changed since stays as it is and is counted with its reason."""
        from bossctl.actions.jobs.undo import undo

        try:
            return await undo(self._store, plan, progress=progress, stop=stop)
        except Denied as error:
            raise await self._with_grant(error, acting, keeping) from None

    async def _done(self, deed: Callable[[], Awaitable[_T]], *lacking: Callable[[Catalog], list[Need]]) -> _T:
        """Do it; again when the server ended it to resolve a deadlock, or when pg-boss was migrated meanwhile."""
        for attempt in range(ATTEMPTS):
            try:
                return await deed()
            except Deadlock:
                await asyncio.sleep(random.uniform(0, 0.1 * 2**attempt))
            except SchemaChanged:
                await self._store.session.reread()
            except Denied as error:
                raise await self._with_grant(error, *lacking) from None
        return await deed()

    async def _with_grant(self, error: Denied, *needing: Callable[[Catalog], list[Need]]) -> MissingPrivilege:
        """The same with the grants that lack of what the deed needs, by default of looking."""
        needs = [need for needed in needing or (reading,) for need in needed(self._store.catalog)]
        try:
            grants = await self._store.lacking(needs)
        except BossctlError:
            return error
        return MissingPrivilege(str(error), grants or "bossctl info --grants operator prints all that acting needs")


def _from_file(request: ActionRequest) -> bool:
    return request.action is JobAction.RESTORE and request.path is not None

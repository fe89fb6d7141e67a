"""The kinds of actions, by name; each is made for one request and one schema."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module

from bossctl.actions.jobs.kind import Kind
from bossctl.models.jobactions import ActionRequest, JobAction
from bossctl.store import Store

Make = Callable[[Store, ActionRequest], Awaitable[Kind]]

_MODULES = {
    JobAction.RETRY: "kinds.retry",
    JobAction.CANCEL: "kinds.cancel",
    JobAction.RESUME: "kinds.resume",
    JobAction.DEFER: "kinds.defer",
    JobAction.REDRIVE: "kinds.redrive",
    JobAction.ARCHIVE: "archive",
    JobAction.RESTORE: "restore",
    JobAction.RESEND: "kinds.resend",
    JobAction.DELETE: "kinds.delete",
}
"""Each of these modules has `async def make(store, request) -> Kind`."""


async def kind_of(store: Store, request: ActionRequest) -> Kind:
    """The declaration for this request on this schema. Raises UsageError and Unsupported."""
    make: Make = import_module(f"bossctl.actions.jobs.{_MODULES[request.action]}").make
    return await make(store, request)

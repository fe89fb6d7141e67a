"""Where an operation is recorded."""

from __future__ import annotations

from bossctl.actions.jobs.record import NoRecord, Record
from bossctl.models.jobactions import ActionPlan, ActionRequest
from bossctl.store import Store


async def describe(store: Store) -> str:
    """Where a record would be kept, for a plan: one phrase."""
    return "nowhere"


async def open_record(store: Store, request: ActionRequest, plan: ActionPlan) -> Record:
    """Begin the record of an operation. Nothing may be left behind when no row was changed."""
    return NoRecord()

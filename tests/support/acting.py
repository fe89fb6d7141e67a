"""Acting on a test's jobs as the command line and the TUI do: plan, then apply."""

from __future__ import annotations

import asyncio
from typing import Any

from bossctl.actions import Operator
from bossctl.models.jobactions import ActionOutcome, ActionPlan, ActionRequest, JobAction
from bossctl.selector import parse
from bossctl.store import Store
from tests.support.database import Database
from tests.support.stores import open_store


def request(action: str, selector: str, **options: Any) -> ActionRequest:
    """What is asked; options as in ActionRequest."""
    return ActionRequest(JobAction(action), parse(selector), selector, **options)


async def plan(store: Store, action: str, selector: str, **options: Any) -> ActionPlan:
    """What it would do."""
    return await Operator(store).plan_jobs(request(action, selector, **options))


async def act(
    database: Database, action: str, selector: str, *, stop: asyncio.Event | None = None, **options: Any
) -> ActionOutcome:
    """Plan it and do it, through a store of its own."""
    async with await open_store(database) as store:
        operator = Operator(store)
        asked = request(action, selector, **options)
        return await operator.apply_jobs(asked, await operator.plan_jobs(asked), stop=stop)

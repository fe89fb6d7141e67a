"""`queue ensure`: create what is absent through the schema's own create_queue, never touch what was not asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from bossctl.errors import MissingPrivilege, Unsupported, UsageError
from bossctl.models.operations import EnsureAction, EnsureResult, QueueSpec
from bossctl.models.queues import OptionValue
from bossctl.sql.catalog import Catalog
from bossctl.store import Store
from bossctl.store.session import Transaction

_NAME = re.compile(r"[\w./-]+", re.ASCII)
_POLICIES = ("standard", "short", "singleton", "stately")
_LATER_POLICIES = {"exclusive": ("index:i6", "11.1.0"), "key_strict_fifo": ("index:i8", "12.10.0")}


async def ensure(store: Store, spec: QueueSpec, *, apply: bool) -> EnsureResult:
    """Make sure the queue exists. Raises UsageError, Unsupported or MissingPrivilege before anything is written."""
    catalog = store.catalog
    if not catalog.has("queue"):
        raise Unsupported(
            "this pg-boss schema (8.x or 9.x) has no queue table: queues there are implicit, "
            "a queue exists as soon as a job is sent to it",
            "queues can be created from pg-boss 10.0.0 on",
        )
    _check_policy(spec, catalog)
    async with store.snapshot() as transaction:
        row = await transaction.row("queue_row", {"name": spec.name})
    if row is not None:
        return _existing(spec, row["policy"])
    _check_name(spec.name)
    changes: dict[str, tuple[OptionValue, OptionValue]] = {"policy": (None, _policy(spec))}
    if not apply:
        return EnsureResult(spec.name, EnsureAction.CREATED, False, changes)
    return await _create(store, spec, changes)


async def _create(
    store: Store, spec: QueueSpec, changes: Mapping[str, tuple[OptionValue, OptionValue]]
) -> EnsureResult:
    async with store.session.write() as transaction:
        await _lock(transaction, store.catalog)
        row = await transaction.row("queue_row", {"name": spec.name})
        if row is None:
            options = json.dumps({"policy": _policy(spec)})
            await transaction.rows("create_queue", {"name": spec.name, "options": options})
            row = await transaction.row("queue_row", {"name": spec.name})
    if row is None:
        raise MissingPrivilege(f'the queue "{spec.name}" was created but cannot be read back')
    if not row["mine"]:
        return _existing(spec, row["policy"])
    return EnsureResult(spec.name, EnsureAction.CREATED, True, changes)


async def _lock(transaction: Transaction, catalog: Catalog) -> None:
    if catalog.layout == "queues":
        await transaction.rows("lock_queue_table")
    else:
        await transaction.rows("lock_create_queue", {"schema": catalog.schema})


def _existing(spec: QueueSpec, policy: str | None) -> EnsureResult:
    asked = spec.options.get("policy")
    if asked is None or asked == policy:
        return EnsureResult(spec.name, EnsureAction.UNCHANGED, False, {})
    return EnsureResult(
        spec.name,
        EnsureAction.REFUSED,
        False,
        {"policy": (policy, asked)},
        reason=f"the policy of an existing queue cannot change: it is {policy}, asked for was {asked}",
        hint="create a queue under a new name, let this one drain, then delete it",
    )


def _policy(spec: QueueSpec) -> str:
    asked = spec.options.get("policy")
    return asked if isinstance(asked, str) else "standard"


def _check_policy(spec: QueueSpec, catalog: Catalog) -> None:
    policy = _policy(spec)
    if policy in _POLICIES:
        return
    known = ", ".join((*_POLICIES, *_LATER_POLICIES))
    if policy not in _LATER_POLICIES:
        raise UsageError(f'there is no policy "{policy}"', f"policies are {known}")
    fact, release = _LATER_POLICIES[policy]
    if not catalog.has(fact):
        raise Unsupported(f"this pg-boss schema does not have the policy {policy}, which came with pg-boss {release}")


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f'pg-boss would refuse the queue name "{name}"',
            "use letters, digits, underscore, dot, slash and hyphen only",
        )

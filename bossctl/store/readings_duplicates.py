"""The doctor's readings about work that was sent, kept or held more than once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta

from psycopg import sql

from bossctl.models.readings_duplicates import Identical, IdenticalGroups, IdenticalJobs
from bossctl.store.connections import Row
from bossctl.store.scope import SAMPLES, Scope
from bossctl.store.session import Transaction

LONGEST_PAYLOAD = 8192
"""Payloads that take more bytes in the table are not compared."""

DAY_SECONDS = 86_400


async def take_identical(transaction: Transaction, scope: Scope) -> Identical:
    """Groups of jobs with the same payload and key, of the last day at most."""
    seconds = min(scope.since_seconds, DAY_SECONDS)
    values = {
        "names": scope.bound_names,
        "largest": LONGEST_PAYLOAD,
        "window": scope.window_seconds,
        "shown": SAMPLES,
    }
    since = sql.Literal(scope.now - timedelta(seconds=seconds))
    groups: dict[tuple[str, bool], list[Row]] = defaultdict(list)
    for row in await transaction.rows("identical_jobs", values, since=since):
        groups[row["queue"], row["singleton_key"] is not None].append(row)
    policies = await _policies(transaction, [queue for queue, _ in groups])
    found = (_identical(queue, keyed, policies.get(queue), rows) for (queue, keyed), rows in groups.items())
    return Identical(scope.window_seconds, tuple(found))


async def _policies(transaction: Transaction, names: list[str]) -> Mapping[str, str | None]:
    if not names or not transaction.queries.supports("queue_policies"):
        return {}
    rows = await transaction.rows("queue_policies", {"names": names})
    return {row["name"]: row["policy"] for row in rows}


def _identical(queue: str, keyed: bool, policy: str | None, rows: list[Row]) -> IdenticalGroups:
    first = rows[0]
    shown = (
        IdenticalJobs(
            row["singleton_key"], row["jobs"], row["surplus"], row["first_on"], row["last_on"], tuple(row["ids"])
        )
        for row in rows
    )
    return IdenticalGroups(
        queue=queue,
        keyed=keyed,
        policy=policy,
        groups=first["all_groups"],
        jobs=first["all_jobs"],
        surplus=first["all_surplus"],
        since=first["since"],
        shown=tuple(shown),
    )

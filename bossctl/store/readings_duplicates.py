"""The doctor's readings about work that was sent, kept or held more than once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import fields

from psycopg import sql

from bossctl.models.readings_duplicates import (
    Batch,
    BrokenRule,
    BrokenSlot,
    DeadLetterPairs,
    FailedBatches,
    Identical,
    IdenticalGroups,
    IdenticalJobs,
    Pair,
    PoliciesInUse,
    PolicySlots,
    PolicyUse,
    QueueBatches,
    QueueIds,
    QueuePairs,
    ReusedIds,
    ScheduledSlots,
    SeenTwice,
    SlotSend,
    Twin,
    Twins,
)
from bossctl.models.unique_indexes import expected, in_place
from bossctl.store.connections import Row
from bossctl.store.passes import Mark, marked, suspects
from bossctl.store.readings_schema import take_job_indexes
from bossctl.store.scope import SAMPLES, Scope
from bossctl.store.session import Transaction

LONGEST_PAYLOAD = 8192
"""Payloads that take more bytes in the table are not compared."""

MOST_SENDS = 10_000
"""How many of the scheduler's sends are compared with their cron expressions, newest first."""


async def take_identical(transaction: Transaction, scope: Scope) -> Identical:
    """Groups of jobs with the same payload and key. Most runs see that no payload came twice, and look no further."""
    since = scope.identical_since
    values: dict[str, object] = {"names": scope.bound_names, "largest": LONGEST_PAYLOAD}
    hashes = [row["hash"] for row in await transaction.rows("payloads_seen_twice", values, since=since)]
    values |= {"hashes": hashes, "window": scope.window_seconds, "shown": SAMPLES}
    groups: dict[tuple[str, bool], list[Row]] = defaultdict(list)
    for row in await transaction.rows("identical_jobs", values, since=since) if hashes else []:
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


async def take_policy_slots(transaction: Transaction, scope: Scope) -> PolicySlots:
    """Slots with more than one job; the rows are only read where an index that forbids that is not in place."""
    indexes = await take_job_indexes(transaction, scope)
    number = indexes.number or 0
    if all(in_place(table, guard) for table in indexes.tables for guard in expected(table, number)):
        return PolicySlots(False, ())
    values = {"names": scope.bound_names, "shown": SAMPLES}
    rules: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in await transaction.rows("broken_slots", values, since=scope.since):
        rules[row["queue"], row["rule"]].append(row)
    return PolicySlots(True, tuple(_rule(rows) for rows in rules.values()))


def _rule(rows: list[Row]) -> BrokenRule:
    first = rows[0]
    shown = (BrokenSlot(row["key"], row["state"], row["slot"], row["jobs"], tuple(row["ids"])) for row in rows)
    return BrokenRule(
        first["queue"], first["rule"], first["all_slots"], first["all_jobs"], first["since"], tuple(shown)
    )


async def take_policies(transaction: Transaction, scope: Scope) -> PoliciesInUse:
    """Which policies the queues of each job table have."""
    if not transaction.queries.supports("policies_in_use"):
        return PoliciesInUse(None)
    rows = await transaction.rows("policies_in_use", {"shown": SAMPLES})
    uses = (PolicyUse(row["table_name"], row["policy"], row["queues"], tuple(row["names"])) for row in rows)
    return PoliciesInUse(tuple(uses))


async def take_reused_ids(transaction: Transaction, scope: Scope) -> ReusedIds:
    """Ids in use that are in the archive too, or there twice. Raises Unsupported where there is no archive."""
    return ReusedIds(
        tuple(
            QueueIds(queue, rows[0]["all_ids"], rows[0]["since"], tuple(map(_seen_twice, rows)))
            for queue, rows in (
                await _by_queue(transaction, scope.bound_names, "ids_seen_twice", since=scope.since)
            ).items()
        )
    )


async def take_failed_batches(transaction: Transaction, scope: Scope) -> FailedBatches:
    """Jobs that were fetched together and failed alike."""
    queues = {row["queue"] for row in await suspects(transaction, scope) if row["batched"]}
    found = await _by_queue(transaction, sorted(queues), "failed_batches") if queues else {}
    return FailedBatches(
        tuple(
            QueueBatches(queue, rows[0]["all_batches"], rows[0]["all_jobs"], rows[0]["since"], tuple(map(_batch, rows)))
            for queue, rows in found.items()
        )
    )


async def take_dead_letter_pairs(transaction: Transaction, scope: Scope) -> DeadLetterPairs:
    """Dead letters beside their originals: these have run again, and still name the queue of their dead letters.

    Raises Unsupported where a dead letter does not name its original.
    """
    name = "dead_letters_beside_originals"
    transaction.queries.choose(name)
    queues = await marked(transaction, scope, Mark.DEAD_LETTER)
    found = await _by_queue(transaction, sorted(queues), name, since=scope.since) if queues else {}
    return DeadLetterPairs(
        tuple(
            QueuePairs(queue, rows[0]["all_pairs"], rows[0]["since"], tuple(map(_pair, rows)))
            for queue, rows in found.items()
        )
    )


async def _by_queue(
    transaction: Transaction, names: list[str] | None, name: str, **slots: sql.Composable
) -> Mapping[str, list[Row]]:
    values = {"names": names, "shown": SAMPLES}
    found: dict[str, list[Row]] = defaultdict(list)
    for row in await transaction.rows(name, values, **slots):
        found[row["queue"]].append(row)
    return found


def _seen_twice(row: Row) -> SeenTwice:
    return SeenTwice(row["id"], row["first_on"], row["last_on"], row["archived"], row["live"])


def _batch(row: Row) -> Batch:
    return Batch(row["started_on"], row["jobs"], row["reason"], tuple(row["ids"]))


def _pair(row: Row) -> Pair:
    names = [field.name for field in fields(Pair)]
    return Pair(**{name: row[name] for name in names})


async def take_scheduled_slots(transaction: Transaction, scope: Scope) -> ScheduledSlots:
    """The minutes in which the scheduler sent."""
    values = {"names": scope.bound_names, "limit": MOST_SENDS}
    rows = await transaction.rows("scheduled_slots", values, since=scope.since)
    return ScheduledSlots(tuple(SlotSend(**row) for row in rows))


async def take_twins(transaction: Transaction, scope: Scope) -> Twins:
    """The other schemas this role may read that have schedules in common with this one."""
    schema = transaction.queries.catalog.schema
    found = []
    for row in await transaction.rows("readable_twins", {"schema": schema}):
        other = {
            "other_version": sql.Identifier(row["name"], "version"),
            "other_schedule": sql.Identifier(row["name"], "schedule"),
        }
        rows = await transaction.rows("schedules_both_have", {"names": scope.bound_names}, **other)
        if rows:
            pairs = tuple((each["queue"], each["cron"]) for each in rows)
            found.append(Twin(row["name"], rows[0]["cron_on"], rows[0]["other_cron_on"], pairs))
    return Twins(schema, tuple(found))

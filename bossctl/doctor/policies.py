"""DUP06 and DUP07: slots of a policy or throttle that hold too many jobs, and the indexes that should forbid it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bossctl.doctor.check import Case, Check, Readings
from bossctl.doctor.words import list_jobs, listed, some
from bossctl.models.findings import Certainty, EvidenceValue, Severity
from bossctl.models.readings import SchemaNumber
from bossctl.models.readings_duplicates import BrokenRule, PoliciesInUse, PolicySlots
from bossctl.models.readings_schema import JobIndexes, JobTable, Migration
from bossctl.models.releases import NEWEST_KNOWN
from bossctl.models.unique_indexes import SHARED, Guard, built_by, expected, in_place, standing_in
from bossctl.sql.job_indexes import building, dropping

QUEUES_TOLD = 3

_ALLOWED = {
    "short": "one waiting job per key",
    "singleton": "one active job per key",
    "stately": "one job per state and key",
    "exclusive": "one waiting or running job per key",
    "key_strict_fifo": "one job at a time per key",
    "throttle": "one job per throttling slot",
    "singleton key": "one waiting or running job per singleton key",
}


def policy_broken(readings: Readings) -> Iterator[Case]:
    """One case per queue and rule."""
    for rule in readings[PolicySlots].broken:
        yield _broken_case(rule)


def _broken_case(rule: BrokenRule) -> Case:
    name = f"policy {rule.rule}" if rule.rule not in ("throttle", "singleton key") else rule.rule
    return Case(
        queue=rule.queue,
        subject=name,
        certainty=Certainty.PROVEN,
        count=rule.jobs,
        jobs=[job_id for slot in rule.shown for job_id in slot.ids],
        since=rule.since,
        message=f"{some(rule.jobs, 'job')} of queue {rule.queue} share {some(rule.slots, 'slot')} of the {name}, which"
        f" allows {_ALLOWED[rule.rule]}",
        evidence=[
            {"key": slot.key, "state": slot.state, "slot": slot.slot, "jobs": slot.jobs, "ids": slot.ids}
            for slot in rule.shown
        ],
        advice="restore the unique index that DUP07 names, after ending all but one job of each slot",
        command=list_jobs(rule.queue),
    )


def policy_index_missing(readings: Readings) -> Iterator[Case]:
    """One case per index of a table that is missing or invalid, whether or not it is being built."""
    found, told = readings[JobIndexes], readings[SchemaNumber]
    number = found.number or 0
    sure = told.releases is not None and number <= NEWEST_KNOWN
    for table in found.tables:
        for guard in expected(table, number):
            if not in_place(table, guard):
                migration = built_by(table, guard, found.building.values())
                yield _index_case(found, table, guard, migration, _users(readings[PoliciesInUse], table, guard), sure)


def _users(policies: PoliciesInUse, table: JobTable, guard: Guard) -> tuple[int, tuple[str, ...]] | None:
    """How many queues of the table need the index, and some of them; None: all that it holds."""
    if guard.policy is None or policies.uses is None:
        return None
    for use in policies.uses:
        if use.policy == guard.policy and (use.table == table.name or table.name == "job"):
            return use.queues, use.names
    return 0, ()


def _index_case(
    found: JobIndexes,
    table: JobTable,
    guard: Guard,
    migration: Migration | None,
    users: tuple[int, tuple[str, ...]] | None,
    sure: bool,
) -> Case:
    name = _name(table, guard, found.number or 0)
    index = standing_in(table, guard)
    being_built = migration is not None and migration.status != "failed"
    state = "being built" if being_built else "missing" if index is None else "not valid"
    harmless = being_built or users == (0, ())
    needed = _needed(users)
    return Case(
        queue=table.queue,
        subject=f"index {table.name}_{guard.suffix}",
        certainty=Certainty.PROVEN if sure else Certainty.POSSIBLE,
        severity=Severity.INFO if harmless else None,
        count=1,
        since=migration.created_on if migration else None,
        message=f"the unique index {name} on {table.name}, which holds {guard.holds}, is {state}; {needed}"
        + (f"; its background migration failed: {migration.error}" if migration and not being_built else ""),
        evidence=[_evidence(table, name, state, migration)],
        advice=_advice(found, table, guard, name, index is not None, being_built),
        command=("info",) if being_built or table.queue is None else ("queue", "show", table.queue),
    )


def _name(table: JobTable, guard: Guard, number: int) -> str:
    plain = table.name == "job_common" and number <= 26
    return f"{'job' if plain else table.name}_{guard.suffix}"


def _needed(users: tuple[int, tuple[str, ...]] | None) -> str:
    if users is None:
        return "every queue of the table relies on it"
    queues, names = users
    if not queues:
        return "no queue of the table has that policy now"
    more = " …" if queues > QUEUES_TOLD else ""
    return f"{some(queues, 'queue relies', 'queues rely')} on it: {listed(names[:QUEUES_TOLD])}{more}"


def _advice(found: JobIndexes, table: JobTable, guard: Guard, name: str, exists: bool, being_built: bool) -> str:
    if being_built:
        return "wait for the background migration, which a pg-boss process with supervision works on"
    drop = f"{dropping(found.schema, name)} " if exists else ""
    end = " (end what DUP06 names first, or it will fail)" if table.name in SHARED or table.queue else ""
    return f"{drop}{building(found.schema, table.name, name, guard.body, unique=True)}{end}"


def _evidence(table: JobTable, name: str, state: str, migration: Migration | None) -> Mapping[str, EvidenceValue]:
    told: dict[str, EvidenceValue] = {"index": name, "table": table.name, "state": state}
    if migration is not None:
        told |= {"migration": migration.name, "status": migration.status, "error": migration.error}
        told |= {"created_on": migration.created_on, "started_on": migration.started_on}
    return told


CHECKS: tuple[Check, ...] = (
    Check(
        code="DUP06",
        slug="policy-broken",
        title="more jobs in a policy's slot than the policy allows",
        severity=Severity.ERROR,
        needs=(PolicySlots,),
        what="Where a unique index of DUP07 is not in place, counts the jobs that share a slot: by the policy written"
        " in the job itself, by throttling slot and, on 8 and 9, by singleton key. Where all are valid nothing"
        " can be broken and no row is read.",
        why="A policy is nothing but a unique index: without it two workers hold the same key at once, and two"
        " throttled sends of one slot both make a job.",
        confirm="The evidence names the jobs of each slot.",
        fix="End all but one job of each slot, then restore the index.",
        releases="all; 12.38.0 also looks itself before it fetches from a singleton queue",
        judge=policy_broken,
    ),
    Check(
        code="DUP07",
        slug="policy-index-missing",
        title="a unique index that enforces a policy or a throttle is missing or invalid",
        severity=Severity.ERROR,
        needs=(JobIndexes, PoliciesInUse, SchemaNumber),
        what="Compares the unique indexes of every job table, partitions included, with those that the schema's number"
        " stands for. One that a background migration is still to build, or that no queue needs now, is told as info; a"
        " valid one with the same columns under another name is accepted.",
        why="Policies, throttles and the deduplication of schedules are enforced by these indexes and by nothing else"
        " (before 12.38): without one, the same work is queued and run side by side.",
        confirm=r"Look at the table named with psql's \d: the index is not listed, or is marked INVALID.",
        fix="Create the index as the remedy spells it, after ending the jobs that DUP06 names.",
        releases="all",
        judge=policy_index_missing,
    ),
)

"""The unique indexes that make policies and throttles hold, and which job table must have which (FACTS §2.5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bossctl.models.readings_schema import JobIndex, JobTable, Migration

ANCIENT = 20
SHARED = ("job", "job_common")
_NUMBERED = re.compile(r"_i[0-9]+$")
_COALESCED = "COALESCE(singleton_key, '')"


@dataclass(frozen=True)
class Guard:
    """A unique index from schema `first` on. `body` follows `ON table`; an expression in `keys` is empty.

    `suffix` is how its name ends, `holds` what it makes hold. `policy` None: it serves every queue.
    """

    suffix: str
    first: int
    policy: str | None
    holds: str
    keys: tuple[str, ...]
    body: str


_ANCIENT: tuple[Guard, ...] = (
    Guard(
        "singletonkey",
        ANCIENT,
        None,
        "one waiting or running job per singleton key",
        ("name", "singletonkey"),
        "(name, singletonkey) WHERE state < 'completed' AND singletonon IS NULL"
        r" AND NOT singletonkey LIKE '\_\_pgboss\_\_singleton\_queue%'",
    ),
    Guard(
        "singleton_queue",
        ANCIENT,
        None,
        "one waiting job with useSingletonQueue",
        ("name", "singletonkey"),
        "(name, singletonkey) WHERE state < 'active' AND singletonon IS NULL"
        r" AND singletonkey LIKE '\_\_pgboss\_\_singleton\_queue%'",
    ),
    Guard(
        "singletonon",
        ANCIENT,
        None,
        "one job per throttling slot",
        ("name", "singletonon"),
        "(name, singletonon) WHERE state < 'expired' AND singletonkey IS NULL",
    ),
    Guard(
        "singletonkeyon",
        ANCIENT,
        None,
        "one job per throttling slot and key",
        ("name", "singletonon", "singletonkey"),
        "(name, singletonon, singletonkey) WHERE state < 'expired'",
    ),
)

_MODERN: tuple[Guard, ...] = (
    Guard(
        "i1",
        21,
        "short",
        "one waiting job per key on queues of policy short",
        ("name", ""),
        f"(name, {_COALESCED}) WHERE state = 'created' AND policy = 'short'",
    ),
    Guard(
        "i2",
        21,
        "singleton",
        "one active job per key on queues of policy singleton",
        ("name", ""),
        f"(name, {_COALESCED}) WHERE state = 'active' AND policy = 'singleton'",
    ),
    Guard(
        "i3",
        21,
        "stately",
        "one job per state and key on queues of policy stately",
        ("name", "state", ""),
        f"(name, state, {_COALESCED}) WHERE state <= 'active' AND policy = 'stately'",
    ),
    Guard(
        "i4",
        21,
        None,
        "one job per throttling slot, on which schedules depend too",
        ("name", "singleton_on", ""),
        f"(name, singleton_on, {_COALESCED}) WHERE state <> 'cancelled' AND singleton_on IS NOT NULL",
    ),
    Guard(
        "i6",
        26,
        "exclusive",
        "one waiting or running job per key on queues of policy exclusive",
        ("name", ""),
        f"(name, {_COALESCED}) WHERE state <= 'active' AND policy = 'exclusive'",
    ),
    Guard(
        "i8",
        28,
        "key_strict_fifo",
        "one job at a time per key on queues of policy key_strict_fifo",
        ("name", "singleton_key"),
        "(name, singleton_key) WHERE state IN ('active', 'retry', 'failed') AND policy = 'key_strict_fifo'",
    ),
    Guard(
        "i13",
        45,
        None,
        "one waiting job per key that is sent as an upsert",
        ("name", "singleton_key"),
        "(name, singleton_key) WHERE state = 'created' AND upsert_by_key",
    ),
)

ONLY_ITS_POLICY_SINCE = 26
"""From here on a queue's own table has only the index of the queue's policy."""


def expected(table: JobTable, number: int) -> Iterator[Guard]:
    """The unique indexes a job table must have in a schema of that number."""
    if number <= ANCIENT:
        yield from _ANCIENT
        return
    for guard in _MODERN:
        own = table.name not in SHARED and number >= ONLY_ITS_POLICY_SINCE
        if guard.first <= number and not (own and guard.policy not in (None, table.policy)):
            yield guard


def standing_in(table: JobTable, guard: Guard) -> JobIndex | None:
    """The index that does a guard's work: by pg-boss's name, or valid, with the same keys, under a name of its own."""
    named = [one for one in table.indexes if one.name.endswith(f"_{guard.suffix}")]
    others = [one for one in table.indexes if one.keys == guard.keys and not _NUMBERED.search(one.name)]
    found = (*named, *(() if guard in _ANCIENT else others))
    return next((one for one in found if one.unique and one.valid), named[0] if named else None)


def built_by(table: JobTable, guard: Guard, migrations: Iterable[Migration]) -> Migration | None:
    """The background migration that is still to build it, if there is one."""
    wanted = (one for one in migrations if one.table == table.name and one.builds)
    return next((one for one in wanted if (one.builds or "").endswith(f"_{guard.suffix}")), None)


def in_place(table: JobTable, guard: Guard) -> bool:
    """Whether a valid index makes it hold."""
    found = standing_in(table, guard)
    return found is not None and found.unique and found.valid

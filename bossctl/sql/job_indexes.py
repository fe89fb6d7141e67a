"""The plain (not unique) indexes each schema number gives its job tables, by the end of their name (FACTS §2.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bossctl.models.readings_schema import JobTable
from bossctl.models.releases import NEWEST_KNOWN

SHARED = ("job", "job_common")


@dataclass(frozen=True)
class Planned:
    """An index pg-boss makes from schema `first` to `last`. `body` is its definition after `ON table`.

    `vital` says that fetching, flows or maintenance go by it; `policy` that only tables of that policy have it.
    """

    suffix: str
    first: int
    last: int
    purpose: str
    keys: tuple[str, ...]
    body: str
    vital: bool = True
    policy: str | None = None


_FETCHES = "fetching jobs"
_READY = "WHERE state < 'active' AND NOT blocked"

PLAIN: tuple[Planned, ...] = (
    Planned(
        "fetch",
        20,
        20,
        _FETCHES,
        ("name", "startafter"),
        "(name text_pattern_ops, startafter) WHERE state < 'active'",
    ),
    Planned("name", 20, 20, "finding a queue's jobs", ("name",), "(name text_pattern_ops)"),
    Planned(
        "i5",
        21,
        30,
        _FETCHES,
        ("name", "start_after"),
        "(name, start_after) INCLUDE (priority, created_on, id) WHERE state < 'active'",
    ),
    Planned(
        "i5",
        31,
        32,
        _FETCHES,
        ("name", "start_after"),
        f"(name, start_after) INCLUDE (priority, created_on, id) {_READY}",
    ),
    Planned("i5", 33, 39, _FETCHES, ("name", "start_after"), f"(name, start_after) {_READY}"),
    Planned(
        "i7",
        27,
        46,
        "fetching jobs of a group",
        ("name", "group_id"),
        "(name, group_id) WHERE state = 'active' AND group_id IS NOT NULL",
    ),
    Planned(
        "i9",
        33,
        46,
        "releasing the children of a flow",
        ("name", "id"),
        "(name, id) WHERE blocking AND state = 'completed'",
    ),
    Planned(
        "i10",
        38,
        46,
        "fetching the first job of each key",
        ("name", "singleton_key", "state", "created_on", "id"),
        f"(name, singleton_key, state DESC, created_on, id) INCLUDE (start_after) {_READY}"
        " AND policy = 'key_strict_fifo'",
        policy="key_strict_fifo",
    ),
    Planned(
        "i11",
        40,
        46,
        _FETCHES,
        ("name", "priority", "created_on", "start_after"),
        f"(name, priority DESC, created_on, start_after) {_READY}",
    ),
    Planned(
        "i12",
        43,
        46,
        "following a job through dead letters",
        ("source_root_id",),
        "(source_root_id) WHERE source_root_id IS NOT NULL",
        vital=False,
    ),
    Planned(
        "i14",
        46,
        46,
        "counting and expiring what is open",
        ("name", "state", "blocked", "start_after"),
        "(name, state, blocked, start_after) WHERE state IN ('created', 'retry', 'active', 'failed')",
    ),
    Planned("i15", 46, 46, "listing jobs by their creation", ("name", "created_on"), "(name, created_on)", vital=False),
    Planned(
        "i16",
        46,
        46,
        "listing and removing what is finished",
        ("name", "completed_on"),
        "(name, completed_on) WHERE completed_on IS NOT NULL",
        vital=False,
    ),
    Planned(
        "i17",
        46,
        46,
        "finding what is queued for a key",
        ("name", "singleton_key", "created_on"),
        "(name, singleton_key, created_on) WHERE state < 'active' AND singleton_key IS NOT NULL",
        vital=False,
    ),
)

_NUMBERS = {"8-9": range(20, 21), "10": range(21, 25), "11-12": range(25, NEWEST_KNOWN + 1)}


def index_name(table: JobTable, suffix: str, number: int | None) -> str:
    """What pg-boss calls it: up to schema 26 the indexes of job_common are named after job."""
    early = table.name == "job_common" and number is not None and number < 27
    return f"{'job' if early else table.name}_{suffix}"


def planned(table: JobTable, number: int | None, generation: str) -> Iterator[Planned]:
    """What this table must have. Of a number that does not fit the tables only what all of its generation have.

    Of a number newer than any known nothing can be said.
    """
    numbers = _NUMBERS[generation]
    if number is not None and number > NEWEST_KNOWN:
        return
    certain = numbers if number is None or number not in numbers else (number,)
    for one in PLAIN:
        ours = one.policy is None or table.name in SHARED or table.policy == one.policy
        if ours and all(one.first <= each <= one.last for each in certain):
            yield one


def building(schema: str, table: str, name: str, body: str, *, unique: bool = False) -> str:
    """The statement that makes a missing index without stopping writers."""
    kind = "UNIQUE INDEX" if unique else "INDEX"
    return f"CREATE {kind} CONCURRENTLY {_quoted(name)} ON {_quoted(schema)}.{_quoted(table)} {body};"


def rebuilding(schema: str, name: str) -> str:
    """The statement that makes an invalid index valid."""
    return f"REINDEX INDEX CONCURRENTLY {_quoted(schema)}.{_quoted(name)};"


def dropping(schema: str, name: str) -> str:
    """The statement that removes an index nobody needs."""
    return f"DROP INDEX CONCURRENTLY {_quoted(schema)}.{_quoted(name)};"


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'

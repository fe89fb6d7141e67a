"""Fields of jobs that a list shows only when asked, and the paths that are in the payloads of a few jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bossctl.errors import UsageError
from bossctl.models.jobs import FieldValue, JobRow
from bossctl.selector import Path
from bossctl.sql.columns import chosen_fields, offered_fields
from bossctl.store.connections import Row
from bossctl.store.session import Transaction

SAMPLED_JOBS = 25
SAMPLED_BYTES = 8 * 1024
DEEPEST, MOST_PATHS = 4, 200

Key = tuple[object, ...]


def key_of(row: Row) -> Key:
    """What tells rows of a page apart: an archive may hold an id more than once."""
    return (row["id"], row["queue"], row["archived"], row["created_on"])


async def read_fields(
    transaction: Transaction, relation: str, rows: Sequence[Row], names: Sequence[str]
) -> dict[Key, Mapping[str, FieldValue]]:
    """These fields of these rows. Raises UsageError for one this schema does not have."""
    catalog = transaction.queries.catalog
    try:
        fields, values = chosen_fields(names, catalog)
    except KeyError as error:
        known = ", ".join(offered_fields(catalog))
        raise UsageError(f"this schema has no field {error.args[0]}", f"fields: {known}, data.…, output.…") from None
    source = transaction.queries.relation(relation)
    bound = {**values, **_named([(row["queue"], row["id"]) for row in rows])}
    found = await transaction.rows("job_fields", bound, source=source, fields=fields)
    return {key_of(row): _values(row, names) for row in found}


def _values(row: Row, names: Sequence[str]) -> dict[str, FieldValue]:
    read = {name: row[f"field_{number}"] for number, name in enumerate(names)}
    return {name: value[0] for name, value in read.items() if value is not None}


def _named(jobs: Sequence[tuple[str, str]]) -> dict[str, object]:
    return {"names": sorted({queue for queue, _ in jobs}), "ids": [job_id for _, job_id in jobs]}


async def read_paths(transaction: Transaction, jobs: Sequence[JobRow]) -> tuple[Path, ...]:
    """The paths in small payloads and outputs of the first of these jobs, in the order they were met."""
    chosen = jobs[:SAMPLED_JOBS]
    if not chosen:
        return ()
    source = transaction.queries.relation("all_jobs" if any(job.archived for job in chosen) else "job")
    bound = {**_named([(job.queue, job.id) for job in chosen]), "largest": SAMPLED_BYTES}
    found: dict[Path, None] = {}
    for row in await transaction.rows("payload_sample", bound, source=source):
        for root in ("data", "output"):
            if row[root] is not None:
                found.update(dict.fromkeys(_paths(json.loads(row[root]), (root,))))
    return tuple(found)[:MOST_PATHS]


def _paths(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, dict) and len(path) <= DEEPEST:
        for name, inner in value.items():
            if name:
                yield from _paths(inner, (*path, name))
    elif len(path) > 1 and not isinstance(value, list | dict):
        yield path

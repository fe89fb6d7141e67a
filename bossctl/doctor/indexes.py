"""SCH02: the indexes pg-boss fetches by, on every table that holds jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bossctl.doctor.check import Case, Check, Readings
from bossctl.doctor.words import listed, some
from bossctl.models.findings import Certainty, EvidenceValue, Severity
from bossctl.models.readings_schema import JobIndex, JobIndexes, JobTable
from bossctl.sql.job_indexes import Planned, building, dropping, index_name, planned, rebuilding

SHOWN = 20


def index_missing_or_invalid(readings: Readings) -> Iterator[Case]:
    """One case per index that is missing, invalid or left over; one for all that are being built."""
    found = readings[JobIndexes]
    unfinished: list[tuple[JobTable, str]] = []
    for table in found.tables:
        seen: set[str] = set()
        for wanted in planned(table, found.number, readings.ground.generation):
            name = index_name(table, wanted.suffix, found.number)
            index = _fitting(table, wanted, name)
            seen.add(index.name if index else name)
            if index is not None and index.valid:
                continue
            if _is_building(found, table, index, name):
                unfinished.append((table, name))
            else:
                yield _broken_case(found, table, wanted, name, index)
        for index in table.indexes:
            if index.valid or index.name in seen or (index.unique and not _of_reindex(index)):
                continue
            if _is_building(found, table, index, index.name):
                unfinished.append((table, index.name))
            else:
                yield _leftover_case(found, table, index)
    if unfinished:
        yield _building_case(found, unfinished)


def _fitting(table: JobTable, wanted: Planned, name: str) -> JobIndex | None:
    """The index of that number, or a valid one somebody made with the same columns under another name."""
    named = next((index for index in table.indexes if index.name == name), None)
    if named is not None and named.valid:
        return named
    alike = (index for index in table.indexes if index.valid and not index.unique and index.keys == wanted.keys)
    return next(alike, named)


def _is_building(found: JobIndexes, table: JobTable, index: JobIndex | None, name: str) -> bool:
    migration = found.building.get(name)
    if migration is not None and migration.status != "failed":
        return True
    return index is not None and table.locked


def _of_reindex(index: JobIndex) -> bool:
    return "_ccnew" in index.name or "_ccold" in index.name


def _broken_case(found: JobIndexes, table: JobTable, wanted: Planned, name: str, index: JobIndex | None) -> Case:
    state = "missing" if index is None else "invalid"
    failed = found.building.get(name)
    because = f"; its background migration failed: {failed.error or 'no error recorded'}" if failed else ""
    return Case(
        queue=table.queue,
        subject=f"{state} index {name}",
        certainty=Certainty.PROVEN,
        severity=None if wanted.vital else Severity.WARNING,
        count=1,
        message=f"the index {wanted.suffix} of {_described(table)} is {state}: {wanted.purpose} reads the whole table"
        f" or partition{because}",
        evidence=[_evidence(table, name, state, wanted.purpose, index)],
        advice=_repair(found.schema, table, wanted, name, index),
        command=("info",),
    )


def _repair(schema: str, table: JobTable, wanted: Planned, name: str, index: JobIndex | None) -> str:
    statement = rebuilding(schema, index.name) if index else building(schema, table.name, name, wanted.body)
    return f"{statement} outside a transaction"


def _leftover_case(found: JobIndexes, table: JobTable, index: JobIndex) -> Case:
    told = "left by a REINDEX that was broken off" if _of_reindex(index) else "and no index of this release"
    return Case(
        queue=table.queue,
        subject=f"leftover index {index.name}",
        certainty=Certainty.PROVEN,
        severity=Severity.WARNING,
        count=1,
        message=f"the index {index.name} of {_described(table)} is invalid, {told}: every write pays for it and no"
        " statement can use it",
        evidence=[_evidence(table, index.name, "left over", None, index)],
        advice=f"{dropping(found.schema, index.name)} outside a transaction, then"
        " rebuild what it was meant to replace if that is bloated",
        command=("info",),
    )


def _building_case(found: JobIndexes, unfinished: list[tuple[JobTable, str]]) -> Case:
    tables = sorted({table.name for table, _ in unfinished})
    running = sum(1 for one in found.building.values() if one.status == "in_progress")
    return Case(
        queue=None,
        subject="building",
        certainty=Certainty.PROVEN,
        severity=Severity.INFO,
        count=len(unfinished),
        message=f"{some(len(unfinished), 'index is', 'indexes are')} still building on {some(len(tables), 'table')}"
        f" ({listed([name for _, name in unfinished[:3]])}{' …' if len(unfinished) > 3 else ''}); of the background"
        f" migrations {running} runs now" + _until(found),
        evidence=[_evidence(table, name, "building", None, None) for table, name in unfinished[:SHOWN]],
        advice="keep at least one pg-boss process running until they are done; SCH03 says when nobody works on them",
        command=("info",),
    )


def _until(found: JobIndexes) -> str:
    pending = sum(1 for one in found.building.values() if one.status == "pending")
    return f" and {pending} wait" if pending else ""


def _described(table: JobTable) -> str:
    return table.name if table.queue is None else f"the partition of queue {table.queue}"


def _evidence(
    table: JobTable, name: str, state: str, purpose: str | None, index: JobIndex | None
) -> Mapping[str, EvidenceValue]:
    return {
        "table": table.name,
        "index": name,
        "state": state,
        "for": purpose,
        "queue": table.queue,
        "policy": table.policy,
        "columns": index.keys if index else None,
    }


CHECKS: tuple[Check, ...] = (
    Check(
        code="SCH02",
        slug="index-missing-or-invalid",
        title="an index pg-boss fetches by is missing or invalid",
        severity=Severity.ERROR,
        needs=(JobIndexes,),
        what="Compares the indexes of job, job_common and every partition with those this schema number makes, by name"
        " or by equal columns, and looks for invalid ones, as a broken-off REINDEX leaves them (_ccnew). What a"
        " background migration or a running REINDEX still builds is told as info. Unique indexes are DUP07's.",
        why="Without its index each fetch reads the whole table: polling workers slow the database down until nothing"
        " else gets through. An invalid index costs every write and helps no read.",
        confirm="\\d job_common in psql shows the indexes; an invalid one is marked INVALID.",
        fix="Run the statement that the finding gives, outside a transaction. An error or a warning after an upgrade"
        " means that the background migration failed.",
        releases="all; i5 from 10.0 to 12.29, i11 from 12.30 on, 12.38 has eleven for reading",
        judge=index_missing_or_invalid,
    ),
)

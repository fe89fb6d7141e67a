"""Readings of jobs: pages by key, and single jobs whole."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from uuid import UUID

from psycopg import sql

from bossctl.errors import NotFound, UsageError
from bossctl.models.common import Payload
from bossctl.models.jobs import FieldValue, Job, JobPage, JobRow
from bossctl.selector import Selector
from bossctl.sql.columns import details, listed, other_fields, raw
from bossctl.sql.selection import ABOVE_CUTOFF, AFTER_CURSOR, ALWAYS, Selection, select
from bossctl.store.connections import Row
from bossctl.store.queues import SAMPLE_ROWS, SCAN_ROWS
from bossctl.store.session import Transaction

MAX_PAGE = 10_000
CUT_CHARACTERS = 64 * 1024


async def read_page(transaction: Transaction, selector: Selector | None, *, limit: int, after: str | None) -> JobPage:
    """One page of the selected jobs, newest first.

    Raises UsageError for a limit outside 1 … MAX_PAGE or a cursor that is not one of ours.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise UsageError(f"--limit must be between 1 and {MAX_PAGE}", "page on with --after")
    selection = select(selector, transaction.queries.catalog)
    page = _Page(transaction, selection, limit + 1, _decode_cursor(after) if after is not None else None)
    rows = await page.rows()
    jobs = tuple(_job_row(row) for row in rows[:limit])
    following = _encode_cursor(rows[limit - 1]) if len(rows) > limit else None
    return JobPage(jobs, following, transaction.elapsed_ms, selection.note)


class _Page:
    """The ways to find one page; which one pays depends on the indexes and the size of the table."""

    def __init__(
        self, transaction: Transaction, selection: Selection, limit: int, after: dict[str, object] | None
    ) -> None:
        self._transaction = transaction
        self._selection = selection
        self._limit = limit
        self._values: dict[str, object] = {**selection.values, **(after or {})}
        self._slots = {"where": selection.where, "after": ALWAYS if after is None else AFTER_CURSOR}

    async def rows(self) -> list[Row]:
        queries = self._transaction.queries
        if self._selection.walk and queries.supports("jobs_page_by_queue"):
            slots = {"columns": listed(), "raw": raw(), "queues": self._selection.queues, **self._slots}
            return await self._transaction.rows("jobs_page_by_queue", {**self._values, "limit": self._limit}, **slots)
        if self._selection.dense and (queries.catalog.estimated_rows or 0) > SCAN_ROWS:
            recent = await self._recent()
            if len(recent) == self._limit:
                return recent
        return await self._sorted(ALWAYS, {})

    async def _recent(self) -> list[Row]:
        """The page if it lies above a sampled time; fewer rows than asked for say nothing."""
        total = self._transaction.queries.catalog.estimated_rows or SAMPLE_ROWS
        values = {**self._values, "percent": min(100.0, 100.0 * SAMPLE_ROWS / total)}
        sample = await self._transaction.row("page_cutoff", values, **self._slots)
        if sample is None or sample["sampled"] < 3:
            return []
        return await self._sorted(ABOVE_CUTOFF, {"cutoff": sample["cutoff"]})

    async def _sorted(self, cutoff: sql.Composable, values: dict[str, object]) -> list[Row]:
        source = self._transaction.queries.relation(self._selection.relation)
        slots = {"columns": listed(), "raw": raw(), "source": source, "cutoff": cutoff, **self._slots}
        return await self._transaction.rows("jobs_page", {**self._values, **values, "limit": self._limit}, **slots)


async def read_jobs_with_id(transaction: Transaction, job_id: str, *, full: bool) -> tuple[Job, ...]:
    """Every row with this id: usually one; it may also stand in an archive. Raises NotFound."""
    identifier = _uuid(job_id)
    catalog = transaction.queries.catalog
    values: dict[str, object] = {"id": identifier} if full else {"id": identifier, "cut": CUT_CHARACTERS}
    slots = {"columns": listed(), "details": details(catalog, full=full)}
    rows = await transaction.rows("job_by_id", values, **slots)
    if catalog.has("archives"):
        rows += await transaction.rows("archived_by_id", values, **slots)
    if not rows and catalog.has("queue"):
        rows = await transaction.rows("job_by_id_anywhere", values, **slots)
    if not rows:
        raise NotFound(f"there is no job {identifier}", "bossctl job list shows the newest jobs")
    return tuple(_job(row, other_fields(catalog), transaction.now) for row in rows)


def _uuid(text: str) -> str:
    try:
        return str(UUID(text.strip()))
    except ValueError:
        raise UsageError(
            "a job id is a UUID such as 7a9d2c1e-0b7e-4e52-9d0e-0d4a2b1c3d4e", "bossctl job list shows ids"
        ) from None


def _job_row(row: Row) -> JobRow:
    return JobRow(
        id=row["id"],
        queue=row["queue"],
        state=row["state"],
        priority=row["priority"],
        retry_count=row["retry_count"],
        retry_limit=row["retry_limit"],
        created_on=row["created_on"],
        start_after=row["start_after"],
        started_on=row["started_on"],
        completed_on=row["completed_on"],
        keep_until=row["keep_until"],
        singleton_key=row["singleton_key"],
        dead_letter=row["dead_letter"],
        archived=row["archived"],
        blocked=row["blocked"],
    )


def _job(row: Row, names: tuple[str, ...], read_at: datetime) -> Job:
    fields: dict[str, FieldValue] = {name: row[name] for name in names}
    if row.get("source_output") is not None:
        fields["source_output"] = row["source_output"]
    return Job(_job_row(row), fields, _payload(row, "data"), _payload(row, "output"), read_at)


def _payload(row: Row, column: str) -> Payload:
    text, size = row[column], row[f"{column}_bytes"]
    if size is None:
        return Payload(None, 0)
    return Payload(text or "", size, cut=text is None or len(text.encode()) < size)


def _encode_cursor(row: Row) -> str:
    created: datetime | None = row["created_on"]
    parts = [created.isoformat() if created else None, row["id"], row["queue"]]
    return base64.urlsafe_b64encode(json.dumps(parts, ensure_ascii=False).encode()).decode().rstrip("=")


def _decode_cursor(cursor: str) -> dict[str, object]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        created, job_id, queue = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        return {"after_on": datetime.fromisoformat(created), "after_id": str(UUID(job_id)), "after_name": str(queue)}
    except (ValueError, TypeError, AttributeError, binascii.Error):
        raise UsageError("--after takes the cursor a former page ended with", "start again without --after") from None

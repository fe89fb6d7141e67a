"""Lists of jobs in every order: all pages together are one ORDER BY over all rows; the indexes and the words for it."""

from __future__ import annotations

import re

import psycopg
import pytest
from psycopg import sql

from bossctl.errors import UsageError
from bossctl.models.joborders import ORDER_WORDS
from bossctl.models.jobs import JobRow
from bossctl.selector import parse
from bossctl.sql import Queries
from bossctl.sql.columns import listed, raw
from bossctl.sql.job_orders import job_order, sort_note, walks
from bossctl.sql.selection import ALWAYS, select
from bossctl.store import Store
from tests.bench.data import fill
from tests.conftest import DatabaseFactory, SeededFactory
from tests.db.test_sql_contract import read_catalog
from tests.support.database import Database
from tests.support.releases import ALL_RELEASES, NEWEST, every, generation
from tests.support.stores import open_store

RUN = (
    "extract(epoch FROM CASE WHEN state = 'active' THEN now()"
    " WHEN state::text IN ('completed', 'failed', 'expired') THEN {completed_on} END - {started_on})"
)
NEWER, OLDER = "{created_on} DESC, id DESC, name DESC", "{created_on}, id, name"
BY = {
    "newest": NEWER,
    "oldest": OLDER,
    "priority": f"priority DESC, {OLDER}",
    "started": f"{{started_on}} DESC NULLS LAST, {NEWER}",
    "completed": f"{{completed_on}} DESC NULLS LAST, {NEWER}",
    "run": f"{RUN} DESC NULLS LAST, {NEWER}",
    "retries": f"{{retry_count}} DESC, {NEWER}",
}


def spelled(db: Database, text: str) -> str:
    names = ("created_on", "started_on", "completed_on", "retry_count")
    return text.format(**{name: name.replace("_", "") if generation(db.release) < 10 else name for name in names})


async def all_pages(store: Store, order: str, expression: str | None = None, limit: int = 90) -> list[str]:
    selector = parse(expression) if expression else None
    found: list[str] = []
    cursor = None
    while True:
        page = await store.jobs(selector, limit=limit, after=cursor, order=order)
        found += [job.id for job in page.jobs]
        cursor = page.next
        if cursor is None:
            return found


def sorted_ids(db: Database, order: str, where: str = "true") -> list[str]:
    return [str(job) for (job,) in db.execute(f"SELECT id FROM job WHERE {where} ORDER BY {spelled(db, BY[order])}")]


def make_uneven(db: Database) -> None:
    """Ties, and moments without an end."""
    changes = (
        "priority = abs(hashtext(id::text)) % 3",
        "{retry_count} = abs(hashtext(id::text)) % 4 WHERE name = 'mail'",
        "{created_on} = date_trunc('hour', {created_on}) WHERE name = 'thumbnails'",
        "{completed_on} = 'infinity' WHERE state = 'completed' AND left(id::text, 1) = '0'",
        "{started_on} = '-infinity' WHERE state = 'completed' AND left(id::text, 1) = '1'",
        "{completed_on} = '-infinity' WHERE state = 'failed' AND left(id::text, 1) < '4'",
    )
    for change in changes:
        db.execute(spelled(db, f"UPDATE job SET {change}"))


@pytest.mark.parametrize("release", every(ALL_RELEASES))
async def test_pages_in_every_order_are_one_sort_of_all_jobs(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    async with await open_store(db) as store:
        assert await all_pages(store, "run") == sorted_ids(db, "run")
        make_uneven(db)
        for order in set(ORDER_WORDS) - {"run"}:
            assert await all_pages(store, order) == sorted_ids(db, order), order
        failed = "state::text IN ('failed', 'expired') AND name = 'mail'"
        assert await all_pages(store, "completed", "queue:mail state:failed", 2) == sorted_ids(db, "completed", failed)
        run = await all_pages(store, "run")
        assert sorted(run) == sorted(sorted_ids(db, "newest")), "infinite times neither fail nor repeat"


async def test_due_jobs_by_priority_and_finished_ones_by_index(database: DatabaseFactory) -> None:
    """Schema 46 has the order of fetching and of ending in indexes; the pages are those of a sort, and say so."""
    db = database(NEWEST)
    fill(db.connection, db.schema, 5_000)
    db.execute("UPDATE job SET priority = abs(hashtext(id::text)) %% 3 WHERE state < 'active'", [])
    db.execute("ANALYZE job")
    due = "state < 'active' AND NOT blocked AND start_after <= now()"
    async with await open_store(db) as store:
        assert await all_pages(store, "priority", "is:due", 200) == sorted_ids(db, "priority", due)
        assert await all_pages(store, "completed", "state:completed", 900) == sorted_ids(
            db, "completed", "state = 'completed'"
        )
        free = {offer.name for offer in store.job_orders() if offer.note is None}
        assert free == {"newest", "oldest", "completed"}
        one = {offer.name: offer.note for offer in store.job_orders(parse("queue:mail"))}
        assert {name for name, note in one.items() if note is None} == {"newest", "oldest", "completed"}
        assert one["run"] == "sorts all it selects, by no index"
        assert {offer.name for offer in store.job_orders(parse("is:due")) if offer.note is None} >= {"priority"}
        notes = {offer.name: offer.note for offer in store.job_orders()}
        assert re.fullmatch(r"sorts after a scan of ~\d+k? jobs", notes["retries"] or "")
        assert (await store.jobs(order="retries")).note == notes["retries"]
    for order, expression, index in (
        ("oldest", None, "i15"),
        ("completed", "state:completed", "i16"),
        ("priority", "is:due", "i11"),
    ):
        assert f"job_common_{index}" in plan(db, order, expression)


def plan(db: Database, order: str, expression: str | None) -> str:
    """How PostgreSQL would read a second page."""
    catalog = read_catalog(db)
    sorting, selection = job_order(order), select(parse(expression) if expression else None, catalog)
    assert sorting is not None
    assert walks(sorting, selection, catalog)
    slots = {"columns": listed(), "raw": raw(), "sorted_by": sorting.sorted_by, "order": sorting.by}
    within = {"where": selection.where, "within": sorting.within, "after": sorting.after, "queues": ALWAYS}
    within |= {"each_by": sorting.by, "cutoff": ALWAYS}
    query = Queries(catalog).get("jobs_page_by_queue", **slots, **within)
    values = {
        "limit": 50,
        "after_on": "2026-01-01",
        "after_id": db.value("SELECT id FROM job LIMIT 1"),
        "after_name": "q",
        "after_value": 1 if order == "priority" else "2030-01-01",
    }
    with psycopg.connect(db.dsn) as connection:
        explained = connection.execute(sql.SQL("EXPLAIN ") + query.text, {**selection.values, **values})
        return "\n".join(row[0] for row in explained)


@pytest.mark.parametrize("release", ["9.0.3", "11.1.2"])
async def test_an_older_schema_says_that_it_scans(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    db.execute("ANALYZE job")
    catalog = read_catalog(db)
    by = {name: sort_note(order, select(None, catalog), catalog) for name in ORDER_WORDS if (order := job_order(name))}
    assert by.pop("newest") is None, "a small table is not worth a word"
    assert all(note and note.startswith("sorts after a scan of ~") for note in by.values())
    one = select(parse("queue:mail"), catalog)
    oldest = job_order("oldest")
    assert oldest is not None
    assert sort_note(oldest, one, catalog) == "sorts all it selects, by no index"


async def test_a_cursor_belongs_to_its_order(seeded: SeededFactory) -> None:
    async with await open_store(seeded(NEWEST)) as store:
        cursor = (await store.jobs(limit=5, order="retries")).next
        assert cursor
        with pytest.raises(UsageError, match="--after"):
            await store.jobs(limit=5, order="started", after=cursor)
        with pytest.raises(UsageError, match="--after"):
            await store.jobs(limit=5, after=cursor)
        with pytest.raises(UsageError, match="no order"):
            await store.jobs(order="sideways")


def row_of(rows: tuple[JobRow, ...], job_id: str) -> JobRow:
    return next(row for row in rows if row.id == job_id)


@pytest.mark.parametrize("release", ["9.0.3", "10.4.2", NEWEST])
async def test_fields_beyond_the_list_and_values_in_payloads(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    small, large = (
        str(db.value(f"SELECT id FROM job WHERE data IS NOT NULL ORDER BY pg_column_size(data) {way} LIMIT 1"))
        for way in ("", "DESC")
    )
    db.execute('UPDATE job SET data = \'{"user": {"id": 42, "a b": null}}\' WHERE id = %s', [small])
    asked = ("expire_seconds", "data.user.id", 'data.user."a b"')
    async with await open_store(db) as store:
        assert "expire_seconds" in store.job_fields()
        rows = (await store.jobs(limit=1000, fields=asked)).jobs
        more = row_of(rows, small).more
        assert (more["data.user.id"], more['data.user."a b"']) == ("42", None)
        assert isinstance(more["expire_seconds"], int)
        assert "data.user.id" not in row_of(rows, large).more, "ten megabytes are not looked into for a list"
        assert ("data", "user", "id") in await store.payload_paths([row_of(rows, small)])
        with pytest.raises(UsageError, match="no field nonsense"):
            await store.jobs(fields=["nonsense"])

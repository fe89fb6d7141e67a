"""Jobs as the store reads them: pages by key, every selection against plain SQL, single jobs whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from bossctl.errors import NotFound, UsageError
from bossctl.selector import parse
from bossctl.store import Store
from bossctl.store import jobs as paging
from tests.bench.data import fill
from tests.conftest import DatabaseFactory, SeededFactory
from tests.seed.plan import STUCK
from tests.support.database import Database
from tests.support.releases import (
    ALL_RELEASES,
    NEWEST,
    ONE_PER_GENERATION,
    ONE_PER_SCHEMA,
    RELEASES_WITH_ARCHIVE,
    every,
    generation,
)
from tests.support.stores import open_store

ERA_COLUMNS = {
    "created_on": "createdon",
    "started_on": "startedon",
    "start_after": "startafter",
    "completed_on": "completedon",
    "retry_count": "retrycount",
    "singleton_key": "singletonkey",
}


def column(db: Database, name: str) -> str:
    return ERA_COLUMNS[name] if generation(db.release) < 10 else name


async def ids(store: Store, expression: str | None, limit: int = 7) -> list[str]:
    """Every selected id, paged through."""
    selector = parse(expression) if expression else None
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await store.jobs(selector, limit=limit, after=cursor)
        found += [job.id for job in page.jobs]
        cursor = page.next
        if cursor is None:
            return found


@pytest.mark.parametrize("release", every(ALL_RELEASES))
async def test_pages_hold_every_job_once_newest_first(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    async with await open_store(db) as store:
        found = await ids(store, None, limit=100)
    created = column(db, "created_on")
    expected = [str(row[0]) for row in db.execute(f"SELECT id FROM job ORDER BY {created} DESC, id DESC, name DESC")]
    assert found == expected


SELECTIONS = [
    ("queue:mail", "name = 'mail'"),
    ("queue:ma*", "name LIKE 'ma%'"),
    ("state:failed", "state::text IN ('failed', 'expired')"),
    ("state:created,retry", "state::text IN ('created', 'retry')"),
    ("is:open", "state::text IN ('created', 'retry', 'active')"),
    ("is:rerun", "{retry_count} > 0 OR (state::text = 'created' AND {started_on} IS NOT NULL)"),
    ("NOT queue:mail", "name <> 'mail'"),
    ("queue:mail OR state:active", "name = 'mail' OR state::text = 'active'"),
    ("queue:mail (state:failed OR state:active)", "name = 'mail' AND state::text IN ('failed', 'active', 'expired')"),
    ("!key:nobody", "{singleton_key} IS DISTINCT FROM 'nobody'"),
    ("retries:1..", "{retry_count} >= 1"),
    ("older:1h", "{created_on} < now() - interval '1 hour'"),
    ("newer:1h", "{created_on} > now() - interval '1 hour'"),
    ("run:1..", "floor(extract(epoch FROM coalesce({completed_on}, CASE WHEN state::text = 'active' THEN now() END)"
                " - {started_on})) >= 1"),
    ("created:2020-01-01..", "{created_on} >= '2020-01-01'"),
    ("error:timed", "output::text ILIKE '%timed%'"),
]  # fmt: skip


@pytest.mark.parametrize("release", every(ONE_PER_SCHEMA))
async def test_selections_mean_what_they_say(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    names = {name: column(db, name) for name in ERA_COLUMNS}
    async with await open_store(db) as store:
        for expression, condition in SELECTIONS:
            expected = {str(row[0]) for row in db.execute(f"SELECT id FROM job WHERE {condition.format(**names)}")}
            assert set(await ids(store, expression, limit=500)) == expected, expression


@pytest.mark.parametrize("release", every(ONE_PER_SCHEMA))
async def test_stuck_and_due(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    async with await open_store(db) as store:
        stuck = (await store.jobs(parse("is:stuck"))).jobs
        due = (await store.jobs(parse("is:due"), limit=1000)).jobs
    assert STUCK in {job.queue for job in stuck}
    assert all(job.state == "active" for job in stuck)
    now = datetime.now(UTC)
    assert due
    assert all(job.state in ("created", "retry") and job.start_after and job.start_after <= now for job in due)
    assert not any(job.blocked for job in due)


@pytest.mark.parametrize("release", ONE_PER_GENERATION)
async def test_data_paths_find_numbers_and_text(database: DatabaseFactory, release: str) -> None:
    db = database(release)
    fill(db.connection, db.schema, 200)
    async with await open_store(db) as store:
        found = (await store.jobs(parse("data.order:3"), limit=500)).jobs
    expected = db.value("SELECT count(*) FROM job WHERE data->>'order' = '3'")
    assert expected > 0
    assert len(found) == expected


@pytest.mark.parametrize("release", RELEASES_WITH_ARCHIVE)
async def test_the_archive_is_searched_when_asked(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    archived = {str(row[0]) for row in db.execute("SELECT id FROM archive")}
    live = {str(row[0]) for row in db.execute("SELECT id FROM job")}
    assert archived
    async with await open_store(db) as store:
        assert set(await ids(store, "archived:true", limit=1000)) == archived
        assert set(await ids(store, "archived:any", limit=1000)) == archived | live
        job = await store.job(next(iter(archived - live)))
    assert job.row.archived


async def test_without_an_archive_nothing_is_archived(seeded: SeededFactory) -> None:
    async with await open_store(seeded("12.38.0")) as store:
        assert await ids(store, "archived:true") == []


@pytest.mark.parametrize("release", every(ALL_RELEASES))
async def test_one_job_whole(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    job_id, payload, size = db.execute(
        "SELECT id, data::text, octet_length(data::text) FROM job"
        " WHERE data IS NOT NULL AND pg_column_size(data) < 2000 ORDER BY id LIMIT 1"
    )[0]
    async with await open_store(db) as store:
        job = await store.job(str(job_id))
    assert job.data.text == payload
    assert (job.data.size_bytes, job.data.cut) == (size, False)
    columns = {
        name
        for (name,) in db.execute("SELECT attname FROM pg_attribute WHERE attrelid = 'job'::regclass AND attnum > 0")
    }
    assert ("heartbeat_on" in job.fields) == ("heartbeat_on" in columns)
    assert ("group_id" in job.fields) == ("group_id" in columns)
    assert "expire_seconds" in job.fields


async def test_lists_are_planned_for_what_is_asked(seeded: SeededFactory) -> None:
    """A plan for any queue and any state reads all failed jobs of a large queue for a page of them."""
    async with await open_store(seeded("9.0.3")) as store, store.snapshot() as transaction:
        found = await transaction._connection.execute("SELECT current_setting('plan_cache_mode') AS mode")
        assert await found.fetchone() == {"mode": "auto"}


async def test_one_job_after_the_other_is_planned_once(seeded: SeededFactory) -> None:
    """Planning is most of looking up an id where each queue has a table; a schema that is changed is planned anew."""
    db = seeded("10.4.2")
    async with await open_store(db) as store:
        shown = [row.id for row in (await store.jobs(limit=9)).jobs]
        assert [(await store.job(one)).row.id for one in shown] == shown
        async with store.snapshot() as transaction:
            found = await transaction._connection.execute("SELECT generic_plans FROM pg_prepared_statements")
            assert [row["generic_plans"] for row in await found.fetchall()] == [len(shown) - 1]
        db.execute("SELECT pgboss.create_queue('late', '{}'::json)")
        db.execute("INSERT INTO job (name) VALUES ('late')")
        late = str(db.value("SELECT id FROM job WHERE name = 'late'"))
        assert (await store.job(late)).row.queue == "late"
        db.execute("ALTER TABLE job ALTER COLUMN priority TYPE bigint")
        assert (await store.job(late)).row.priority == 0


@pytest.mark.parametrize("release", ONE_PER_GENERATION)
async def test_a_payload_of_megabytes_is_cut_unless_asked_for_whole(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    job_id, size = db.execute(
        "SELECT id, octet_length(data::text) FROM job ORDER BY pg_column_size(data) DESC NULLS LAST LIMIT 1"
    )[0]
    assert size > 5_000_000
    async with await open_store(db) as store:
        cut = await store.job(str(job_id))
        whole = await store.job(str(job_id), full=True)
    assert cut.data.cut
    assert len(cut.data.text or "") == paging.CUT_CHARACTERS
    assert cut.data.size_bytes == whole.data.size_bytes == size
    assert json.loads(whole.data.text or "")


@pytest.mark.parametrize("release", ONE_PER_GENERATION)
async def test_digits_and_infinities_survive(database: DatabaseFactory, release: str) -> None:
    db = database(release)
    fill(db.connection, db.schema, 60)
    job_id = db.value("SELECT id FROM job LIMIT 1")
    after, until = column(db, "start_after"), "keepuntil" if generation(release) < 10 else "keep_until"
    db.execute(
        f"UPDATE job SET data = '{{\"n\": 1.00000000000000000001, \"big\": 9007199254740993}}', {after} = 'infinity',"
        f" {until} = '-infinity' WHERE id = %s", [job_id],
    )  # fmt: skip
    async with await open_store(db) as store:
        job = await store.job(str(job_id))
        page = await store.jobs(limit=100)
    assert '"n": 1.00000000000000000001' in (job.data.text or "")
    assert "9007199254740993" in (job.data.text or "")
    assert job.row.start_after == datetime.max.replace(tzinfo=UTC)
    assert job.row.keep_until == datetime.min.replace(tzinfo=UTC)
    assert str(job_id) in {row.id for row in page.jobs}


@pytest.mark.parametrize("release", every(("9.0.3", "10.4.2", "12.27.0", NEWEST), ("10.4.2", NEWEST)))
async def test_pages_of_a_big_table_are_the_same_as_of_a_sorted_one(
    database: DatabaseFactory, release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = database(release)
    fill(db.connection, db.schema, 20_000)
    monkeypatch.setattr(paging, "SCAN_ROWS", 1_000)
    monkeypatch.setattr(paging, "SAMPLE_ROWS", 2_000)
    created = column(db, "created_on")
    for expression, condition in (
        (None, "true"),
        ("state:failed", "state = 'failed'"),
        ("state:cancelled", "state = 'cancelled'"),
    ):
        expected = [
            str(row[0])
            for row in db.execute(
                f"SELECT id FROM job WHERE {condition} ORDER BY {created} DESC, id DESC, name DESC LIMIT 120"
            )
        ]
        found: list[str] = []
        cursor = None
        async with await open_store(db) as store:
            for _ in range(3):
                page = await store.jobs(parse(expression) if expression else None, limit=40, after=cursor)
                found += [job.id for job in page.jobs]
                cursor = page.next
        assert found == expected


@pytest.mark.parametrize("release", every(("9.0.3", "10.4.2", "12.27.0", NEWEST), ("9.0.3", NEWEST)))
async def test_orders_of_a_big_table_are_those_of_a_small_one(
    database: DatabaseFactory, release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = database(release)
    fill(db.connection, db.schema, 3_000)
    async with await open_store(db) as store:
        for order in ("retries", "run", "started"):
            whole = await store.jobs(parse("is:open"), limit=100, order=order)
            with monkeypatch.context() as patched, store.recording() as statements:
                patched.setattr(paging, "SCAN_ROWS", 1_000)
                first = await store.jobs(parse("is:open"), limit=50, order=order)
                second = await store.jobs(parse("is:open"), limit=50, order=order, after=first.next)
            assert "jobs_page_narrow" in {statement.name for statement in statements}
            assert [*first.jobs, *second.jobs] == list(whole.jobs)


@pytest.mark.parametrize(
    ("expression", "condition"),
    [(None, "true"), ("state:failed", "state = 'failed'"), ("state:active", "state = 'active'")],
)
async def test_walks_per_queue_find_the_page_wherever_its_jobs_are(
    database: DatabaseFactory, expression: str | None, condition: str
) -> None:
    """Failures in one queue only, fewer jobs than a page has, creation times that are no times."""
    db = database(NEWEST)
    fill(db.connection, db.schema, 3_000)
    db.execute("UPDATE job SET state = 'completed' WHERE state = 'failed' AND name <> 'queue-02'")
    db.execute("UPDATE job SET start_after = created_on - retry_count * interval '1 hour'")
    for rows, moment in ((7, "infinity"), (9, "-infinity")):
        db.execute(
            f"UPDATE job SET created_on = '{moment}' WHERE id IN (SELECT id FROM job WHERE {condition}"
            f" ORDER BY created_on {'DESC' if moment == 'infinity' else ''} LIMIT {rows})"
        )
    selector = parse(expression) if expression else None
    matching = int(db.value(f"SELECT count(*) FROM job WHERE {condition}"))
    async with await open_store(db) as store:
        for order, way in (("newest", "DESC"), ("oldest", "ASC")):
            for limit in (5, min(60, matching - 2), min(100, matching + 9)):
                page = await store.jobs(selector, limit=limit, order=order)
                listed = ", ".join(f"{column} {way}" for column in ("created_on", "id", "name"))
                expected = db.execute(f"SELECT id FROM job WHERE {condition} ORDER BY {listed} LIMIT {limit}")
                assert [job.id for job in page.jobs] == [str(row[0]) for row in expected]


@pytest.mark.parametrize("cursor", ["", "x", "🙂", "bm9uc2Vuc2U", "WzEsMiwzXQ"])
async def test_a_foreign_cursor_is_refused(seeded: SeededFactory, cursor: str) -> None:
    async with await open_store(seeded("12.38.0")) as store:
        with pytest.raises(UsageError, match="--after"):
            await store.jobs(after=cursor)


async def test_an_unknown_or_malformed_id(seeded: SeededFactory) -> None:
    async with await open_store(seeded("10.4.2")) as store:
        with pytest.raises(NotFound):
            await store.job("00000000-0000-4000-8000-000000000000")
        with pytest.raises(UsageError):
            await store.job("7")

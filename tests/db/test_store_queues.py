"""Queues as the store reads them, compared with what the seed says is there."""

from __future__ import annotations

import pytest

from bossctl.errors import NotFound
from bossctl.models.common import UNKNOWN, Count, Truth
from bossctl.models.queues import STATES
from bossctl.store import queues as ladder
from tests.bench.data import fill
from tests.conftest import DatabaseFactory, SeededFactory
from tests.seed.plan import DEAD_LETTER, PARTITIONED, UNWORKED, plan
from tests.support.database import Database
from tests.support.releases import ALL_RELEASES, NEWEST, ONE_PER_SCHEMA, every, generation
from tests.support.stores import open_store


def counted(db: Database) -> dict[str, dict[str, int]]:
    """{queue: {state: rows}} by a plain statement, `expired` as failed."""
    found: dict[str, dict[str, int]] = {}
    for name, state, rows in db.execute("SELECT name, state::text, count(*) FROM job GROUP BY 1, 2"):
        states = found.setdefault(name, {})
        state = "failed" if state == "expired" else state
        states[state] = states.get(state, 0) + rows
    return found


@pytest.mark.parametrize("release", every(ALL_RELEASES))
async def test_every_queue_with_true_counts(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    async with await open_store(db) as store:
        overview = await store.overview(exact=True)
        histogram = await store.histogram()
    expected = counted(db)
    shown = {queue.name: queue for queue in overview.queues}
    assert set(expected) <= set(shown)
    if generation(release) >= 10:
        assert set(shown) == {name for (name,) in db.execute("SELECT name FROM queue")}
    for name, queue in shown.items():
        assert {state: count.value for state, count in queue.counts.items()} == {
            state: expected.get(name, {}).get(state, 0) for state in STATES
        }
        assert {count.truth for count in queue.counts.values()} == {Truth.EXACT}
        assert {state: count.value for state, count in histogram.queues[name].items()} == {
            state: expected.get(name, {}).get(state, 0) for state in STATES
        }


@pytest.mark.parametrize("release", every(ONE_PER_SCHEMA))
async def test_what_waits_and_since_when(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    async with await open_store(db) as store:
        queues = {queue.name: queue for queue in (await store.overview()).queues}
    waiting = queues[UNWORKED]
    assert waiting.counts["created"].value == plan(release).counts[UNWORKED]["created"]
    assert waiting.oldest_due_seconds == pytest.approx(3 * 3600, abs=300)
    assert queues["mail"].extra["deferred"].value == 4


@pytest.mark.parametrize("release", every(ONE_PER_SCHEMA))
async def test_one_queue_with_its_surroundings(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    async with await open_store(db) as store:
        mail = await store.queue("mail")
        partitioned = (await store.queue(PARTITIONED)).queue
        with pytest.raises(NotFound) as refused:
            await store.queue("maill")
    assert mail.queue.counts["completed"].value == plan(release).counts["mail"]["completed"]
    assert "mail" in (refused.value.hint or "")
    if generation(release) >= 10:
        assert mail.queue.dead_letter == DEAD_LETTER
        assert partitioned.storage == "partition"
        assert partitioned.table in {
            table for (table,) in db.execute("SELECT c.relname FROM pg_class c WHERE c.relispartition")
        }
        async with await open_store(db) as store:
            assert (await store.queue(DEAD_LETTER)).feeds == ("mail",)
    else:
        assert mail.queue.implicit
        assert mail.queue.storage == "job"


@pytest.mark.parametrize("release", every(("9.0.3", "10.4.2", "11.1.2", "12.23.0", NEWEST), ("10.4.2", NEWEST)))
async def test_cheap_counts_on_a_big_table_say_what_they_are(
    database: DatabaseFactory, release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = database(release)
    fill(db.connection, db.schema, 20_000)
    monkeypatch.setattr(ladder, "SCAN_ROWS", 1_000)
    async with await open_store(db) as store:
        cheap = await store.overview()
        exact = {queue.name: queue for queue in (await store.overview(exact=True)).queues}
    assert cheap.truth_note is not None
    largest = next(queue for queue in cheap.queues if queue.name == "queue-01")
    true = exact["queue-01"]
    for state in ("created", "retry"):
        assert largest.counts[state] == true.counts[state]
    completed = largest.counts["completed"]
    assert completed.truth is Truth.ESTIMATE
    assert completed.value == pytest.approx(true.counts["completed"].value, rel=0.35)
    active = largest.counts["active"]
    if release == "12.38.0":
        assert active == true.counts["active"]
    elif generation(release) >= 11:
        assert active.truth is Truth.CACHED
        assert active.value == true.counts["active"].value
        assert active.age_seconds is not None
        assert 0 <= active.age_seconds < 120


async def test_unknown_is_never_zero(database: DatabaseFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    db = database("10.4.2")
    fill(db.connection, db.schema, 5_000)
    monkeypatch.setattr(ladder, "SCAN_ROWS", 100)
    monkeypatch.setattr(ladder, "SAMPLE_ROWS", 1)
    async with await open_store(db) as store:
        overview = await store.overview()
    unknown = [queue.counts["cancelled"] for queue in overview.queues if queue.counts["cancelled"].value is None]
    assert unknown
    assert {count.truth for count in unknown} == {Truth.UNKNOWN}


async def test_a_glance_without_a_queue_table_names_every_queue_and_counts_none(
    seeded: SeededFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = seeded("9.0.3")
    db.execute("INSERT INTO schedule (name, cron) VALUES ('only scheduled', '0 0 1 1 *')")
    db.execute("ANALYZE job")
    monkeypatch.setattr(ladder, "SCAN_ROWS", 100)
    monkeypatch.setattr(ladder, "SAMPLE_ROWS", 1)
    expected = {name for (name,) in db.execute("SELECT name FROM job UNION SELECT name FROM schedule")}
    async with await open_store(db) as store:
        glance = await store.glance()
        cheap = {queue.name: queue for queue in (await store.overview()).queues}
        assert set(await store.queue_names()) == expected
    assert glance is not None
    assert {queue.name for queue in glance.queues} == expected == set(cheap)
    numbers = {count for queue in glance.queues for count in (*queue.counts.values(), *queue.extra.values())}
    assert numbers == {UNKNOWN}
    assert cheap["only scheduled"].counts["created"] == Count(0, Truth.EXACT)
    assert cheap["only scheduled"].counts["completed"] == UNKNOWN


async def test_no_glance_where_no_index_leads_from_name_to_name(
    seeded: SeededFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = seeded("9.0.3")
    db.execute("DROP INDEX job_name")
    db.execute("CREATE INDEX job_name ON job (name)")
    db.execute("ANALYZE job")
    monkeypatch.setattr(ladder, "SCAN_ROWS", 100)
    async with await open_store(db) as store:
        assert await store.glance() is None
        assert {queue.name for queue in (await store.overview()).queues} >= {"mail", UNWORKED}


async def test_cheap_and_exact_readings_agree_on_what_is_blocked_deferred_and_due(
    seeded: SeededFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = seeded(NEWEST)
    db.execute("UPDATE job SET blocked = true WHERE name = 'mail' AND state = 'retry'")
    async with await open_store(db) as store:
        exact = {queue.name: queue for queue in (await store.overview()).queues}
        monkeypatch.setattr(ladder, "SCAN_ROWS", 100)
        cheap = {queue.name: queue for queue in (await store.overview()).queues}
    assert cheap.keys() == exact.keys()
    for name, queue in cheap.items():
        assert queue.extra == exact[name].extra
        for state in ("created", "retry", "active", "failed"):
            assert queue.counts[state] == exact[name].counts[state]
        due, exactly_due = queue.oldest_due_seconds, exact[name].oldest_due_seconds
        assert due == (None if exactly_due is None else pytest.approx(exactly_due, abs=5))
    assert cheap["mail"].extra["blocked"].value == 3
    assert cheap["mail"].extra["deferred"].value == 4

"""What goes on in queues: jobs that ended, minute by minute, and who works, on every release."""

from __future__ import annotations

import json

import pytest

from bossctl.models.pulse import MINUTES
from bossctl.store import pulse as reading
from tests.conftest import SeededFactory
from tests.seed.plan import BUSY, UNWORKED
from tests.support.database import Database
from tests.support.releases import ALL_RELEASES, NEWEST, at_least, every, generation
from tests.support.stores import open_store

ENDED = ((5, 3), (70, 2), (130, 1), (MINUTES * 60 - 10, 4), (MINUTES * 60 + 10, 8))
"""Seconds ago, and how many jobs ended then."""


def end_jobs(db: Database, queue: str, state: str) -> None:
    """Let jobs of a queue have ended as ENDED says, and no others lately."""
    ended = "completedon" if generation(db.release) < 10 else "completed_on"
    db.execute(f"UPDATE job SET {ended} = now() - interval '1 day' WHERE name = %s AND state = %s", [queue, state])
    ids = [job for (job,) in db.execute("SELECT id FROM job WHERE name = %s AND state = %s", [queue, state])]
    for seconds, number in ENDED:
        chosen, ids = ids[:number], ids[number:]
        assert len(chosen) == number
        db.execute(f"UPDATE job SET {ended} = now() - make_interval(secs => %s) WHERE id = ANY (%s)", [seconds, chosen])


@pytest.mark.parametrize("release", every(ALL_RELEASES))
async def test_what_ended_in_each_minute_and_who_works(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    end_jobs(db, BUSY, "completed")
    async with await open_store(db) as store:
        pulse = await store.pulse()
        busy, idle = pulse.of(BUSY), pulse.of(UNWORKED)
    assert busy.completed == (4, *[0] * (MINUTES - 4), 1, 2, 3)
    assert idle.completed == idle.failed == (0,) * MINUTES
    if at_least(release, "12.36"):
        assert (busy.workers, busy.seen_on) == (0, None)
    else:
        started = "startedon" if generation(release) < 10 else "started_on"
        assert busy.workers is None
        assert busy.seen_on == db.value(f"SELECT max({started}) FROM job WHERE name = %s", [BUSY])
        assert idle.seen_on is None


@pytest.mark.parametrize("release", ["9.0.3", "10.4.2", NEWEST])
async def test_failures_for_good(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    ended = "completedon" if generation(release) < 10 else "completed_on"
    db.execute(f"UPDATE job SET state = 'failed', {ended} = now() WHERE name = %s AND state = 'completed'", [BUSY])
    db.execute(f"UPDATE job SET state = 'cancelled', {ended} = now() WHERE name = %s AND state = 'created'", [BUSY])
    failed = db.value(f"SELECT count(*) FROM job WHERE name = %s AND {ended} > now() - interval '10 s'", [BUSY])
    cancelled = db.value(
        f"SELECT count(*) FROM job WHERE name = %s AND state = 'cancelled' AND {ended} > now() - interval '10 s'",
        [BUSY],
    )
    async with await open_store(db) as store:
        pulse = (await store.pulse()).of(BUSY)
    assert (pulse.failed[-1], pulse.completed[-1]) == (failed - cancelled, 0)
    assert cancelled


async def test_live_instances_are_counted_per_queue(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    calls = json.dumps([{"queue": BUSY, "active": 1}, {"queue": "push", "active": 0}])
    db.execute("UPDATE instance SET stopped_on = NULL, heartbeat_on = now(), workers = %s", [calls])
    instances = db.value("SELECT count(*) FROM instance")
    async with await open_store(db) as store:
        pulse = await store.pulse()
        assert [pulse.of(name).workers for name in (BUSY, "push", UNWORKED)] == [instances, instances, 0]
        db.execute("UPDATE instance SET heartbeat_on = now() - interval '1 hour'")
        assert (await store.pulse()).of(BUSY).workers == 0


async def test_a_large_table_without_the_index_has_what_the_monitor_counted(
    seeded: SeededFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Schemas 44 and 45: no index on completed_on, but the registry and the monitor's counters."""
    db = seeded(NEWEST)
    monkeypatch.setattr(reading, "SCAN_ROWS", 100)
    db.execute("DROP INDEX job_common_i16 CASCADE")
    db.execute("ANALYZE")
    table = db.value("SELECT table_name FROM queue WHERE name = 'thumbnails'")
    db.execute(f"DROP INDEX {table}_i16")
    db.execute(
        "UPDATE queue SET completed_delta = 30, failed_delta = 3, delta_seconds = CASE WHEN name = %s THEN 90 END,"
        " delta_on = now() - interval '40 s'",
        [BUSY],
    )
    db.execute(
        "INSERT INTO queue_stats (name, captured_on, deferred_count, queued_count, ready_count, active_count,"
        " failed_count, total_count, completed_delta, failed_delta, delta_seconds, delta_on)"
        " SELECT %s, now() - n * interval '1 min', 0, 0, 0, 0, 0, 0, 10 * n, 0, 60, now() - n * interval '1 min'"
        " FROM generate_series(0, 2) n",
        [BUSY],
    )
    async with await open_store(db) as store:
        pulse = await store.pulse()
    busy = pulse.of(BUSY)
    assert (busy.completed, busy.failed) == ((20, 10, 20), (0, 0, 2))
    assert 40 <= busy.age_seconds < 60
    assert pulse.of(UNWORKED).completed == (), "not counted yet: unknown, not zero"
    assert pulse.of(UNWORKED).workers == 0

"""The seeded databases hold what their description says, in every release."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import SeededFactory
from tests.seed import hostile
from tests.seed.plan import (
    BUSY,
    COMPLETION,
    DEAD_LETTER,
    EMPTY,
    FLOW,
    HOSTILE,
    NOTIFYING,
    PARTITIONED,
    SCHEDULED,
    STALE_HEARTBEAT,
    STUCK,
    UNWORKED,
    plan,
)
from tests.support.database import Database
from tests.support.releases import (
    ALL_RELEASES,
    ONE_PER_GENERATION,
    RELEASES_WITH_ARCHIVE,
    RELEASES_WITH_QUEUES,
    at_least,
    every,
    generation,
)

MOST_BYTES = 40 << 20


def since(first: str) -> list[str]:
    return [release for release in ALL_RELEASES if at_least(release, first)]


def counted(db: Database, table: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for name, state, number in db.execute(f"SELECT name, state::text, count(*) FROM {table} GROUP BY 1, 2"):
        found.setdefault(name, {})[state] = number
    return {name: states for name, states in found.items() if not name.startswith("__pgboss__")}


def column(release: str, name: str) -> str:
    """A column of the job table as this release spells it."""
    return name if generation(release) >= 10 else name.replace("_", "")


@pytest.mark.parametrize("release", every(ALL_RELEASES))
def test_every_state_is_there_as_planned(release: str, seeded: SeededFactory) -> None:
    db = seeded(release)
    assert counted(db, "job") == plan(release).counts
    start_after = column(release, "start_after")
    deferred = f"SELECT name, count(*) FROM job WHERE state = 'created' AND {start_after} > now() GROUP BY 1"
    assert db.execute(deferred) == [(BUSY, plan(release).queue(BUSY).deferred)]
    schedules = db.execute("SELECT name, cron, timezone, data FROM schedule ORDER BY cron")
    assert schedules == sorted((one.name, one.cron, one.timezone, one.data) for one in plan(release).schedules)
    assert db.value("SELECT pg_database_size(current_database())") < MOST_BYTES


def test_all_states_and_all_policies_of_pgboss_occur() -> None:
    states = {state for release in ALL_RELEASES for of in plan(release).counts.values() for state in of}
    assert states == {"created", "retry", "active", "completed", "expired", "cancelled", "failed"}
    assert "expired" in plan("9.0.3").counts[STUCK]
    policies = {queue.policy for queue in plan(ALL_RELEASES[-1]).queues}
    assert policies == {"standard", "short", "singleton", "stately", "exclusive", "key_strict_fifo"}
    assert all(len(plan(release).counts) >= 8 for release in ALL_RELEASES)


@pytest.mark.parametrize("release", every(RELEASES_WITH_QUEUES))
def test_queues_have_their_policies_and_options(release: str, seeded: SeededFactory) -> None:
    db = seeded(release)
    found = db.execute("SELECT name, policy FROM queue WHERE name NOT LIKE '\\_\\_pgboss\\_\\_%%'", [])
    assert dict(found) == {queue.name: queue.policy for queue in plan(release).queues}
    columns = "retry_limit, retry_delay, retry_backoff, expire_seconds, dead_letter"
    assert db.execute(f"SELECT {columns} FROM queue WHERE name = %s", [BUSY]) == [(3, 30, True, 300, DEAD_LETTER)]
    policies = "SELECT count(*) FROM job JOIN queue USING (name) WHERE job.policy <> queue.policy"
    assert db.value(policies) == 0
    dead = db.execute("SELECT data, output FROM job WHERE name = %s", [DEAD_LETTER])
    originals = db.execute("SELECT data FROM job WHERE name = %s AND state = 'failed'", [BUSY])
    assert sorted(str(data) for data, _ in dead) == sorted(str(data) for (data,) in originals)
    assert db.execute("SELECT FROM job WHERE name = %s", [EMPTY]) == []


@pytest.mark.parametrize("release", every(RELEASES_WITH_ARCHIVE))
def test_the_archive_was_filled_by_maintenance(release: str, seeded: SeededFactory) -> None:
    db = seeded(release)
    assert counted(db, "archive") == plan(release).archived
    assert db.value("SELECT count(*) FROM version WHERE maintained_on > now() - interval '2 minutes'") == 1
    if generation(release) < 10:
        assert plan(release).counts[COMPLETION] == {"created": 1}


@pytest.mark.parametrize("release", every(ALL_RELEASES))
def test_attempts_were_really_made(release: str, seeded: SeededFactory) -> None:
    db = seeded(release)
    tries, started = column(release, "retry_count"), column(release, "started_on")
    rows = f"SELECT {tries}, count(*), bool_and({started} IS NOT NULL) FROM job WHERE name = %s AND state = %s"
    assert db.execute(f"{rows} GROUP BY 1 ORDER BY 1", [BUSY, "retry"]) == [(0, 1, True), (1, 2, True)]
    assert db.execute(f"{rows} GROUP BY 1", [BUSY, "failed"]) == [(1, 5, True)]
    messages = (
        "SELECT output ->> 'message', count(*) FROM job WHERE name = %s AND state = 'failed' GROUP BY 1 ORDER BY 2"
    )
    assert [number for _, number in db.execute(messages, [BUSY])] == [1, 4]


@pytest.mark.parametrize("release", every(ALL_RELEASES))
def test_times_are_as_old_as_they_should_be(release: str, seeded: SeededFactory) -> None:
    db = seeded(release)
    created, started, completed = (column(release, name) for name in ("created_on", "started_on", "completed_on"))

    def ages(which: str, queue: str, state: str) -> tuple[float, float]:
        """Youngest and oldest, in minutes."""
        age = f"extract(epoch FROM now() - {which}) / 60"
        statement = f"SELECT min({age})::float, max({age})::float FROM job WHERE name = %s AND state = %s"
        [(youngest, oldest)] = db.execute(statement, [queue, state])
        return youngest, oldest

    assert ages(started, STUCK, "active")[0] == pytest.approx(120, abs=3)
    assert ages(created, UNWORKED, "created") == (pytest.approx(15, abs=3), pytest.approx(180, abs=3))
    assert ages(completed, BUSY, "failed") == (pytest.approx(30, abs=3), pytest.approx(150, abs=3))
    assert ages(completed, PARTITIONED, "completed")[1] == pytest.approx(360, abs=3)
    wrong = f"SELECT count(*) FROM job WHERE {started} < {created} OR {completed} < {started} OR {completed} > now()"
    assert db.value(wrong) == 0


@pytest.mark.parametrize("release", ONE_PER_GENERATION)
def test_hostile_text_arrived_unharmed(release: str, seeded: SeededFactory) -> None:
    db = seeded(release)
    texts = [text or "null" for (text,) in db.execute("SELECT data::text FROM job WHERE name = %s", [HOSTILE])]
    assert any("12345678901234567890.00000000000000000001" in text and "9007199254740993" in text for text in texts)
    assert sum(len(text) > hostile.BIG_BYTES * 0.99 for text in texts) == 1
    payloads = [json.loads(text) for text in texts if len(text) < 100_000]
    assert all(payload in payloads for payload in hostile.PAYLOADS)
    failed = db.execute("SELECT output ->> 'message' FROM job WHERE name = %s AND state = 'failed'", [HOSTILE])
    assert {message for (message,) in failed} == set(hostile.ERRORS)


@pytest.mark.parametrize("release", every(since("11")))
def test_one_queue_has_a_partition_and_counters_are_cached(release: str, seeded: SeededFactory) -> None:
    db = seeded(release)
    assert db.execute("SELECT name FROM queue WHERE partition") == [(PARTITIONED,)]
    cached = (
        "SELECT active_count, queued_count FROM queue WHERE name = %s AND monitor_on > now() - interval '5 minutes'"
    )
    mail = plan(release).counts[BUSY]
    assert db.execute(cached, [BUSY]) == [(mail["active"], mail["created"] + mail["retry"])]


@pytest.mark.parametrize("release", every(since("12.11")))
def test_warnings_were_stored(release: str, seeded: SeededFactory) -> None:
    warned = seeded(release).execute("SELECT type, data ->> 'name' FROM warning")
    assert set(warned) == {("queue_backlog", UNWORKED)}


@pytest.mark.parametrize("release", every(since("12.12")))
def test_a_heartbeat_is_stale(release: str, seeded: SeededFactory) -> None:
    stale = "SELECT name FROM job WHERE state = 'active' AND heartbeat_on + heartbeat_seconds * interval '1 s' < now()"
    assert seeded(release).execute(stale) == [(STALE_HEARTBEAT,)]


@pytest.mark.parametrize("release", every(since("12.19")))
def test_flows_go_on_or_wait(release: str, seeded: SeededFactory) -> None:
    db = seeded(release)
    blocked = db.execute("SELECT pending_dependencies FROM job WHERE name = %s AND blocked ORDER BY 1", [FLOW])
    assert blocked == [(1,), (2,)]
    freed = "SELECT count(*) FROM job WHERE name = %s AND NOT blocked AND state = 'created' AND data ->> 'ref' = 'leaf'"
    assert db.value(freed, [FLOW]) == 1
    assert db.value("SELECT count(*) FROM job_dependency") == 4


@pytest.mark.parametrize("release", every(since("12.24")))
def test_statistics_were_stored(release: str, seeded: SeededFactory) -> None:
    db = seeded(release)
    assert db.value("SELECT count(*) FROM queue_stats WHERE name = %s", [BUSY]) == 2


@pytest.mark.parametrize("release", every(since("12.36")))
def test_one_instance_stopped_and_one_crashed(release: str, seeded: SeededFactory) -> None:
    db = seeded(release)
    found: list[tuple[Any, ...]] = db.execute(
        "SELECT name, stopped_on IS NULL, version, workers FROM instance ORDER BY 1"
    )
    assert [row[:3] for row in found] == [("api", False, release), ("mailer", True, release)]
    assert [worker["queue"] for worker in found[1][3]] == [NOTIFYING]


@pytest.mark.parametrize("release", every(since("12.31")))
def test_a_recurrence_rule_is_scheduled(release: str, seeded: SeededFactory) -> None:
    rules = seeded(release).execute("SELECT name, key FROM schedule WHERE kind = 'rrule'")
    assert rules == [(SCHEDULED, "monthly")]

"""What each action does to a job's row, in every generation, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from bossctl.errors import NotFound, Unsupported, UsageError
from tests.conftest import DatabaseFactory, SeededFactory
from tests.support.acting import act, plan
from tests.support.aging import age, job_column
from tests.support.database import Database
from tests.support.releases import ALL_RELEASES, NEWEST, SCHEMA_NUMBERS, generation
from tests.support.stores import open_store

RELEASES = ("9.0.3", "10.4.2", "11.1.2", "12.27.0", NEWEST)
diagonal = pytest.mark.parametrize(
    "release", [one if one in RELEASES else pytest.param(one, marks=pytest.mark.matrix) for one in ALL_RELEASES]
)

Rows = dict[str, dict[str, Any]]


def rows(database: Database, where: str = "true") -> Rows:
    """id → the row by this release's own column names."""
    found = database.execute(f"SELECT id::text, to_jsonb(job) FROM job WHERE {where}")
    return {id: {key.replace("_", ""): value for key, value in row.items()} for id, row in found}


def moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Columns whose value changed, without underscores."""
    return {key for key in after if before[key] != after[key]}


def seconds_from_now(database: Database, text: str) -> float:
    return float(database.value("SELECT extract(epoch FROM %s::timestamptz - now())", [text]))


def ids(database: Database, where: str) -> list[str]:
    return [id for (id,) in database.execute(f"SELECT id::text FROM job WHERE {where} ORDER BY id")]


@diagonal
async def test_retry_gives_failed_jobs_one_more_attempt_that_maintenance_lets_live(
    seeded: SeededFactory, release: str
) -> None:
    db = seeded(release)
    if generation(release) < 10:
        db.execute("UPDATE job SET state = 'expired' WHERE id = (SELECT id FROM job WHERE state = 'failed' LIMIT 1)")
    kept, created = job_column(db, "keep_until"), job_column(db, "created_on")
    age(db, 40 * 86400, "created_on", "keep_until", "start_after", "completed_on", where="state IN ('failed')")
    before = rows(db)
    wanted = {id for id, row in before.items() if row["state"] in ("failed", "expired")}
    outcome = await act(db, "retry", "state:failed")
    assert (outcome.changed, outcome.skipped, outcome.plan.eligible) == (len(wanted), {}, len(wanted))
    after = rows(db)
    assert {id for id in after if before[id] != after[id]} == wanted
    for id in wanted:
        changed = moved(before[id], after[id])
        assert changed <= {"state", "retrylimit", "startafter", "completedon", "keepuntil"}
        assert after[id]["state"] == "retry"
        assert after[id]["completedon"] is None
        assert after[id]["retrylimit"] == before[id]["retrylimit"] + 1
        assert -60 < seconds_from_now(db, after[id]["startafter"]) <= 0
    assert db.value(f"SELECT count(*) FROM job WHERE state = 'retry' AND {kept} < now() + interval '1 hour'") == 0
    assert db.value(
        f"SELECT max({kept} - now()) < interval '41 days' FROM job WHERE {created} < now() - '30 d'::interval"
    )
    assert (await act(db, "retry", "state:failed")).changed == 0


@diagonal
async def test_stuck_jobs_go_from_active_to_retry_in_one_step(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    before = rows(db)
    outcome = await act(db, "retry", "is:stuck")
    assert "undo does not make them active again" in outcome.plan.consequences
    assert outcome.changed >= 1
    assert "may still be running" in outcome.plan.warnings[0]
    after = rows(db)
    changed = {id for id in after if before[id] != after[id]}
    assert len(changed) == outcome.changed
    assert before.keys() == after.keys(), "no dead-letter copy"
    for id in changed:
        assert (before[id]["state"], after[id]["state"]) == ("active", "retry")
        assert after[id]["retrylimit"] > after[id]["retrycount"] == before[id]["retrycount"]
        assert after[id]["startedon"] == before[id]["startedon"], "evidence stays"
        assert after[id].get("heartbeaton") is None
        message = after[id]["output"]["value"]["message"]
        assert message in ("job failed by timeout in active state", "job timed out", "job heartbeat timeout")
    mixed = await act(db, "retry", "is:stuck OR state:active")
    assert mixed.changed == 0
    assert set(mixed.skipped) <= {"not-failed"}


@diagonal
async def test_cancel_and_resume(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    before = rows(db, "name = 'mail'")
    open_ones = {id for id, row in before.items() if row["state"] in ("created", "retry", "active")}
    outcome = await act(db, "cancel", "queue:mail")
    assert (outcome.changed, outcome.skipped) == (len(open_ones), {"already-ended": len(before) - len(open_ones)})
    assert any("2 jobs active" in text for text in outcome.plan.warnings)
    cancelled = rows(db, "name = 'mail'")
    for id in before:
        assert moved(before[id], cancelled[id]) == ({"state", "completedon"} if id in open_ones else set())
    age(db, 40 * 86400, "keep_until", where="name = 'mail'")
    resumed = await act(db, "resume", "queue:mail")
    assert resumed.changed == len(open_ones) + 2, "two of the seed were cancelled before"
    assert resumed.skipped == {"not-cancelled": len(before) - resumed.changed}, "completed ones are refused everywhere"
    after = rows(db, "name = 'mail'")
    for id in open_ones:
        assert after[id]["state"] == "created"
        assert after[id]["completedon"] is None
        assert after[id]["startedon"] == before[id]["startedon"]
        assert seconds_from_now(db, after[id]["keepuntil"]) > 3600
        due = before[id]["startafter"]
        assert after[id]["startafter"] == due if seconds_from_now(db, due) > 0 else True


@diagonal
async def test_defer_moves_due_times_and_retention_along(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    start, kept = job_column(db, "start_after"), job_column(db, "keep_until")
    waiting = len(ids(db, "name = 'exports' AND state = 'created'"))
    db.execute(f"UPDATE job SET {kept} = {start} + interval '1 hour' WHERE name = 'exports'")
    later = await act(db, "defer", "queue:exports", by_seconds=86400)
    assert later.changed == waiting > 5
    assert db.value(f"SELECT min({start}) > now() + interval '23 hours' FROM job WHERE name = 'exports'")
    assert db.value(f"SELECT count(*) FROM job WHERE name = 'exports' AND {kept} < {start} + interval '59 min'") == 0
    until = datetime.now(UTC) + timedelta(days=3)
    assert (await act(db, "defer", "queue:exports", until=until, limit=2)).changed == 2
    assert db.value(f"SELECT count(*) FROM job WHERE name = 'exports' AND {start} = %s", [until]) == 2
    assert (await act(db, "defer", "queue:exports", now=True, spread_seconds=600)).changed == waiting
    due = [
        float(at)
        for (at,) in db.execute(f"SELECT extract(epoch FROM {start}) FROM job WHERE name = 'exports' ORDER BY 1")
    ]
    gaps = [later - earlier for earlier, later in pairwise(due)]
    assert max(gaps) - min(gaps) < 0.01 < 600 / waiting - 0.01 < min(gaps)
    assert (await act(db, "defer", "queue:exports", now=True)).skipped in ({}, {"already-due": 1})
    assert (await act(db, "defer", "queue:exports", now=True)).skipped == {"already-due": waiting}


@diagonal
async def test_delete_takes_all_but_active_jobs_and_those_others_wait_for(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    total = len(ids(db, "true"))
    active = len(ids(db, "state = 'active'"))
    everything = "state:created,retry,active,completed,cancelled,failed,expired"
    outcome = await act(db, "delete", everything)
    parents = outcome.skipped.get("blocks-flow", 0)
    assert (parents > 0) == (SCHEMA_NUMBERS[release] >= 31 and db.value("SELECT count(*) > 0 FROM job_dependency"))
    assert outcome.skipped == {"active": active, **({"blocks-flow": parents} if parents else {})}
    left = rows(db)
    assert total - outcome.changed == len(left)
    assert all(row["state"] == "active" or row.get("blocking") for row in left.values())


@diagonal
async def test_resend_makes_a_new_job_by_the_rules_of_its_queue(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    before = rows(db)
    if generation(release) >= 10:
        db.execute("UPDATE queue SET retry_limit = 7, expire_seconds = 77 WHERE name = 'mail'")
    outcome = await act(db, "resend", "queue:mail state:failed", limit=3)
    assert outcome.changed == 3
    assert not any("slot" in reason for reason in outcome.skipped)
    after = rows(db)
    assert all(after[id] == row for id, row in before.items()), "the old ones are untouched"
    new = [row for id, row in after.items() if id not in before]
    for row in new:
        [origin] = [
            old for old in before.values() if old["id"] in outcome.samples["changed"] and old["data"] == row["data"]
        ][:1]
        assert (row["name"], row["state"], row["retrycount"], row["output"]) == ("mail", "created", 0, None)
        assert (row["priority"], row["singletonkey"]) == (origin["priority"], origin["singletonkey"])
        assert row["startedon"] is row["completedon"] is row["singletonon"] is None
        if generation(release) >= 10:
            assert (row["retrylimit"], row["deadletter"]) == (7, "mail-dead")
            assert row.get("expireseconds", 77) == 77
            assert row.get("expirein", "00:01:17") == "00:01:17"
        assert seconds_from_now(db, row["keepuntil"]) > 3600


@diagonal
async def test_redrive_puts_dead_letters_back(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    if generation(release) < 10:
        with pytest.raises(Unsupported, match=r"dead-letter queues came with pg-boss 10\.0\.0"):
            await act(db, "redrive", "queue:mail")
        return
    dead = rows(db, "name = 'mail-dead'")
    known = "source_name" in {
        key for (key,) in db.execute("SELECT attname FROM pg_attribute WHERE attrelid = 'job'::regclass")
    }
    if not known:
        with pytest.raises(UsageError, match="does not record where a dead letter came from"):
            await act(db, "redrive", "queue:mail-dead")
    with pytest.raises(NotFound):
        await act(db, "redrive", "queue:mail-dead", to_queue="mial")
    before = rows(db, "name = 'mail'")
    outcome = await act(db, "redrive", "queue:mail-dead", to_queue=None if known else "mail")
    assert outcome.changed == len(dead) > 0
    assert rows(db, "name = 'mail-dead'") == {}
    new = [row for id, row in rows(db, "name = 'mail'").items() if id not in before]
    assert sorted(str(row["data"]) for row in new) == sorted(str(row["data"]) for row in dead.values())
    for row in new:
        assert (row["state"], row["retrycount"], row["output"], row["deadletter"]) == ("created", 0, None, "mail-dead")
        assert row.get("sourcename") is None
        if "sourcerootid" in row:
            assert row["sourcerootid"] in {old["sourcerootid"] or old["sourceid"] for old in dead.values()}
    other = await act(db, "redrive", "queue:exports", to_queue="mail", limit=1)
    assert (other.changed, set(other.skipped)) == (0, {"not-dead-letter"})


async def test_requests_that_make_no_sense(database: DatabaseFactory) -> None:
    async with await open_store(database(NEWEST)) as store:
        for action, options in (
            ("retry", {"limit": 0}),
            ("cancel", {"spread_seconds": 60}),
            ("retry", {"spread_seconds": 0}),
            ("defer", {}),
            ("defer", {"now": True, "by_seconds": 5}),
            ("defer", {"by_seconds": 0}),
            ("retry", {"now": True}),
            ("retry", {"to_queue": "mail"}),
        ):
            with pytest.raises(UsageError):
                await plan(store, action, "state:failed", **options)


@pytest.mark.parametrize("release", ["9.0.3", "10.4.2", NEWEST])
async def test_jobs_pg_boss_works_by_are_taken_only_where_they_are_named(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    db.execute("INSERT INTO job (name) VALUES ('__pgboss__send-it')")
    [own] = ids(db, "name = '__pgboss__send-it' AND state = 'created'")[:1]
    before = rows(db, "starts_with(name, '__pgboss__')")
    for selector in ("is:open", "queue:*send-it", "state:created"):
        outcome = await act(db, "cancel", selector)
        assert outcome.skipped["pg-boss-own"] >= 1
    assert rows(db, "starts_with(name, '__pgboss__')") == before
    assert (await act(db, "cancel", f"id:{own}")).changed == 1
    db.execute("INSERT INTO job (name) VALUES ('__pgboss__send-it')")
    assert (await act(db, "cancel", "queue:__pgboss__send-it is:open")).changed >= 1

"""`job explain` on real histories, and on states that a real pg-boss is in: what it says is what fetch then does."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from bossctl.errors import NotFound, UsageError
from bossctl.explain import explain
from bossctl.models.explanation import Explanation, Holds, Reason
from bossctl.selector import parse
from bossctl.store import Store
from tests.conftest import BossFactory, DatabaseFactory, SeededFactory
from tests.seed.plan import BUSY, DEAD_LETTER, FLOW, NOTIFYING, STALE_HEARTBEAT, STUCK, UNWORKED
from tests.support.aging import age
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.releases import ALL_RELEASES, NEWEST, at_least, generation
from tests.support.stores import open_store, spec_of
from tests.support.waiting import eventually

RELEASES = ("9.0.3", "10.4.2", "11.1.2", "12.27.0", NEWEST)
HIDING = ("10.4.2", "11.1.2", "12.27.0")
"""Releases whose fetch fails on the oldest key, as long as no monitor has passed."""


async def told(db: Database, job: str) -> Explanation:
    async with await open_store(db) as store:
        [found] = await explain(store, job)
        return found


def codes(found: Explanation) -> dict[str, Reason]:
    return {one.code: one for one in found.reasons}


class Seen:
    """Explanations of one seeded database, by selections."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def one(self, selection: str) -> Explanation:
        """Of the newest job that is selected."""
        page = await self.store.jobs(parse(selection), limit=1)
        found = await explain(self.store, page.jobs[0].id)
        return found[-1] if page.jobs[0].archived else found[0]


@pytest.mark.parametrize("release", RELEASES)
async def test_the_jobs_of_a_seed(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    async with await open_store(db) as store:
        see = Seen(store)
        await _waiting(see, release)
        await _active(see, release)
        await _ended(see, release)
        if generation(release) >= 10:
            await _keyed(see, release)
        if at_least(release, "12.19"):
            await _flows(db, store)


async def _waiting(see: Seen, release: str) -> None:
    later = await see.one(f"queue:{BUSY} state:created NOT is:due")
    assert codes(later)["deferred"].until == later.job.row.start_after
    assert codes(later)["kept-until"].until == later.job.row.keep_until
    again = codes(await see.one(f"queue:{BUSY} state:retry retries:1"))
    assert again["failed-before"].text == "attempt 2 failed: connect ETIMEDOUT 192.0.2.7:587"
    forsaken = await see.one(f"queue:{UNWORKED} state:created priority:0")
    assert codes(forsaken)["no-worker"].holds is Holds.LIKELY
    assert codes(forsaken)["jobs-ahead"].text.startswith("11 due jobs of queue exports stand before it")
    assert forsaken.next == ("worker", "list")
    if generation(release) <= 10:
        unrun = await see.one(f"queue:{BUSY} state:created archived:true")
        assert unrun.verdict.startswith("never ran: maintenance moved it to the archive ")


async def _active(see: Seen, release: str) -> None:
    stuck = await see.one(f"queue:{STUCK} state:active")
    assert stuck.verdict.startswith("stuck: it is past its expiry (")
    assert [one.outcome for one in stuck.attempts] == ["running"]
    at_work = codes(await see.one(f"queue:{BUSY} state:active"))
    assert {"active", "expires"} <= set(at_work)
    if at_least(release, "12.12"):
        silent = codes(await see.one(f"queue:{STALE_HEARTBEAT} state:active"))
        assert {"heartbeat-late", "heartbeat-stale"} & set(silent), "maintenance is given two intervals"
    if at_least(release, "12.36"):
        held = codes(await see.one(f"queue:{NOTIFYING} state:active"))["on-instance"]
        assert held.holds is Holds.LIKELY
        assert "mailer" in held.text
        assert "silent since" in held.text


async def _ended(see: Seen, release: str) -> None:
    failed = await see.one(f'queue:{BUSY} state:failed error:"SMTP 550"')
    assert [(one.attempt, one.outcome) for one in failed.attempts] == [(1, "unknown"), (2, "failed")]
    assert codes(failed)["fetched"].text == "fetched at least 2 times (retry_count is 1 of 1)"
    assert "attempt-times" in {one.code for one in failed.unknown}
    timed_out = await see.one(f"queue:{STUCK} state:failed")
    assert [one.outcome for one in timed_out.attempts] == ["expired"]
    assert "handler-end" in {one.code for one in timed_out.unknown}
    done = codes(await see.one(f"queue:{BUSY} state:completed"))
    assert {"completed", "fetched", "deleted-at" if generation(release) > 10 else "archived-at"} <= set(done)
    never = codes(await see.one(f"queue:{BUSY} state:cancelled"))
    assert never["cancelled"].text.endswith("it was never fetched")
    if at_least(release, "12.23"):
        assert codes(failed)["dead-letter"].holds is Holds.CERTAIN
        letter = await see.one(f"queue:{DEAD_LETTER}")
        assert codes(letter)["made-of"].ids == (letter.job.fields["source_id"],)
        assert "after 2 attempts, now failed" in codes(letter)["made-of"].text


async def _keyed(see: Seen, release: str) -> None:
    held = await see.one("queue:sync-singleton state:created key:a")
    holder = (await see.store.jobs(parse("queue:sync-singleton state:active"))).jobs[0].id
    assert codes(held)["slot-held"].ids == (holder,)
    assert held.next == ("job", "explain", holder)
    assert "slot-held" in codes(await see.one("queue:billing-stately state:created"))
    assert "slot-held" not in codes(await see.one("queue:report-short state:created key:a"))
    behind = codes(await see.one("queue:sync-singleton state:created key:b"))
    assert ("starved" in behind) == (release == "10.4.2"), "from 11 on the monitor of the seed listed the key"
    if at_least(release, "12.10"):
        fifo = codes(await see.one("queue:ledger-fifo state:created key:k1"))
        assert "a failed job keeps its key" in fifo["slot-held"].text
        assert ("starved" in fifo) == (release == "12.27.0")


async def _flows(db: Database, store: Store) -> None:
    rows = db.execute(
        "SELECT c.id::text, c.pending_dependencies, min(p.state::text) FROM job c"
        " JOIN job_dependency d ON d.child_id = c.id JOIN job p ON p.id = d.parent_id"
        " WHERE c.name = %s AND c.blocked GROUP BY 1, 2",
        [FLOW],
    )
    fates = {}
    for job, pending, _ in rows:
        [found] = await explain(store, job)
        fates[pending] = sorted(one.code for one in found.reasons if one.code.startswith("parent-"))
    assert fates == {1: ["parent-failed"], 2: ["parent-open", "parent-open"]}


@pytest.mark.matrix
@pytest.mark.parametrize("release", ALL_RELEASES)
async def test_every_job_of_every_release_is_explained(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    async with await open_store(db) as store:
        for (job,) in db.execute("SELECT min(id::text) FROM job GROUP BY name, state"):
            for found in await explain(store, job):
                assert found.verdict
                assert found.reasons
                assert found.next
                assert "not-seen" not in {one.code for one in found.unknown}


async def test_ids_that_are_none(seeded: SeededFactory) -> None:
    async with await open_store(seeded(NEWEST)) as store:
        with pytest.raises(NotFound):
            await explain(store, "00000000-0000-4000-8000-000000000000")
        with pytest.raises(UsageError):
            await explain(store, "mail")


async def sent(boss: Boss, queue: str, **options: Any) -> str:
    job = await boss.send(queue, {"n": 1}, **options)
    assert job is not None
    return job


@pytest.mark.parametrize("release", ["10.4.2", "11.1.2", "12.27.0", NEWEST])
async def test_what_is_said_to_starve_is_not_fetched(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("sync", policy="singleton")
    jobs = [await sent(one, "sync", singletonKey=key) for key in ("a", "a", "b")]
    age(db, 30, "created_on", "start_after")
    [first] = await one.fetch("sync")
    waits = next(job for job in jobs[:2] if job != first["id"])
    assert codes(await told(db, waits))["slot-held"].ids == (first["id"],)
    other = codes(await told(db, jobs[2]))
    assert ("starved" in other) == (release in HIDING)
    if release in HIDING:
        assert other["starved"].ids == (waits, first["id"])
    fetched = [job["id"] for job in await one.fetch("sync")]
    assert fetched == ([] if release in HIDING else [jobs[2]]), "fetch does as explained"
    await one.complete("sync", first["id"])
    assert "starved" not in codes(await told(db, jobs[2]))
    assert "slot-held" not in codes(await told(db, waits))


@pytest.mark.parametrize("release", ["9.0.3", "11.1.2", NEWEST])
async def test_jobs_are_fetched_in_the_order_told(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    jobs = [await sent(one, "mail", priority=priority) for priority in (0, 5, 0, 9)]
    later = await sent(one, "mail", startAfter=3600)
    found = {job: codes(await told(db, job)) for job in jobs}
    ahead = {job: int(found[job]["jobs-ahead"].text.split()[0]) if "jobs-ahead" in found[job] else 0 for job in jobs}
    assert sorted(ahead.values()) == [0, 1, 2, 3]
    for expected in sorted(jobs, key=ahead.__getitem__):
        assert [job["id"] for job in await one.fetch("mail")] == [expected]
    assert next(iter(codes(await told(db, later)))) == "deferred"
    assert await one.fetch("mail") in ([], None)


@pytest.mark.parametrize("release", ["10.4.2", NEWEST])
async def test_a_missing_index_is_no_guard(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("sync", policy="singleton")
    for _ in range(2):
        await sent(one, "sync", singletonKey="a")
    await one.fetch("sync")
    waits = db.value("SELECT id::text FROM job WHERE state = 'created' AND name = 'sync'")
    assert codes(await told(db, waits))["slot-held"].holds is Holds.CERTAIN
    for (index,) in db.execute("SELECT indexname FROM pg_indexes WHERE schemaname = 'pgboss' AND indexname ~ '_i2$'"):
        db.execute(f'DROP INDEX "{index}"')
    assert codes(await told(db, waits))["slot-held"].holds is Holds.POSSIBLE


@pytest.mark.parametrize("release", ["10.4.2", "11.1.2", "12.27.0", NEWEST])
async def test_dead_letters_are_found_both_ways(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("dead")
    await one.create_queue("mail", deadLetter="dead", retryLimit=1)
    job = await sent(one, "mail", retryDelay=60, retryBackoff=False)
    await one.fetch("mail")
    await one.fail("mail", job, {"message": "first"})
    again = await told(db, job)
    assert codes(again)["retry-delay"].until == again.job.row.start_after
    assert codes(again)["failed-before"].text == "attempt 1 failed: first"
    db.execute("UPDATE job SET start_after = now() - interval '1 second'")
    await one.fetch("mail")
    assert "attempt 1 failed: first" in {one.text for one in (await told(db, job)).reasons}
    await one.fail("mail", job, {"message": "second"})
    letter = db.value("SELECT id::text FROM job WHERE name = 'dead'")
    found = await told(db, job)
    assert codes(found)["dead-letter"].ids == (letter,)
    linked = at_least(release, "12.23")
    assert codes(found)["dead-letter"].holds is (Holds.CERTAIN if linked else Holds.LIKELY)
    assert ("made-of" in codes(await told(db, letter))) == linked
    assert [(one.attempt, one.outcome) for one in found.attempts] == [(1, "unknown"), (2, "failed")]


@pytest.mark.parametrize("release", ["12.27.0", NEWEST])
async def test_a_parent_is_missed_only_where_it_was_needed(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("steps")
    refs = [{"ref": name, "name": "steps", "data": {}} for name in ("left", "right")]
    child = {"ref": "child", "name": "steps", "data": {}, "dependsOn": ["left", "right"]}
    ids = await one.any("flow", [child, *refs])
    done, left = (str(job["id"]) for job in await one.fetch("steps", batchSize=2))
    await one.complete("steps", done)
    unresolved = codes(await told(db, ids["child"]))
    assert {"parent-unresolved", "parent-open"} <= set(unresolved)
    assert unresolved["parent-unresolved"].ids == (done,)
    await one.any("resolveFlow")
    await one.delete_job("steps", done)
    assert next(iter(codes(await told(db, ids["child"])))) == "parent-open"
    assert "parent-missing" not in codes(await told(db, ids["child"]))
    await one.delete_job("steps", left)
    lost = await told(db, ids["child"])
    assert lost.verdict.startswith("will never run as things are: blocked by 1 parent not stored any more")
    assert codes(lost)["parent-missing"].holds is Holds.CERTAIN


async def test_the_instance_at_work(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database(NEWEST)
    one = await boss(db, instanceName="worker-1", instanceHeartbeatSeconds=1)
    await one.create_queue("mail")
    await one.work("mail", {"do": "hang"}, groupConcurrency=1, minPriority=3)
    job = await sent(one, "mail", priority=5, group={"id": "tenant"})
    await one.wait_for("job-started")
    second = await sent(one, "mail", priority=5, group={"id": "tenant"})
    low = await sent(one, "mail")

    async def registered() -> bool:
        return "on-instance" in codes(await told(db, job))

    await eventually(registered)
    assert "worker-1" in codes(await told(db, job))["on-instance"].text
    grouped = codes(await told(db, second))
    assert "no-worker" not in grouped
    assert "its live workers allow 1" in grouped["group-limit"].text
    assert "take 3.. only" in codes(await told(db, low))["priority-band"].text


@pytest.mark.parametrize("release", ["9.0.3", "10.4.2"])
async def test_an_id_in_job_and_archive_is_explained_twice(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    job = db.execute("SELECT id::text FROM archive WHERE name = %s AND state = 'completed'", [BUSY])[0][0]
    policy = "" if generation(release) < 10 else ", policy"
    standard = "" if generation(release) < 10 else ", 'standard'"
    db.execute(f"INSERT INTO job (id, name{policy}) VALUES (%s, %s{standard})", [job, BUSY])
    async with await open_store(db) as store:
        live, archived = await explain(store, job)
    assert (live.job.row.archived, archived.job.row.archived) == (False, True)
    assert live.job.row.state == "created"
    assert "archived" in codes(archived)


async def test_what_a_role_may_not_see_is_told(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    role = f"looker_{db.name}"
    db.execute(f'CREATE ROLE "{role}" LOGIN')
    try:
        db.execute(f'GRANT USAGE ON SCHEMA pgboss TO "{role}"')
        db.execute(f'GRANT SELECT ON pgboss.job, pgboss.queue, pgboss.version TO "{role}"')
        job = db.value("SELECT id::text FROM job WHERE name = %s AND state = 'created' LIMIT 1", [UNWORKED])
        spec = replace(spec_of(db), dsn=f"{db.dsn}&options=-crole%3D{role}")
        async with await Store.open(spec) as store:
            [found] = await explain(store, job)
    finally:
        db.execute(f'DROP OWNED BY "{role}"')
        db.execute(f'DROP ROLE "{role}"')
    unseen = [one.text for one in found.unknown if one.code == "not-seen"]
    assert any(text.startswith("the instance registry: role ") for text in unseen), unseen
    assert codes(found)["no-worker"].holds is Holds.LIKELY, "what is left are the rows"


@pytest.mark.parametrize("release", RELEASES)
async def test_put_back_by_hand(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail", retryLimit=0)
    job = await sent(one, "mail", retryLimit=0)
    await one.fetch("mail")
    await one.cancel("mail", job)
    cancelled = await told(db, job)
    assert cancelled.verdict.startswith("cancelled 0s ago")
    assert [(attempt.outcome, attempt.holds) for attempt in cancelled.attempts] == [("cancelled", Holds.POSSIBLE)]
    await one.resume("mail", job)
    assert "put-back" in codes(await told(db, job))
    await one.fetch("mail")
    again = await told(db, job)
    assert [attempt.attempt for attempt in again.attempts] == ([1] if release == "9.0.3" else [1, 2])
    assert ("resumes" in {unknown.code for unknown in again.unknown}) == (release == "9.0.3")
    await one.fail("mail", job, {"message": "no"})
    if release != "9.0.3":
        await one.retry("mail", job)
        retried = codes(await told(db, job))
        assert ("retried-by-hand" in retried) == (generation(release) < 12), "completed_on was left set"
        await one.fetch("mail")
        await one.complete("mail", job)
        done = await told(db, job)
        assert codes(done)["fetched"].text.startswith("fetched at least 3 times")
        assert {"attempt-times", "attempt-causes"} <= {unknown.code for unknown in done.unknown}


@pytest.mark.parametrize("release", ["10.4.2", NEWEST])
async def test_failed_because_its_slot_was_taken(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("bill", policy="stately", retryLimit=2, retryDelay=600)
    first = await sent(one, "bill")
    await one.fetch("bill")
    await one.fail("bill", first)
    second = await sent(one, "bill")
    await one.fetch("bill")
    await one.fail("bill", second, {"message": "no"})
    early = codes(await told(db, second))["failed-early"]
    assert early.holds is Holds.LIKELY
    assert early.text.startswith("it failed for good with 2 retries left: under policy stately")
    assert "failed-early" not in codes(await told(db, first))


@pytest.mark.parametrize("release", ["9.0.3", NEWEST])
async def test_an_attempt_that_was_given_up(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail", retryLimit=1)
    job = await sent(one, "mail", expireInSeconds=1, retryLimit=1, retryDelay=600)
    await one.work("mail", {"do": "sleep", "ms": 60_000})
    await eventually(lambda: db.value("SELECT state FROM job WHERE id = %s", [job]) == "retry")
    found = await told(db, job)
    assert [attempt.outcome for attempt in found.attempts] == ["overran"]
    assert "handler-end" in {unknown.code for unknown in found.unknown}
    assert "handler execution exceeded 1" in codes(found)["failed-before"].text


async def test_an_expired_attempt_of_9_records_nothing(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("9.0.3")
    one = await boss(db)
    job = await sent(one, "mail", expireInSeconds=60, retryLimit=1)
    await one.fetch("mail")
    age(db, 120, "created_on", "start_after", "started_on")
    await one.maintain()
    found = await told(db, job)
    assert found.job.row.state == "retry"
    assert [(attempt.outcome, attempt.holds) for attempt in found.attempts] == [("expired", Holds.LIKELY)]


SAID_TO_WAIT = {"slot-held", "starved", "key-listed", "keyless-ignored", "queue-closed", "fifo-order", "deferred"}


@pytest.mark.matrix
@pytest.mark.parametrize("monitored", [False, True])
@pytest.mark.parametrize(
    "release", [release for release in ALL_RELEASES if generation(release) >= 10 and release != "12.5.4"]
)
async def test_what_is_fetched_is_what_nothing_holds_back(
    database: DatabaseFactory, boss: BossFactory, release: str, monitored: bool
) -> None:
    """Random queues with keys: the first job that nothing is said to hold is the one a fresh worker gets.

    Not 12.5.4: its schema is 11.1's, and which of the two ways to read the list of keys its release has is not told.
    """
    db = database(release)
    one = await boss(db, monitorIntervalSeconds=1, maintenanceIntervalSeconds=1)
    chance = random.Random(f"{release} {monitored}")
    policies = ["singleton", "stately", *(["key_strict_fifo"] if at_least(release, "12.10") else [])]
    for number in range(6):
        await _random_queue(one, f"queue-{number}", policies[number % len(policies)], chance)
    if monitored:
        await one.maintain()
    fresh = await boss(db)
    for number in range(6):
        queue = f"queue-{number}"
        waiting = db.execute(
            "SELECT id::text FROM job WHERE name = %s AND state < 'active' ORDER BY priority DESC, created_on, id",
            [queue],
        )
        found = {job: _held(codes(await told(db, job))) for (job,) in waiting}
        free = [job for job, held in found.items() if not held]
        assert [job["id"] for job in await fresh.fetch(queue)] == free[:1], (queue, found)


def _held(reasons: dict[str, Reason]) -> set[str]:
    """What is said to hold it, but for what the schema leaves open."""
    return {code for code in SAID_TO_WAIT & set(reasons) if reasons[code].holds in (Holds.CERTAIN, Holds.LIKELY)}


async def _random_queue(one: Boss, queue: str, policy: str, chance: random.Random) -> None:
    await one.create_queue(queue, policy=policy, retryLimit=2, retryDelay=0)
    keys = ("a", "b", "c") if policy == "key_strict_fifo" else ("a", "b", None)
    for _ in range(5):
        key = chance.choice(keys)
        options = {"singletonKey": key} if key else {}
        await one.send(queue, {}, priority=chance.choice((0, 0, 1)), **options)
    for _ in range(2):
        taken = await one.fetch(queue)
        if taken and chance.random() < 0.5:
            await one.fail(queue, taken[0]["id"])

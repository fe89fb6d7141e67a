"""Workers: registered instances and their queues, sessions before there was a registry, and who may see them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bossctl.selector import And, Ids, QueueGlob, States, to_text
from bossctl.tui.holding import in_hand
from bossctl.tui.places import JobsPlace
from bossctl.tui.screens.jobs import JobsScreen
from bossctl.tui.screens.queue import QueueScreen
from bossctl.tui.screens.workers import WorkersScreen
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.releases import NEWEST
from tests.support.stores import open_store
from tests.support.waiting import eventually
from tests.tui.app_support import SMALL, Driver, diagonal, opened_on, running
from tests.tui.dialog_support import reader, toasts, until


def flat(driver: Driver) -> str:
    return " ".join(driver.text.split())


async def busy(db: Database, one: Boss, name: str, queue: str, jobs: int) -> str:
    """Hand jobs to a worker that keeps them; its instance's id once its heartbeat has told of them."""
    for number in range(jobs):
        await one.send(queue, {"number": number})
    await one.work(queue, {"do": "hang"}, batchSize=2)
    told = "SELECT id::text FROM instance WHERE name = %s AND (workers->0->>'active')::int = %s"
    await eventually(lambda: db.execute(told, [name, jobs]))
    return str(db.value(told, [name, jobs]))


async def test_an_instance_from_its_first_heartbeat_to_its_death(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database(NEWEST)
    first = await boss(db, instanceName="one [red]", instanceHeartbeatSeconds=1)
    await first.create_queue("q1")
    mine = await busy(db, first, "one [red]", "q1", 2)
    async with running(db.dsn, size=SMALL) as driver:
        await opened_on(driver, "workers", WorkersScreen)
        await until(driver, lambda: driver.cell(mine, "state") == "● alive")
        assert driver.cell(mine, "name") == "one [red]"
        assert driver.cell(mine, "pid") == str(first.pid)
        assert driver.cell(mine, "release") == NEWEST
        assert [driver.cell(mine, column) for column in ("active", "slots", "queues")] == ["2", "2", "q1"]
        details = db.execute("SELECT pool_total, pool_max, crash_restarts, metrics->>'rss' FROM instance")[0]
        assert driver.cell(mine, "pool") == f"{details[0]}/{details[1]}"
        assert driver.cell(mine, "restarts") == f"{details[2]}"
        assert driver.cell(mine, "memory").endswith("MB")
        await until(driver, lambda: f"role {db.value('SELECT current_user')}" in flat(driver))
        assert "alive, heartbeat" in flat(driver)

        # Both jobs can only be its own: to these; and to the queue from the list of what it works on.
        await driver.press("a")
        jobs = await driver.on(JobsScreen)
        ids = [f"{row[0]}" for row in db.execute("SELECT id FROM job WHERE state = 'active'")]
        assert jobs.place in (JobsPlace(to_text(Ids(tuple(order)))) for order in (ids, ids[::-1]))
        await driver.press("escape")
        screen = await driver.on(WorkersScreen)
        await driver.press("tab")
        assert screen.calls.has_focus
        await driver.press("o")
        assert (await driver.on(QueueScreen)).name_here == "q1"
        await driver.press("escape", "tab", "y")
        await until(driver, lambda: driver.app.clipboard == mine)
        await driver.press("escape")
        await driver.on(WorkersScreen)

        # A second one on the same queue: which of the two has a job in hand is nowhere stored.
        second = await boss(db, instanceName="two", instanceHeartbeatSeconds=1)
        await busy(db, second, "two", "q1", 1)
        await until(driver, lambda: len(driver.table.keys) == 2)
        assert driver.table.cursor_key == mine
        await driver.press("enter")
        jobs = await driver.on(JobsScreen)
        assert jobs.place == JobsPlace(to_text(And((QueueGlob.exactly("q1"), States(("active",))))))
        assert any("more than one" in one for one in toasts(driver))
        await driver.press("escape")
        await driver.on(WorkersScreen)

        # Killed: silent by the registry's own rule, and the cursor stays on it while the living move up.
        await first.die()
        await until(driver, lambda: "0 · as pgboss:" in flat(driver))
        db.execute("UPDATE instance SET heartbeat_on = now() - interval '1 minute' WHERE id = %s", [mine])
        await until(driver, lambda: driver.cell(mine, "state") == "✗ silent")
        await until(driver, lambda: "and no session is left: it died" in flat(driver))
        assert driver.table.cursor_key == mine
        await until(driver, lambda: driver.table.keys[-1] == mine)
        assert screen.about().startswith("1 alive · 1 silent")
        await second.stop(graceful=False)
        await until(driver, lambda: "- stopped" in driver.text)


@pytest.mark.parametrize("release", diagonal(["9.0.3", "10.4.2", "11.1.2", "12.27.0"], "10.4.2"))
async def test_before_the_registry_sessions_are_told_as_what_they_are(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    async with running(db.dsn, size=SMALL) as driver:
        await opened_on(driver, "workers", WorkersScreen)
        await until(driver, lambda: "no session looks like pg-boss's" in driver.text)
        assert "has no instance registry (pg-boss 12.36.0, schema 44)" in flat(driver)
        one = await boss(db)
        [key] = await seen(driver)
        assert driver.cell(key, "state") == "~ seen"
        assert driver.cell(key, "name") == "pgboss"
        assert driver.cell(key, "role") == db.value("SELECT current_user")
        number = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgboss'"
        await until(
            driver, lambda: driver.cell(key, "sessions") == str(db.value(number + " AND datname = current_database()"))
        )
        await until(driver, lambda: "which process, release and queues, none tells" in flat(driver))
        await driver.press("enter")
        assert (await driver.on(JobsScreen)).place == JobsPlace("state:active")
        await driver.press("escape")
        await driver.on(WorkersScreen)
        await one.stop()
        await until(driver, lambda: driver.table.is_gone(key) or not driver.table.keys)


async def seen(driver: Driver) -> tuple[str, ...]:
    await until(driver, lambda: driver.table.keys)
    return driver.table.keys


@pytest.mark.parametrize("release", diagonal(["10.4.2", NEWEST], "10.4.2", NEWEST))
async def test_what_sessions_do_is_unknown_to_a_role_that_may_not_see_it(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    await boss(db)
    with reader(db) as dsn:
        async with running(dsn) as driver:
            await opened_on(driver, "workers", WorkersScreen)
            [key] = await seen(driver)
            assert f"GRANT pg_read_all_stats TO reader_{db.name} shows them" in flat(driver)
            await until(driver, lambda: "? busy" in flat(driver))
            if release == NEWEST:
                assert driver.cell(key, "state") == "● alive"
                # Until its first heartbeat it has told nothing of its work.
                assert [driver.cell(key, column) for column in ("active", "slots", "queues")] == ["?", "?", "?"]
                db.execute(f"REVOKE SELECT ON instance FROM reader_{db.name}")
                await until(driver, lambda: "permission denied for table instance" in flat(driver))
                assert driver.cell(key, "state") == "● alive", "what was read stays, with its age in the banner"
            else:
                assert [driver.cell(key, column) for column in ("busy", "last", "since")] == ["?", "?", "?"]


async def test_a_job_is_an_instances_when_no_other_can_have_it(database: DatabaseFactory, boss: BossFactory) -> None:
    """By what real instances registered, moved in time."""
    db = database(NEWEST)
    one = await boss(db, instanceName="one", instanceHeartbeatSeconds=1)
    await one.create_queue("q1")
    await busy(db, one, "one", "q1", 1)
    async with await open_store(db) as store:
        [worker], [job] = (await store.workers()).workers, (await store.jobs()).jobs
    fetched = job.started_on
    assert fetched is not None
    assert in_hand(worker, [worker], [job]) == (job,)

    second = timedelta(seconds=1)
    other = replace(worker, instance="other")
    heard, unheard = replace(other, heartbeat_on=fetched + second), replace(other, heartbeat_on=fetched - second)
    idle = tuple(replace(work, active=0) for work in worker.work)
    cannot = {
        "it told since that it has none": replace(heard, work=idle, active=0),
        "it works another queue": replace(unheard, work=tuple(replace(work, queue="q2") for work in worker.work)),
        "it was long dead": replace(other, heartbeat_on=fetched - 60 * second),
        "it began later": replace(heard, started_on=fetched + second),
        "it stopped before": replace(unheard, stopped_on=fetched - second),
    }
    can = {
        "it has one too": heard,
        "it has not told since": replace(unheard, work=idle, active=0),
        "it has told nothing yet": replace(unheard, work=(), active=None),
    }
    for why, one in cannot.items():
        assert in_hand(worker, [worker, one], [job]) == (job,), why
    for why, one in can.items():
        assert in_hand(worker, [worker, one], [job]) == (), why

"""The test bed itself: releases install what they should, copies are cheap, and a boss does what it is told."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from bossctl.demo import node
from bossctl.demo.node import cached_packages, cached_project, find_node
from bossctl.errors import BossctlError, Unreachable, Unsupported
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.bed import PGBOSS, Bed, open_bed
from tests.support.boss import BossDied, BossError, NotInThisRelease
from tests.support.database import Database
from tests.support.releases import (
    ALL_RELEASES,
    NEWEST,
    ONE_PER_GENERATION,
    SCHEMA_NUMBERS,
    at_least,
    every,
    generation,
)
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]


def state(db: Database, job: str | None) -> Callable[[], Any]:
    """Reads the state of a job, whatever the release."""
    return lambda: db.value("SELECT state::text FROM job WHERE id = %s", [job])


def test_package_json_names_the_releases_under_test_and_no_registry() -> None:
    aliases = json.loads((PGBOSS / "package.json").read_text())["dependencies"]
    assert {alias: f"npm:pg-boss@{alias.removeprefix('pgboss-')}" for alias in aliases if "pgboss-" in alias} == {
        f"pgboss-{release}": f"npm:pg-boss@{release}" for release in ALL_RELEASES
    }
    packages = json.loads((PGBOSS / "package-lock.json").read_text())["packages"]
    assert [name for name, facts in packages.items() if "resolved" in facts] == []
    assert all("integrity" in facts for name, facts in packages.items() if name)


@pytest.mark.parametrize("release", every(ALL_RELEASES))
def test_every_release_installs_the_schema_it_is_known_for(release: str, database: DatabaseFactory) -> None:
    db = database(release)
    assert db.schema_number == SCHEMA_NUMBERS[release]
    assert db.execute("SELECT * FROM job") == []


def test_a_copy_costs_little(bed: Bed) -> None:
    template = bed.installed(NEWEST)
    taken = []
    for _ in range(9):
        started = time.monotonic()
        bed.drop(bed.create(template))
        taken.append(time.monotonic() - started)
    assert statistics.median(taken) < 0.5, "about 20 ms on an idle machine"


def test_copies_are_apart_and_gone_after_their_test(bed: Bed, database: DatabaseFactory) -> None:
    one, other = database("9.0.3"), database("9.0.3")
    one.execute("INSERT INTO job (name) VALUES ('only here')")
    assert one.value("SELECT count(*) FROM job") == 1
    assert other.value("SELECT count(*) FROM job") == 0
    one.drop()
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(bed.dsn(one.name))


def test_an_empty_database_has_no_pgboss(database: DatabaseFactory) -> None:
    assert database(None).value("SELECT to_regnamespace('pgboss')") is None


@pytest.mark.parametrize("schema", ["jobs", "Odd Name", "ünï-1"])
def test_other_schema_names(schema: str, database: DatabaseFactory) -> None:
    db = database(NEWEST, schema=schema)
    assert db.schema_number == SCHEMA_NUMBERS[NEWEST]
    assert db.value("SELECT to_regnamespace('pgboss')") is None


@pytest.mark.matrix
async def test_a_boss_finds_its_schema_by_any_name(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database(NEWEST, schema="Odd Name")
    one = await boss(db)
    await one.create_queue("mail")
    assert db.value("SELECT count(*) FROM queue WHERE name = 'mail'") == 1


def test_a_release_says_why_it_does_not_install(database: DatabaseFactory) -> None:
    with pytest.raises(RuntimeError, match=r"pg-boss 10\.0\.6 did not install itself"):
        database("10.0.6", schema="Odd Name")


def test_two_releases_side_by_side(database: DatabaseFactory) -> None:
    db = database("10.4.2")
    db.install("12.8.0", "pgboss_v12")
    assert db.schema_number == 24
    assert db.value("SELECT version FROM pgboss_v12.version") == 27


def test_a_template_is_built_once_however_many_ask(bed: Bed) -> None:
    name = f"template_race_{os.getpid()}"
    built = []

    def ask() -> str:
        own = Bed(bed.parameters, bed.home)
        try:
            return own.template(name, lambda dsn: built.append(dsn))
        finally:
            own.close()

    with ThreadPoolExecutor(max_workers=4) as pool:
        assert set(pool.map(lambda _: ask(), range(4))) == {name}
    assert len(built) == 1
    bed.admin.execute(f"ALTER DATABASE {name} WITH IS_TEMPLATE false".encode())
    bed.drop(name)


def test_a_template_that_fails_to_build_is_not_there(bed: Bed) -> None:
    name = f"template_broken_{os.getpid()}"

    def fail(_dsn: str) -> None:
        raise RuntimeError("no luck")

    with pytest.raises(RuntimeError, match="no luck"):
        bed.template(name, fail)
    assert bed.template(name, lambda _dsn: None) == name
    bed.admin.execute(f"ALTER DATABASE {name} WITH IS_TEMPLATE false".encode())
    bed.drop(name)


def test_a_second_run_at_the_same_time_has_a_server_of_its_own(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOSSCTL_TEST_DSN", raising=False)
    other = open_bed()
    try:
        assert other.parameters["host"] != bed.parameters["host"]
        name = other.create()
        assert other.admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
    finally:
        other.close()


def test_a_given_server_is_used_and_left_running(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOSSCTL_TEST_DSN", bed.dsn(bed.home))
    given = open_bed()
    name = given.create()
    given.close()
    assert bed.admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
    bed.drop(name)


def test_without_the_wheel_of_node_the_hint_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, node.PACKAGE, None)
    find_node.cache_clear()
    with pytest.raises(Unsupported) as caught:
        find_node()
    assert caught.value.hint == "pip install 'bossctl[demo]'"


def test_an_unreachable_registry_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "cache_root", lambda: tmp_path)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm-cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(Unreachable, match="registry") as caught:
        cached_packages({"pg-boss": "10.0.6"})
    assert caught.value.hint is not None
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["npm-cache"]


def test_a_project_whose_lock_does_not_fit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "cache_root", lambda: tmp_path)
    project = tmp_path / "project"
    project.mkdir()
    (project / "package.json").write_text('{"dependencies": {"pg-boss": "10.0.6"}}')
    with pytest.raises(BossctlError, match="npm could not install pg-boss"):
        cached_project(project)


@pytest.mark.matrix
@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("9.0.3", NEWEST)))
async def test_jobs_by_hand(release: str, database: DatabaseFactory, boss: BossFactory) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail", retryLimit=0)
    done = await one.send("mail", {"n": 1}, priority=5)
    await one.insert("mail", [{"data": {"n": 2}, "retryLimit": 1}])
    assert [job["data"] for job in await one.fetch("mail")] == [{"n": 1}]
    await one.complete("mail", [str(done)])
    assert state(db, done)() == "completed"
    [failing] = await one.fetch("mail")
    await one.fail("mail", failing["id"], {"message": "no"})
    assert state(db, failing["id"])() == "retry"
    cancelled = await one.send("mail")
    await one.cancel("mail", str(cancelled))
    assert state(db, cancelled)() == "cancelled"
    await one.resume("mail", str(cancelled))
    assert state(db, cancelled)() == "created"
    await one.schedule("mail", "0 3 * * *", {"n": 3}, tz="Europe/Berlin")
    assert db.execute("SELECT name, cron, timezone FROM schedule") == [("mail", "0 3 * * *", "Europe/Berlin")]
    await one.maintain()
    await one.stop()


@pytest.mark.matrix
@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("9.0.3", NEWEST)))
async def test_workers(release: str, database: DatabaseFactory, boss: BossFactory) -> None:
    db = database(release)
    one = await boss(db)
    for queue in ("succeeding", "failing", "sleeping", "told"):
        await one.create_queue(queue)
    jobs = {
        "succeeding": await one.send("succeeding"),
        "failing": await one.send("failing", retryLimit=0),
        "sleeping": await one.send("sleeping"),
        "told": await one.send("told", {"handler": {"do": "fail", "message": "as told"}}, retryLimit=0),
    }
    await one.work("succeeding", {"do": "succeed", "output": {"n": 42}})
    await one.work("failing", {"do": "fail", "message": "it broke", "properties": {"code": "E1"}})
    await one.work("sleeping", {"do": "sleep", "ms": 300, "then": {"do": "succeed", "output": {"slept": True}}})
    await one.work("told", {"do": "payload"})
    await eventually(lambda: state(db, jobs["sleeping"])() == "active")
    await eventually(lambda: state(db, jobs["sleeping"])() == "completed")
    await eventually(lambda: state(db, jobs["told"])() == "failed")
    outputs = {name: db.value("SELECT output FROM job WHERE id = %s", [job]) for name, job in jobs.items()}
    assert outputs["succeeding"] == {"n": 42}
    assert (outputs["failing"]["message"], outputs["failing"]["code"]) == ("it broke", "E1")
    assert outputs["sleeping"] == {"slept": True}
    assert outputs["told"]["message"] == "as told"
    await one.off_work("succeeding")
    late = await one.send("succeeding")
    await asyncio.sleep(0.8)
    assert state(db, late)() == "created"


@pytest.mark.matrix
@pytest.mark.parametrize("release", [one for one in ONE_PER_GENERATION if generation(one) >= 10])
async def test_queues(release: str, database: DatabaseFactory, boss: BossFactory) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("short", policy="short", retryLimit=7)
    found = await one.get_queue("short")
    assert found is not None
    assert (found["policy"], found["retryLimit"]) == ("short", 7)
    first, second = await one.send("short"), await one.send("short")
    assert first is not None
    assert second is None
    await one.update_queue("short", retryLimit=9)
    assert db.value("SELECT retry_limit FROM queue WHERE name = 'short'") == 9
    await one.delete_job("short", first)
    await one.delete_queue("short")
    assert db.execute("SELECT FROM queue WHERE name = 'short'") == []


@pytest.mark.matrix
@pytest.mark.parametrize("release", ["9.0.3", "10.1.6", "10.4.2", NEWEST])
async def test_what_a_release_lacks_is_said(release: str, database: DatabaseFactory, boss: BossFactory) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail", retryLimit=0)
    job = str(await one.send("mail", retryLimit=0))
    await one.fetch("mail")
    await one.fail("mail", job)
    if at_least(release, "10.3"):
        await one.retry("mail", job)
        assert state(db, job)() == "retry"
    else:
        with pytest.raises(NotInThisRelease, match=r"retry\(\) is not in pg-boss"):
            await one.retry("mail", job)
        assert state(db, job)() == "failed"


@pytest.mark.matrix
async def test_pgboss_errors_arrive(database: DatabaseFactory, boss: BossFactory) -> None:
    one = await boss(database(NEWEST))
    with pytest.raises(BossError, match="Queue nowhere does not exist"):
        await one.send("nowhere")
    await one.create_queue("mail")
    db = database("10.0.0")
    two = await boss(db)
    await two.create_queue("mail")
    with pytest.raises(BossError) as caught:
        await two.create_queue("mail")
    assert caught.value.code == "23505"


@pytest.mark.matrix
@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, ("9.0.3", NEWEST)))
async def test_a_killed_boss_leaves_its_job_active(release: str, database: DatabaseFactory, boss: BossFactory) -> None:
    db = database(release)
    one = await boss(db)
    await one.create_queue("mail")
    job = await one.send("mail")
    await one.work("mail", {"do": "hang"})
    await one.wait_for("job-started")
    await one.die()
    assert state(db, job)() == "active"
    with pytest.raises(BossDied):
        await one.send("mail")
    crashing = await boss(db)
    await crashing.send("mail")
    await crashing.work("mail", {"do": "crash"})
    await asyncio.wait_for(crashing.process.wait(), 15)
    with pytest.raises(BossDied):
        await crashing.wait_for("job-finished")


@pytest.mark.matrix
async def test_a_paused_boss_answers_when_it_goes_on(database: DatabaseFactory, boss: BossFactory) -> None:
    one = await boss(database(NEWEST))
    one.pause()
    pending = asyncio.create_task(one.create_queue("mail"))
    done, _ = await asyncio.wait([pending], timeout=0.3)
    assert not done
    one.unpause()
    await pending


@pytest.mark.matrix
async def test_another_release_may_work_on_a_schema(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("11.1.2")
    newer = await boss(db, release="12.8.0")
    assert db.schema_number == 27
    await newer.create_queue("mail")
    assert await newer.send("mail")


@pytest.mark.matrix
async def test_maintenance_expires_and_counts(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("11.1.2")
    one = await boss(db, monitorIntervalSeconds=1)
    await one.create_queue("mail", retryLimit=0, expireInSeconds=1)
    job = await one.send("mail")
    await one.fetch("mail")
    await asyncio.sleep(1.1)
    await one.maintain("mail")
    assert state(db, job)() == "failed"
    await asyncio.sleep(1.1)
    await one.maintain()
    assert db.value("SELECT total_count FROM queue WHERE name = 'mail'") == 1


@pytest.mark.matrix
async def test_long_payloads_pass(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database(NEWEST)
    one = await boss(db)
    await one.create_queue("mail")
    await one.send("mail", {"text": "x" * 5_000_000})
    [job] = await one.fetch("mail")
    assert len(job["data"]["text"]) == 5_000_000


def test_node_ends_when_the_test_run_is_killed() -> None:
    code = f"""
import asyncio
from tests.support.boss import Boss
async def main():
    boss = await Boss.open({NEWEST!r})
    print(boss.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    driver = psutil.Process(int(process.stdout.readline()))
    assert driver.is_running()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 15
    while driver.is_running() and driver.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not driver.is_running() or driver.status() == psutil.STATUS_ZOMBIE

"""D1 to D3, D16, D18, D21: what real schedulers send twice, in the wrong minute, or not as they were asked to.

A pass of the scheduler every second shows within one minute what passes every 30 s show in several.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bossctl.models.findings import Certainty, Severity
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.proof import Expect, prove
from tests.support.releases import generation
from tests.support.waiting import eventually

matrix = pytest.mark.matrix
SENDS = "SELECT count(*) FROM job WHERE name = '__pgboss__send-it'"
OFTEN: dict[str, Any] = {"schedule": True, "cronMonitorIntervalSeconds": 1, "cronWorkerIntervalSeconds": 1}
KNOWN = ("SCH01",)
"""Releases 10.0.0 to 10.0.6 are warned of by themselves."""


async def passes(db: Database, number: int) -> None:
    """Wait until a scheduler has passed so many times."""
    seen = {db.value("SELECT cron_on FROM version")}
    await eventually(lambda: seen.add(db.value("SELECT cron_on FROM version")) or len(seen) > number, 60)


async def scheduled(db: Database, boss: BossFactory, cron: str = "* * * * *", **options: Any) -> Boss:
    one = await boss(db, **OFTEN)
    await one.create_queue("tick")
    await one.schedule("tick", cron, {"tick": True}, **options)
    return one


@pytest.mark.parametrize(
    ("cause", "release"), [("D1", "10.0.0"), ("D1", "10.0.6"), ("D2", "11.0.0")], ids=lambda value: value
)
@matrix
async def test_a_minute_that_is_sent_again(
    database: DatabaseFactory, boss: BossFactory, cause: str, release: str
) -> None:
    db = database(release)
    one = await scheduled(db, boss)
    await one.work("tick", {"do": "succeed"})
    minute = "SELECT count(*) FROM job WHERE name = '__pgboss__send-it' GROUP BY date_trunc('minute', created_on)"
    await eventually(lambda: max([count for (count,) in db.execute(minute)], default=0) >= 2, 60)
    await eventually(lambda: db.value("SELECT count(*) FROM job WHERE name = 'tick' AND state = 'completed'") >= 2)
    twice = Expect("DUP01", Severity.ERROR, Certainty.PROVEN)
    await prove(db, cause, "a cron slot sent again by the next pass", twice, also=KNOWN if cause == "D1" else ())


@pytest.mark.parametrize(
    ("cause", "release"), [("D1", "10.1.0"), ("D2", "11.0.4"), ("D2", "12.38.0")], ids=lambda value: value
)
@matrix
async def test_a_minute_that_is_sent_once(
    database: DatabaseFactory, boss: BossFactory, cause: str, release: str
) -> None:
    db = database(release)
    one = await scheduled(db, boss)
    await one.work("tick", {"do": "succeed"})
    await eventually(lambda: db.value(SENDS), 60)
    await passes(db, 4)
    await prove(db, cause, "a cron slot sent again by the next pass", absent=("DUP01", "DUP14"))


@pytest.mark.parametrize(
    ("release", "off"),
    [
        pytest.param("9.0.3", True, marks=matrix),
        pytest.param("10.4.2", True, marks=matrix),
        pytest.param("12.30.0", True, marks=matrix),
        pytest.param("12.31.1", True, marks=matrix),
        pytest.param("12.33.6", True, marks=matrix),
        pytest.param("12.33.7", False, marks=matrix),
        pytest.param("12.38.0", False, marks=matrix),
        ("12.27.0", True),
        ("12.34.0", False),
    ],
)
async def test_a_clock_that_jumps(database: DatabaseFactory, boss: BossFactory, release: str, off: bool) -> None:
    """Ten minutes ahead of what is due then: sent now, and again when the time has come."""
    db = database(release)
    due = datetime.now(UTC) + timedelta(minutes=10)
    one = await scheduled(db, boss, f"{due.minute} {due.hour} * * *", tz="UTC")
    if generation(release) >= 10:
        await passes(db, 2)
        assert db.value(SENDS) == 0
    db.execute("UPDATE schedule SET updated_on = updated_on - interval '1 day'")
    soon_after = due.replace(second=5)

    async def sent() -> bool:
        # The process believes in this moment for as long as it takes: a pass of 9 comes once a minute.
        await one.shift_clock((soon_after - datetime.now(UTC)).total_seconds())
        return bool(db.value(SENDS))

    await eventually(sent, 150)
    await one.shift_clock(0)
    what = "clock jumps between two looks at the skew"
    if off:
        await prove(db, "D3", what, Expect("DUP14", Severity.WARNING, Certainty.LIKELY), also=("STK08",))
    else:
        await prove(db, "D3", what, absent=("DUP14",), also=("STK08",))


@matrix
@pytest.mark.parametrize(("release", "other"), [("9.0.3", "12.38.0"), ("11.1.2", "10.4.2"), ("12.38.0", "10.4.2")])
async def test_two_schemas_at_work(database: DatabaseFactory, boss: BossFactory, release: str, other: str) -> None:
    db = database(release)
    db.install(other, "pgboss_next")
    here = await boss(db, supervise=True, schedule=True)
    there = await boss(db, release=other, schema="pgboss_next", supervise=True, schedule=True)
    for one in (here, there):
        await one.create_queue("tick")
        await one.schedule("tick", "*/5 * * * *", {"tick": True})
        await one.work("tick", {"do": "succeed"})
    await eventually(lambda: db.value("SELECT cron_on FROM version"), 40)
    await eventually(lambda: db.value("SELECT cron_on FROM pgboss_next.version"), 40)
    both = Expect("DUP15", Severity.WARNING, Certainty.LIKELY)
    what = f"a second schema of {other}"
    await prove(db, "D16", f"{what}, both at work", both)
    await there.stop()
    db.execute("UPDATE pgboss_next.version SET cron_on = cron_on - interval '1 hour'")
    await prove(db, "D16", f"{what}, stopped for an hour", absent=("DUP15",))


@matrix
@pytest.mark.parametrize(
    ("release", "options", "ignored"),
    [
        ("10.0.6", {"expireInSeconds": 7200}, True),
        ("10.1.0", {"expireInSeconds": 7200}, True),
        ("10.1.6", {"expireInSeconds": 7200}, False),
        ("10.4.2", {"expireInHours": 2}, True),
        ("11.0.4", {"expireInSeconds": 7200}, False),
        ("12.38.0", {"expireInSeconds": 7200}, False),
    ],
)
async def test_options_of_a_schedule(
    database: DatabaseFactory, boss: BossFactory, release: str, options: dict[str, Any], ignored: bool
) -> None:
    db = database(release)
    one = await scheduled(db, boss, **options)
    await one.work("tick", {"do": "succeed"})
    await eventually(lambda: db.value("SELECT count(*) FROM job WHERE name = 'tick' AND state = 'completed'"), 60)
    what = f"a schedule with {next(iter(options))}"
    if ignored:
        wrong = Expect("CFG07", Severity.WARNING, Certainty.PROVEN)
        await prove(db, "D18", what, wrong, also=("SCH01", "DUP01") if release == "10.0.6" else ())
    else:
        await prove(db, "D18", what, absent=("CFG07",))


REFUSED = (
    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space left'; END $$",
    "CREATE TRIGGER refuse BEFORE UPDATE ON job FOR EACH ROW"
    " WHEN (NEW.state = 'completed' AND NEW.name = '__pgboss__send-it') EXECUTE FUNCTION refuse()",
)


@matrix
@pytest.mark.parametrize("release", ["10.4.2", "11.1.2", "12.38.0"])
async def test_a_send_whose_completion_fails(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    """The scheduler's own worker has sent, cannot say so, and sends again: 10 dies of it first."""
    db = database(release)
    for statement in REFUSED:
        db.execute(statement)
    one = await scheduled(db, boss)
    what = "the scheduler's own send retried after it had sent"
    if generation(release) == 10:
        await one.process.wait()
        db.execute("UPDATE job SET started_on = started_on - interval '1 day' WHERE state = 'active'")
        other = await boss(db)
        await other.maintain()
        assert db.value(f"{SENDS} AND state = 'retry'") == 1
        timed_out = Expect("DUP02", Severity.WARNING, Certainty.LIKELY)
        await prove(db, "D21", what, timed_out, absent=("DUP01",))
        return
    await eventually(lambda: db.value("SELECT count(*) FROM job WHERE name = 'tick'") >= 2, 60)
    lost = Expect("DUP10", Severity.WARNING, Certainty.LIKELY)
    await prove(db, "D21", what, lost, absent=("DUP01",))

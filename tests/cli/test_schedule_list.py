"""`bossctl schedule list` beside what became of the slots of a real schedule."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.conftest import BossFactory, DatabaseFactory
from tests.support.database import Database
from tests.support.releases import NEWEST, every
from tests.support.slots import fired_hourly


def ask(db: Database, *options: str) -> str:
    command = [sys.executable, "-m", "bossctl", "--dsn", db.dsn, "schedule", "list", *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("release", every(("9.0.3", "10.4.2", "11.1.2", "12.27.0", NEWEST), ("11.1.2",)))
async def test_slots_that_were_missed_and_doubled(database: DatabaseFactory, boss: BossFactory, release: str) -> None:
    db = database(release)
    await fired_hourly(db, boss, 1, 4, twice=[3])
    [schedule] = json.loads(ask(db, "-o", "json"))["schedules"]
    assert (schedule["missed"], schedule["doubled"], schedule["slots_seen"]) == (1, 1, 4)
    title, line = ask(db).splitlines()
    assert title.split()[-1] == "MISSED"
    assert line.endswith("1 of 4")
    db.execute("UPDATE schedule SET updated_on = now()")
    [schedule] = json.loads(ask(db, "-o", "json"))["schedules"]
    assert (schedule["missed"], schedule["doubled"], schedule["slots_seen"]) == (None, 1, 0)
    assert ask(db).splitlines()[1].endswith("?"), "what is not known is not 0"

"""A past for a schedule: a real pg-boss fires it once, and what came of that is copied to other hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from tests.conftest import BossFactory
from tests.support.aging import job_column
from tests.support.database import Database
from tests.support.waiting import eventually

QUEUE = "report"
DATA = {"which": "hourly"}
SEND = "name = '__pgboss__send-it'"


async def fired_hourly(db: Database, boss: BossFactory, *hours: int, twice: Sequence[int] = ()) -> datetime:
    """A schedule that fires each hour and did so at these hours before the slot that is returned, and then.

    It has been there for twelve hours. Those of `twice` were sent twice, as 10.0.0 to 10.0.6 did.
    """
    one = await boss(db, schedule=True, cronMonitorIntervalSeconds=1, cronWorkerIntervalSeconds=1)
    await one.create_queue(QUEUE)
    await one.schedule(QUEUE, "* * * * *", DATA)
    end = job_column(db, "completed_on")
    await eventually(lambda: db.value(f"SELECT count(*) FROM job WHERE {SEND} AND {end} IS NOT NULL"), 40)
    await eventually(lambda: db.value("SELECT count(*) FROM job WHERE name = %s", [QUEUE]), 40)
    await one.stop()
    _keep_one(db)
    # The newest slot is five minutes old, so that it is settled whenever the test runs.
    _moved(db, "true", timedelta(minutes=5), copied=False)
    sent_on = db.value(f"SELECT {job_column(db, 'created_on')} FROM job WHERE {SEND}")
    slot: datetime = sent_on.astimezone(UTC).replace(second=0, microsecond=0)
    db.execute(
        "UPDATE schedule SET cron = %s, created_on = %s, updated_on = %s",
        [f"{slot.minute} * * * *", *[slot - timedelta(hours=12, minutes=30)] * 2],
    )
    newest = f"{job_column(db, 'created_on')} >= '{slot.isoformat()}'"
    for hour in (*hours, *twice, *twice):
        _moved(db, newest, timedelta(hours=hour), copied=True)
    return slot


def _keep_one(db: Database) -> None:
    """Of what was sent, the first with its job."""
    created = job_column(db, "created_on")
    for name in ("__pgboss__send-it", QUEUE):
        first = f"SELECT id FROM job WHERE name = '{name}' ORDER BY {created} LIMIT 1"
        db.execute(f"DELETE FROM job WHERE name = '{name}' AND id <> ({first})")
    db.execute(f"DELETE FROM job WHERE name NOT IN ('__pgboss__send-it', '{QUEUE}')")


def _moved(db: Database, where: str, by: timedelta, *, copied: bool) -> None:
    """Move the rows back in time, or put copies of them there."""
    times = [
        job_column(db, name) for name in ("created_on", "start_after", "started_on", "completed_on", "singleton_on")
    ]
    seconds = by.total_seconds()
    if not copied:
        moved = ", ".join(f"{name} = {name} - make_interval(secs => {seconds})" for name in times)
        db.execute(f"UPDATE job SET {moved}, data = {_slot_moved(seconds)} WHERE {where}")
        return
    # What a release without a throttling slot made twice has none.
    values = ", ".join(f"'{name}', {name} - make_interval(secs => {seconds})" for name in times[:-1])
    changed = (
        f"jsonb_build_object('id', gen_random_uuid(), 'data', {_slot_moved(seconds)}, '{times[-1]}', NULL, {values})"
    )
    db.execute(
        f"INSERT INTO job SELECT (jsonb_populate_record(NULL::job, to_jsonb(j) || {changed})).* FROM job AS j"
        f" WHERE {where}"
    )


def _slot_moved(seconds: float) -> str:
    """The payload, whose minute (12.31 and newer) moves too."""
    slot = f"to_char((data->>'slot')::timestamp - make_interval(secs => {seconds}), 'YYYY-MM-DD HH24:MI:SS')"
    return f"CASE WHEN data ? 'slot' THEN jsonb_set(data, '{{slot}}', to_jsonb({slot})) ELSE data END"

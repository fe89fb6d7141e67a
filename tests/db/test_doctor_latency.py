"""CFG01 where pg-boss itself records how long jobs ran (12.36 and newer, with persistQueueStats)."""

from __future__ import annotations

import pytest

from bossctl.models.findings import Certainty
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.database import Database
from tests.support.diagnosis import found


def uncount(db: Database) -> None:
    """As if the last count were ten minutes old."""
    db.execute("UPDATE queue SET delta_on = now() - interval '10 min', monitor_on = NULL, monitor_claim_on = NULL")
    db.execute("UPDATE version SET monitor_backoff_on = NULL")


async def test_percentiles_come_from_the_bins_that_are_recorded(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.38.0")
    one = await boss(db, persistQueueStats=True)
    for queue in ("slow", "own"):
        await one.create_queue(queue, expireInSeconds=60)
        await one.insert(queue, [{"data": {"n": number}} for number in range(200)])
        await one.complete(queue, [job["id"] for job in await one.fetch(queue, batchSize=200)])
    db.execute(
        "UPDATE job SET completed_on = now() - interval '1 min',"
        " expire_seconds = CASE name WHEN 'own' THEN 900 ELSE 60 END,"
        " started_on = now() - interval '1 min' - make_interval(secs => (data->>'n')::int)"
    )
    [exact] = await found(db, "CFG01")
    assert (exact.queue, exact.certainty, exact.evidence[0]["percentiles_of"]) == ("slow", Certainty.PROVEN, "rows")
    assert exact.evidence[0]["p99_seconds"] == 197.01
    uncount(db)
    await one.maintain()
    assert db.value("SELECT count(*) FROM queue_stats WHERE run_bins[40] IS NOT NULL OR completed_delta = 200") == 2
    [binned] = await found(db, "CFG01")
    assert (binned.count, binned.fingerprint) == (exact.count, exact.fingerprint)
    proof = binned.evidence[0]
    assert proof["percentiles_of"] == "latency bins"
    stats = await one.any("getQueueStats", "slow", {"percentiles": [50, 95, 99]})
    told = {row["p"]: row["runSeconds"] for row in stats[-1]["percentiles"]}
    assert told == pytest.approx({p: proof[f"p{p}_seconds"] for p in (50, 95, 99)}, abs=0.001)
    assert "by the latency bins of 200 runs" in binned.message
    assert binned.remedy.command == "bossctl queue ensure slow --expire-in 8m"


async def test_runs_of_jobs_that_are_gone(database: DatabaseFactory, boss: BossFactory) -> None:
    db = database("12.38.0")
    one = await boss(db, persistQueueStats=True)
    await one.create_queue("slow", expireInSeconds=60)
    await one.insert("slow", [{"data": {"n": number}} for number in range(200)])
    await one.complete("slow", [job["id"] for job in await one.fetch("slow", batchSize=200)])
    db.execute(
        "UPDATE job SET completed_on = now() - interval '1 min',"
        " started_on = now() - interval '1 min' - make_interval(secs => (data->>'n')::int)"
    )
    uncount(db)
    await one.maintain()
    db.execute("DELETE FROM job")
    [finding] = await found(db, "CFG01")
    assert (finding.queue, finding.certainty, finding.jobs) == ("slow", Certainty.POSSIBLE, ())
    assert "the jobs are gone" in finding.message
    assert finding.remedy.command == "bossctl queue ensure slow --expire-in 8m"
    db.execute("DELETE FROM queue_stats")
    [finding] = await found(db, "CFG01")
    assert finding.count > 100, "the queue's own row still holds the last count"
    db.execute("UPDATE queue SET expire_seconds = 900")
    assert await found(db, "CFG01") == []

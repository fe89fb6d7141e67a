"""Makes the seeded database of a release: through that release's own pg-boss, then ages it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.seed import hostile
from tests.seed.ageing import Ageing
from tests.seed.plan import (
    BUSY,
    FLOW,
    HOSTILE,
    NOTIFYING,
    PARTITIONED,
    SCHEDULED,
    STALE_HEARTBEAT,
    STUCK,
    UNWORKED,
    QueuePlan,
    plan,
)
from tests.support.boss import Boss
from tests.support.releases import at_least, generation

HOUR = 3600
AT_ONCE = {"retryDelay": 0, "retryBackoff": False}
# What the handlers of a mail service say; a stack of our own, since a real one would name this machine's directories.
REFUSED = {
    "name": "Error",
    "message": "SMTP 550 mailbox unavailable",
    "stack": "Error: SMTP 550\n    at send (mail.js:42:11)",
}
TIMEOUT = {"name": "Error", "message": "connect ETIMEDOUT 192.0.2.7:587", "code": "ETIMEDOUT"}
# The event whose subscription tells when the seed was finished: what moves its copies in time goes by it.
SEEDED = "seeded"


def build(release: str, dsn: str) -> None:
    """Fill the empty database at `dsn`; a few seconds."""
    asyncio.run(_build(release, dsn))


async def _build(release: str, dsn: str) -> None:
    boss = await Boss.open(release)
    try:
        await boss.start(connectionString=dsn, schema="pgboss", **_constructor(release))
        with Ageing(dsn, release) as ageing:
            await Builder(release, boss, ageing).build()
            if at_least(release, "12.36"):
                await _crashed_instance(release, dsn)
            await boss.any("subscribe", SEEDED, BUSY)
            await boss.stop(graceful=False)
            ageing.finish()
    finally:
        await boss.close()


def _constructor(release: str) -> dict[str, Any]:
    options: dict[str, Any] = {"supervise": False, "schedule": generation(release) >= 10}
    if generation(release) >= 11:
        options |= {"monitorIntervalSeconds": 1, "maintenanceIntervalSeconds": 1}
        options |= {"persistWarnings": True, "persistQueueStats": True}
    if at_least(release, "12.36"):
        options |= {"instanceName": "api", "instanceHeartbeatSeconds": 1}
    return options


async def _crashed_instance(release: str, dsn: str) -> None:
    """An instance that worked on a queue and was killed: its row says so to those who can read it."""
    worker = await Boss.open(release)
    try:
        options = {"instanceName": "mailer", "instanceHeartbeatSeconds": 1, "supervise": False, "schedule": False}
        await worker.start(connectionString=dsn, schema="pgboss", **options)
        await worker.work(NOTIFYING, {"do": "hang"}, localConcurrency=2)
        await worker.wait_for("job-started")
        await asyncio.sleep(1.2)
        await worker.die()
    finally:
        await worker.close()


@dataclass
class Builder:
    release: str
    boss: Boss
    ageing: Ageing

    async def build(self) -> None:
        described = plan(self.release)
        for queue in sorted(described.queues, key=lambda queue: "deadLetter" in queue.options):
            await self.boss.create_queue(queue.name, **self._queue_options(queue))
        for queue in described.queues:
            await self._archive(queue)
        for queue in described.queues:
            await self._fill(queue)
        await self._specials()
        await self._maintain()
        for schedule in described.schedules:
            options = {"tz": schedule.timezone, **({"key": schedule.key} if schedule.key else {})}
            await self.boss.schedule(schedule.name, schedule.cron, dict(schedule.data), **options)
        self._age()

    def _queue_options(self, queue: QueuePlan) -> dict[str, Any]:
        policy = {"policy": queue.policy} if queue.policy != "standard" else {}
        return {**queue.options, **policy}

    async def _archive(self, queue: QueuePlan) -> None:
        """Rows that this release's own maintenance moves to its archive."""
        if not queue.archived + queue.abandoned:
            return
        await self._complete(queue.name, queue.archived)
        self.ageing.spread(queue.name, "completed", 20 * HOUR, youngest=13 * HOUR)
        await self._insert(queue.name, queue.abandoned)
        self.ageing.abandon(queue.name)
        await self.boss.maintain()

    async def _fill(self, queue: QueuePlan) -> None:
        name = queue.name
        await self._complete(name, queue.completed)
        await self._fail(name, queue.failed)
        await self._time_out(name, queue.timed_out)
        for job in [await self._send(name, {"to": f"left-{n}@example.net"}) for n in range(queue.cancelled)]:
            await self.boss.cancel(name, job)
        await self._insert(name, queue.active)
        await self._take(name, queue.active)
        await self._retry(name, queue.retry)
        for state, key in queue.keyed:
            await self._keyed(name, state, key)
        await self._insert(name, queue.created)
        for n in range(queue.deferred):
            await self._send(name, {"later": n}, startAfter=HOUR * (n + 1))

    async def _specials(self) -> None:
        await self._hostile()
        await self._imports()
        if generation(self.release) < 10:
            job = await self._send(BUSY, {"to": "on-complete@example.net"}, onComplete=True, priority=100)
            await self._take(BUSY, 1)
            await self.boss.complete(BUSY, job, {"sent": True})
        if at_least(self.release, "12.19"):
            await self._flows()
        if at_least(self.release, "12.21"):
            await self._send(NOTIFYING, {"to": "phone"})

    async def _maintain(self) -> None:
        """Ends the jobs past their expiry; from 11 a second pass, so that counters are of the end and stats are two."""
        self.ageing.expire()
        await self.boss.maintain()
        if generation(self.release) == 10:
            self.ageing.maintained()
        if generation(self.release) >= 11:
            await asyncio.sleep(1.1)
            await self.boss.maintain()

    def _age(self) -> None:
        ageing = self.ageing
        ageing.spread(BUSY, "completed", 11 * HOUR)
        ageing.spread(BUSY, "failed", 2.5 * HOUR)
        ageing.spread(BUSY, "created", HOUR / 2)
        ageing.spread(PARTITIONED, "completed", 6 * HOUR)
        ageing.spread(UNWORKED, "created", 3 * HOUR)
        ageing.spread(SCHEDULED, "completed", 7 * 24 * HOUR)
        ageing.spread(STUCK, "active", 2 * HOUR)
        if at_least(self.release, "12.12"):
            ageing.silence(STALE_HEARTBEAT, 90)

    async def _complete(self, name: str, number: int) -> None:
        await self._insert(name, number)
        jobs = await self._take(name, number)
        if jobs:
            await self.boss.complete(name, jobs[0], {"ok": True, "took": 12.5})
        if jobs[1:]:
            await self.boss.complete(name, jobs[1:])

    async def _fail(self, name: str, number: int) -> None:
        """Jobs that failed, were tried again and failed for good."""
        if not number:
            return
        await self._insert(name, number, retryLimit=1, **AT_ONCE)
        for _ in range(2):
            jobs = sorted(await self._take(name, number))
            await self.boss.fail(name, jobs[:-1], REFUSED)
            await self.boss.fail(name, jobs[-1], TIMEOUT)

    async def _time_out(self, name: str, number: int) -> None:
        if not number:
            return
        await self._insert(name, number, retryLimit=0, expireInSeconds=60)
        for job in await self._take(name, number):
            self.ageing.will_expire(job)

    async def _retry(self, name: str, number: int) -> None:
        """Jobs that wait for another attempt: one has failed once, the others twice."""
        if not number:
            return
        await self._insert(name, number, retryLimit=5, **AT_ONCE)
        await self.boss.fail(name, await self._take(name, number), REFUSED)
        await self.boss.fail(name, await self._take(name, number - 1), TIMEOUT)

    async def _keyed(self, name: str, state: str, key: str) -> None:
        options: dict[str, Any] = {"singletonKey": key} if key else {}
        if state == "failed":
            options |= {"retryLimit": 0}
        if state == "retry":
            options |= {"retryLimit": 3, "retryDelay": HOUR}
        await self._send(name, {"key": key}, priority=0 if state == "created" else 100, **options)
        if state == "created":
            return
        [job] = await self._take(name, 1)
        if state in ("retry", "failed"):
            await self.boss.fail(name, job, REFUSED)

    async def _hostile(self) -> None:
        for text in hostile.ERRORS:
            await self._send(HOSTILE, {"text": text}, retryLimit=0)
            [job] = await self._take(HOSTILE, 1)
            await self.boss.fail(HOSTILE, job, {"message": text, "stack": text})
        for payload in hostile.PAYLOADS:
            await self._send(HOSTILE, payload)
        await self._send(HOSTILE, hostile.big_payload())
        self.ageing.set_data(await self._send(HOSTILE, {}), hostile.EXACT_NUMBERS)

    async def _imports(self) -> None:
        """A throttle slot, a singleton key and, where there are groups, a group."""
        await self._send("imports", {"slot": 1}, singletonSeconds=HOUR)
        again = await self.boss.send("imports", {"slot": 2}, singletonSeconds=HOUR)
        assert again is None, "the slot is taken"
        await self._send("imports", {"key": 1}, singletonKey="customer-7")
        group = {"group": {"id": "tenant-3", "tier": "gold"}} if at_least(self.release, "12.6") else {}
        await self._send("imports", {"group": 1}, priority=7, **group)

    async def _flows(self) -> None:
        """A flow that went on, one that waits for ever because its parent failed, one that waits for two parents."""
        await self._flow({"ref": "leaf", "dependsOn": ["root"]}, {"ref": "root", "options": {"priority": 10}})
        await self.boss.complete(FLOW, await self._take(FLOW, 1))
        if at_least(self.release, "12.22"):
            await self.boss.any("resolveFlow")
        options = {"priority": 10, "retryLimit": 0}
        await self._flow({"ref": "leaf", "dependsOn": ["root"]}, {"ref": "root", "options": options})
        await self.boss.fail(FLOW, await self._take(FLOW, 1), REFUSED)
        await self._flow({"ref": "leaf", "dependsOn": ["left", "right"]}, {"ref": "left"}, {"ref": "right"})

    async def _flow(self, *jobs: dict[str, Any]) -> None:
        await self.boss.any("flow", [{"name": FLOW, "data": {"ref": job["ref"]}, **job} for job in jobs])

    async def _insert(self, name: str, number: int, **options: Any) -> None:
        if number:
            jobs = [{"data": {"to": f"{n}@example.net", "n": n}, "priority": n % 3, **options} for n in range(number)]
            await self.boss.insert(name, jobs)

    async def _send(self, name: str, data: Any, **options: Any) -> str:
        job = await self.boss.send(name, data, **options)
        assert job is not None, f"pg-boss made no job in {name}"
        return job

    async def _take(self, name: str, number: int) -> list[str]:
        """Fetch exactly `number` jobs and return their ids."""
        if not number:
            return []
        jobs: Sequence[dict[str, Any]] = await self.boss.fetch(name, **({"batchSize": number} if number > 1 else {}))
        assert len(jobs) == number, f"fetched {len(jobs)} of {number} jobs from {name}"
        return [job["id"] for job in jobs]

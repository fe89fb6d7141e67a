"""A healthy application on pg-boss of any release: two processes with workers, and everything honest that jobs do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.conftest import BossFactory
from tests.support.boss import Boss
from tests.support.database import Database
from tests.support.releases import at_least, generation

WORK: dict[str, dict[str, Any]] = {
    "orders": {"do": "payload"},
    "mends": {"do": "mend"},
    "parcels": {"do": "fail", "message": "no such address"},
    "parcels-dead": {"do": "succeed"},
    "batches": {"do": "mend"},
    "throttled": {"do": "sleep", "ms": 100},
    "fan-one": {"do": "succeed"},
    "fan-two": {"do": "succeed"},
    "keyed": {"do": "sleep", "ms": 100},
    "short": {"do": "sleep", "ms": 300},
    "singleton": {"do": "sleep", "ms": 300},
    "stately": {"do": "mend"},
    "exclusive": {"do": "sleep", "ms": 300},
    "key_strict_fifo": {"do": "sleep", "ms": 300},
    "own-table": {"do": "sleep", "ms": 200},
    "long": {"do": "sleep", "ms": 4000},
    "steps": {"do": "sleep", "ms": 200},
    "grouped": {"do": "sleep", "ms": 200},
    "notified": {"do": "succeed"},
    "tick": {"do": "succeed"},
    "tock": {"do": "succeed"},
    "ticks": {"do": "succeed"},
    "idle": {"do": "succeed"},
}
"""The queues that are worked, and how."""

SINCE = {
    "exclusive": "11.1",
    "key_strict_fifo": "12.10",
    "own-table": "11.0",
    "long": "12.12",
    "steps": "12.19",
    "grouped": "12.6",
    "notified": "12.21",
    "ticks": "11.1",
}
"""The release that brought what a queue is for."""

POLICIES = ("short", "singleton", "stately", "exclusive", "key_strict_fifo")
SUCCEEDS = {"do": "succeed", "output": {"sent": True}}
SLOW = {"do": "sleep", "ms": 500}
FAILS = {"do": "fail", "message": "connect ECONNREFUSED"}


def options_of(release: str) -> dict[str, Any]:
    """Supervision and scheduling at a pace that a short run sees something of."""
    options: dict[str, Any] = {"supervise": True, "schedule": True}
    if generation(release) >= 10:
        options |= {"cronMonitorIntervalSeconds": 10, "cronWorkerIntervalSeconds": 1}
    if generation(release) <= 10:
        options |= {"maintenanceIntervalSeconds": 5, "archiveCompletedAfterSeconds": 60}
    else:
        options |= {"superviseIntervalSeconds": 5, "monitorIntervalSeconds": 5, "maintenanceIntervalSeconds": 10}
    return options


@dataclass
class Traffic:
    """`refused` counts what throttles and policies kept away, `rounds` what was gone through."""

    database: Database
    boss: BossFactory
    rounds: int = 0
    refused: int = 0
    processes: list[Boss] = field(default_factory=list)

    @property
    def release(self) -> str:
        return self.database.release

    def has(self, queue: str) -> bool:
        modern = generation(self.release) >= 10 or queue not in POLICIES
        return modern and at_least(self.release, SINCE.get(queue, "8.0"))

    def present(self, queues: Iterable[str]) -> list[str]:
        return [queue for queue in queues if self.has(queue)]

    async def begin(self) -> None:
        """Queues, schedules, and two processes that work."""
        first = await self._process()
        await self._make_queues(first)
        await self._make_schedules(first)
        second = await self._process()
        for one in (first, second):
            await self._work(one)

    async def go_on(self, seconds: float) -> None:
        """A round about every second; half way a deployment takes the place of the second process."""
        clock = asyncio.get_running_loop().time
        begun, deployed = clock(), False
        while (passed := clock() - begun) < seconds:
            await self._round(self.processes[self.rounds % len(self.processes)])
            self.rounds += 1
            if passed > seconds / 2 and not deployed:
                await self._deploy()
                deployed = True
            await asyncio.sleep(max(0.0, 1 - (clock() - begun - passed)))

    async def end(self) -> None:
        """Stop as a well-behaved application does: after its handlers."""
        for one in self.processes:
            await one.stop(timeout=10_000)

    async def _process(self) -> Boss:
        one = await self.boss(self.database, **options_of(self.release))
        self.processes.append(one)
        return one

    async def _deploy(self) -> None:
        """Begin the new one, then stop the old one when its handlers are done."""
        old = self.processes.pop()
        await self._work(await self._process())
        if generation(self.release) >= 10:
            await old.stop(timeout=10_000)
        else:
            for queue in self.present(WORK):
                await old.off_work(queue)
            await asyncio.sleep(1)
            await old.stop()

    async def _make_queues(self, one: Boss) -> None:
        modern = generation(self.release) >= 10
        await one.create_queue("parcels-dead")
        for queue in [*self.present(WORK), "later", "unused"]:
            options: dict[str, Any] = {"policy": queue} if queue in POLICIES else {}
            if queue == "parcels" and modern:
                options = {"deadLetter": "parcels-dead", "retryLimit": 1}
            options |= {"own-table": {"partition": True}, "long": {"heartbeatSeconds": 10}}.get(queue, {})
            options |= {"notified": {"notify": True}}.get(queue, {})
            if queue != "parcels-dead":
                await one.create_queue(queue, **options)

    async def _make_schedules(self, one: Boss) -> None:
        """Every minute with the same data in two queues and, where there are keys, in two of one; and some not due."""
        for queue in ("tick", "tock"):
            await one.schedule(queue, "* * * * *", {"hello": "world"}, tz="Europe/Berlin")
        await one.schedule("idle", "0 4 1 1 *", {"hello": "world"})
        if at_least(self.release, "12.31"):
            await one.schedule("idle", "FREQ=MONTHLY;BYMONTHDAY=1", {"hello": "world"}, key="monthly")
        for key in ("one", "two") if self.has("ticks") else ():
            await one.schedule("ticks", "*/2 * * * *", {"n": 1}, key=key)
        for queue in ("fan-one", "fan-two"):
            await one.any("subscribe", "fan", queue)

    async def _work(self, one: Boss) -> None:
        for queue in self.present(WORK):
            # A batch of 8 is not completed by pg-boss, but by the application.
            batch = {"batchSize": 4} if queue == "batches" and generation(self.release) > 8 else {}
            await one.work(queue, WORK[queue], **batch)

    async def _round(self, one: Boss) -> None:
        number = self.rounds
        for handler in (SUCCEEDS, FAILS if number % 2 else SLOW):
            await self._send(one, "orders", {"n": number, "handler": handler}, retryLimit=2, retryDelay=1)
        shaky = {"n": number, "shaky": number % 3 == 0}
        await self._send(one, "mends", shaky, retryLimit=4, retryDelay=0, expireInSeconds=60)
        await self._send(one, "parcels", {"n": number}, retryLimit=1, retryDelay=1)
        batch = [{"data": {**shaky, "part": part}, "retryLimit": 4} for part in range(4)]
        await one.insert("batches", batch)
        await self._send(one, "throttled", {"n": "same"}, singletonSeconds=10)
        if not await one.any("sendDebounced", "throttled", {"n": "same"}, {}, 10):
            self.refused += 1
        await one.any("publish", "fan", {"n": number})
        for key in ("a", "b", "c"):
            await self._send(one, "keyed", {"same": "payload"}, singletonKey=f"{key}{number}")
            for policy in self.present(POLICIES):
                await self._send(one, policy, shaky, singletonKey=key, retryLimit=4, retryDelay=1)
        await self._later(one, number)
        await self._by_hand(one, number)
        await self._newer(one, number)

    async def _later(self, one: Boss, number: int) -> None:
        """Deferred work, some of it cancelled and taken up again; and work cancelled before it began."""
        job = await one.send("later", {"n": number}, startAfter=3600)
        if job and number % 2:
            await one.cancel("later", job)
            if number % 4 == 1:
                await one.resume("later", job)

    async def _by_hand(self, one: Boss, number: int) -> None:
        """An operator tries a failed job again, and cancels another, wherever it is."""
        if at_least(self.release, "10.3") and number % 5 == 4:
            failed = "SELECT id::text FROM job WHERE name = 'orders' AND state = 'failed' LIMIT 1"
            for (job,) in self.database.execute(failed):
                await one.retry("orders", job)
        if number % 5 == 3 and (job := await one.send("orders", {"n": number, "handler": SLOW})):
            await one.cancel("orders", job)

    async def _newer(self, one: Boss, number: int) -> None:
        for queue in self.present(("own-table", "notified")):
            await self._send(one, queue, {"n": number}, priority=number % 3)
        if self.has("long") and number % 5 == 0:
            await self._send(one, "long", {"n": number})
        if self.has("grouped"):
            await self._send(one, "grouped", {"n": number}, group={"id": f"tenant-{number % 3}"})
        if self.has("steps"):
            leaf = {"ref": "leaf", "dependsOn": ["left", "right"]}
            steps = [
                {"name": "steps", "data": {"n": number}, **step} for step in (leaf, {"ref": "left"}, {"ref": "right"})
            ]
            await one.any("flow", steps)

    async def _send(self, one: Boss, queue: str, data: Any, **options: Any) -> None:
        if await one.send(queue, data, **options) is None:
            self.refused += 1

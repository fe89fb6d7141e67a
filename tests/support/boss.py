"""A real pg-boss of any release in a process of its own, driven from a test."""

from __future__ import annotations

import asyncio
import json
import signal
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any, Self

from bossctl.demo.node import find_node
from tests.support.bed import PGBOSS, modules

LONGEST_LINE = 64 * 1024 * 1024
PATIENCE_SECONDS = 30.0


class BossError(Exception):
    """pg-boss refused; `kind` is the JavaScript error's name, `code` PostgreSQL's or Node's code or None."""

    def __init__(self, kind: str, code: str | None, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code


class NotInThisRelease(BossError):
    """The release has no such method."""


class BossDied(Exception):
    """The process ended while it was wanted; the message is the end of its stderr."""


@dataclass(frozen=True)
class Event:
    """What pg-boss emitted (`error`, `warning`, …), or a handler (`job-started`, `job-finished`)."""

    name: str
    value: Any


class Boss:
    """One process with one PgBoss object. Options are pg-boss's own, by its own names (camelCase).

    Made by the fixture `boss`, which also ends it. `events` holds everything emitted so far.
    """

    def __init__(self, process: Process, release: str) -> None:
        self.release = release
        self.process = process
        self.events: list[Event] = []
        self._requests = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._ended = False
        self._news = asyncio.Condition()
        self._stderr: deque[str] = deque(maxlen=40)
        self._readers = [asyncio.create_task(self._read_answers()), asyncio.create_task(self._read_stderr())]

    @classmethod
    async def open(cls, release: str) -> Self:
        """A process that has loaded `release` but not started it."""
        packages = await asyncio.to_thread(modules, release)
        process = await asyncio.create_subprocess_exec(
            find_node().program,
            PGBOSS / "driver.mjs",
            packages,
            release,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=LONGEST_LINE,
        )
        boss = cls(process, release)
        await boss.wait_for("ready")
        return boss

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def stderr(self) -> str:
        """The last lines the process has written to stderr."""
        return "\n".join(self._stderr)

    async def call(self, method: str, /, **params: Any) -> Any:
        """Send one request to the driver and return its result; see `tests/pgboss/driver.mjs` for the methods."""
        if self._ended:
            raise BossDied(self.stderr)
        number = next(self._requests)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._write({"id": number, "method": method, "params": params})
        return await asyncio.wait_for(answer, PATIENCE_SECONDS)

    async def any(self, method: str, *args: Any) -> Any:
        """Call any method of this release with its own arguments."""
        return await self.call("call", method=method, args=args)

    async def start(self, **options: Any) -> None:
        await self.call("start", options=options)

    async def stop(self, *, graceful: bool = True, **options: Any) -> None:
        await self.call("stop", options={"graceful": graceful, **options})

    async def create_queue(self, name: str, **options: Any) -> None:
        """Make a queue; 8.x and 9.x have none to make, so there it does nothing."""
        await self.call("createQueue", name=name, options=options)

    async def get_queue(self, name: str) -> dict[str, Any] | None:
        return await self.any("getQueue", name)

    async def update_queue(self, name: str, **options: Any) -> None:
        await self.any("updateQueue", name, options)

    async def delete_queue(self, name: str) -> None:
        await self.any("deleteQueue", name)

    async def send(self, name: str, data: Any = None, **options: Any) -> str | None:
        """The id of the new job, or None where pg-boss made none."""
        return await self.call("send", name=name, data=data, options=options)

    async def insert(self, name: str, jobs: list[dict[str, Any]]) -> Any:
        return await self.call("insert", name=name, jobs=jobs)

    async def schedule(self, name: str, cron: str, data: Any = None, **options: Any) -> None:
        await self.call("schedule", name=name, cron=cron, data=data, options=options)

    async def work(self, name: str, handler: Mapping[str, Any], **options: Any) -> str:
        """Work on a queue; `handler` as in `tests/pgboss/handler.mjs`. Returns the worker's id."""
        options = {"pollingIntervalSeconds": 0.5, **options}
        return await self.call("work", name=name, handler=handler, options=options)

    async def off_work(self, name: str) -> None:
        await self.any("offWork", name)

    async def fetch(self, name: str, **options: Any) -> list[dict[str, Any]]:
        """Jobs made active, at most `batchSize` (1)."""
        return await self.call("fetch", name=name, options=options)

    async def complete(self, name: str, job: str | list[str], output: Any = None) -> None:
        await self._settle("complete", name, job, output)

    async def fail(self, name: str, job: str | list[str], output: Any = None) -> None:
        await self._settle("fail", name, job, output)

    async def cancel(self, name: str, job: str | list[str]) -> None:
        await self._settle("cancel", name, job)

    async def resume(self, name: str, job: str | list[str]) -> None:
        await self._settle("resume", name, job)

    async def retry(self, name: str, job: str | list[str]) -> None:
        """Retry failed jobs (10.3 and newer)."""
        await self._settle("retry", name, job)

    async def delete_job(self, name: str, job: str | list[str]) -> None:
        """Delete jobs (10.0 and newer)."""
        await self.call("deleteJob", name=name, id=job)

    async def maintain(self, name: str | None = None) -> None:
        """One pass of this release's own maintenance: expiry, archive or deletion, from 11 also the counters.

        From 11 the passes are claimed by interval: start with `monitorIntervalSeconds=1` and
        `maintenanceIntervalSeconds=1` to have more than one.
        """
        await self.call("maintain", **({} if name is None else {"name": name}))

    async def let_go(self) -> None:
        """Let every handler that waits ({"do": "wait"}) go on."""
        await self.call("letGo")

    async def shift_clock(self, seconds: float) -> None:
        """Set the process's clock so far from the true time; the database's clock stays as it is."""
        await self.call("shiftClock", ms=round(seconds * 1000))

    async def die(self) -> None:
        """Kill the process in mid-flight, as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    def pause(self) -> None:
        """Stop the whole process (SIGSTOP), as a suspended machine would."""
        self.process.send_signal(signal.SIGSTOP)

    def unpause(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    async def wait_for(
        self, event: str, matches: Callable[[Any], bool] = lambda _value: True, seconds: float = PATIENCE_SECONDS
    ) -> Event:
        """The first event of that name whose value matches, past or to come. Raises TimeoutError, BossDied."""

        def found() -> Event | None:
            return next((one for one in self.events if one.name == event and matches(one.value)), None)

        def settled() -> bool:
            return found() is not None or self._ended

        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(settled)
        result = found()
        if result is None:
            raise BossDied(self.stderr)
        return result

    async def close(self) -> None:
        """End the process at once if it still runs."""
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        await asyncio.gather(*self._readers)

    async def _settle(self, method: str, name: str, job: str | list[str], output: Any = None) -> None:
        given = {} if output is None else {"output": output}
        await self.call(method, name=name, id=job, **given)

    def _write(self, request: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")

    async def _read_answers(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self._take(json.loads(line))
            async with self._news:
                self._news.notify_all()
        self._ended = True
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(BossDied(self.stderr))
        async with self._news:
            self._news.notify_all()

    async def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self._stderr.append(line.decode(errors="replace").rstrip())

    def _take(self, message: dict[str, Any]) -> None:
        if "event" in message:
            self.events.append(Event(message["event"], message.get("value")))
            return
        answer = self._waiting.pop(message["id"])
        if answer.done():
            return
        if "error" in message:
            answer.set_exception(_error(message["error"]))
        else:
            answer.set_result(message["result"])


def _error(facts: dict[str, Any]) -> BossError:
    kind = NotInThisRelease if facts["kind"] == "NotInThisRelease" else BossError
    return kind(facts["kind"], facts["code"], facts["message"])

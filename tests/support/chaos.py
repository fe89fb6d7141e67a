"""Real workers, an operator who does things at random, and both killed in the middle; all of it written down.

The table `chaos.run` has each execution of a job, told by its handler; `chaos.history` each change of a job's state and
each coming and going of its row, with the number of the bossctl process that did it (null: pg-boss).
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import psycopg

from bossctl.demo.server import Server
from tests.conftest import BossFactory
from tests.support.bed import Bed, install
from tests.support.boss import Boss, BossError
from tests.support.database import Database
from tests.support.releases import generation
from tests.support.traffic import options_of
from tests.support.waiting import eventually

WORKERS = 4
KILLED_EACH = 3
PORTIONS = 20
PATIENCE_SECONDS = 300
LATEST_SECONDS = 8
QUEUES = {"work-plain": 0.6, "work-slow": 0.1, "work-shaky": 0.3}
"""Each queue's share of the jobs: done at once, done slowly, and failing a third of the time."""
DEAD = "work-shaky-dead"
ALL = "queue:work-*"

TABLES = """
CREATE SCHEMA chaos;
CREATE TABLE chaos.run (run uuid PRIMARY KEY, job uuid, worker int, started_on timestamptz, finished_on timestamptz);
CREATE TABLE chaos.history (
  number bigserial, id uuid, queue text, process int, before text, after text, at timestamptz DEFAULT clock_timestamp()
);
CREATE FUNCTION chaos.keep() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  process int := nullif(current_setting('chaos.process', true), '')::int;
BEGIN
  IF process IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock_shared(4711, process);
  END IF;
  IF TG_OP = 'INSERT' THEN
    INSERT INTO chaos.history (id, queue, process, after) VALUES (new.id, new.name, process, new.state);
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO chaos.history (id, queue, process, before) VALUES (old.id, old.name, process, old.state);
  ELSIF old.state <> new.state THEN
    INSERT INTO chaos.history (id, queue, process, before, after)
    VALUES (old.id, old.name, process, old.state, new.state);
  END IF;
  RETURN NULL;
END $$;
"""
"""The lock tells from outside that a process has written and not yet committed."""
TRIGGER = "CREATE TRIGGER chaos AFTER INSERT OR UPDATE OR DELETE ON job FOR EACH ROW EXECUTE FUNCTION chaos.keep()"


@dataclass(frozen=True)
class Ran:
    """One bossctl process: what it was asked for, and how it ended (`exit` None: killed by the test)."""

    number: int
    arguments: tuple[str, ...]
    exit: int | None
    said: str
    talk: str
    began: float
    ended: float

    @property
    def action(self) -> str:
        """`retry`, …, or `undo`."""
        return self.arguments[0] if self.arguments[0] != "job" else self.arguments[1]

    @property
    def answer(self) -> dict[str, Any]:
        """What it printed, empty where it printed nothing whole."""
        try:
            return json.loads(self.said)
        except ValueError:
            return {}


@dataclass
class Chaos:
    """One run on a server of its own. `down` is when that server was gone.

    `lanes` operators act at the same time; `disorder` leaves the order of what they do to chance too.
    """

    server: Server
    release: str
    jobs: int
    expire_seconds: int
    batch: int
    chance: random.Random
    lanes: int
    disorder: bool
    workers: list[Boss] = field(default_factory=list)
    ran: list[Ran] = field(default_factory=list)
    down: tuple[float, float] = (0.0, 0.0)
    _running: int = 0
    _deck: list[tuple[str, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        where = {"user": self.server.user, "host": str(self.server.socket_dir), "port": str(self.server.port)}
        self._bed = Bed(where)
        self._name = self._bed.create()
        self._bed.close()  # its connection; the server is not the bed's
        install(self.release, self._bed.dsn(self._name), "pgboss")
        self.database = Database(self._bed, self._name, self.release)

    def connect(self) -> None:
        """A new connection: the old one ended with the server."""
        self.database.connection.close()
        self.database = Database(self._bed, self._name, self.release)

    async def begin(self, boss: BossFactory) -> None:
        """Queues, tables, jobs, workers."""
        options = {**options_of(self.release), "schedule": False}
        if generation(self.release) <= 10:
            options |= {"archiveCompletedAfterSeconds": 15, "maintenanceIntervalSeconds": 3}
        else:
            options |= {"superviseIntervalSeconds": 2, "monitorIntervalSeconds": 2}
        first = await boss(self.database, **options)
        queues = generation(self.release) >= 10
        if queues:
            await first.create_queue(DEAD)
        for name in QUEUES:
            await first.create_queue(name, **({"deadLetter": DEAD} if queues and name == "work-shaky" else {}))
        self.database.execute(TABLES)
        self.database.execute(TRIGGER)
        others = [await boss(self.database, **options) for _ in range(WORKERS - 1)]
        self.workers = [first, *others]
        for one in self.workers:
            await self._work(one, queues=queues)

    async def _feed(self, through: Callable[[float], bool]) -> None:
        """Half of the jobs at once, the others in portions, so that there is work all the time."""
        for portion in range(PORTIONS):
            await eventually(lambda part=2 * portion / PORTIONS - 1: through(part), PATIENCE_SECONDS)
            for name, share in QUEUES.items():
                await self._insert(name, round(self.jobs * share / PORTIONS))

    async def _insert(self, name: str, count: int) -> None:
        options = {"retryLimit": 2, "retryDelay": 1, "expireInSeconds": self.expire_seconds}
        now = datetime.now(UTC)
        due = [
            now + timedelta(seconds=self.chance.choice((0, self.chance.uniform(0, LATEST_SECONDS))))
            for _ in range(count)
        ]
        jobs = [{"data": {"number": n}, "startAfter": f"{at:%FT%TZ}", **options} for n, at in enumerate(due)]
        while True:
            try:
                await self.workers[0].insert(name, jobs)
            except BossError:  # the server is gone for a moment
                await asyncio.sleep(0.2)
            else:
                return

    async def _work(self, boss: Boss, *, queues: bool) -> None:
        dsn = self.database.dsn
        told = {"do": "record", "dsn": dsn}
        await boss.work("work-plain", told, batchSize=self.batch)
        await boss.work("work-slow", {**told, "ms": 400}, batchSize=max(1, self.batch // 4))
        await boss.work("work-shaky", {**told, "failing": 0.35}, batchSize=max(1, self.batch // 3))
        if queues:
            await boss.work(DEAD, told, batchSize=self.batch)

    async def act(self, seconds: float, least: int) -> None:
        """Operators at work for so long and so many operations, the server killed in the middle."""
        began = monotonic()

        def through(part: float) -> bool:
            return monotonic() >= began + part * seconds and len(self.ran) >= part * least

        async with asyncio.TaskGroup() as group:
            for _ in range(self.lanes):
                group.create_task(self._operate(lambda: through(1)))
            group.create_task(self._feed(through))
            group.create_task(self._power_cut(lambda: through(0.5) and self._running > 0))

    async def _power_cut(self, now: Callable[[], bool]) -> None:
        await eventually(now, PATIENCE_SECONDS)
        began = monotonic()
        await asyncio.to_thread(self.server.kill)
        await asyncio.to_thread(self.server.start)
        self.down = (began, monotonic())
        self.connect()

    async def _operate(self, over: Callable[[], bool]) -> None:
        while not over():
            await self._bossctl(self._choose())

    def _choose(self) -> tuple[str, ...]:
        if not self._deck:
            self._deck = self._things()
        return self._deck.pop(0)

    def _things(self) -> list[tuple[str, ...]]:
        """Everything once; how much, where and what is taken back is left to chance."""
        chance = self.chance
        known = [ran.answer["operation"] for ran in self.ran if ran.answer.get("operation")]

        def queue() -> str:
            return "queue:" + chance.choice([*QUEUES])

        def limit(most: int) -> tuple[str, str]:
            return "--limit", str(chance.randint(1, most))

        deck = [
            ("job", "cancel", queue(), "state:created,retry", *limit(1500)),
            ("job", "archive", queue(), "state:completed", *limit(2500)),
            ("job", "delete", ALL, "state:created,cancelled", *limit(500)),
            ("job", "cancel", ALL, "state:created,retry,active", *limit(200)),
            ("job", "resume", ALL, "state:cancelled"),
            ("undo", *([known[-1]] if known else [])),
            ("job", "restore", queue(), *limit(2500)),
            ("job", "retry", "queue:work-shaky", "state:failed"),
            ("undo",),
            ("job", "archive", ALL, "state:completed,failed,cancelled", *limit(2500)),
            ("job", "delete", ALL, "state:completed,failed", *limit(100)),
            ("job", "cancel", "queue:work-slow", "state:active"),
            ("undo", *([chance.choice(known)] if known else [])),
            ("job", "restore", queue(), *limit(100)),
            ("job", "resume", queue(), "state:cancelled", *limit(1500)),
            ("job", "retry", "queue:work-shaky", "state:failed", *limit(500)),
            ("job", "retry", "queue:work-slow", "is:stuck"),
        ]
        if self.disorder:
            chance.shuffle(deck)
        return deck

    async def _bossctl(self, arguments: tuple[str, ...]) -> None:
        number = len(self.ran) + self._running + 1
        dsn = f"{self.database.dsn}&options=-c%20chaos.process%3D{number}"
        program = (sys.executable, "-m", "bossctl", *arguments, "--yes", "-o", "json", "--dsn", dsn)
        self._running += 1
        began = monotonic()
        process = await asyncio.create_subprocess_exec(*program, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
        answer = asyncio.create_task(process.communicate())
        killed = False
        if number % KILLED_EACH == 0:
            await self._some_moment(number, answer)
            if not answer.done():
                process.kill()
                killed = True
        said, talk = await answer
        code = None if killed and process.returncode == -9 else process.returncode
        self._running -= 1
        self.ran.append(Ran(number, arguments, code, said.decode(), talk.decode(), began, monotonic()))

    async def _some_moment(self, number: int, answer: asyncio.Task[Any]) -> None:
        """Until a moment at random, or in the middle of its writing."""
        if self.chance.random() < 0.25:
            times = [ran.ended - ran.began for ran in self.ran if ran.exit == 0]
            await asyncio.wait(
                [answer], timeout=self.chance.uniform(0.3, 1.0) * (statistics.median(times) if times else 1)
            )
            return
        writing = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 4711 AND objid = %s"
        with suppress(psycopg.Error):  # the server may be gone
            while not (answer.done() or self.database.value(writing, [number])):
                await asyncio.wait([answer], timeout=0.002)
            await asyncio.wait([answer], timeout=self.chance.choice((0, 0.02, 0.1)))

    async def settle(self) -> None:
        """Until nothing is left that a worker could take or hold."""
        names = [*QUEUES, DEAD]
        busy = "SELECT count(*) FROM job WHERE state IN ('created', 'retry', 'active') AND name = ANY (%s)"

        async def done() -> bool:
            if self.database.value(busy, [names]) == 0:
                return True
            await self.workers[0].maintain()
            await asyncio.sleep(0.5)  # maintenance has its own pace
            return False

        await eventually(done, PATIENCE_SECONDS)

    def close(self) -> None:
        """Close the connection."""
        self.database.connection.close()

    async def end(self) -> None:
        """The workers go home, and the tables no longer listen."""
        for one in self.workers:
            await one.stop()
        self.database.execute("DROP TRIGGER chaos ON job")

"""A small database with something of everything a command can show, made by the release itself."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import psycopg

from tests.support.bed import Bed, install
from tests.support.boss import Boss
from tests.support.releases import generation

RELEASES = ("9.0.3", "10.4.2", "11.1.2", "12.27.0", "12.38.0")
"""Schemas 20, 24, 26, 37 and 46."""

HOSTILE = "evil [bold red]x[/] \x1b[31mESC\x1b[0m \x9b31m \u202eoverride\x7f 🧨"
EXACT = '{"n": 1.00000000000000000001, "big": 9007199254740993}'
HOSTILE_QUEUE = "evil[red]\x1b[31m-queue"
STATES = {"created": 3, "retry": 1, "active": 1, "completed": 1, "cancelled": 1, "failed": 1}
"""The jobs of the queue email; one of the created is deferred."""


def stocked(bed: Bed, release: str) -> str:
    """The name of a template database with the stock of that release."""
    digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]

    def build(dsn: str) -> None:
        install(release, dsn, "pgboss")
        asyncio.run(_fill(dsn, release))
        with psycopg.connect(dsn, autocommit=True) as connection:
            _sharpen(connection, release)

    return bed.template(f"template_stock_{release.replace('.', '_')}_{digest}", build)


async def _fill(dsn: str, release: str) -> None:
    boss = await Boss.open(release)
    try:
        await boss.start(connectionString=dsn, schema="pgboss", supervise=False, schedule=False)
        await boss.create_queue("email-dead")
        dead_letter = {"deadLetter": "email-dead"} if generation(release) >= 10 else {}
        await boss.create_queue("email", retryLimit=3, **dead_letter)
        await _settle_some(boss)
        await boss.send("email", {"to": "a"}, singletonKey="order-7")
        await boss.send("email", {"text": HOSTILE}, priority=5)
        await boss.send("email", {"to": "later"}, startAfter=3600)
        await boss.schedule("email", "*/5 * * * *", {"tick": True}, tz="Europe/Amsterdam")
    finally:
        await boss.close()


async def _settle_some(boss: Boss) -> None:
    done = await _fetched(boss, {"to": "done"})
    await boss.complete("email", done, {"ok": 1.5})
    failed = await _fetched(boss, {"to": "failed"}, retryLimit=0)
    await boss.fail("email", failed, {"message": f"boom {HOSTILE}"})
    retried = await _fetched(boss, {"to": "retry"}, retryLimit=5, retryDelay=3600)
    await boss.fail("email", retried, {"message": "not yet"})
    cancelled = await boss.send("email", {"to": "cancelled"})
    await boss.cancel("email", str(cancelled))
    await _fetched(boss, {"to": "active"})


async def _fetched(boss: Boss, data: dict[str, str], **options: int) -> str:
    sent = await boss.send("email", data, **options)
    [job] = await boss.fetch("email")
    assert job["id"] == sent
    return job["id"]


def _sharpen(connection: psycopg.Connection[tuple[object, ...]], release: str) -> None:
    """What JavaScript cannot say: digits, and a queue no client would name."""
    connection.execute("SET search_path TO pgboss")
    key = "singletonkey" if generation(release) < 10 else "singleton_key"
    connection.execute(f"UPDATE job SET data = %s WHERE {key} = 'order-7'".encode(), [EXACT])
    if generation(release) < 10:
        connection.execute("INSERT INTO job (name) VALUES (%s)", [HOSTILE_QUEUE])
        return
    options = "%s::json" if generation(release) < 11 else "%s::jsonb"
    call = f"SELECT create_queue(%s, {options})".encode()
    connection.execute(call, [HOSTILE_QUEUE, '{"policy": "standard", "retryLimit": 2}'])
    connection.execute("INSERT INTO job (name, policy) VALUES (%s, 'standard')", [HOSTILE_QUEUE])

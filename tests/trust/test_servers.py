"""Servers in trouble and servers between: full, crowded, a standby, PgBouncer, another idea of the time."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack

import psycopg
import pytest
from psycopg import sql

from bossctl.config import ConnectionSpec
from bossctl.demo.server import running_server
from bossctl.errors import Exit
from bossctl.store import Store
from tests.cli.conftest import Bossctl
from tests.conftest import SeededFactory
from tests.support.bed import install
from tests.support.daemons import PGBOUNCER, STREAMING, pgbouncer, standby
from tests.support.disk import small_disk
from tests.support.releases import NEWEST, ONE_PER_GENERATION, every
from tests.support.roles import ACTIONS, JOB, READS
from tests.support.stores import spec_of

RETRY = ("job", "retry", "queue:mail state:failed", "--limit", "1", "--yes")
FEW = {name: ACTIONS[name] for name in ("job retry", "undo", "queue ensure", "queue delete")}
EVERYTHING = "SELECT md5(string_agg(j::text, '' ORDER BY j.id)) FROM pgboss.job AS j"
FAKETIME = shutil.which("faketime")


def test_no_connection_left(bossctl: Bossctl) -> None:
    """53300 for everybody, and for all but superusers: exit 3, and what to do."""
    few = {"max_connections": "4", "superuser_reserved_connections": "2", "autovacuum": "off"}
    with running_server(settings=few) as server, ExitStack() as crowd:
        install(NEWEST, server.dsn(), "pgboss")
        first = crowd.enter_context(psycopg.connect(server.dsn(), autocommit=True))
        first.execute("CREATE ROLE app LOGIN CONNECTION LIMIT 0")
        limited = bossctl("info", "--dsn", server.dsn().replace(f"{server.user}@", "app@"))
        assert (limited.code, limited.out) == (Exit.UNREACHABLE, b"")
        assert "allows no more connections of role app" in limited.err
        first.execute("ALTER ROLE app CONNECTION LIMIT -1")
        crowd.enter_context(psycopg.connect(server.dsn()))
        result = bossctl("info", "--dsn", server.dsn().replace(f"{server.user}@", "app@"))
        assert (result.code, result.out) == (Exit.UNREACHABLE, b"")
        assert "has no connection left" in result.err
        for _ in range(2):
            crowd.enter_context(psycopg.connect(server.dsn()))
        for line in (("queue", "list"), ("queue", "ensure", "mail"), RETRY):
            result = bossctl(*line, "--dsn", server.dsn())
            assert (result.code, result.out) == (Exit.UNREACHABLE, b"")
            assert "has no connection left" in result.err
            assert "hint: close some sessions" in result.err


@pytest.mark.matrix
def test_the_disk_is_full(bossctl: Bossctl) -> None:
    """53100 in the middle of an action: what was committed is told, and it goes on where there is room again."""
    with running_server() as server, small_disk(server.socket_dir / "small", 24) as disk:
        with psycopg.connect(server.dsn(), autocommit=True) as db:
            db.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(str(disk)))
            db.execute("CREATE DATABASE tight TABLESPACE small")
        install(NEWEST, server.dsn("tight"), "pgboss")
        with psycopg.connect(server.dsn("tight"), autocommit=True) as db:
            db.execute("SELECT pgboss.create_queue('mail', '{\"policy\": \"standard\"}')")
            db.execute(
                "INSERT INTO pgboss.job (name, state, completed_on, data)"
                " SELECT 'mail', 'failed', now(), to_jsonb(repeat('x', 900)) FROM generate_series(1, 4000)"
            )
            ballast = disk / "ballast"
            used = shutil.disk_usage(disk).free
            ballast.write_bytes(b"\0" * (used - 2_000_000))
            line = ("job", "retry", "queue:mail state:failed", "--yes", "-o", "json", "--dsn", server.dsn("tight"))
            result = bossctl(*line)
            assert "disk is full" in result.err
            changed = result.json()["changed"] if result.out else 0
            assert result.code == (Exit.PARTLY if changed else Exit.UNREACHABLE)
            assert db.execute("SELECT count(*) FROM pgboss.job WHERE state = 'retry'").fetchone() == (changed,)
            assert bossctl("queue", "list", "--dsn", server.dsn("tight")).code == Exit.OK
            ballast.unlink()
            result = bossctl(*line)
            assert (result.code, result.json()["changed"]) == (Exit.OK, 4000 - changed)


@pytest.mark.matrix
def test_a_standby_is_read_and_never_written(bossctl: Bossctl) -> None:
    """Streaming replication: every reading works, every action is refused with one sentence."""
    with running_server(settings=STREAMING) as server:
        install(NEWEST, server.dsn(), "pgboss")
        with psycopg.connect(server.dsn(), autocommit=True) as db:
            for queue in ("mail-dead", "mail", "brand-new"):
                options = {"policy": "standard", **({"deadLetter": "mail-dead"} if queue == "mail" else {})}
                db.execute("SELECT pgboss.create_queue(%s, %s)", [queue, json.dumps(options)])
            db.execute(
                "INSERT INTO pgboss.job (name, state) SELECT q, s FROM unnest('{mail,mail-dead}'::text[]) AS q,"
                " unnest(enum_range(NULL::pgboss.job_state)) AS s"
            )
            [(job,)] = db.execute("SELECT id::text FROM pgboss.job WHERE name = 'mail' AND state = 'failed'").fetchall()
            assert bossctl(*RETRY, "--dsn", server.dsn()).code == Exit.OK
            with standby(server) as dsn:
                for lines in READS.values():
                    for line in lines:
                        result = bossctl(*line.replace(JOB, job).split(), "--dsn", dsn)
                        assert result.code == Exit.OK, f"{line}\n{result.err}"
                assert bossctl("info", "-o", "json", "--dsn", dsn).json()["server"]["standby"] is True
                before = db.execute(EVERYTHING).fetchone()
                for command, lines in ACTIONS.items():
                    line = f"job retry id:{job} --yes" if command == "job retry" else lines[0]
                    result = bossctl(*line.split(), "--dsn", dsn)
                    nothing = command in ("job restore", "job retry") and result.code == Exit.NOTHING
                    assert nothing or (result.code == Exit.UNSUPPORTED and "standby" in result.err), line + result.err
                assert db.execute(EVERYTHING).fetchone() == before


@pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed (Debian's package pgbouncer)")
@pytest.mark.parametrize("release", every(ONE_PER_GENERATION, kept=[NEWEST]))
def test_everything_works_through_pgbouncer(bossctl: Bossctl, seeded: SeededFactory, release: str) -> None:
    """Transaction mode over one connection, as pg-boss itself may share it: nothing of ours stays on it."""
    db = seeded(release)
    job = str(db.value("SELECT id FROM job WHERE name = 'mail' AND state = 'failed' LIMIT 1"))
    settings = (
        "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings"
        " WHERE name <> 'application_name' AND source NOT IN ('default', 'configuration file', 'command line')"
    )
    with pgbouncer(db.bed, db.name) as dsn:
        with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as other:
            before = other.execute(settings).fetchone()
        commands = {**READS, **ACTIONS} if release != NEWEST else {**READS, **FEW}
        for lines in commands.values():
            for line in lines:
                result = bossctl(*line.replace(JOB, job).split(), "--dsn", dsn)
                assert result.code in (Exit.OK, Exit.UNSUPPORTED), f"{line}\n{result.err}"
                assert result.code == Exit.OK or "queue table" in result.err or "came with" in result.err, line
        asyncio.run(_looked_at_again(spec_of(db, db.schema, dsn=dsn)))
        with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as other:
            assert other.execute(settings).fetchone() == before
            assert other.execute("SELECT pg_backend_pid(), count(*) FROM pg_prepared_statements").fetchall()[0][1] == 0


async def _looked_at_again(spec: ConnectionSpec) -> None:
    """What a direct connection would prepare."""
    async with await Store.open(spec) as store:
        [shown, *_] = (await store.jobs(limit=1)).jobs
        for _ in range(3):
            assert (await store.job(shown.id)).row.id == shown.id


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed (Debian's package faketime)")
@pytest.mark.matrix
@pytest.mark.parametrize("skew", ["+6h", "-6h"])
def test_the_server_s_clock_counts(seeded: SeededFactory, skew: str) -> None:
    """A client whose clock is wrong by hours sees the same due, stuck and old jobs and the same findings."""
    db = seeded(NEWEST)
    environment = {**os.environ, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def answers(*clock: str) -> list[set[str]]:
        found = []
        for line in ("job list is:due", "job list is:stuck", "job list older:2h -n 9999", "doctor --fail-on never"):
            command = [*clock, sys.executable, "-m", "bossctl", *line.split(), "-o", "json", "--dsn", db.dsn]
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
            assert done.returncode == 0, done.stderr
            told = json.loads(done.stdout)
            found.append(
                {one["id"] for one in told["jobs"]} if "jobs" in told else {f["code"] for f in told["findings"]}
            )
        return found

    before, wrong, after = answers(), answers(str(FAKETIME), "-f", skew), answers()
    for first, second, third in zip(before, wrong, after, strict=True):  # time goes on: more become due, and old
        assert first
        assert first <= second <= third

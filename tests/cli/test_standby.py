"""A standby: what can be looked at, and that no action is even begun there."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bossctl.demo.binaries import find_binaries
from bossctl.demo.server import Server, running_server
from bossctl.errors import Exit
from bossctl.models.jobactions import JobAction
from tests.cli.conftest import Bossctl
from tests.support.bed import install
from tests.support.releases import NEWEST

FAILED = """
SELECT pgboss.create_queue('work', '{"policy": "standard"}');
INSERT INTO pgboss.job (name, state, completed_on) SELECT 'work', 'failed', now() FROM generate_series(1, 20);
"""
STREAMING = {"wal_level": "replica", "max_wal_senders": "4", "hot_standby": "on"}
ACTIONS = [action for action in JobAction if action is not JobAction.UNDO]


@contextmanager
def replica_of(primary: Server) -> Iterator[Server]:
    """A streaming standby of a server."""
    binaries = find_binaries()
    base = Path(tempfile.mkdtemp(prefix="replica-"))
    try:
        base.chmod(0o755)
        data = base / "data"
        data.mkdir(mode=0o700)
        account = binaries.account
        if account is not None:
            os.chown(data, account.uid, account.gid)
        copy = [str(binaries.program("pg_basebackup")), "-D", str(data), "-d", primary.dsn(), "-R", "-X", "stream"]
        subprocess.run(
            [*copy, "--checkpoint=fast", "--no-sync"],
            check=True,
            cwd="/",
            user=account and account.uid,
            group=account and account.gid,
            extra_groups=None if account is None else [],
        )
        with running_server(data=data, settings=STREAMING) as server:
            yield server
    finally:
        shutil.rmtree(base, ignore_errors=True)


def test_a_standby_is_looked_at_and_never_written_to(bossctl: Bossctl) -> None:
    with running_server(settings=STREAMING) as primary:
        install(NEWEST, primary.dsn(), "pgboss")
        with psycopg.connect(primary.dsn(), autocommit=True) as db:
            db.execute(FAILED)
        with replica_of(primary) as standby:
            where = ("--dsn", standby.dsn())
            dry = bossctl("job", "retry", "queue:work", "--dry-run", *where)
            assert (dry.code, "20 jobs" in dry.text) == (Exit.OK, True), dry.err
            for action in ACTIONS:
                refused = bossctl("job", action, *words(action), "--yes", *where)
                assert (refused.code, refused.out) == (Exit.UNSUPPORTED, b""), (action, refused)
                assert "standby" in refused.err, (action, refused)
            assert bossctl("undo", "--yes", *where).code == Exit.UNSUPPORTED
            assert bossctl("queue", "ensure", "work", "--retry-limit", "9", *where).code == Exit.UNSUPPORTED


def words(action: JobAction) -> tuple[str, ...]:
    """What the action is asked for."""
    more = {JobAction.DEFER: ("--by", "1h"), JobAction.REDRIVE: ("--to", "work")}
    return ("queue:work", *more.get(action, ()))

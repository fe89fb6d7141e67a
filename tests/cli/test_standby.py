"""A standby: what can be looked at, and that no action is even begun there."""

from __future__ import annotations

import psycopg

from bossctl.demo.server import running_server
from bossctl.errors import Exit
from bossctl.models.jobactions import JobAction
from tests.cli.conftest import Bossctl
from tests.support.bed import install
from tests.support.daemons import STREAMING, standby
from tests.support.releases import NEWEST

FAILED = """
SELECT pgboss.create_queue('work', '{"policy": "standard"}');
INSERT INTO pgboss.job (name, state, completed_on) SELECT 'work', 'failed', now() FROM generate_series(1, 20);
"""
ACTIONS = [action for action in JobAction if action is not JobAction.UNDO]


def test_a_standby_is_looked_at_and_never_written_to(bossctl: Bossctl) -> None:
    with running_server(settings=STREAMING) as primary:
        install(NEWEST, primary.dsn(), "pgboss")
        with psycopg.connect(primary.dsn(), autocommit=True) as db:
            db.execute(FAILED)
        with standby(primary) as dsn:
            where = ("--dsn", dsn)
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

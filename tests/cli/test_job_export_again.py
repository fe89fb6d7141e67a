"""`bossctl job archive --to FILE` ended from outside, and the same command again."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.test_job_actions import wait_until
from tests.cli.test_process import PATIENCE, command, environment
from tests.conftest import DatabaseFactory
from tests.support.database import Database
from tests.support.recording import rows

JOBS = 8_000
FILL = """
INSERT INTO job (name, state, completed_on, data)
SELECT 'work', 'completed', now(), jsonb_build_object('n', n, 'x', md5(n::text)) FROM generate_series(1, %(jobs)s) AS n
"""
SLOW = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END';
CREATE TRIGGER slow AFTER DELETE ON job FOR EACH STATEMENT EXECUTE FUNCTION slow();
"""
COUNT = "SELECT count(*) FROM job WHERE name = 'work'"


def filled(db: Database) -> Database:
    db.execute("""SELECT create_queue('work', '{"policy": "standard"}')""")
    db.execute(FILL, {"jobs": JOBS})
    db.execute(SLOW)
    return db


@pytest.mark.matrix
@pytest.mark.parametrize("name", ["jobs.jsonl", "jobs.jsonl.gz"])
@pytest.mark.parametrize("release", ["10.4.2", "12.38.0"])
def test_ended_at_any_moment(database: DatabaseFactory, tmp_path: Path, release: str, name: str) -> None:
    """Twice by SIGKILL, once by SIGINT; every job comes back once, and as it was."""
    db, path, chance = filled(database(release)), tmp_path / name, random.Random(name + release)
    before = rows(db)
    env = environment(db, XDG_STATE_HOME=str(tmp_path))
    archive = command("job", "archive", "queue:work", "--to", str(path), "--yes")
    for sent, code in ((signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGKILL, -9)):
        left = db.value(COUNT)
        with subprocess.Popen(archive, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as one:
            wait_until(db, f"({COUNT}) < {left}")
            time.sleep(chance.random() * 0.3)
            one.send_signal(sent)
            one.communicate(timeout=PATIENCE)
        assert one.returncode == code
    assert db.value(COUNT)
    db.execute("DROP TRIGGER slow ON job")
    ended = subprocess.run(archive, env=env, capture_output=True, timeout=PATIENCE)
    assert (ended.returncode, db.value(COUNT)) == (0, 0), ended.stderr
    assert path.stat().st_mode & 0o777 == 0o600
    restore = command("job", "restore", "--from", str(path), "--yes", "-o", "json")
    back = subprocess.run(restore, env=env, capture_output=True, timeout=PATIENCE)
    assert (back.returncode, b"warning" in back.stderr, json.loads(back.stdout)["skipped"]) == (0, False, {})
    assert rows(db) == before

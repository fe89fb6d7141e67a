"""`bossctl job retry` and its siblings, from outside: selectors, questions, JSON, exit codes."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bossctl.sql.text import trusted
from tests.cli.conftest import Bossctl, Result
from tests.cli.test_main import process
from tests.cli.test_process import PATIENCE, command, environment, on_terminal
from tests.conftest import DatabaseFactory, SeededFactory
from tests.support.database import Database
from tests.support.releases import NEWEST

RELEASES = ("9.0.3", "10.4.2", "11.1.2", "12.27.0", NEWEST)
ACTIONS = ("retry", "cancel", "resume", "defer", "redrive", "resend", "delete")
SLOW = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END';
CREATE TRIGGER slow AFTER UPDATE ON job FOR EACH STATEMENT EXECUTE FUNCTION slow();
"""


def states(db: Database, queue: str = "mail") -> dict[str, int]:
    return dict(db.execute("SELECT state::text, count(*) FROM job WHERE name = %s GROUP BY 1", [queue]))


def filled(db: Database, jobs: int) -> Database:
    """A queue of failed jobs, made by SQL."""
    db.execute("SELECT create_queue('work', '{\"policy\": \"standard\"}'::jsonb)")
    db.execute(
        "INSERT INTO job (name, state, completed_on, data) SELECT 'work', 'failed', now(), jsonb_build_object('n', n)"
        " FROM generate_series(1, %s) AS n",
        [jobs],
    )
    return db


@pytest.mark.parametrize("action", ACTIONS)
def test_without_a_selector_it_never_means_all(bossctl: Bossctl, action: str) -> None:
    for words in ((), ("",), ("  ",)):
        result = bossctl("job", action, *words, "--yes", "--dsn", "host=127.0.0.1 port=1")
        assert (result.code, result.out) == (2, b"")
        assert "needs a selector" in result.err


@pytest.mark.parametrize("release", RELEASES)
def test_retry_as_a_script_sees_it(bossctl: Bossctl, seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    before = states(db)
    dry = bossctl(
        "job", "retry", "queue:mail", "state:failed", "--dry-run", "--show-sql", "-o", "json", "--dsn", db.dsn
    )
    assert dry.code == 0, dry.err
    body = dry.json()
    failed = before["failed"]
    assert (body["matched"], body["eligible"], body["changed"], body["applied"]) == (failed, failed, 0, False)
    assert any("UPDATE " in text and "'retry'" in text for text in body["statements"])
    assert states(db) == before
    done = bossctl("job", "retry", "queue:mail", "--yes", "-o", "json", "--dsn", db.dsn)
    assert done.code == 0, done.err
    body = done.json()
    assert {**body, "target": None, "samples": None, "operation": None} == {
        **{"bossctl": 1, "action": "retry", "target": None, "selector": "queue:mail", "samples": None},
        **{"matched": sum(before.values()), "eligible": failed, "changed": failed, "queues": {"mail": failed}},
        **{"skipped": {"not-failed": sum(before.values()) - failed}, "operation": None, "applied": True},
        **{"effect": f"{failed} jobs → retry, each with one more attempt", "consequences": body["consequences"]},
        **{"warnings": [], "stopped": None, "interrupted": False},
    }
    assert body["target"]["schema"] == "pgboss"
    words = [one["outcome"] for one in body["samples"]]
    assert (words.count("changed"), words.count("not-failed")) == (5, 5)
    assert states(db)["retry"] == before["retry"] + failed
    again = bossctl("job", "retry", "queue:mail", "state:failed", "--yes", "--dsn", db.dsn)
    assert again.code == 5
    assert "nothing was changed in" in again.err


def test_every_action_by_its_own_options(bossctl: Bossctl, seeded: SeededFactory) -> None:
    db = seeded(NEWEST)

    def did(*argv: str) -> int:
        result = bossctl("job", *argv, "--yes", "-o", "jsonl", "--dsn", db.dsn)
        assert result.code == 0, result.err
        [body] = result.lines()
        return body["changed"]

    assert did("cancel", "queue:exports") == 12
    assert did("resume", "queue:exports", "--limit", "7", "--spread", "1h") == 7
    assert did("defer", "queue:exports", "--until", "2035-01-31T08:00") == 7
    assert (
        db.value("SELECT count(*) FROM job WHERE start_after = '2035-01-31 08:00Z' AND keep_until > start_after") == 7
    )
    assert did("defer", "queue:exports", "--by", "1d") == 7
    assert did("defer", "queue:exports", "--now") == 7
    assert did("retry", "is:stuck") >= 1
    assert did("redrive", "queue:mail-dead", "--limit", "2") == 2
    assert did("resend", "queue:thumbnails", "state:completed", "-n", "3") == 3
    assert did("delete", "queue:thumbnails", "state:completed") == 300
    for argv in (
        ("defer", "queue:exports"),
        ("defer", "queue:exports", "--until", "soon"),
        ("retry", "-n", "0", "x:y"),
    ):
        assert bossctl("job", *argv, "--yes", "--dsn", db.dsn).code == 2
    canary = bossctl("job", "delete", "queue:exports", "--limit", "3", "--dry-run", "--dsn", db.dsn)
    assert "warning: 3 jobs still waiting: they will never run" in canary.text
    none = bossctl("job", "redrive", "queue:mail", "--limit", "2", "--dry-run", "--dsn", db.dsn)
    assert (none.code, "of which the first" in none.text) == (5, False)
    caret = bossctl("job", "retry", "queue:mail", "stat:failed", "--yes", "--dsn", db.dsn)
    assert caret.code == 2
    assert "\n           ^" in caret.err


def test_who_may_not_write(bossctl: Bossctl, seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    words = ("job", "cancel", "queue:mail", "--yes", "--dsn")
    before = states(db)
    assert bossctl(*words, db.dsn, "--read-only").code == 2
    assert bossctl("job", "cancel", "queue:mail", "--dry-run", "--dsn", db.dsn, "--read-only").code == 0
    asking = bossctl("job", "cancel", "queue:mail", "--dsn", db.dsn)
    assert (asking.code, asking.out) == (2, b"")
    assert "there is no terminal to ask on" in asking.err
    role = f"reader_{db.name}"
    db.execute(f"CREATE ROLE {role} LOGIN")
    try:
        db.execute(f"GRANT USAGE ON SCHEMA pgboss TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA pgboss TO {role}")
        refused = bossctl(*words, make_conninfo(db.dsn, user=role))
        assert (refused.code, refused.out) == (4, b"")
        assert 'GRANT INSERT, UPDATE, DELETE ON TABLE "pgboss"."job", ' in refused.err
    finally:
        db.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert states(db) == before


@pytest.mark.parametrize(("answer", "code"), [(b"yes\n", 0), (b"no\n", 5), (b"\x04", 5)])
def test_the_question(seeded: SeededFactory, answer: bytes, code: int) -> None:
    db = seeded(NEWEST)
    before = states(db)
    ended, drawn = on_terminal(command("job", "cancel", "queue:mail"), environment(db), typed=(b"to go on:", answer))
    assert ended == code, drawn
    assert "cancel: 15 jobs → cancelled".encode() in drawn
    assert b'in queue "mail" of postgres@' in drawn
    assert b"schema pgboss (from BOSSCTL_DSN)" in drawn
    assert b"warning: 2 jobs active: their handlers go on" in drawn
    assert (states(db) == before) == (code == 5)


def test_many_are_agreed_to_by_their_number(database: DatabaseFactory) -> None:
    db = filled(database(NEWEST), 1500)
    retry = command("job", "retry", "queue:work")
    assert on_terminal(retry, environment(db), typed=(b"to go on:", b"yes\n"))[0] == 5
    ended, drawn = on_terminal(retry, environment(db), typed=(b"to go on:", b"1500\n"))
    assert ended == 0, drawn
    assert b"type 1500 (the number of jobs) to go on:" in drawn
    assert b"of 1,500 jobs" in drawn, "the bar"


@contextmanager
def running(db: Database, *argv: str) -> Iterator[subprocess.Popen[bytes]]:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command(*argv), stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=environment(db)
    ) as one:
        try:
            yield one
        finally:
            one.kill()


def wait_until(db: Database, condition: str) -> None:
    with psycopg.connect(db.dsn, autocommit=True) as watching:
        watching.execute("SET search_path = pgboss; SET statement_timeout = '60s'")
        loop = "DO $$ BEGIN WHILE NOT ({}) LOOP PERFORM pg_sleep(0.02); COMMIT; END LOOP; END $$"
        watching.execute(sql.SQL(loop).format(trusted(condition)))


DONE = "(SELECT count(*) FROM pgboss.job WHERE state = 'retry')"


def test_an_interrupt_ends_after_the_batch(database: DatabaseFactory) -> None:
    db = filled(database(NEWEST), 6000)
    db.execute(SLOW)
    with running(db, "job", "retry", "queue:work", "--yes", "-o", "json") as one:
        wait_until(db, f"{DONE} >= 1000")
        one.send_signal(signal.SIGINT)
        out, err = one.communicate(timeout=PATIENCE)
    result = Result(one.returncode, out, err.decode())
    assert result.code == 130, result.err
    body = result.json()
    assert body["interrupted"]
    assert body["changed"] == db.value(f"SELECT {DONE}") in (1000, 2000, 3000, 4000, 5000)
    assert "running it again finishes it" in result.err


def test_a_second_interrupt_ends_it_at_once(database: DatabaseFactory) -> None:
    """The batch at hand is not waited for; the log has what was committed."""
    db = filled(database(NEWEST), 4000)
    db.execute(SLOW)
    with running(db, "job", "retry", "queue:work", "--yes") as one:
        wait_until(db, f"{DONE} >= 1000")
        one.send_signal(signal.SIGINT)
        one.send_signal(signal.SIGTERM)
        out, err = one.communicate(timeout=PATIENCE)
    assert (one.returncode, out) == (130, b"")
    assert b"bossctl log tells what was committed" in err


def test_a_lost_connection_is_partly_done(database: DatabaseFactory) -> None:
    db = filled(database(NEWEST), 3000)
    db.execute(SLOW)
    with running(db, "job", "retry", "queue:work", "--yes", "-o", "json") as one:
        wait_until(db, f"{DONE} >= 1000")
        ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'bossctl'"
        assert db.value(f"{ended} AND datname = current_database()") == 2
        out, err = one.communicate(timeout=PATIENCE)
    result = Result(one.returncode, out, err.decode())
    assert result.code == 6, result.err
    assert result.json()["changed"] == db.value(f"SELECT {DONE}")
    assert "error: lost the database" in result.err
    db.execute("DROP TRIGGER slow ON job")
    again: Any = subprocess.run(
        command("job", "retry", "queue:work", "--yes"), env=environment(db), capture_output=True, timeout=PATIENCE
    )
    assert again.returncode == 0
    assert db.value(f"SELECT {DONE}") == 3000


def test_what_others_hold_and_what_is_taken(bossctl: Bossctl, database: DatabaseFactory) -> None:
    db = filled(database(NEWEST), 3)
    ids = [id for (id,) in db.execute("SELECT id::text FROM job ORDER BY id")]
    words = ("job", "retry", "queue:work", "--yes", "-o", "json", "--dsn", db.dsn)
    with psycopg.connect(db.dsn) as other:
        other.execute("SELECT FROM pgboss.job WHERE id = %s FOR UPDATE", [ids[0]])
        partly = bossctl(*words)
    assert partly.code == 6, partly.err
    assert (partly.json()["changed"], partly.json()["skipped"]) == (2, {"locked": 1})
    db.execute(
        "UPDATE job SET policy = 'exclusive', state = CASE id::text WHEN %s THEN 'active' ELSE 'failed' END::job_state",
        [ids[1]],
    )
    taken = bossctl(*words)
    assert taken.code == 5, taken.err
    assert taken.json()["skipped"] == {"not-failed": 1, "slot-taken": 2}
    assert [one["holder"] for one in taken.json()["samples"] if "holder" in one] == [ids[1]] * 2
    told = bossctl("job", "retry", "queue:work", "--dry-run", "--dsn", db.dsn)
    assert told.code == 5
    assert "slot-taken" in told.text


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_what_was_done_is_said_where_the_disk_is_full(bossctl: Bossctl, seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    act = ("job", "delete", "queue:mail state:failed", "--limit", "1", "--yes", "-o", "json", "--dsn", db.dsn)
    with Path("/dev/full").open("wb") as full, process(*act, stdout=full.fileno()) as running:
        _, err = running.communicate(timeout=60)
    assert running.returncode == 2
    operation = bossctl("log", "-o", "json", "--dsn", db.dsn).json()["operations"][0]["operation"]
    assert f"note: operation {operation}; bossctl undo {operation} takes it back" in err.decode()
    assert b"cannot write the output" in err

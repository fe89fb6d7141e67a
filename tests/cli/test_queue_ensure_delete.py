"""`bossctl queue delete`, from outside."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Bossctl
from tests.cli.test_process import command, environment, on_terminal
from tests.support.database import Database
from tests.support.releases import generation


def has_queue(db: Database, name: str) -> bool:
    return db.value("SELECT count(*) FROM queue WHERE name = %s", [name]) == 1


def test_counts_then_jobs_then_gone(bossctl: Bossctl, stock: Database) -> None:
    dsn = ("--dsn", stock.dsn)
    if generation(stock.release) < 10:
        assert bossctl("queue", "delete", "email", "--yes", *dsn).code == 4
        return
    refused = bossctl("queue", "delete", "email", "--yes", "-o", "json", *dsn)
    assert refused.code == 5
    [queue] = refused.json()["queues"]
    assert (queue["action"], queue["applied"], queue["jobs"]) == ("refused", False, 8)
    assert queue["counts"]["created"] == 3
    assert "holds 8 jobs: 3 created, 1 retry, 1 active, 1 completed, 1 cancelled, 1 failed" in queue["reason"]
    assert "hint: --with-jobs deletes them too\n" in refused.err
    dead = bossctl("queue", "delete", "email-dead", "--with-jobs", "--yes", *dsn)
    assert dead.code == 5
    assert "it is the dead-letter queue of email" in dead.text
    dry = bossctl("queue", "delete", "email", "--with-jobs", "--dry-run", "--show-sql", *dsn)
    assert dry.code == 0
    assert "delete_queue('email');" in dry.text
    assert "nothing was changed in postgres@" in dry.err
    assert has_queue(stock, "email")
    done = bossctl("queue", "delete", "email", "--with-jobs", "--yes", "-o", "json", *dsn)
    assert done.code == 0, done.err
    [queue] = done.json()["queues"]
    assert (queue["action"], queue["applied"], queue["jobs"], queue["schedules"]) == ("deleted", True, 8, 1)
    assert not has_queue(stock, "email")
    assert bossctl("queue", "delete", "email-dead", "--with-jobs", "--yes", *dsn).code == 0
    assert bossctl("queue", "delete", "email", "--with-jobs", "--yes", *dsn).code == 5


def test_without_a_terminal_it_needs_a_yes(bossctl: Bossctl, newest: Database) -> None:
    result = bossctl("queue", "delete", "email", "--with-jobs", "--dsn", newest.dsn)
    assert (result.code, result.out) == (2, b"")
    assert "no terminal to ask on" in result.err
    assert "hint: --yes" in result.err
    assert bossctl("queue", "delete", "email", "--with-jobs", "--yes", "--read-only", "--dsn", newest.dsn).code == 2
    assert bossctl("queue", "delete", "email", "--dry-run", "--read-only", "--dsn", newest.dsn).code == 5
    assert has_queue(newest, "email")


@pytest.mark.parametrize(("answer", "code"), [(b"email\n", 0), (b"yes\n", 5), (b"\n", 5), (b"\x04", 5)])
def test_the_name_is_typed(newest: Database, answer: bytes, code: int) -> None:
    ended, drawn = on_terminal(
        command("queue", "delete", "email", "--with-jobs"), environment(newest), typed=(b"to go on:", answer)
    )
    assert ended == code, drawn
    assert b'delete the queue "email" with 8 jobs from postgres@' in drawn
    assert b"schema pgboss (from BOSSCTL_DSN)" in drawn
    assert b"1 job may be running" in drawn
    assert (b"declined" in drawn) == (code == 5)
    assert has_queue(newest, "email") == (code != 0)


def test_what_is_refused_is_not_asked(newest: Database) -> None:
    ended, drawn = on_terminal(command("queue", "delete", "email"), environment(newest))
    assert ended == 5
    assert b"holds 8 jobs" in drawn
    assert b"type its name" not in drawn

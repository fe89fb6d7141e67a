"""`queue ensure -f` and `queue export`, from outside."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Bossctl
from tests.conftest import DatabaseFactory
from tests.support.database import Database
from tests.support.releases import NEWEST, RELEASES_WITH_QUEUES, every, generation

THREE = """
[queues.mail]
retry_limit = 5
dead_letter = "dead"
[queues.dead]
dead_letter = "graves"
[queues.graves]
policy = "short"
"""
ODD_NAMES = (
    "no spaces",
    "a/b.c",
    "ünï",
    "quote'\"s",
    "line\nfeed",
    "[red]\x1b[31m",
    "none",
    "-dash",
    "dots..",
    "x" * 300,
)


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def actions(result: Any) -> list[tuple[str, str, bool]]:
    return [(queue["queue"], queue["action"], queue["applied"]) for queue in result.json()["queues"]]


def test_many_queues_in_dead_letter_order(bossctl: Bossctl, database: DatabaseFactory, tmp_path: Path) -> None:
    db = database(NEWEST)
    file = write(tmp_path / "queues.toml", THREE)
    check = bossctl("queue", "ensure", "-f", file, "--check", "-o", "json", "--dsn", db.dsn)
    assert check.code == 1
    assert actions(check) == [("graves", "created", False), ("dead", "created", False), ("mail", "created", False)]
    dry = bossctl("queue", "ensure", "-f", file, "--dry-run", "--dsn", db.dsn)
    assert (dry.code, db.value("SELECT count(*) FROM queue")) == (0, 0)
    done = bossctl("queue", "ensure", "-f", file, "-o", "json", "--dsn", db.dsn)
    assert done.code == 0, done.err
    assert actions(done) == [("graves", "created", True), ("dead", "created", True), ("mail", "created", True)]
    assert bossctl("queue", "ensure", "-f", file, "--check", "--dsn", db.dsn).code == 0
    assert dict(db.execute("SELECT name, dead_letter FROM queue")) == {"mail": "dead", "dead": "graves", "graves": None}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (THREE + "[queues.new]\nheartbeat = 5\n", "queues.new.heartbeat: 5s is less than pg-boss takes"),
        (THREE + '[queues.new]\npolicy = "fast"\n', 'queues.new.policy: there is no policy "fast"'),
        (THREE + '[queues."new one"]\n', 'pg-boss would refuse the queue name "new one"'),
        (THREE.replace('policy = "short"', 'dead_letter = "mail"'), "loop: "),
        (THREE + "[queues.new]\nretryLimit = 5\n", "queues.new.retryLimit: there is no such option"),
        (THREE + "[queues.new]\nretry_delay_max = 5\n", "queues.new.retry_delay_max: "),
        (THREE + "[queues", "cannot be read"),
        ('{"queues": {"good": {}, "\\ud800": {}}}', "holds characters that no queue can have"),
        ('{"queues": {"good": {}, "a\\u0000": {}}}', "holds characters that no queue can have"),
    ],
)
def test_a_bad_file_changes_nothing(
    bossctl: Bossctl, database: DatabaseFactory, tmp_path: Path, text: str, error: str
) -> None:
    db = database(NEWEST)
    result = bossctl("queue", "ensure", "-f", write(tmp_path / "queues", text), "--dsn", db.dsn)
    assert (result.code, result.out) == (2, b"")
    assert error in result.err
    assert str(tmp_path / "queues") in result.err
    assert db.value("SELECT count(*) FROM queue") == 0


def test_what_the_schema_lacks_stops_the_whole_file(
    bossctl: Bossctl, database: DatabaseFactory, tmp_path: Path
) -> None:
    db = database("11.1.2")
    file = write(tmp_path / "queues.toml", THREE + "[queues.new]\nheartbeat = '1m'\n")
    result = bossctl("queue", "ensure", "-f", file, "--dsn", db.dsn)
    assert result.code == 4
    assert "queues.new.heartbeat: this pg-boss schema does not have the option heartbeat" in result.err
    assert "12.12.0" in result.err
    assert db.value("SELECT count(*) FROM queue") == 0


def test_some_refused_is_6_all_refused_is_5(bossctl: Bossctl, newest: Database, tmp_path: Path) -> None:
    some = write(tmp_path / "some.toml", "[queues.email]\npolicy = 'short'\n[queues.fresh]\n")
    result = bossctl("queue", "ensure", "-f", some, "-o", "json", "--dsn", newest.dsn)
    assert (result.code, actions(result)) == (6, [("email", "refused", False), ("fresh", "created", True)])
    all_of_them = write(
        tmp_path / "all.toml", "[queues.email]\npolicy = 'short'\n[queues.x]\ndead_letter = 'nowhere'\n"
    )
    assert bossctl("queue", "ensure", "-f", all_of_them, "--dsn", newest.dsn).code == 5


def break_queue(db: Database, name: str, how: str) -> None:
    db.execute(f"CREATE FUNCTION break_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {how} RETURN NEW; END $$")
    db.execute(
        f"CREATE TRIGGER break_it BEFORE INSERT ON queue FOR EACH ROW WHEN (NEW.name = '{name}') "
        "EXECUTE FUNCTION break_it()"
    )


def test_a_failure_in_the_middle(bossctl: Bossctl, database: DatabaseFactory, tmp_path: Path) -> None:
    db = database(NEWEST)
    file = write(tmp_path / "queues.toml", THREE)
    break_queue(db, "dead", "RAISE 'the disk is on fire';")
    result = bossctl("queue", "ensure", "-f", file, "-o", "json", "--dsn", db.dsn)
    assert result.code == 6
    assert actions(result) == [("graves", "created", True)]
    assert "the disk is on fire" in result.err
    assert "note: not done: mail, dead; running it again finishes them\n" in result.err
    assert db.execute("SELECT name FROM queue") == [("graves",)]
    db.execute("DROP TRIGGER break_it ON queue")
    again = bossctl("queue", "ensure", "-f", file, "-o", "json", "--dsn", db.dsn)
    assert (again.code, [action for _, action, _ in actions(again)]) == (0, ["unchanged", "created", "created"])


def test_an_interruption_tells_what_was_done(database: DatabaseFactory, tmp_path: Path) -> None:
    db = database(NEWEST)
    break_queue(db, "dead", "PERFORM pg_sleep(60);")
    command = [sys.executable, "-m", "bossctl", "queue", "ensure", "-f", write(tmp_path / "queues.toml", THREE)]
    with subprocess.Popen(
        [*command, "-o", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "BOSSCTL_DSN": db.dsn},
    ) as running:
        sleeping = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
        while not db.value(sleeping):
            assert running.poll() is None
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    assert running.returncode == 130, err
    assert [queue["queue"] for queue in json.loads(out)["queues"]] == ["graves"]
    assert b"interrupted; not done: mail, dead" in err
    assert db.execute("SELECT name FROM queue") == [("graves",)]


def test_prune_lists_and_never_deletes(bossctl: Bossctl, newest: Database, tmp_path: Path) -> None:
    file = write(tmp_path / "queues.toml", "[queues.email]\n")
    before = newest.execute("SELECT name FROM queue ORDER BY 1")
    result = bossctl("queue", "ensure", "-f", file, "--prune", "-o", "json", "--dsn", newest.dsn)
    assert result.code == 0
    assert "email-dead" in result.json()["surplus"]
    assert not [name for name in result.json()["surplus"] if name.startswith("__pgboss__")]
    text = bossctl("queue", "ensure", "-f", file, "--prune", "--dsn", newest.dsn).text
    assert "not in the file: email-dead\n" in text
    assert "\x1b" not in text
    assert bossctl("queue", "ensure", "-f", file, "--prune", "--check", "--dsn", newest.dsn).code == 1
    assert bossctl("queue", "ensure", "-f", file, "--check", "--dsn", newest.dsn).code == 0
    lines = bossctl("queue", "ensure", "-f", file, "--prune", "-o", "jsonl", "--dsn", newest.dsn)
    assert len(lines.lines()) == 1
    assert "note: not in the file: email-dead\n" in lines.err
    assert newest.execute("SELECT name FROM queue ORDER BY 1") == before


def make_odd(db: Database) -> None:
    """What older clients and raw SQL have left: names, values and loops that nobody would be given today."""
    for name in ODD_NAMES:
        create(db, name, {"policy": "standard"})
    create(db, "__pgboss__send-it", {"policy": "standard"})
    for name, policy in (("short", "short"), ("own", "stately"), ("third-party", "exactly_once")):
        create(db, name, {"policy": policy, "partition": name == "own"})
    db.execute("UPDATE queue SET dead_letter = 'none', expire_seconds = 999999 WHERE name = 'a/b.c'")
    db.execute("UPDATE queue SET dead_letter = 'a/b.c', retry_delay = -7 WHERE name = 'none'")
    db.execute("UPDATE queue SET dead_letter = 'ünï', retry_backoff = true WHERE name = 'no spaces'")
    if generation(db.release) == 10:
        create(db, "raw", {})
        db.execute("UPDATE queue SET dead_letter = name, retention_minutes = 0 WHERE name = 'raw'")
        return
    db.execute("UPDATE queue SET retry_delay_max = 0, deletion_seconds = 0, retention_seconds = 1 WHERE name = 'short'")
    if db.schema_number >= 30:
        db.execute("UPDATE queue SET heartbeat_seconds = 3 WHERE name = 'short'")


def create(db: Database, name: str, options: dict[str, object]) -> None:
    kind = "json" if generation(db.release) == 10 else "jsonb"
    db.execute(f"SELECT create_queue(%s, %s::{kind})", [name, json.dumps(options)])


@pytest.mark.parametrize("release", every(RELEASES_WITH_QUEUES))
def test_export_is_what_ensure_takes(
    bossctl: Bossctl, database: DatabaseFactory, monkeypatch: pytest.MonkeyPatch, release: str
) -> None:
    db = database(release)
    make_odd(db)
    rows = "SELECT to_jsonb(q) FROM queue AS q ORDER BY name"
    before = db.execute(rows)
    exported = {}
    for output in ("toml", "json"):
        result = bossctl("queue", "export", "-o", output, "--dsn", db.dsn)
        assert (result.code, result.err) == (0, "")
        exported[output] = result.out
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(result.out)))
        ensured = bossctl("queue", "ensure", "-f", "-", "--prune", "-o", "json", "--dsn", db.dsn)
        assert ensured.code == 0, ensured.err
        found = {name: (action, applied) for name, action, applied in actions(ensured)}
        assert set(ODD_NAMES) <= set(found)
        assert set(found.values()) == {("unchanged", False)}
        assert ensured.json()["surplus"] == []
        assert "__pgboss__send-it" not in found
    assert db.execute(rows) == before
    assert b"\x1b" not in exported["toml"]
    assert json.loads(exported["json"])["bossctl"] == 1


def test_export_makes_the_same_queues_elsewhere(bossctl: Bossctl, database: DatabaseFactory, tmp_path: Path) -> None:
    one, other = database("12.30.0"), database(NEWEST)
    bossctl("queue", "ensure", "-f", write(tmp_path / "in.toml", THREE), "--dsn", one.dsn)
    text = bossctl("queue", "export", "--dsn", one.dsn).text
    assert bossctl("queue", "ensure", "-f", write(tmp_path / "out.toml", text), "--dsn", other.dsn).code == 0
    assert bossctl("queue", "export", "--dsn", other.dsn).text == text


def test_export_of_nothing(bossctl: Bossctl, database: DatabaseFactory, tmp_path: Path) -> None:
    db = database(NEWEST)
    text = bossctl("queue", "export", "--dsn", db.dsn).text
    result = bossctl("queue", "ensure", "-f", write(tmp_path / "x", text), "--dsn", db.dsn)
    assert (result.code, result.text, result.err) == (0, "", "note: the file names no queues\n")
    assert bossctl("queue", "export", "--dsn", database("9.0.3").dsn).code == 4

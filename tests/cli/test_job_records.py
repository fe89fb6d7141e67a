"""`job archive` and `restore`, `log` and `undo`, from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Bossctl
from tests.cli.test_process import command, environment, on_terminal
from tests.conftest import SeededFactory
from tests.support.releases import NEWEST

OPERATION_KEYS = ["operation", "action", "at", "by", "target", "selector", "changed", "undone", "where"]


@pytest.mark.parametrize("release", ["10.4.2", NEWEST])
def test_archive_look_restore_undo(bossctl: Bossctl, seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    dsn = ("--dsn", db.dsn)
    native = release == "10.4.2"
    failed = db.value("SELECT count(*) FROM job WHERE name = 'mail' AND state = 'failed'")
    if not native:
        assert bossctl("job", "restore", "queue:mail", "--yes", *dsn).code == 5
    assert bossctl("undo", "--yes", *dsn).code == 5
    empty = bossctl("log", *dsn)
    assert (empty.code, empty.text, empty.err) == (0, "", "note: the log is empty\n")
    dry = bossctl("job", "archive", "queue:mail", "state:failed", "--dry-run", "--show-sql", *dsn)
    assert dry.code == 0, dry.err
    assert "INSERT INTO" in dry.text
    assert native or "CREATE SCHEMA IF NOT EXISTS bossctl" in dry.text
    assert db.value("SELECT to_regnamespace('bossctl')") is None
    done = bossctl("job", "archive", "queue:mail", "state:failed", "--yes", "-o", "json", *dsn)
    assert done.code == 0, done.err
    answer = done.json()
    assert (answer["bossctl"], answer["action"], answer["changed"], answer["applied"]) == (1, "archive", failed, True)
    listed = bossctl("job", "list", "archived:true queue:mail state:failed newer:1d", "-o", "json", *dsn).json()["jobs"]
    assert len(listed) == failed
    assert all(one["archived"] for one in listed)
    shown = bossctl("job", "show", listed[0]["id"], "-o", "json", *dsn).json()["jobs"]
    assert [(one["id"], one["archived"]) for one in shown] == [(listed[0]["id"], True)]
    assert shown[0]["archived_on"]
    assert bossctl("job", "archive", "queue:mail", "state:failed", "--yes", *dsn).code == 5
    entries = bossctl("log", "-o", "json", *dsn).json()
    assert list(entries) == ["bossctl", "operations"]
    [entry] = entries["operations"]
    assert list(entry)[: len(OPERATION_KEYS)] == OPERATION_KEYS
    told = (entry["operation"], entry["action"], entry["changed"], entry["undone"], entry["where"], entry["selector"])
    where = "file" if native else "schema"
    assert told == (answer["operation"], "archive", failed, 0, where, "queue:mail state:failed")
    assert entry["by"].startswith("postgres (")
    sql = bossctl("undo", "--dry-run", "--show-sql", *dsn)
    assert (sql.code, "INSERT INTO" in sql.text, "nothing was changed" in sql.err) == (0, True, True), sql.err
    undone = bossctl("undo", "--yes", "-o", "json", *dsn)
    assert f"as before archive {answer['operation']}" in undone.err
    back = undone.json()
    assert (back["action"], back["matched"], back["changed"], back["skipped"]) == ("undo", failed, failed, {})
    assert db.value("SELECT count(*) FROM job WHERE name = 'mail' AND state = 'failed'") == failed
    again = bossctl("undo", "--yes", *dsn)
    assert (again.code, "was taken back already" in again.err) == (5, True)
    assert bossctl("undo", back["operation"], "--yes", *dsn).code == 0
    assert bossctl("job", "restore", "queue:mail", "state:failed", "newer:1d", "--yes", *dsn).code == 0
    assert db.value("SELECT count(*) FROM job WHERE name = 'mail' AND state = 'failed'") == failed
    table = bossctl("log", "--limit", "2", *dsn).text.splitlines()
    assert [line.split()[1] for line in table] == ["ACTION", "restore", "undo"]
    assert bossctl("log", "-o", "csv", *dsn).text.splitlines()[0].startswith(",".join(OPERATION_KEYS))
    assert len(bossctl("log", "-o", "jsonl", *dsn).lines()) == 4


def test_by_way_of_a_file(bossctl: Bossctl, seeded: SeededFactory, tmp_path: Path) -> None:
    db = seeded(NEWEST)
    dsn = ("--dsn", db.dsn)
    jobs = db.value("SELECT count(*) FROM job")
    there = bossctl("job", "archive", "queue:mail", "state:failed", "--to", "mail.jsonl", "--yes", *dsn)
    assert there.code == 0, there.err
    assert (tmp_path / "mail.jsonl").is_file()
    assert bossctl("job", "archive", "queue:mail", "--to", "mail.jsonl", "--yes", *dsn).code == 2
    assert bossctl("job", "archive", "queue:mail", "--to", "no/mail.jsonl", "--yes", *dsn).code == 2
    assert bossctl("job", "archive", "queue:mail", "--to", "-", "--yes", *dsn).code == 2
    assert not (tmp_path / "-").exists()
    assert bossctl("job", "restore", "--from", "none.jsonl", "--yes", *dsn).code == 2
    dry = bossctl("job", "restore", "--from", "mail.jsonl", "--dry-run", "--show-sql", *dsn)
    assert (dry.code, "INSERT INTO" in dry.text) == (0, True), dry.err
    assert bossctl("job", "restore", "--from", "mail.jsonl", "--limit", "1", "--yes", *dsn).code == 0
    assert bossctl("job", "restore", "--from", "mail.jsonl", "--yes", *dsn).code == 0
    assert bossctl("job", "restore", "--from", "mail.jsonl", "--yes", *dsn).code == 5
    assert db.value("SELECT count(*) FROM job") == jobs
    assert db.value("SELECT to_regnamespace('bossctl')") is None


def test_what_is_refused(bossctl: Bossctl, seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    dsn = ("--dsn", db.dsn)
    assert bossctl("job", "archive", "--yes", *dsn).code == 2
    assert bossctl("job", "restore", "--yes", *dsn).code == 2
    assert bossctl("job", "cancel", "queue:exports", "--yes", *dsn).code == 0
    for argv in (("undo",), ("job", "archive", "queue:mail"), ("job", "restore", "queue:mail")):
        asked = bossctl(*argv, *dsn)
        assert (asked.code, "no terminal to ask on" in asked.err) == (2, True)
        read_only = bossctl(*argv, "--yes", "--read-only", *dsn)
        assert (read_only.code, "this connection is read-only" in read_only.err) == (2, True)
    unknown = bossctl("undo", "20200101-000000-0000", "--yes", *dsn)
    assert (unknown.code, "the log knows no operation 20200101-000000-0000" in unknown.err) == (5, True)
    assert bossctl("log", "--limit", "0", *dsn).code == 2
    db.execute("UPDATE job SET priority = priority WHERE name = 'exports'")
    late = bossctl("undo", "--yes", "-o", "json", *dsn)
    answer = late.json()
    assert (late.code, answer["changed"], list(answer["skipped"])) == (5, 0, ["changed-since"])


def test_a_bare_undo_names_what_it_takes_back(bossctl: Bossctl, seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    done = bossctl("job", "cancel", "queue:exports", "--yes", "-o", "json", "--dsn", db.dsn).json()
    ended, drawn = on_terminal(command("undo"), environment(db), typed=(b"to go on:", b"no\n"))
    assert ended == 5, drawn
    assert f"as before cancel {done['operation']}".encode() in drawn
    ended, drawn = on_terminal(command("undo"), environment(db), typed=(b"to go on:", b"yes\n"))
    assert ended == 0, drawn
    assert db.value("SELECT count(*) FROM job WHERE name = 'exports' AND state = 'cancelled'") == 0


def test_what_is_past_its_retention_comes_back_with_more_time(bossctl: Bossctl, seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    dsn = ("--dsn", db.dsn)
    job = str(db.value("SELECT id FROM job WHERE name = 'mail' AND state = 'failed' ORDER BY id LIMIT 1"))
    db.execute("UPDATE job SET completed_on = now() - interval '30 days' WHERE id = %s", [job])
    assert bossctl("job", "archive", f"id:{job}", "--yes", *dsn).code == 0
    for line in ("undo --yes", "undo --dry-run", f"job restore id:{job} --yes"):
        result = bossctl(*line.split(), *dsn)
        assert result.code == 5, result.err
        assert "hint: bossctl job restore … --keep 7d gives them more time" in result.err
    result = bossctl("job", "restore", f"id:{job}", "--keep", "7d", "--yes", *dsn)
    assert (result.code, "--keep" in result.err) == (0, False), result.err
    assert db.value("SELECT state::text FROM job WHERE id = %s", [job]) == "failed"

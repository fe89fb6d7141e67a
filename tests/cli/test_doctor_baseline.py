"""`bossctl doctor --baseline`: what is known does not fail, what is new does."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Bossctl
from tests.support.database import Database


@pytest.fixture
def stuck(newest: Database) -> Database:
    """One job that nobody expired."""
    expire(newest, "email")
    return newest


def expire(db: Database, queue: str) -> None:
    """Let an active job of the queue be long past its expiry."""
    db.execute(
        "INSERT INTO job (name, state, started_on, expire_seconds, policy)"
        " VALUES (%s, 'active', now() - interval '1 day', 60, 'standard')",
        [queue],
    )


COMMON = ("doctor", "--only", "STK01")


def test_a_run_of_its_own_writes_it_and_the_next_passes(bossctl: Bossctl, stuck: Database, tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    common = (*COMMON, "--dsn", stuck.dsn, "--baseline", str(path))
    assert bossctl(*COMMON, "--dsn", stuck.dsn).code == 1
    result = bossctl(*common, "--update-baseline")
    assert result.code == 0
    assert result.err == f"baseline {path}: 1 added, 0 gone, 1 known\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    [entry] = json.loads(path.read_text())["findings"]
    assert list(entry) == ["code", "queue", "subject", "fingerprint"]
    assert (entry["code"], entry["queue"]) == ("STK01", "email")
    written = path.read_bytes()
    result = bossctl(*common)
    assert (result.code, result.err) == (0, "")
    assert result.text.startswith("nothing new: 1 finding known from the baseline\n")
    assert "(proven, known)" in result.text
    assert path.read_bytes() == written
    bossctl(*common, "--update-baseline")
    assert path.read_bytes() == written, "nothing in it depends on the run"


def test_what_is_new_fails(bossctl: Bossctl, stuck: Database, tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    common = (*COMMON, "--dsn", stuck.dsn, "--baseline", str(path))
    bossctl(*common, "--update-baseline")
    expire(stuck, "email")
    assert bossctl(*common).code == 0, "one job more is not another finding"
    expire(stuck, "email-dead")
    result = bossctl(*common, "-o", "json")
    assert result.code == 1
    report = result.json()
    assert {one["queue"]: one["known"] for one in report["findings"]} == {"email": True, "email-dead": False}
    assert report["summary"] == {"error": 2, "warning": 0, "info": 0, "skipped": 0, "known": 1}
    lines = bossctl(*common, "-o", "jsonl").lines()
    assert {one["queue"]: one["known"] for one in lines if one["type"] == "finding"} == {
        "email": True,
        "email-dead": False,
    }
    assert lines[-1]["known"] == 1
    assert bossctl(*common, "--fail-on", "never").code == 0


def test_what_is_gone_is_counted_and_forgotten_by_an_update(bossctl: Bossctl, stuck: Database, tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    common = (*COMMON, "--dsn", stuck.dsn, "--baseline", str(path))
    bossctl(*common, "--update-baseline")
    stuck.execute("DELETE FROM job WHERE state = 'active'")
    result = bossctl(*common)
    assert result.code == 0
    assert result.err == "note: 1 of 1 known findings are gone; --update-baseline forgets them\n"
    other = ("doctor", "--only", "DUP16", "--dsn", stuck.dsn, "--baseline", str(path))
    assert bossctl(*other).err == "", "it was not looked for"
    bossctl(*other, "--update-baseline")
    assert len(json.loads(path.read_text())["findings"]) == 1, "nor forgotten"
    assert bossctl(*common, "--update-baseline").err == f"baseline {path}: 0 added, 1 gone, 0 known\n"
    assert json.loads(path.read_text()) == {"bossctl": 1, "findings": []}


NOWHERE = ("--dsn", "host=127.0.0.1 port=1")


def test_no_file_is_a_usage_error_before_anything_is_connected_to(bossctl: Bossctl, tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    result = bossctl("doctor", "--baseline", str(path), *NOWHERE)
    assert (result.code, result.out) == (2, b"")
    assert result.err == f"error: there is no baseline {path}\nhint: add --update-baseline to write it\n"
    assert bossctl("doctor", "--baseline", str(path), "--update-baseline", *NOWHERE).code == 3
    assert not path.exists()


def test_a_broken_file_is_named_and_never_overwritten(bossctl: Bossctl, tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    path.write_text('{"bossctl": 1, "findings": [{}]}')
    for more in ((), ("--update-baseline",)):
        result = bossctl("doctor", "--baseline", str(path), *more, *NOWHERE)
        assert (result.code, result.out) == (2, b"")
        assert f'the baseline {path}: findings[0] has no key "code"' in result.err
    assert path.read_text() == '{"bossctl": 1, "findings": [{}]}'


@pytest.mark.parametrize(
    ("argv", "wrong"),
    [
        (("--update-baseline",), "--update-baseline needs a file to write"),
        (("--watch", "5s", "--baseline", "x", "--update-baseline"), "--watch and --update-baseline exclude each other"),
        (("--watch", "5s", "-o", "sarif"), "--watch prints a table or jsonl, not sarif"),
        (("--watch", "5s", "-o", "json"), "--watch prints a table or jsonl, not json"),
        (("--watch", "0"), "--watch must be at least a second"),
        (("--watch", "soon"), '--watch: "soon" is not a duration'),
        (("--list", "-o", "junit"), "checks are listed as table, json or jsonl, not junit"),
        (("--explain", "DUP01", "-o", "github"), "checks are listed as table, json or jsonl, not github"),
        (("-o", "xml"), "'xml' is not one of table, json, jsonl, sarif, junit, github, markdown"),
        (("--watch", "5s", "--only", "NOPE"), 'there is no check "NOPE"'),
    ],
)
def test_what_does_not_go_together(bossctl: Bossctl, argv: tuple[str, ...], wrong: str) -> None:
    result = bossctl("doctor", *argv, *NOWHERE)
    assert (result.code, result.out) == (2, b"")
    assert wrong in result.err
    assert "hint: " in result.err


def test_a_disk_that_cannot_be_written(bossctl: Bossctl, stuck: Database, tmp_path: Path) -> None:
    result = bossctl(*COMMON, "--dsn", stuck.dsn, "--baseline", str(tmp_path / "no" / "x"), "--update-baseline")
    assert (result.code, result.out) == (2, b"")
    assert "No such file or directory" in result.err

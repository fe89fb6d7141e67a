"""`bossctl queue ensure NAME` from outside."""

from __future__ import annotations

import pytest

from bossctl.cli.ensuring import exit_code
from bossctl.models.operations import EnsureAction, EnsureResult
from tests.cli.conftest import Bossctl
from tests.support.database import Database
from tests.support.releases import generation


def has_queue(db: Database, name: str) -> bool:
    return db.value("SELECT count(*) FROM queue WHERE name = %s", [name]) == 1


def test_created_then_unchanged(bossctl: Bossctl, stock: Database) -> None:
    first = bossctl("queue", "ensure", "fresh", "email", "-o", "json", "--dsn", stock.dsn)
    if generation(stock.release) < 10:
        assert (first.code, first.out) == (4, b"")
        assert "implicit" in first.err
        return
    assert first.code == 0, first.err
    fresh, email = first.json()["queues"]
    assert list(fresh) == ["queue", "action", "applied", "changes", "reason"]
    assert (fresh["queue"], fresh["action"], fresh["applied"], fresh["reason"]) == ("fresh", "created", True, None)
    assert all(before is None for before, _ in fresh["changes"].values())
    assert (email["action"], email["changes"]) == ("unchanged", {})
    assert has_queue(stock, "fresh")
    again = bossctl("queue", "ensure", "fresh", "fresh", "--dsn", stock.dsn)
    assert again.code == 0
    assert len(again.text.splitlines()) == 2, "a header and one line: a name given twice is one queue"
    assert "unchanged" in again.text


def test_check_and_dry_run_change_nothing(bossctl: Bossctl, newest: Database) -> None:
    check = bossctl("queue", "ensure", "fresh", "--check", "-o", "json", "--dsn", newest.dsn)
    assert check.code == 1
    assert check.json()["queues"][0] | {"changes": {}} == {
        "queue": "fresh",
        "action": "created",
        "applied": False,
        "changes": {},
        "reason": None,
    }
    assert bossctl("queue", "ensure", "email", "--check", "--dsn", newest.dsn).code == 0
    dry = bossctl("queue", "ensure", "fresh", "--dry-run", "--show-sql", "--dsn", newest.dsn)
    assert dry.code == 0
    assert "create_queue" in dry.text
    assert "note: nothing was changed in postgres@" in dry.err
    assert "schema pgboss (from --dsn)" in dry.err
    assert bossctl("queue", "ensure", "fresh", "--dry-run", "--read-only", "--dsn", newest.dsn).code == 0
    assert not has_queue(newest, "fresh")
    statements = bossctl("queue", "ensure", "fresh", "--dry-run", "--show-sql", "-o", "json", "--dsn", newest.dsn)
    assert "create_queue" in statements.json()["queues"][0]["statements"][-1]


@pytest.mark.parametrize("name", ["", "no spaces", "no|pipes"])
def test_names_that_pg_boss_refuses(bossctl: Bossctl, newest: Database, name: str) -> None:
    result = bossctl("queue", "ensure", name, "--dsn", newest.dsn)
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert newest.value("SELECT count(*) FROM queue WHERE name = %s", [name]) == 0


def test_what_was_done_before_an_error_is_told(bossctl: Bossctl, newest: Database) -> None:
    result = bossctl("queue", "ensure", "fresh", "no spaces", "--dsn", newest.dsn)
    assert result.code == 2
    assert ("created" in result.text) == has_queue(newest, "fresh")


def result(action: str) -> EnsureResult:
    return EnsureResult("q", EnsureAction(action), True, {})


@pytest.mark.parametrize(
    ("actions", "check", "code"),
    [
        ("created updated unchanged", False, 0),
        ("refused", False, 5),
        ("refused refused", False, 5),
        ("created refused", False, 6),
        ("unchanged", True, 0),
        ("created", True, 1),
        ("updated unchanged", True, 1),
        ("refused", True, 1),
    ],
)
def test_exit_codes(actions: str, check: bool, code: int) -> None:
    assert exit_code([result(action) for action in actions.split()], check=check) == code

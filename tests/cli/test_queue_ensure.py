"""`bossctl queue ensure NAME` with options, from outside."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from bossctl.cli.queue_ensure import ensure_queues
from bossctl.models.options import OPTIONS
from tests.cli.conftest import Bossctl, Result
from tests.conftest import DatabaseFactory
from tests.support.database import Database
from tests.support.releases import NEWEST

EVERY_OPTION = {
    "policy": ("--policy", "stately", "stately"),
    "retry_limit": ("--retry-limit", "5", 5),
    "retry_delay": ("--retry-delay", "90s", 90),
    "retry_backoff": ("--retry-backoff", None, True),
    "retry_delay_max": ("--retry-delay-max", "1h", 3600),
    "expire_in": ("--expire-in", "24h", 86_400),
    "retention": ("--retention", "7d", 604_800),
    "delete_after": ("--delete-after", "1d", 86_400),
    "dead_letter": ("--dead-letter", "dead", "dead"),
    "warning_queued": ("--warning-queued", "100", 100),
    "heartbeat": ("--heartbeat", "10", 10),
    "notify": ("--notify", None, True),
    "partition": ("--partition", None, True),
}
ALL_FLAGS = [word for flag, text, _ in EVERY_OPTION.values() for word in (flag, text) if word is not None]


def the_one(result: Result) -> dict[str, Any]:
    [queue] = result.json()["queues"]
    return queue


def test_the_command_takes_every_option() -> None:
    assert set(OPTIONS) <= set(inspect.signature(ensure_queues).parameters)
    assert set(EVERY_OPTION) == set(OPTIONS)


def test_every_option(bossctl: Bossctl, database: DatabaseFactory) -> None:
    db = database(NEWEST)
    dsn = ("--dsn", db.dsn)
    assert bossctl("queue", "ensure", "dead", *dsn).code == 0
    created = bossctl("queue", "ensure", "mail", *ALL_FLAGS, "-o", "json", *dsn)
    assert created.code == 0, created.err
    assert the_one(created) == {
        "queue": "mail",
        "action": "created",
        "applied": True,
        "changes": {name: [None, value] for name, (_, _, value) in EVERY_OPTION.items()},
        "reason": None,
    }
    again = bossctl("queue", "ensure", "mail", *ALL_FLAGS, "-o", "json", *dsn)
    assert (again.code, the_one(again)["action"], the_one(again)["changes"]) == (0, "unchanged", {})
    shown = bossctl("queue", "list", "-o", "json", *dsn).json()["queues"]
    [mail] = [queue for queue in shown if queue["queue"] == "mail"]
    assert {name: mail[name] for name in EVERY_OPTION} == {name: value for name, (_, _, value) in EVERY_OPTION.items()}


def test_what_differs_is_updated(bossctl: Bossctl, newest: Database) -> None:
    argv = ("queue", "ensure", "email", "--retry-limit", "9", "--no-notify", "--dead-letter", "none")
    check = bossctl(*argv, "--check", "-o", "json", "--dsn", newest.dsn)
    assert check.code == 1
    assert the_one(check)["changes"] == {"retry_limit": [3, 9], "dead_letter": ["email-dead", None]}
    assert the_one(check)["applied"] is False
    done = bossctl(*argv, "-o", "json", "--dsn", newest.dsn)
    assert (done.code, the_one(done)["action"], the_one(done)["applied"]) == (0, "updated", True)
    assert the_one(done)["changes"] == the_one(check)["changes"]
    text = bossctl("queue", "ensure", "email", "--retry-limit", "3", "--dead-letter", "email-dead", "-d", newest.dsn)
    assert "retry_limit 9 → 3, dead_letter none → email-dead" in text.text
    assert bossctl(*argv, "--check", "--dsn", newest.dsn).code == 1


def test_options_go_to_every_queue_named(bossctl: Bossctl, newest: Database) -> None:
    result = bossctl("queue", "ensure", "a", "b", "email", "--retry-limit", "3", "-o", "jsonl", "--dsn", newest.dsn)
    assert [(line["queue"], line["action"]) for line in result.lines()] == [
        ("a", "created"),
        ("b", "created"),
        ("email", "unchanged"),
    ]
    assert newest.execute("SELECT retry_limit FROM queue WHERE name IN ('a', 'b')") == [(3,), (3,)]


def test_refusals_are_results(bossctl: Bossctl, newest: Database) -> None:
    alone = bossctl("queue", "ensure", "email", "--policy", "short", "-o", "json", "--dsn", newest.dsn)
    assert alone.code == 5
    assert the_one(alone)["action"] == "refused"
    assert the_one(alone)["changes"] == {"policy": ["standard", "short"]}
    assert "standard" in the_one(alone)["reason"]
    assert alone.err == "hint: create a queue under a new name, let this one drain, then delete it\n"
    some = bossctl("queue", "ensure", "email", "new", "--policy", "short", "--dsn", newest.dsn)
    assert some.code == 6
    assert bossctl("queue", "ensure", "email", "--policy", "short", "--check", "--dsn", newest.dsn).code == 1
    missing = bossctl("queue", "ensure", "email", "--dead-letter", "nowhere", "--dsn", newest.dsn)
    assert missing.code == 5
    assert "hint: ensure it first: bossctl queue ensure nowhere\n" in missing.err


@pytest.mark.parametrize(
    ("argv", "code", "error", "hint"),
    [
        (("x", "--heartbeat", "5s"), 2, "--heartbeat: 5s is less than pg-boss takes, which is 10s", None),
        (("x", "--expire-in", "25h"), 2, "--expire-in: 1d1h is more", None),
        (("x", "--retry-delay-max", "1h"), 2, "--retry-delay-max: ", "--retry-backoff"),
        (("x", "--retry-limit", "many"), 2, '--retry-limit: "many" is not a whole number', "none"),
        (("x", "--retention", "soon"), 2, '--retention: "soon" is not a duration', "90s"),
        (("x", "--retention", "none"), 2, "--retention: retention always has a value", None),
        (("x", "--policy", "fast"), 2, "no policy", "standard, short"),
        (("x", "--dead-letter", "x"), 2, "its own dead letter", None),
        (("x y",), 2, "pg-boss would refuse the queue name", "letters"),
        (("x", "-f", "queues.toml"), 2, "exclude each other", "into the file"),
        (("-f", "queues.toml", "--notify"), 2, "--notify and --file exclude each other", "into the file"),
        (("-f", "nowhere.toml"), 2, "cannot read nowhere.toml: No such file", None),
        (("-f", ""), 2, "cannot read", None),
        (("-f", "\udc80"), 2, "UTF-8", None),
        (("x", "--prune"), 2, "--prune compares", "-f"),
        ((), 2, "Missing argument 'NAME'", "queue ensure --help"),
    ],
)
def test_usage_errors(
    bossctl: Bossctl, newest: Database, argv: tuple[str, ...], code: int, error: str, hint: str | None
) -> None:
    before = newest.execute("SELECT name FROM queue")
    result = bossctl("queue", "ensure", *argv, "--dsn", newest.dsn)
    assert (result.code, result.out) == (code, b"")
    first, *rest = result.err.splitlines()
    assert first.startswith("error: ")
    assert error in first
    assert hint is None or hint in rest[0]
    assert newest.execute("SELECT name FROM queue") == before


def test_notices_come_on_stderr_before_it_is_done(bossctl: Bossctl, newest: Database) -> None:
    result = bossctl("queue", "ensure", "keys", "--policy", "key_strict_fifo", "-o", "json", "--dsn", newest.dsn)
    assert the_one(result)["applied"] is True
    assert "note: keys: key_strict_fifo: every send to this queue needs a singleton key" in result.err


def test_show_sql_has_the_values(bossctl: Bossctl, newest: Database) -> None:
    result = bossctl("queue", "ensure", "email", "--retry-limit", "8", "--dry-run", "--show-sql", "-d", newest.dsn)
    lines = result.text.splitlines()[2:]
    assert lines[0] == "BEGIN;"
    assert lines[-2] == """UPDATE "pgboss"."queue" SET "retry_limit" = 8, updated_on = now() WHERE name = 'email';"""
    assert lines[-1] == "COMMIT;"


def test_the_client_s_default_is_shown_so(bossctl: Bossctl, database: DatabaseFactory) -> None:
    db = database("10.4.2")
    bossctl("queue", "ensure", "mail", "--retry-limit", "4", "--dsn", db.dsn)
    result = bossctl("queue", "ensure", "mail", "--retry-limit", "none", "--expire-in", "5m", "--dsn", db.dsn)
    assert "retry_limit 4 → client default, expire_in client default → 5m" in result.text
    text = bossctl("queue", "show", "mail", "--dsn", db.dsn).text
    assert re.search("^retry_limit +client default$", text, re.M)
    assert re.search("^dead_letter +-$", text, re.M)


def test_a_read_only_connection_may_look(bossctl: Bossctl, newest: Database) -> None:
    for argv in (("--check",), ("--dry-run",)):
        result = bossctl("queue", "ensure", "email", *argv, "--read-only", "--dsn", newest.dsn)
        assert result.code == 0
    assert bossctl("queue", "ensure", "email", "--read-only", "--dsn", newest.dsn).code == 2

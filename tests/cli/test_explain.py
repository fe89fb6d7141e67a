"""`bossctl job explain` and `bossctl job errors` as they are typed."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from bossctl.cli.output import Printer
from bossctl.cli.settings import Settings
from bossctl.cli.views.explain import error_groups
from bossctl.models.job_errors import ErrorGroup, JobErrors
from tests.cli.conftest import Bossctl, Result
from tests.cli.test_reading import RAW, ask, one
from tests.conftest import SeededFactory
from tests.seed.plan import BUSY, plan
from tests.support.database import Database
from tests.support.releases import NEWEST, generation

RELEASES = ("9.0.3", "10.4.2", "11.1.2", "12.27.0", NEWEST)
ERROR_KEYS = [
    *("fingerprint", "message", "queue", "count", "last_hour", "last_day", "last_week", "sample_id", "selector"),
]

HINTS = {
    "queue:webhooks state:failed": "job retry {} --dry-run",
    "queue:webhooks state:active": "job retry id:{} is:stuck --dry-run",
    "queue:mail state:cancelled": "job resume {} --dry-run",
    "queue:mail state:completed": "job show {}",
    "queue:nightly-exclusive state:retry": "job defer {} --now --dry-run",
    "queue:exports": "worker list",
}


def jobs(bossctl: Bossctl, db: Database, *selection: str) -> list[dict[str, Any]]:
    return ask(bossctl, db, "job", "list", *selection, "-n", "1000", "-o", "json").json()["jobs"]


def test_explain_in_every_format(bossctl: Bossctl, stock: Database) -> None:
    job = one(jobs(bossctl, stock, "queue:email"), state="retry")["id"]
    told = ask(bossctl, stock, "job", "explain", job, "-o", "json").json()
    assert list(told) == ["bossctl", "job", "verdict", "reasons", "attempts", "unknown", "hint", "others"]
    assert told["bossctl"] == 1
    assert told["job"] == ask(bossctl, stock, "job", "show", job, "-o", "json").json()["jobs"][0]
    assert {tuple(reason) for reason in told["reasons"]} == {("code", "holds", "text", "ids", "until")}
    assert {reason["holds"] for reason in told["reasons"]} <= {"certain", "likely", "possible", "unknown"}
    delay = one(told["reasons"], code="retry-delay")
    assert delay["until"] == told["job"]["start_after"]
    assert one(told["reasons"], code="failed-before")["text"] == "attempt 1 failed: not yet"
    [attempt] = told["attempts"]
    assert (attempt["attempt"], attempt["outcome"], attempt["started_on"]) == (1, "failed", told["job"]["started_on"])
    assert told["verdict"].startswith("waits: attempt 2 is due only in 5")
    assert told["hint"].startswith("bossctl ")
    [line] = ask(bossctl, stock, "job", "explain", job, "-o", "jsonl").lines()
    assert (line["job"], line["attempts"]) == (told["job"], told["attempts"])
    [row] = csv.DictReader(io.StringIO(ask(bossctl, stock, "job", "explain", job, "-o", "csv").text, newline=""))
    assert (row["job.id"], row["hint"]) == (job, told["hint"])
    _for_people(bossctl, stock, job)


def _for_people(bossctl: Bossctl, stock: Database, job: str) -> None:
    result = ask(bossctl, stock, "job", "explain", job)
    lines = result.text.splitlines()
    assert lines[0].startswith("waits: attempt 2 is due only in ")
    assert lines[1] == f"job {job} of queue email, retry"
    assert [line for line in lines if line in ("WHY", "ATTEMPTS", "NOT KNOWN")] == ["WHY", "ATTEMPTS", "NOT KNOWN"]
    assert "  certain  retry-delay" in lines
    assert result.err.startswith("hint: bossctl ")
    failed = ask(bossctl, stock, "job", "explain", one(jobs(bossctl, stock, "queue:email"), state="failed")["id"])
    assert failed.text.startswith("failed ")
    assert "WHAT IS KNOWN" in failed.text
    assert not RAW.search(failed.text), "the error holds escapes"


def test_explain_of_nothing(bossctl: Bossctl, newest: Database) -> None:
    gone = bossctl("job", "explain", "00000000-0000-4000-8000-000000000000", "--dsn", newest.dsn)
    assert (gone.code, gone.out) == (5, b"")
    assert bossctl("job", "explain", "mail", "--dsn", newest.dsn).code == 2


def test_a_twin_in_the_archive_is_told_too(bossctl: Bossctl, seeded: SeededFactory) -> None:
    db = seeded("9.0.3")
    job = db.execute("SELECT id::text FROM archive WHERE name = %s AND state = 'completed'", [BUSY])[0][0]
    db.execute("INSERT INTO job (id, name) VALUES (%s, %s)", [job, BUSY])
    told = ask(bossctl, db, "job", "explain", job, "-o", "json").json()
    assert told["job"]["archived"] is False
    assert [other["job"]["archived"] for other in told["others"]] == [True]
    assert len(ask(bossctl, db, "job", "explain", job, "-o", "jsonl").lines()) == 2
    assert ask(bossctl, db, "job", "explain", job).text.count(f"job {job} of queue {BUSY}, ") == 2


def test_the_hint_can_be_typed(bossctl: Bossctl, seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    held = one(jobs(bossctl, db, "queue:sync-singleton", "key:a"), state="created")["id"]
    hint = ask(bossctl, db, "job", "explain", held, "-o", "json").json()["hint"]
    assert re.fullmatch("bossctl job explain [0-9a-f-]{36}", hint)
    assert ask(bossctl, db, *hint.split()[1:]).text.startswith("active: attempt 1 was fetched ")
    for selection, words in HINTS.items():
        job = jobs(bossctl, db, selection)[0]["id"]
        hint = ask(bossctl, db, "job", "explain", job, "-o", "json").json()["hint"]
        assert hint == f"bossctl {words.format(job)}"
        assert ask(bossctl, db, *hint.split()[1:]).text, hint


@pytest.mark.parametrize("release", RELEASES)
def test_errors_and_the_jobs_their_selectors_find(bossctl: Bossctl, seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    found = ask(bossctl, db, "job", "errors", "-o", "json").json()
    assert list(found) == ["bossctl", "errors", "groups", "jobs"]
    groups = found["errors"]
    assert [list(group) for group in groups] == [ERROR_KEYS] * len(groups)
    failed = sum(states.get("failed", 0) + states.get("expired", 0) for states in plan(release).counts.values())
    assert sum(group["count"] for group in groups) == failed == found["jobs"]
    assert [group["count"] for group in groups] == sorted((group["count"] for group in groups), reverse=True)
    for group in groups:
        assert group["last_hour"] <= group["last_day"] <= group["last_week"] <= group["count"]
        selected = jobs(bossctl, db, group["selector"])
        assert group["sample_id"] in {job["id"] for job in selected}
        assert len(selected) == group["count"], group["selector"]
    mail = one(groups, queue=BUSY, message="SMTP <n> mailbox unavailable")
    assert mail["count"] == 4
    timed_out = one(groups, queue="webhooks")
    assert (timed_out["message"] is None) == (generation(release) < 10), "8 and 9 record nothing"


def test_errors_for_people(bossctl: Bossctl, seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    apostrophe = """UPDATE job SET output = '{"message": "can''t open the lock"}' WHERE name = 'steps'"""
    db.execute(f"{apostrophe} AND state = 'failed'")
    [group] = ask(bossctl, db, "job", "errors", "queue:steps", "-o", "json").json()["errors"]
    assert "'" not in group["selector"], "the hint puts it between two of these"
    assert len(jobs(bossctl, db, group["selector"])) == group["count"] == 1
    result = ask(bossctl, db, "job", "errors", "-n", "2")
    assert not RAW.search(result.text)
    assert result.text.splitlines()[0].split() == [
        *("COUNT", "HOUR", "DAY", "WEEK", "QUEUE", "MESSAGE", "SAMPLE", "SELECTOR"),
    ]
    assert len(result.text.splitlines()) == 3
    assert re.search(r"^note: \d+ more groups; \d+ jobs in all; show more with --limit \d+$", result.err, re.M)
    assert not RAW.search(ask(bossctl, db, "job", "errors").text)
    assert ask(bossctl, db, "job", "errors", "queue:nosuch").err == "note: no failure matches\n"
    assert ask(bossctl, db, "job", "errors", "queue:nosuch", "-o", "csv").text.startswith("fingerprint,message,")
    assert bossctl("job", "errors", "-n", "0", "--dsn", db.dsn).code == 2


def _fail(db: Database, *messages: str) -> None:
    row = "'email', 'failed', now() - interval '2 hours'"
    for message in messages:
        output = json.dumps({"message": message, "stack": "x"})
        db.execute(f"INSERT INTO job (name, state, completed_on, output) VALUES ({row}, %s)", [output])


def grouped(result: Result) -> dict[str, tuple[int, int, int]]:
    return {
        group["message"]: (group["count"], group["last_hour"], group["last_day"]) for group in result.json()["errors"]
    }


def test_messages_are_folded(bossctl: Bossctl, newest: Database) -> None:
    newest.execute("DELETE FROM job WHERE state = 'failed'")
    _fail(newest, "connect ETIMEDOUT 10.0.0.1:587", "connect ETIMEDOUT 10.0.0.22:25")
    _fail(
        newest,
        'no row "a b" of 7a9d2c1e-0b7e-4e52-9d0e-0d4a2b1c3d4e',
        'no row "" of 00000000-0000-4000-8000-000000000000',
    )
    _fail(newest, "can't read /var/lib/x.json: it isn't there", "can't read ./y/z: it isn't there")
    _fail(newest, "lock 0xDEADbeef01 of 'a' held", "lock 0x1 of 'it is b' held\n    at line 2")
    _fail(newest, "100% of and/or ÜBER 'x'", "5% of and/or ÜBER 'yy'")
    result = ask(bossctl, newest, "job", "errors", "queue:email", "-o", "json")
    assert grouped(result) == {
        "connect ETIMEDOUT <n>:<n>": (2, 0, 2),
        "no row <text> of <id>": (2, 0, 2),
        "can't read <path>: it isn't there": (2, 0, 2),
        "lock <id> of <text> held": (2, 0, 2),
        "<n>% of and/or ÜBER <text>": (2, 0, 2),
    }
    for group in result.json()["errors"]:
        assert len(jobs(bossctl, newest, group["selector"])) == 2, group["selector"]
    again = ask(bossctl, newest, "job", "errors", "-o", "json").json()["errors"]
    assert [group["fingerprint"] for group in again] == [group["fingerprint"] for group in result.json()["errors"]]


def test_errors_of_what_is_asked_for(bossctl: Bossctl, seeded: SeededFactory) -> None:
    db = seeded("10.4.2")

    def count(*selection: str) -> int:
        return ask(bossctl, db, "job", "errors", *selection, "-o", "json").json()["jobs"]

    assert count(f"queue:{BUSY}") == count("-q", BUSY) == 5
    assert count(f"queue:{BUSY}", "state:retry") == 3, "waiting jobs tell what their last attempt failed of"
    assert count("state:completed") == 0
    db.execute("UPDATE archive SET state = 'failed', output = '{\"message\": \"old\"}' WHERE state = 'completed'")
    assert count(f"queue:{BUSY}") == 5, "the archive only when asked"
    [group] = ask(bossctl, db, "job", "errors", "archived:true", "-o", "json").json()["errors"]
    assert (group["count"], group["message"]) == (10, "old")
    assert group["selector"] == "queue:mail archived:true state:failed error:old"
    assert len(jobs(bossctl, db, group["selector"])) == 10


def test_a_selector_is_whole_on_a_terminal(capfdbinary: Any) -> None:
    selector = "queue:mail state:failed " + " ".join(f'error:"part {number} of it"' for number in range(9))
    group = ErrorGroup("f" * 16, "x" * 300, "mail", 3, 1, 2, 3, "7a9d2c1e-0b7e-4e52-9d0e-0d4a2b1c3d4e", selector)
    printer = Printer(Settings({}, Path()), "table")
    printer.terminal, printer.width = True, 80
    error_groups(printer, JobErrors((group,), 1, 3, None))
    lines = capfdbinary.readouterr().out.decode().splitlines()
    assert f"1  '{selector}'" in lines
    assert max(map(len, lines[:2])) <= 80


def test_what_bossctl_archived(bossctl: Bossctl, newest: Database) -> None:
    job = one(jobs(bossctl, newest, "queue:email"), state="failed")["id"]
    assert bossctl("job", "archive", job, "--yes", "--dsn", newest.dsn).code == 0
    told = ask(bossctl, newest, "job", "explain", job, "-o", "json").json()
    assert told["job"]["archived"] is True
    assert "bossctl's own archive" in one(told["reasons"], code="archived")["text"]
    assert told["hint"] == f"bossctl job restore {job} --dry-run"
    assert ask(bossctl, newest, "job", "errors", "-o", "json").json()["jobs"] == 0
    [group] = ask(bossctl, newest, "job", "errors", "archived:true", "-o", "json").json()["errors"]
    assert [found["id"] for found in jobs(bossctl, newest, group["selector"])] == [job]

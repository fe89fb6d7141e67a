"""`bossctl doctor` from outside: formats, selections, exit codes."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from bossctl.cli.doctor import Threshold, exit_code
from bossctl.models.common import Target
from bossctl.models.findings import Certainty, CheckResult, Finding, Remedy, Report, Severity, Status
from tests.cli.conftest import Bossctl
from tests.conftest import DatabaseFactory
from tests.support.database import Database

FINDING_KEYS = (
    *("code", "slug", "severity", "certainty", "queue", "count", "jobs", "since", "message", "evidence", "why"),
    *("remedy", "fingerprint"),
)


def test_the_report_as_json(bossctl: Bossctl, stock: Database) -> None:
    result = bossctl("doctor", "-o", "json", "--dsn", stock.dsn)
    assert result.code in (0, 1)
    report = result.json()
    assert list(report) == ["bossctl", "target", "checks", "findings", "summary"]
    for check in report["checks"]:
        assert list(check) == ["code", "slug", "status", "reason", "elapsed_seconds"]
        assert check["status"] in ("pass", "fail", "skipped")
        assert (check["reason"] is None) == (check["status"] != "skipped")
    for finding in report["findings"]:
        assert tuple(finding) == FINDING_KEYS
        assert set(finding["remedy"]) == {"text", "command"}
        assert len(finding["jobs"]) <= 20
    assert list(report["summary"]) == ["error", "warning", "info", "skipped"]
    failed = {check["code"] for check in report["checks"] if check["status"] == "fail"}
    assert failed == {finding["code"] for finding in report["findings"]}
    bad = report["summary"]["error"] + report["summary"]["warning"]
    assert result.code == (1 if bad else 0)


def test_the_report_as_lines_and_as_text(bossctl: Bossctl, stock: Database) -> None:
    report = bossctl("doctor", "-o", "json", "--dsn", stock.dsn).json()
    lines = bossctl("doctor", "-o", "jsonl", "--dsn", stock.dsn).lines()
    kinds = [line["type"] for line in lines]
    assert kinds == ["check"] * len(report["checks"]) + ["finding"] * len(report["findings"]) + ["summary"]
    result = bossctl("doctor", "--dsn", stock.dsn)
    verdict, target, *_ = result.text.splitlines()
    worst = [f"{finding['severity']} {finding['code']}: " for finding in report["findings"][:1]]
    looked = sum(check["status"] != "skipped" for check in report["checks"])
    assert verdict.startswith(worst[0] if worst else f"nothing wrong in {looked} checks")
    assert target.startswith(report["target"]["user"] + "@")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", result.text)
    assert result.err == "", "no progress where nobody watches"
    for finding in report["findings"]:
        assert f"{finding['severity']}  {finding['code']} {finding['slug']}" in result.text
        assert finding["why"] in result.text, "nothing is wrapped or cut"


def dead_supervisor(db: Database) -> None:
    db.execute(
        "UPDATE version SET flow_on = now() - interval '1 day', bam_on = NULL, cron_on = now() - interval '1 day'"
    )
    db.execute("UPDATE instance SET heartbeat_on = now() - interval '1 day'")


def test_thresholds(bossctl: Bossctl, newest: Database) -> None:
    dead_supervisor(newest)
    common = ("doctor", "--only", "STK07", "--dsn", newest.dsn)
    assert bossctl(*common).code == 1
    assert bossctl(*common, "--fail-on", "error").code == 1
    assert bossctl(*common, "--fail-on", "never").code == 0
    assert bossctl("doctor", "--skip", "STK07,STK08", "--fail-on", "error", "--dsn", newest.dsn).code == 0


@pytest.mark.parametrize(
    "only", [("DUP01", "STK07"), ("DUP01,STK07",), ("schedule-slot-sent-twice", "supervisor-dead")]
)
def test_selection(bossctl: Bossctl, newest: Database, only: tuple[str, ...]) -> None:
    options = [word for code in only for word in ("--only", code)]
    checks = bossctl("doctor", *options, "-o", "json", "--dsn", newest.dsn).json()["checks"]
    assert {check["code"] for check in checks} == {"DUP01", "STK07"}
    checks = bossctl("doctor", "--only", "DUP", "--skip", "DUP01", "-o", "json", "--dsn", newest.dsn).json()["checks"]
    assert checks
    assert all(check["code"].startswith("DUP") and check["code"] != "DUP01" for check in checks)


def test_unknown_codes_are_told_before_anything_is_connected_to(bossctl: Bossctl) -> None:
    nowhere = ("--dsn", "host=127.0.0.1 port=1")
    result = bossctl("doctor", "--only", "DUP99", *nowhere)
    assert (result.code, result.out) == (2, b"")
    assert "DUP99" in result.err


def test_the_list_needs_no_database(bossctl: Bossctl) -> None:
    checks = bossctl("doctor", "--list", "-o", "json").json()["checks"]
    assert {"DUP01", "DUP02", "DUP16", "STK01", "STK07", "SCH01"} <= {check["code"] for check in checks}
    text = bossctl("doctor", "--list").text
    assert all(check["code"] in text and check["slug"] in text for check in checks)
    only = bossctl("doctor", "--list", "--only", "DUP", "-o", "jsonl").lines()
    assert {check["code"][:3] for check in only} == {"DUP"}


def test_the_list_says_what_can_look_here(bossctl: Bossctl, database: DatabaseFactory) -> None:
    db = database("9.0.3")
    checks = {one["code"]: one for one in bossctl("doctor", "--list", "-o", "json", "--dsn", db.dsn).json()["checks"]}
    assert (checks["STK01"]["available"], checks["STK01"]["reason"]) == (True, None)
    assert checks["STK06"]["available"] is False
    assert checks["STK06"]["reason"].startswith("era ")
    text = bossctl("doctor", "--list", "--dsn", db.dsn).text
    assert "HERE" in text
    assert "CANNOT LOOK HERE" in text.upper()
    assert "heartbeats, which pg-boss has since 12.12.0" in " ".join(text.split())
    away = bossctl("doctor", "--list", "-o", "json", "--dsn", "host=127.0.0.1 port=1")
    assert away.code == 0
    assert {one["available"] for one in away.json()["checks"]} == {None}
    assert "which checks can look there is not known" in away.err


def test_explain(bossctl: Bossctl) -> None:
    for code in ("DUP01", "dup01", "schedule-slot-sent-twice"):
        result = bossctl("doctor", "--explain", code)
        assert result.code == 0
        assert result.text.startswith("DUP01 schedule-slot-sent-twice (error)\n")
        assert "\nFIX\n" in result.text
    assert bossctl("doctor", "--explain", "DUP01", "-o", "json").json()["checks"][0]["code"] == "DUP01"
    assert bossctl("doctor", "--explain", "NOPE").code == 2


def report(severities: list[Severity], reasons: list[str | None]) -> Report:
    """A report with one finding per severity and one check per reason (None: it passed)."""
    findings = tuple(
        Finding("X", "x", severity, Certainty.PROVEN, None, "", 1, (), None, "", (), "", Remedy(""), "")
        for severity in severities
    )
    checks = tuple(CheckResult("X", "x", Status.SKIPPED if reason else Status.PASS, reason, 0) for reason in reasons)
    return Report(Target("h", 1, "d", "u", "s", "x"), checks, findings, datetime.now(UTC), 0)


@pytest.mark.parametrize(
    ("severities", "reasons", "fail_on", "code"),
    [
        ([], [None], "warning", 0),
        (["info"], [None], "warning", 0),
        (["info"], [None], "info", 1),
        (["warning"], [None], "warning", 1),
        (["warning"], [None], "error", 0),
        (["error"], [None], "never", 0),
        ([], [None, "era: no archive"], "warning", 0),
        ([], ["era: no archive"], "warning", 0),
        ([], [None, "privilege: job"], "warning", 6),
        (["info"], [None, "timeout"], "warning", 6),
        (["error"], [None, "timeout"], "warning", 1),
        ([], ["privilege: job", "timeout"], "warning", 4),
        ([], ["privilege: job", "era: no archive"], "warning", 4),
        (["error"], [None, "timeout"], "never", 6),
    ],
)
def test_exit_codes(severities: list[str], reasons: list[str | None], fail_on: str, code: int) -> None:
    made = report([Severity(severity) for severity in severities], reasons)
    assert exit_code(made, Threshold(fail_on)) == code

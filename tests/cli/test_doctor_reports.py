"""Doctor's report for other programs: SARIF, JUnit, GitHub annotations, Markdown."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from markdown_it import MarkdownIt

from bossctl.cli.reports import github, junit, markdown, sarif
from bossctl.cli.reports.verdict import Verdict
from bossctl.doctor import CHECKS
from bossctl.models.findings import Report, Severity
from tests.cli.conftest import Bossctl
from tests.conftest import SeededFactory
from tests.support.verdicts import HOSTILE, finding, hostile, report

CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
DOCUMENTS = {"sarif": sarif.document, "junit": junit.document, "github": github.document, "markdown": markdown.document}
ERA = ("DUP01", "era this needs the archive table")
PRIVILEGE = ("DUP02", 'privilege role reader may not do this: denied for table "job" (GRANT SELECT ON "pgboss")')

texts = st.text(max_size=60) | st.text(alphabet="\x1b\x9b\u202e\x00[](){}<>&|`*_~#@:%,'\" ab1.\r\n-\\$!", max_size=60)


def verdict(
    found: Report, *, limit: Severity | None = Severity.WARNING, known: frozenset[str] | None = None
) -> Verdict:
    return Verdict(found, limit, known)


def mixed() -> Report:
    """Something of everything: several findings of a check, no queue, skipped checks of both kinds."""
    return report(
        finding(),
        finding(queue="exports", count=1_204),
        hostile(),
        finding("SCH01", None, severity=Severity.INFO, subject="schema 20", jobs=(), since=None, command=None),
        skipped=(ERA, PRIVILEGE),
    )


# all of them


@pytest.mark.parametrize("name", DOCUMENTS)
@given(text=texts)
def test_no_text_of_the_database_reaches_the_outside_raw(name: str, text: str) -> None:
    assert not CONTROLS.search(DOCUMENTS[name](verdict(report(hostile(text)))))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_as_the_command_prints_it(bossctl: Bossctl, seeded: SeededFactory, name: str) -> None:
    db = seeded("9.0.3")
    db.execute("UPDATE job SET state = 'completed', retrycount = 1 WHERE state = 'created'")
    result = bossctl("doctor", "-o", name, "--dsn", db.dsn)
    assert (result.code, result.err) == (1, "")
    assert not CONTROLS.search(result.text)
    for code in ("STK01", "DUP16", "webhooks"):
        assert code in result.text
    assert "␛[31mred" in result.text or r"\u001b[31mred" in result.text


# SARIF


@cache
def schema() -> Draft7Validator:
    body = json.loads((Path(__file__).parent / "data" / "sarif-schema-2.1.0.json").read_text())
    return Draft7Validator(body, format_checker=Draft7Validator.FORMAT_CHECKER)


def as_sarif(judged: Verdict) -> Any:
    body = json.loads(sarif.document(judged))
    assert [error.message for error in schema().iter_errors(body)] == []
    return body


def test_the_schema_can_refuse() -> None:
    body = json.loads(sarif.document(verdict(mixed())))
    body["runs"][0]["results"][0]["level"] = "fatal"
    assert [error.message for error in schema().iter_errors(body)] == [
        "'fatal' is not one of ['none', 'note', 'warning', 'error']"
    ]


@given(text=texts)
def test_sarif_is_valid_whatever_the_database_says(text: str) -> None:
    [run] = as_sarif(verdict(report(hostile(text), skipped=[("DUP01", f"privilege {text}")])))["runs"]
    [result] = run["results"]
    assert result["properties"]["queue"] == text, "the name itself is not changed"
    assert result["locations"][0]["logicalLocations"][0]["name"] == text
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert re.fullmatch(r"pg-boss/pgboss/[A-Za-z0-9._~%-]+", uri)
    assert uri.rpartition("/")[2] not in (".", "..")
    assert unquote(uri).removeprefix("pg-boss/pgboss/") in (text, " ")


def test_sarif_without_findings() -> None:
    [run] = as_sarif(verdict(report()))["runs"]
    assert run["results"] == [], "present and empty: it looked and found nothing"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [check.code for check in CHECKS]


def test_sarif_has_what_code_scanning_asks_for() -> None:
    body = as_sarif(verdict(mixed()))
    assert body["version"] == "2.1.0"
    assert body["$schema"].endswith("sarif-2.1.0.json")
    [run] = body["runs"]
    rules = run["tool"]["driver"]["rules"]
    for rule in rules:
        assert rule["shortDescription"]["text"]
        assert rule["fullDescription"]["text"]
        assert rule["help"]["text"]
        assert rule["help"]["markdown"]
        assert rule["properties"]["why"]
        assert rule["properties"]["fix"]
        assert rule["properties"]["problem.severity"] in ("error", "warning", "recommendation")
    fingerprints = set()
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        [location] = result["locations"]
        assert location["physicalLocation"]["artifactLocation"]["uri"]
        assert location["physicalLocation"]["region"]["startLine"] == 1
        assert location["logicalLocations"]
        fingerprints.add(result["partialFingerprints"]["primaryLocationLineHash"])
    assert len(fingerprints) == len(run["results"])


def test_sarif_tells_levels_counts_and_what_could_not_look() -> None:
    [run] = as_sarif(verdict(mixed()))["runs"]
    assert [result["level"] for result in run["results"]] == ["error", "error", "warning", "note"]
    assert [result["occurrenceCount"] for result in run["results"]] == [1, 1204, 1, 1]
    [invocation] = run["invocations"]
    told = [(one["level"], one["associatedRule"]["id"]) for one in invocation["toolExecutionNotifications"]]
    assert told == [("note", "DUP01"), ("warning", "DUP02")]
    assert invocation["executionSuccessful"]
    assert invocation["exitCode"] == 1
    assert run["results"][0]["properties"]["evidence"][0]["started_on"] == "2026-01-02T03:04:05.678901Z"


def test_sarif_messages_make_neither_links_nor_placeholders() -> None:
    [run] = as_sarif(verdict(report(hostile("[a](http://evil) {0}"))))["runs"]
    assert r"\[a\](http://evil) {{0}}" in run["results"][0]["message"]["text"]


def test_sarif_knows_the_baseline_and_checks_of_a_watch() -> None:
    old, new = finding(), finding("XYZ99")
    [run] = as_sarif(verdict(report(old, new), known=frozenset([old.fingerprint])))["runs"]
    assert [result["baselineState"] for result in run["results"]] == ["unchanged", "new"]
    assert run["tool"]["driver"]["rules"][-1]["id"] == "XYZ99"
    assert "baselineState" not in as_sarif(verdict(report(old)))["runs"][0]["results"][0]


# JUnit


def as_junit(judged: Verdict) -> ElementTree.Element:
    text = junit.document(judged)
    root = ElementTree.fromstring(text.encode())
    assert root.tag == "testsuites"
    [suite] = root
    cases = suite.findall("testcase")
    for element in (root, suite):
        assert element.get("tests") == str(len(cases))
        assert element.get("failures") == str(len(suite.findall("testcase/failure")))
        assert element.get("skipped") == str(len(suite.findall("testcase/skipped")))
    return suite


def case(suite: ElementTree.Element, code: str) -> ElementTree.Element:
    [found] = [one for one in suite.findall("testcase") if one.get("name", "").startswith(code)]
    return found


@given(text=texts)
def test_junit_is_well_formed_whatever_the_database_says(text: str) -> None:
    as_junit(verdict(report(hostile(text), skipped=[("DUP01", f"privilege {text}")])))


def test_junit_has_a_case_per_check() -> None:
    suite = as_junit(verdict(mixed()))
    assert [one.get("name") for one in suite.findall("testcase")] == [f"{one.code} {one.slug}" for one in CHECKS]
    assert {one.get("classname") for one in suite.findall("testcase")} == {
        f"bossctl.doctor.{one.family}" for one in CHECKS
    }
    failure = case(suite, "STK01").find("failure")
    assert failure is not None
    assert failure.get("type") == "error"
    assert failure.get("message") == "1 job of queue mail is active past expiry (and 1 other finding)"
    assert "fix: start a supervisor" in (failure.text or "")
    skipped = case(suite, "DUP02").find("skipped")
    assert skipped is not None
    assert "may not do this" in (skipped.get("message") or "")
    assert list(case(suite, "STK07")) == []


def test_junit_fails_only_what_fails_the_run() -> None:
    suite = as_junit(verdict(mixed()))
    told = case(suite, "SCH01")
    assert told.find("failure") is None
    assert "info (proven)" in (told.findtext("system-out") or "")
    assert case(as_junit(verdict(mixed(), limit=Severity.INFO)), "SCH01").find("failure") is not None
    assert not as_junit(verdict(mixed(), limit=None)).findall("testcase/failure")
    one = finding()
    known = case(as_junit(verdict(report(one), known=frozenset([one.fingerprint]))), "STK01")
    assert known.find("failure") is None
    assert (known.findtext("system-out") or "").startswith("known: error")


# GitHub


def commands(text: str) -> list[tuple[str, str, str]]:
    """Level, title and message, read as the runner reads them."""
    *lines, last = text.split("\n")[:-1]
    assert not last.lstrip().startswith("::")
    assert "##[" not in last
    found = []
    for line in lines:
        match = re.fullmatch(r"::(error|warning|notice) title=([^:,]*)::(.*)", line)
        assert match, line
        found.append((match[1], unescaped(match[2]), unescaped(match[3])))
    return found


def unescaped(text: str) -> str:
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text


@given(text=texts)
def test_one_finding_is_one_command_whatever_the_database_says(text: str) -> None:
    found = commands(github.document(verdict(report(hostile(text), skipped=[("DUP01", f"timeout {text}")]))))
    assert [level for level, _, _ in found] == ["warning", "warning"]


def test_annotations() -> None:
    text = github.document(verdict(mixed()))
    found = commands(text)
    assert [(level, title) for level, title, _ in found] == [
        ("error", "STK01 active-past-expiry"),
        ("error", "STK01 active-past-expiry"),
        ("warning", "DUP16 reruns"),
        ("notice", "SCH01 known-bug-release"),
        ("warning", "DUP02 ran-past-expiry could not look"),
    ]
    assert found[0][2].splitlines() == [
        "1 job of queue mail is active past expiry (proven)",
        "jobs: 7a9d2c1e-0b7e-4e52-9d0e-0d4a2b1c3d4e",
        "fix: start a supervisor",
        "bossctl job list is:stuck",
    ]
    assert text.endswith(
        f"bossctl doctor: 2 errors, 1 warning, 1 info; {len(CHECKS) - 2} of {len(CHECKS)} checks ran\n"
    )


def test_percent_signs_and_separators_are_escaped() -> None:
    assert github.command("error", "a: b, c%", "50%\n, :", "x::y") == "::error title=a%3A b%2C c%25::50%25␊, :%0Ax::y"


def test_what_is_known_is_only_noticed() -> None:
    one = finding()
    [(level, title, _)] = commands(github.document(verdict(report(one), known=frozenset([one.fingerprint]))))
    assert (level, title) == ("notice", "STK01 active-past-expiry (known)")


# Markdown


PROSE = {"text", "code_inline", "strong_open", "strong_close", "softbreak"}
BLOCKS = re.compile(r"(paragraph|heading|bullet_list|list_item|table|thead|tbody|tr|th|td)_(open|close)|inline")


def marked(text: str) -> tuple[set[str], set[str], list[str]]:
    """Block and inline tokens a reader of GitHub's Markdown makes of it, and the text that is no code."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    prose = [child.content for child in inline if child.type == "text"]
    return {token.type for token in tokens}, {child.type for child in inline}, prose


@given(text=texts)
def test_no_text_of_the_database_becomes_markup(text: str) -> None:
    written = markdown.document(verdict(report(hostile(text), skipped=[("DUP01", f"privilege {text}")])))
    blocks, inline, prose = marked(written)
    assert not [block for block in blocks if not BLOCKS.fullmatch(block)]
    assert inline <= PROSE
    for piece in prose:
        assert not re.search(r"[<>&@#$]|www\.|://|:[a-z]+:", piece), "mentions, references, addresses, emoji, formulas"
    rows = [line for line in written.splitlines() if line.startswith("| ⚠")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [7], "no name opens a column"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("3 of 9 minutes (10.0.0 to 10.0.6)", "3 of 9 minutes (10.0.0 to 10.0.6)"),
        ("at 2026-01-02 03:04:05Z, 50% of it", "at 2026-01-02 03:04:05Z, 50% of it"),
        ("ünï 日本 don't", "ünï 日本 don't"),
        ("queue __pgboss__send-it waits", "queue `__pgboss__send-it` waits"),
        ("cron (* * * * *) twice", "cron `(* * * * *)` twice"),
        ("a `tick` b", "a `` `tick` `` b"),
        ("see www.evil or http://evil now", "see `www.evil` or `http://evil` now"),
        ("@everyone #1 :tada: <b> $x$", "`@everyone #1 :tada: <b> $x$`"),
        ("- item", "`-` item"),
        ("GH-12 deadbeef1 1. x", "`GH-12 deadbeef1 1.` x"),
    ],
)
def test_prose(text: str, shown: str) -> None:
    assert markdown.prose(text) == shown


@given(texts)
def test_a_code_span_holds_what_it_was_given(text: str) -> None:
    _, inline, _ = marked(f"x {markdown.code(text)} y")
    assert inline <= {"text", "code_inline"}


def test_markdown_lists_all_and_details_the_first() -> None:
    found = [finding(queue=f"queue-{number}") for number in range(8)]
    written = markdown.document(verdict(report(*found), known=frozenset([found[0].fingerprint])))
    rows = [line for line in written.splitlines() if line.startswith("| ❌")]
    assert len(rows) == 8
    assert rows[0].endswith("| known |")
    assert rows[1].endswith("| new |")
    assert written.count("Why: ") == 1
    assert written.count("Fix: ") == 1
    assert "- and 5 findings more in the table above" in written


def test_markdown_says_what_could_not_be_looked_at() -> None:
    written = markdown.document(verdict(report(skipped=(ERA, PRIVILEGE))))
    assert written.startswith(
        f"**nothing found in {len(CHECKS) - 2} checks; 1 of {len(CHECKS)} checks could not look**"
    )
    assert "- DUP02 ran-past-expiry: role reader may not do this" in written


def test_hostile_text_is_hostile() -> None:
    assert CONTROLS.search(HOSTILE)

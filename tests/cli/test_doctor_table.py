"""Doctor's report for people: the verdict first, every why and fix once, nothing hidden."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bossctl.cli.output import Printer
from bossctl.cli.reports.verdict import Verdict
from bossctl.cli.settings import Settings
from bossctl.cli.views import findings as views
from bossctl.doctor import CHECKS
from bossctl.format import cell_width
from bossctl.models.findings import Severity
from tests.support.verdicts import finding, hostile, report

Shown = Callable[..., str]
DENIED = "role reader may not read it (GRANT SELECT ON ALL TABLES IN SCHEMA pgboss TO reader)"
PRIVILEGE = f"privilege {DENIED}"


@pytest.fixture
def shown(capfdbinary: Any) -> Shown:
    """What the table is; `width` makes it that of a terminal."""

    def show(verdict: Verdict, width: int | None = None) -> str:
        printer = Printer(Settings({}, Path()), "table")
        printer.terminal, printer.width = width is not None, width or 0
        views.report(printer, verdict)
        return capfdbinary.readouterr().out.decode()

    return show


def judged(*found: Any, known: frozenset[str] | None = None, **more: Any) -> Verdict:
    return Verdict(report(*found, **more), Severity.WARNING, known)


def queues(number: int, **more: Any) -> list[Any]:
    return [finding(queue=f"queue-{place:02}", count=100 + place, **more) for place in range(number)]


# the verdict


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        (judged(), f"nothing wrong in {len(CHECKS)} checks"),
        (judged(skipped=[("DUP01", "era none")]), f"nothing wrong in {len(CHECKS) - 1} checks"),
        (
            judged(skipped=[("DUP01", "timeout")]),
            f"nothing found in {len(CHECKS) - 1} checks; 1 of {len(CHECKS)} checks could not look",
        ),
        (judged(skipped=[(check.code, PRIVILEGE) for check in CHECKS]), f"no check could look: {DENIED}"),
        (judged(finding(message="it is so")), "error STK01: it is so"),
        (
            judged(finding(message="it is so"), finding(severity=Severity.INFO), skipped=[("DUP01", "timeout")]),
            f"error STK01: it is so; and 1 info more; 1 of {len(CHECKS)} checks could not look",
        ),
        (
            judged(finding(), known=frozenset([finding().fingerprint])),
            "nothing new: 1 finding known from the baseline",
        ),
        (
            judged(finding(), finding("DUP16", message="new"), known=frozenset([finding().fingerprint])),
            "error DUP16: new",
        ),
    ],
)
def test_the_verdict_is_the_first_line(shown: Shown, verdict: Verdict, sentence: str) -> None:
    assert verdict.sentence == sentence
    first, second, *_ = shown(verdict).splitlines()
    assert first == sentence
    assert second == "reader@db.internal:5432/orders schema pgboss (from --dsn)"


def test_the_sum_is_the_last_line(shown: Shown) -> None:
    found = [finding(), hostile(), finding("SCH01", None, severity=Severity.INFO)]
    counted = f"{len(CHECKS)} of {len(CHECKS)} checks ran in 1.2s"
    assert shown(judged(*found)).splitlines()[-1] == f"1 error, 1 warning, 1 info; {counted}"
    known = frozenset([found[0].fingerprint])
    assert shown(judged(*found, known=known)).splitlines()[-1] == f"1 error, 1 warning, 1 info (1 known); {counted}"


# findings


def test_one_finding_says_all_there_is(shown: Shown) -> None:
    text = shown(judged(finding()))
    assert text.split("\n\n")[1].splitlines() == [
        "error  STK01 active-past-expiry  queue mail  (proven)",
        "  1 job of queue mail is active past expiry",
        "  since 2026-01-02 03:04:05Z",
        "  jobs: 7a9d2c1e-0b7e-4e52-9d0e-0d4a2b1c3d4e",
        "  why: A job whose worker is gone stays active for ever.",
        "  fix: start a supervisor",
        "    bossctl job list is:stuck",
    ]


@pytest.mark.parametrize("number", [2, 5, 50])
@pytest.mark.parametrize("width", [None, 80])
def test_why_and_fix_are_told_once_for_every_check(shown: Shown, number: int, width: int | None) -> None:
    text = shown(judged(*queues(number), hostile()), width)
    assert text.count("why: ") == 2
    assert text.count("fix: start a supervisor") == 2, "one for each of the two checks"
    assert f"error  STK01 active-past-expiry  {number} findings\n" in text


def test_few_findings_are_told_in_full(shown: Shown) -> None:
    text = shown(judged(*queues(5)))
    assert text.count("jobs: ") == 5
    assert "COUNT" not in text


def test_of_many_findings_most_take_a_line(shown: Shown) -> None:
    text = shown(judged(*queues(50)))
    assert text.count("jobs: ") == 3
    lines = re.findall(r"^  queue-\d\d +1\d\d  2026-01-02 03:04:05Z  proven$", text, re.MULTILINE)
    assert len(lines) == 47, "none is hidden from a pipe"
    assert "  all of it, with jobs and evidence: --only STK01 -o json\n" in text
    assert "ABOUT" not in text


def test_a_terminal_is_not_flooded_and_says_so(shown: Shown) -> None:
    text = shown(judged(*queues(50)), 80)
    assert len(re.findall(r"^  queue-\d\d ", text, re.MULTILINE)) == 20
    assert f"  and 27 findings more, {sum(range(123, 150)):,} in count\n" in text
    assert "--only STK01 -o json" in text


def test_findings_of_one_queue_are_told_apart(shown: Shown) -> None:
    found = [finding(subject=f"signature {place}") for place in range(7)]
    text = shown(judged(*found))
    assert all(f"proven     signature {place}" in text for place in range(3, 7))


def test_each_different_fix_is_told_below_its_findings(shown: Shown) -> None:
    found = [finding(queue="a", fix="do this"), finding(queue="b", fix="do that"), finding(queue="c", fix="do this")]
    text = shown(judged(*found))
    places = [text.index(part) for part in ("queue a ", "queue c ", "fix: do this", "queue b ", "fix: do that")]
    assert places == sorted(places)
    assert text.count("fix: ") == 2


def test_a_why_is_not_told_again_at_another_severity(shown: Shown) -> None:
    found = [finding("SCH01", None, severity=Severity.WARNING), finding("SCH01", "mail", severity=Severity.INFO)]
    text = shown(judged(*found))
    assert text.count("why: ") == 1
    assert "warning  SCH01" in text
    assert "info  SCH01" in text


def test_what_is_known_is_marked(shown: Shown) -> None:
    found = queues(8)
    text = shown(judged(*found, known=frozenset([found[0].fingerprint, found[7].fingerprint])))
    assert "  queue queue-00  (proven, known)\n" in text
    assert "  queue queue-01  (proven)\n" in text
    assert re.search(r"^  queue-07 .* proven, known$", text, re.MULTILINE)


# checks that did not look


def test_reasons_are_told_once_with_all_their_checks(shown: Shown) -> None:
    text = shown(judged(skipped=[("DUP01", PRIVILEGE), ("DUP02", PRIVILEGE), ("STK01", "era needs what is not here")]))
    blind, other = text.split("\n\n")[1:3]
    assert blind.splitlines() == [
        "COULD NOT LOOK",
        f"  {DENIED}",
        "    DUP01 schedule-slot-sent-twice, DUP02 ran-past-expiry",
    ]
    assert other.splitlines() == [
        "NOT IN THIS SCHEMA",
        "  needs what is not here",
        "    STK01 active-past-expiry",
    ]


# terminals and pipes


@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_the_terminal(shown: Shown, width: int) -> None:
    text = shown(judged(*queues(30), hostile("x"), skipped=[("DUP01", PRIVILEGE)]), width)
    target = "reader@db.internal"
    assert [line for line in text.splitlines() if cell_width(line) > width and target not in line] == []


def test_a_pipe_gets_every_sentence_in_one_line(shown: Shown) -> None:
    message = "a long sentence " * 40
    assert message.strip() in shown(judged(finding(message=message.strip())))


@pytest.mark.parametrize("width", [None, 80])
@pytest.mark.parametrize("number", [1, 3, 12])
def test_hostile_names_stay_text(shown: Shown, width: int | None, number: int) -> None:
    found = [hostile(f"{place} \x1b[31m\x9b\u202e\x00\n[red]") for place in range(number)]
    text = shown(judged(*found, skipped=[("DUP01", "privilege \x1b[2J\n")]), width)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert "[red]" in text
    assert "␛[31m" in text

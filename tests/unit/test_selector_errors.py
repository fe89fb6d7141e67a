"""What the selection language refuses, where it points, and that no expression takes it down."""

from __future__ import annotations

from time import perf_counter

import pytest

from bossctl.errors import UsageError
from bossctl.format import cell_width
from bossctl.selector import (
    DEEPEST,
    Is,
    Or,
    SelectorError,
    parse,
    to_text,
)

ONE = "3f2c8a52-0c5e-4d43-9c55-6a2f2f0b7f4e"
DUE = Is("due")


def refusal(text: str) -> SelectorError:
    with pytest.raises(SelectorError) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("", 0, "empty", "queue:"),
        ("   ", 0, "empty", "queue:"),
        ("error:connection refused", 17, 'bare word "refused"', "quote the expression: 'error:\"connection refused\"'"),
        ("queue:my queue state:failed", 9, 'bare word "queue"', "quote the expression: 'queue:\"my queue\"'"),
        ("error:a b c OR is:due", 8, 'bare word "b"', "'error:\"a b c\"'"),
        ("state:failed soon", 13, 'bare word "soon"', "quote the expression"),
        ("something", 0, 'bare word "something"', "quote the expression"),
        ('"connection refused"', 0, "bare word", 'error:"connection refused"'),
        ("failed", 0, "bare word", "state:failed"),
        ("stuck", 0, "bare word", "is:stuck"),
        ("queue email", 0, "bare word", "queue:email*"),
        (ONE[:13], 0, "bare word", "whole UUID"),
        (ONE + "0", 0, "not a job id", "UUID"),
        (f"id:{ONE},x", 40, '"x" is not a job id', "UUID"),
        ("is:due || is:stuck", 7, "bare word", "write OR"),
        ("is:due && is:stuck", 7, "bare word", "write AND"),
        ("- is:due", 0, "bare word", "write NOT"),
        ("-is:due", 0, "unknown key", "NOT is:"),
        ("status:failed", 0, 'unknown key "status"', "did you mean state? keys: queue,"),
        ("a:b", 0, 'unknown key "a"', "keys: queue,"),
        ("queue.name:a", 0, "unknown key", "keys: queue,"),
        ("created:2026-01-01 10:00", 19, "unknown key", "2026-01-02T10:00"),
        (":failed", 0, "bare word", "quote"),
        ("state:faild", 6, 'unknown state "faild"', "did you mean failed? states: created,"),
        ("state:failed,,active", 13, "a state is missing", "states: created,"),
        ("state:failed,gone", 13, 'unknown state "gone"', "expired"),
        ("is:late", 3, "unknown condition", "open, due, stuck, rerun"),
        ("is:due queue:a,b", 14, "one name or pattern", "write (queue:a OR queue:b)"),
        ("queue:team/*,,mail", 12, "one name or pattern", "queue:team/* OR queue:mail); quote a name"),
        ("archived:yes", 9, "unknown scope", "true, any, false"),
        ("queue:", 6, "a value is missing after queue:", "no space"),
        ("queue: email", 6, "a value is missing after queue:", "no space"),
        ('key:""', 5, "a value is missing after key:", None),
        ("data.x:", 7, "a value is missing after data.x:", "no space"),
        ("data:x", 0, "data: needs a path", None),
        ("output:x", 0, "output: needs a path", "error:"),
        ('error:"open', 6, "this quote is not closed", "quote the expression"),
        ('error:"a"b', 9, "a space belongs", '\\"'),
        ('error:a"b c"', 7, "quotes go around the whole value", "error:"),
        ('"open', 0, "this quote is not closed", "quote the expression"),
        ("error:f(x)", 7, "a parenthesis inside a value", "quote the value"),
        ("(is:due", 0, "not closed", "quote the expression"),
        ("is:due)", 6, "closes nothing", None),
        ("()", 1, "a term is missing before )", None),
        ("is:due OR", 9, "a term is missing at the end", None),
        ("OR is:due", 0, "a term is missing before OR", None),
        ("is:due OR OR is:due", 10, "a term is missing before OR", None),
        ("is:due AND", 10, "a term is missing at the end", None),
        ("AND is:due", 0, "a term is missing before AND", None),
        ("NOT", 3, "a term is missing at the end", None),
        ("!", 1, "a term is missing at the end", None),
        ("(NOT )", 5, "a term is missing before )", None),
        ("retries:x", 8, '"x" is not a whole number', "a..b"),
        ("retries:1..x", 11, '"x" is not a whole number', "a..b"),
        ("retries:5..1", 8, "ends before it begins", "a..b"),
        ("retries:..", 8, "neither a beginning nor an end", "a..b"),
        ("retries:>3", 8, '">" is not part', "a..b"),
        ("priority:99999999999999999999", 9, "not a whole number", "a..b"),
        ("priority:9999999999999999999", 9, "too large", None),
        ("older:soon", 6, "not a duration", "15m"),
        ("older:500ms", 6, "finer than a second", "15m"),
        ("older:1h..2h", 6, "takes one age", "older:15m newer:1h"),
        ("run:2h..1h", 4, "ends before it begins", "a..b"),
        ("created:yesterday", 8, "is not a date", "2026-01-02"),
        ("created:2026-02-30", 8, "there is no date", "2026-01-02"),
        ("created:2026-01-01T10:00+29:00", 8, "there is no date", "2026-01-02"),
        ("created:2026-01-01T10:00+02:75", 8, "there is no date", "2026-01-02"),
        ("created:9999-12-31", 8, "the year", None),
        ("created:2026-01-02..2026-01-01", 8, "ends before it begins", "a..b"),
        ("key:a\0b", 5, "no text in a database", None),
        ("key:\udc80", 4, "no text in a database", None),
    ],
)
def test_what_is_refused_and_where(text: str, place: int, message: str, hint: str | None) -> None:
    error = refusal(text)
    assert isinstance(error, UsageError)
    assert error.position == place
    assert message in str(error)
    assert (hint in (error.hint or "")) if hint else error.hint is None
    line, mark = error.caret().split("\n")
    assert mark == " " * cell_width(line[: len(mark) - 1]) + "^" or "\0" in text or "\udc80" in text


def test_the_caret_stands_under_the_place_whatever_comes_before() -> None:
    assert refusal("error:connection refused").caret() == "error:connection refused\n                 ^"
    assert refusal("key:漢字 bad").caret() == "key:漢字 bad\n         ^"
    assert refusal("key:a\n\x1b bad").caret() == "key:a␊␛ bad\n      ^"
    assert refusal("").caret() == "\n^"


def test_the_caret_of_a_long_expression_is_cut_around_the_place() -> None:
    for before, after in [(5_000, 5_000), (30, 5_000), (5_000, 0), (70, 0)]:
        line, mark = refusal("is:due " * before + "bad" + " is:due" * after).caret().split("\n")
        assert cell_width(line) <= 100
        assert line[len(mark) - 1 :].startswith("bad")
        assert line.startswith("…") == (before * 7 > 60)


def test_nesting_has_an_end_and_says_so() -> None:
    assert parse("(" * DEEPEST + "is:due" + ")" * DEEPEST) == DUE
    assert refusal("(" * 30_000 + "is:due").position == DEEPEST
    assert refusal("!" * 30_000 + "is:due").position == DEEPEST
    assert "deeper than 50" in str(refusal("!(" * DEEPEST + "is:due"))
    assert "deeper than 50" in str(refusal("NOT (" * DEEPEST + "is:due"))
    wide = parse(" OR ".join(["(is:due)"] * 1000))
    assert isinstance(wide, Or)
    assert len(wide.items) == 1000


@pytest.mark.parametrize(
    "text",
    [
        " ".join([ONE] * 30_000),
        "id:" + ",".join([ONE] * 30_000),
        "is:due " * 30_000,
        'a."b' * 30_000,
        "a.'b\" " * 30_000,
        "error:" + "\\" * 200_000,
        "x" * 300_000,
        "a." * 100_000,
        "(" * 200_000,
        "queue:" + "*" * 200_000,
        'error:"' + '\\"' * 100_000,
        "state:" + "x" * 200_000,
        "retries:" + "9" * 200_000,
        "older:" + "9" * 200_000,
        "created:" + "2026-01-01.." * 50_000,
    ],
)
def test_long_expressions_are_read_in_linear_time(text: str) -> None:
    started = perf_counter()
    try:
        to_text(parse(text))
    except SelectorError as error:
        error.caret()
    assert perf_counter() - started < 10

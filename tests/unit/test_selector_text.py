"""The selection language written back, read again, and completed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from bossctl.selector import (
    CONDITIONS,
    KEYS,
    STATES,
    Age,
    And,
    Archived,
    DataPath,
    ErrorText,
    Expr,
    Ids,
    Is,
    Moment,
    Moments,
    Not,
    Numbers,
    Or,
    QueueGlob,
    RunTime,
    SelectorError,
    SingletonKey,
    States,
    complete,
    parse,
    path_of,
    path_text,
    quote,
    to_text,
)

ONE = "3f2c8a52-0c5e-4d43-9c55-6a2f2f0b7f4e"


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
SPIKY = st.text("ab \\\"'*?().:!,..\n漢é-", min_size=1, max_size=12)
VALUES = WORDS | SPIKY
NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1)
SECONDS = st.integers(0, 10**8)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=2)), timezone(-timedelta(hours=11, minutes=30))])
MOMENTS = st.builds(
    lambda at, zone, unit: Moment(_cut(at, unit).replace(tzinfo=zone), unit),
    st.datetimes(datetime(1971, 1, 1), datetime(9990, 1, 1)),
    ZONES,
    st.sampled_from(["day", "minute", "second", "microsecond"]),
)
IDS = st.uuids().map(str)


def _cut(at: datetime, unit: str) -> datetime:
    if unit == "day":
        return at.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "minute":
        return at.replace(second=0, microsecond=0)
    return at.replace(microsecond=0) if unit == "second" else at


def ranges(values: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[int | None, int | None]]:
    both = st.tuples(values, values).map(lambda pair: (min(pair), max(pair)))
    return both | st.tuples(values, st.none()) | st.tuples(st.none(), values)


def _moments(field: Literal["created", "started", "completed"], pair: tuple[Moment, Moment], open_end: int) -> Moments:
    low, high = sorted(pair, key=lambda moment: moment.at)
    return Moments(field, None if open_end == 1 else low, None if open_end == 2 else high)


TERMS = st.one_of(
    st.builds(QueueGlob.exactly, VALUES),
    st.builds(QueueGlob, st.text("ab*?- é\"'", min_size=1, max_size=8)),
    st.builds(States, st.lists(st.sampled_from(STATES), min_size=1, unique=True).map(tuple)),
    st.builds(Is, st.sampled_from(CONDITIONS)),
    st.builds(Ids, st.lists(IDS, min_size=1, max_size=3, unique=True).map(tuple)),
    st.builds(SingletonKey, VALUES),
    st.builds(ErrorText, VALUES),
    st.builds(
        DataPath, st.sampled_from(["data", "output"]), st.lists(VALUES, min_size=1, max_size=3).map(tuple), VALUES
    ),
    st.builds(lambda field, pair: Numbers(field, *pair), st.sampled_from(["retries", "priority"]), ranges(NUMBERS)),
    st.builds(lambda pair: RunTime(*pair), ranges(SECONDS)),
    st.builds(Age, st.sampled_from(["older", "newer"]), SECONDS),
    st.builds(
        _moments, st.sampled_from(["created", "started", "completed"]), st.tuples(MOMENTS, MOMENTS), st.integers(0, 2)
    ),
    st.builds(Archived, st.sampled_from(["true", "any", "false"])),
)
TREES = st.recursive(
    TERMS,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, min_size=2, max_size=4).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=2, max_size=4).map(tuple))
    ),
    max_leaves=10,
)
PIECES = st.sampled_from(
    [
        "(",
        ")",
        "!",
        " ",
        "  ",
        "OR",
        "AND",
        "not",
        ":",
        "..",
        ",",
        '"',
        "'",
        "\\",
        "\n",
        ONE,
        "state",
        "state:",
        "failed",
        "is:due",
        "queue:",
        "data.",
        "output.a:",
        "error:",
        "retries:",
        "1",
        "created:",
        "2026-01-01",
        "T10:00",
        "older:",
        "15m",
        "*",
        "漢",
        "\x1b",
    ]
)


@given(TREES)
def test_what_is_written_reads_back(expr: Expr) -> None:
    text = to_text(expr)
    assert parse(text) == expr
    assert to_text(parse(text)) == text


@given(st.lists(PIECES, max_size=14).map("".join) | st.text(st.characters(), max_size=40))
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    try:
        expr = parse(text)
    except SelectorError as error:
        position, caret = error.position, error.caret()
    else:
        position, caret = 0, "\n^"
        assert parse(to_text(expr)) == expr
    assert 0 <= position <= len(text)
    assert re.fullmatch(r"[^\n]*\n *\^", caret)


@given(VALUES)
def test_a_quoted_value_is_read_as_it_was(value: str) -> None:
    assert parse(f"error:{quote(value)}") == ErrorText(value)


QUEUES = ["email", "email-bulk", "sms", "my queue", "50*off", "a\\*b"]


def completed(text: str, cursor: int | None = None) -> list[str]:
    place = len(text) if cursor is None else cursor
    return [text[: one.start] + one.text + text[one.end :] for one in complete(text, place, queues=QUEUES)]


def test_completion_offers_keys_and_what_they_are_for() -> None:
    offered = complete("", 0, queues=QUEUES)
    assert [one.text.rstrip(":.") for one in offered] == [key.name for key in KEYS]
    assert all(one.help for one in offered)
    assert completed("sta") == ["state:", "started:"] or completed("sta") == ["started:", "state:"]
    assert completed("!sta")[0].startswith("!sta")
    assert completed("dat") == ["data."]


def test_completion_offers_operators_only_after_something() -> None:
    assert "OR" in [one.text for one in complete("is:due ", 7, queues=())]
    assert "OR" not in [one.text for one in complete("(", 1, queues=())]
    assert completed("is:due o")[-1] == "is:due OR"


def test_completion_offers_the_values_of_a_key() -> None:
    assert completed("state:c") == ["state:created", "state:completed", "state:cancelled"]
    assert "state:failed,active" in completed("state:failed,")
    assert "state:failed,failed" not in completed("state:failed,f")
    assert completed("is:st") == ["is:stuck"]
    assert completed("archived:") == ["archived:true", "archived:any", "archived:false"]
    assert "older:15m" in completed("older:")
    assert completed("error:x") == []


def test_completion_knows_the_queues() -> None:
    assert completed("queue:em") == ["queue:email", "queue:email-bulk"]
    assert completed("queue:bulk") == ["queue:email-bulk"]
    assert completed('is:due queue:"my') == ['is:due queue:"my queue"']
    for name in QUEUES:
        assert parse(completed(f"queue:{name[:2]}")[0]) is not None
        assert any(parse(text) == QueueGlob.exactly(name) for text in completed("queue:"))


def test_completion_works_in_the_middle_and_keeps_the_rest() -> None:
    assert completed("sta is:due", 3)[0].endswith(": is:due")
    assert complete("is:due", 99, queues=()) == complete("is:due", 6, queues=())
    assert len(complete("queue:", 6, queues=[f"q{n}" for n in range(5_000)])) == 50


@given(st.lists(PIECES, max_size=8).map("".join), st.integers(0, 40))
def test_completion_never_fails_and_stays_within_the_text(text: str, cursor: int) -> None:
    for one in complete(text, cursor, queues=QUEUES):
        assert 0 <= one.start <= one.end <= len(text)
        assert one.text


def test_completion_of_paths_and_singleton_keys() -> None:
    paths = [("data", "user", "id"), ("data", "user", "a b"), ("output", "code")]
    keys = ["order 7", "order-8", "order-8"]

    def found(text: str) -> list[str]:
        return [text[: one.start] + one.text for one in complete(text, len(text), queues=(), keys=keys, paths=paths)]

    assert found("is:due data.") == ["is:due data.user.id:", 'is:due data.user."a b":']
    assert found("DATA.user.i") == ["data.user.id:"]
    assert found("output.") == ["output.code:"]
    assert found("key:order") == ['key:"order 7"', "key:order-8"]
    assert found("dat") == ["data."]
    for text in found("data."):
        assert path_of(text.removesuffix(":")) in paths


def test_paths_read_back() -> None:
    for path in (("data", "a"), ("output", "a.b", 'c"d'), ("data", "0", "x:y")):
        assert path_of(path_text(path)) == path
    for text in ("data", "data.", "queue", "data.a:b", "mail", "data.a OR data.b", ""):
        assert path_of(text) is None, text


def test_a_comma_in_a_queues_name() -> None:
    for text in ('queue:"a,b"', r"queue:a\,b"):
        assert parse(text) == QueueGlob("a,b")
    assert to_text(QueueGlob("a,b")) == 'queue:"a,b"'

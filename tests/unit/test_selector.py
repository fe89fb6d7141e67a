"""The selection language: what its terms and operators mean, and where they make bossctl look."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossctl.selector import (
    KEYS,
    Age,
    And,
    Archived,
    DataPath,
    ErrorText,
    Expr,
    Ids,
    Is,
    Key,
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
    is_archived_scope,
    parse,
    scope,
    terms,
    to_text,
    walk,
)

ONE = "3f2c8a52-0c5e-4d43-9c55-6a2f2f0b7f4e"
TWO = "0195d7a2-7c1b-7abc-8def-0123456789ab"
FAILED = States(("failed",))
DUE = Is("due")
STUCK = Is("stuck")


def day(text: str) -> Moment:
    return Moment(datetime.fromisoformat(text).replace(tzinfo=UTC), "day")


def refusal(text: str) -> SelectorError:
    with pytest.raises(SelectorError) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "expr"),
    [
        ("queue:email*", QueueGlob("email*")),
        ("queue:a?b", QueueGlob("a?b")),
        ('queue:"my queue"', QueueGlob("my queue")),
        ("queue:a\\*b", QueueGlob("a\\*b")),
        ("state:failed", FAILED),
        ("STATE:Failed,active,failed", States(("failed", "active"))),
        ("state:expired", States(("expired",))),
        ("is:open", Is("open")),
        ("is:rerun", Is("rerun")),
        (f"id:{ONE.upper()}", Ids((ONE,))),
        (f"id:{ONE},{TWO},{ONE}", Ids((ONE, TWO))),
        ("key:order-7", SingletonKey("order-7")),
        ("key:a:b:c", SingletonKey("a:b:c")),
        ("key:order-*", SingletonKey("order-*")),
        ("error:timeout", ErrorText("timeout")),
        ('error:"connection refused"', ErrorText("connection refused")),
        ("error:'connection refused'", ErrorText("connection refused")),
        (r'error:"say \"no\" \\ C:\temp"', ErrorText(r'say "no" \ C:\temp')),
        (r"error:C:\temp", ErrorText(r"C:\temp")),
        (r"error:connection\ refused", ErrorText("connection refused")),
        ("error:don't", ErrorText("don't")),
        ("error:http://host:5432/?a=1", ErrorText("http://host:5432/?a=1")),
        ("data.user.id:42", DataPath("data", ("user", "id"), "42")),
        ("Data.User.ID:x", DataPath("data", ("User", "ID"), "x")),
        ("data.items.0:a", DataPath("data", ("items", "0"), "a")),
        ('data."a.b"."c d":"e f"', DataPath("data", ("a.b", "c d"), "e f")),
        ('data.x:""', DataPath("data", ("x",), "")),
        ("output.code:ETIMEDOUT", DataPath("output", ("code",), "ETIMEDOUT")),
        ("retries:1..", Numbers("retries", 1, None)),
        ("retries:3", Numbers("retries", 3, 3)),
        ("priority:-5..-1", Numbers("priority", -5, -1)),
        ("priority:..7", Numbers("priority", None, 7)),
        ("older:15m", Age("older", 900)),
        ("newer:1h30m", Age("newer", 5400)),
        ("run:90s..", RunTime(90, None)),
        ("run:..2h", RunTime(None, 7200)),
        ("created:2026-01-01..2026-01-02", Moments("created", day("2026-01-01"), day("2026-01-02"))),
        ("started:2026-01-01..", Moments("started", day("2026-01-01"), None)),
        ("completed:2026-01-01", Moments("completed", day("2026-01-01"), day("2026-01-01"))),
        ("archived:true", Archived("true")),
        ("archived:any", Archived("any")),
        ("archived:false", Archived("false")),
    ],
)
def test_terms(text: str, expr: Expr) -> None:
    assert parse(text) == expr
    assert parse(to_text(expr)) == expr


@pytest.mark.parametrize(
    ("text", "expr"),
    [
        ("state:failed is:due", And((FAILED, DUE))),
        ("state:failed AND is:due", And((FAILED, DUE))),
        ("state:failed is:due OR is:stuck", Or((And((FAILED, DUE)), STUCK))),
        ("state:failed (is:due OR is:stuck)", And((FAILED, Or((DUE, STUCK))))),
        ("state:failed(is:due)", None),
        ("(state:failed)is:due", And((FAILED, DUE))),
        ("is:due or is:stuck or state:failed", Or((DUE, STUCK, FAILED))),
        ("NOT is:due is:stuck", And((Not(DUE), STUCK))),
        ("!is:due", Not(DUE)),
        ("! is:due", Not(DUE)),
        ("!(is:due is:stuck)", Not(And((DUE, STUCK)))),
        ("not not !is:due", Not(Not(Not(DUE)))),
        ("(is:due is:stuck) state:failed", And((And((DUE, STUCK)), FAILED))),
        ("((is:due))", DUE),
        (ONE, Ids((ONE,))),
        (f"{ONE} {TWO}", Ids((ONE, TWO))),
        (f"{ONE},{TWO}", Ids((ONE, TWO))),
        (f"is:due {TWO} state:failed {ONE}", And((DUE, Ids((TWO, ONE)), FAILED))),
        (f"NOT {ONE} {TWO}", And((Not(Ids((ONE,))), Ids((TWO,))))),
        (f"id:{ONE} id:{TWO}", And((Ids((ONE,)), Ids((TWO,))))),
        (f"{ONE} OR is:due {TWO}", Or((Ids((ONE,)), And((DUE, Ids((TWO,))))))),
    ],
)
def test_operators(text: str, expr: Expr | None) -> None:
    if expr is None:
        assert refusal(text).position == text.index("(")
    else:
        assert parse(text) == expr
        assert parse(to_text(expr)) == expr


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("!state:failed", "NOT state:failed"),
        ("state:failed or is:due", "state:failed OR is:due"),
        ("(state:failed is:due) OR is:open", "state:failed is:due OR is:open"),
        ("older:90", "older:1m30s"),
        ("created:2026-01-01T10:00+02:00..", "created:2026-01-01T10:00+02:00.."),
        ("created:2026-01-01T10:00:05.5", "created:2026-01-01T10:00:05.500000Z"),
        ("created:2026-01-01Z", "created:2026-01-01"),
        ("key:'a b'", 'key:"a b"'),
        ("key:'plain'", "key:plain"),
        (f"{ONE} {TWO}", f"id:{ONE},{TWO}"),
        ("priority:+4", "priority:4"),
    ],
)
def test_the_canonical_text(text: str, canonical: str) -> None:
    assert to_text(parse(text)) == canonical
    assert to_text(parse(canonical)) == canonical


def test_dates_stand_for_the_whole_unit_they_name() -> None:
    for text, since, before in [
        ("2026-01-01", "2026-01-01T00:00", "2026-01-02T00:00"),
        ("2026-01-01..2026-01-02", "2026-01-01T00:00", "2026-01-03T00:00"),
        ("2026-01-01T10:00", "2026-01-01T10:00", "2026-01-01T10:01"),
        ("2026-01-01T10:00:59..2026-01-01T10:00:59.5", "2026-01-01T10:00:59", "2026-01-01T10:00:59.500001"),
        ("2026-01-01+02:00", "2025-12-31T22:00", "2026-01-01T22:00"),
        ("2026-01-01T00:00-05:30", "2026-01-01T05:30", "2026-01-01T05:31"),
    ]:
        moments = parse(f"created:{text}")
        assert isinstance(moments, Moments)
        assert moments.since == datetime.fromisoformat(since).replace(tzinfo=UTC)
        assert moments.before == datetime.fromisoformat(before).replace(tzinfo=UTC)


def test_an_open_date_range_is_open() -> None:
    after, until = parse("created:2026-01-01.."), parse("created:..2026-01-01")
    assert isinstance(after, Moments)
    assert isinstance(until, Moments)
    assert after.before is None
    assert until.since is None


@pytest.mark.parametrize(
    ("pattern", "literal", "like"),
    [
        ("email", "email", "email"),
        ("email*", None, "email%"),
        ("a?c", None, "a_c"),
        ("a\\*b\\?\\\\", "a*b?\\", "a*b?\\\\"),
        ("50%_\\*", "50%_*", "50\\%\\_*"),
        ("*", None, "%"),
        ("", "", ""),
    ],
)
def test_globs(pattern: str, literal: str | None, like: str) -> None:
    assert QueueGlob(pattern).literal == literal
    assert QueueGlob(pattern).like == like


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20))
def test_exactly_this_queue(name: str) -> None:
    glob = QueueGlob.exactly(name)
    assert glob.literal == name
    assert parse(to_text(glob)) == glob


def test_walking() -> None:
    expr = parse("queue:a (state:failed OR NOT is:due) key:b")
    assert [type(node).__name__ for node in walk(expr)] == [
        *("And", "QueueGlob", "Or", "States", "Not", "Is", "SingletonKey"),
    ]
    assert list(terms(expr)) == [QueueGlob("a"), FAILED, DUE, SingletonKey("b")]
    assert next(walk(expr)) is expr


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("state:failed", "live"),
        ("archived:false state:failed", "live"),
        ("archived:true state:failed", "archived"),
        ("archived:true", "archived"),
        ("archived:any", "all"),
        ("archived:true OR state:failed", "all"),
        ("NOT archived:true", "all"),
        ("state:failed (archived:any is:due)", "all"),
    ],
)
def test_scope(text: str, where: str) -> None:
    assert scope(parse(text)) == where
    assert is_archived_scope(parse(text)) == (where != "live")


@pytest.mark.parametrize("kind", [And, Or])
def test_and_and_or_join_at_least_two(kind: type[And | Or]) -> None:
    with pytest.raises(ValueError, match="two or more"):
        kind((DUE,))


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_documented_example_is_read_and_needs_no_quotes_in_a_shell(key: Key) -> None:
    assert key.example.startswith(key.name)
    assert list(terms(parse(key.example)))
    assert re.fullmatch(r"[A-Za-z0-9.:,*_-]+", to_text(parse(key.example)))

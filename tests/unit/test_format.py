"""Ages, counts, moments and bars read as people and programs expect; database text cannot reach the terminal raw."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from bossctl.errors import UsageError
from bossctl.format import (
    age,
    cell_width,
    clean,
    count,
    duration,
    elapsed,
    exact_duration,
    histogram_bar,
    iso,
    parse_duration,
    percent,
    pretty_json,
    size,
    sparkline,
    split_width,
    timestamp,
    truncate,
)

ANY_TEXT = st.text(st.characters(), max_size=60)
HOSTILE = st.text(
    st.sampled_from(
        "\x00\n\t\r\x1b\x7f\x9b\xad\u034f\u061c\u200b\u200d\u200e\u2028\u202e\u2066\u2069\u3164\ufe0f\ufeff"
    )
    | st.sampled_from("\ud800\udfff\ufdd0\uffff\U000e0041\U0010ffff❤👩🚀漢éא1a \u20e3\U0001f3fd"),
    max_size=40,
)
COUNTS = st.lists(st.integers(0, 10**12), max_size=8)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "?"),
        (math.nan, "?"),
        (math.inf, "∞"),
        (0, "0s"),
        (0.9, "0s"),
        (42.99, "42s"),
        (60, "1m"),
        (185, "3m05s"),
        (190, "3m10s"),
        (3_600, "1h"),
        (7_500, "2h05m"),
        (86_399, "23h59m"),
        (6 * 86_400 + 4 * 3_600 + 59, "6d4h"),
        (400 * 86_400, "400d"),
        (-42, "-42s"),
        (-math.inf, "-∞"),
    ],
)
def test_duration(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == age(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0004, "0ms"), (0.35, "350ms"), (1.29, "1.2s"), (2, "2s"), (10, "10s"), (None, "?"), (-1, "-1s")],
)
def test_elapsed_keeps_milliseconds_of_short_runs(seconds: float | None, shown: str) -> None:
    assert elapsed(seconds) == shown


@given(st.integers(0, 36_500 * 86_400))
def test_a_shown_duration_is_a_duration_and_shows_the_same_again(seconds: int) -> None:
    shown = duration(seconds)
    parsed = parse_duration(shown)
    assert duration(parsed) == shown
    assert 0 <= seconds - parsed < max(seconds / 24, 1)
    assert len(shown) <= 7


@given(st.integers(0, 36_500 * 86_400))
def test_an_exact_duration_comes_back(seconds: int) -> None:
    assert parse_duration(exact_duration(seconds)) == seconds


def test_an_exact_duration_is_not_negative() -> None:
    with pytest.raises(ValueError, match="not negative"):
        exact_duration(-1)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("15m", 900),
        ("2h", 7_200),
        ("7d", 604_800),
        ("1h30m", 5_400),
        (" 1d1s ", 86_401),
        ("0", 0),
    ],
)
def test_parse_duration(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("500ms", "finer than a second"),
        ("1.5h", "whole numbers"),
        ("30m1h", "not a duration"),
        ("1h30", "not a duration"),
        ("-5m", "not a duration"),
        ("15M", "not a duration"),
        ("soon", "not a duration"),
        ("٣s", "not a duration"),
        ("1h 30m", "not a duration"),
        ("36501d", "hundred years"),
        ("9" * 400, "not a duration"),
        ("\x1b[2J", "␛"),
    ],
)
def test_what_is_no_duration_is_refused_with_a_hint(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=re.escape(why)) as caught:
        parse_duration(text)
    assert "1h30m" in (caught.value.hint or "")
    assert len(str(caught.value)) < 120


@given(ANY_TEXT)
def test_parse_duration_answers_or_refuses(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except UsageError as error:
        said = str(error)
    else:
        said = duration(seconds)
    assert said
    assert said == clean(said)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "?"),
        (0, "0"),
        (9_999, "9999"),
        (10_000, "10k"),
        (12_345, "12k"),
        (222_222, "222k"),
        (999_499, "999k"),
        (999_500, "1M"),
        (1_234_567, "1.2M"),
        (12_345_678, "12M"),
        (4_000_000_000, "4G"),
        (-15_000, "-15k"),
        (10**16, "10000T"),
        (math.nan, "?"),
        (math.inf, "∞"),
    ],
)
def test_count(value: float | None, shown: str) -> None:
    assert count(value) == shown


def test_an_estimate_says_so_and_the_unknown_is_no_estimate() -> None:
    assert count(222_000, estimate=True) == "~222k"
    assert count(None, estimate=True) == "?"


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (None, "?"),
        (0, "0 bytes"),
        (1_023, "1023 bytes"),
        (1_024, "1 kB"),
        (1_300_000, "1.2 MB"),
        (10 * 1_024, "10 kB"),
        (1_048_575, "1 MB"),
        (2**40, "1 TB"),
        (2**60, "1048576 TB"),
    ],
)
def test_size(octets: int | None, shown: str) -> None:
    assert size(octets) == shown


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (1, 2, "50%"),
        (0, 5, "0%"),
        (5, 5, "100%"),
        (1, 1_000, "<1%"),
        (999, 1_000, ">99%"),
        (1, 0, "?"),
        (None, 3, "?"),
        (3, None, "?"),
    ],
)
def test_percent(part: float | None, whole: float | None, shown: str) -> None:
    assert percent(part, whole) == shown


def test_moments() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 123_456, UTC)
    elsewhere = moment.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert iso(moment) == iso(elsewhere) == iso(moment.replace(tzinfo=None)) == "2026-01-02T03:04:05.123456Z"
    assert timestamp(moment) == timestamp(elsewhere) == "2026-01-02 03:04:05Z"
    assert iso(datetime(2026, 1, 2, tzinfo=UTC)) == "2026-01-02T00:00:00.000000Z"


@pytest.mark.parametrize("zone", [None, UTC])
def test_moments_without_end_are_words(zone: timezone | None) -> None:
    assert iso(datetime.max.replace(tzinfo=zone)) == timestamp(datetime.max.replace(tzinfo=zone)) == "infinity"
    assert iso(datetime.min.replace(tzinfo=zone)) == timestamp(datetime.min.replace(tzinfo=zone)) == "-infinity"


def test_no_moment() -> None:
    assert iso(None) is None
    assert timestamp(None) == "-"


@given(ANY_TEXT | HOSTILE)
def test_clean_text_holds_nothing_that_acts_on_a_terminal(text: str) -> None:
    shown = clean(text)
    for char in shown:
        assert unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        assert ord(char) & 0xFFFE != 0xFFFE
        assert char not in "\u034f\u3164\ufe0f\u200d"
    shown.encode()
    assert clean(shown) == shown


@given(ANY_TEXT | HOSTILE)
def test_the_width_of_clean_text_is_the_sum_of_its_characters(text: str) -> None:
    shown = clean(text)
    assert cell_width(shown) == cell_len(shown) == sum(cell_len(char) for char in shown)


@given(ANY_TEXT | HOSTILE)
def test_line_feeds_stay_on_request_and_nothing_else_does(text: str) -> None:
    assert clean(text, newline=True).split("\n") == [clean(line) for line in text.split("\n")]


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="\u3164\uffa0\u115f\u1160")))
def test_ordinary_text_of_any_script_is_left_alone(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m\x07", "␛[31m␇"),
        ("a\x00b\x7f", "a␀b␡"),
        ("\x9b2J", "\\x9b2J"),
        ("abc\u202etxt.exe", "abc\\u202etxt.exe"),
        ("line\r\nnext\t", "line␍␊next␉"),
        ("\ud83d", "\\ud83d"),
        ("\U000e0041", "\\U000e0041"),
        ("[red]שלום e\u0301 漢字", "[red]שלום e\u0301 漢字"),
        ("❤\ufe0f ok 👩\u200d🚀 1\ufe0f\u20e3", "❤ ok 👩🚀 1\u20e3"),
        ("👩\u200d❤\ufe0f\u200d👨", "👩❤👨"),
        ("a\u200db \u200d🚀 a\ufe0f", "a\\u200db \\u200d🚀 a\\ufe0f"),
        ("❤\ufe0f\x1b", "❤␛"),
        ("👍🏽 🇩🇪", "👍🏽 🇩🇪"),
    ],
)
def test_clean(text: str, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize("piece", ["plain text ", "line\n", "a\x1b", "\u202e", "漢é ", "❤\ufe0f"])
def test_a_megabyte_is_cleaned_while_nobody_notices(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    started = process_time()
    clean(text, newline=True)
    assert process_time() - started < 3


@given(ANY_TEXT.map(clean), st.integers(0, 30))
def test_truncated_text_fits_and_keeps_its_beginning(text: str, width: int) -> None:
    shown = truncate(text, width)
    assert cell_width(shown) <= width
    if cell_width(text) <= width:
        assert shown == text
    elif width:
        assert shown.endswith("…")
        assert text.startswith(shown[:-1])
        assert cell_width(shown) >= width - 1


def test_truncating_a_novel_does_not_read_it() -> None:
    assert truncate("漢" * 5_000_000, 5) == "漢漢…"
    assert truncate("e" + "\u0301" * 100, 5).endswith("…")
    assert truncate("anything", -1) == ""


JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
SCALARS = st.sampled_from(
    ["null", "true", "1.00000000000000000001", "9007199254740993", "1e400", "-0", '""', '"\\""', '"\\\\"']
) | st.text("ab {}[]:,é", max_size=8).map(lambda text: f'"{text}"')
JSON_TEXTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: "[" + ", ".join(items) + "]")
        | st.lists(inner, max_size=4).map(
            lambda items: "{" + ",".join(f'"k{i}": {item}' for i, item in enumerate(items)) + "}"
        )
    ),
    max_leaves=20,
)


@given(JSON_TEXTS)
def test_pretty_json_keeps_every_token_to_the_digit(text: str) -> None:
    pretty = pretty_json(text)
    assert JSON_TOKEN.findall(pretty) == JSON_TOKEN.findall(text)
    assert pretty_json(pretty) == pretty
    for line in pretty.split("\n"):
        assert line == line.rstrip()


@given(JSON_TEXTS, st.integers(0, 80))
def test_pretty_json_of_a_cut_text_is_the_beginning_of_the_whole(text: str, length: int) -> None:
    assert "".join(pretty_json(text[:length]).split()) == "".join(text[:length].split())


@given(ANY_TEXT)
def test_pretty_json_takes_what_is_not_json(text: str) -> None:
    assert "".join(pretty_json(text).split()) == "".join(text.split())


def test_pretty_json_layout() -> None:
    text = '{"a":1.0,"b":[],"c":{},"d":[1,{"x":null}]}'
    assert pretty_json(text) == (
        '{\n  "a": 1.0,\n  "b": [],\n  "c": {},\n  "d": [\n    1,\n    {\n      "x": null\n    }\n  ]\n}'
    )


def test_values_side_by_side_do_not_melt_together() -> None:
    assert pretty_json('1 2 "x" {}[]') == '1\n2\n"x"\n{}\n[]'


@pytest.mark.parametrize(
    "text", ["[" * 300_000, '{"a":' * 100_000 + "1", '"' + "\\" * 500_000, "[1," * 200_000, ":" * 300_000]
)
def test_pretty_json_is_linear_and_never_much_longer(text: str) -> None:
    started = process_time()
    pretty = pretty_json(text)
    assert process_time() - started < 5
    assert len(pretty) < 2 * len(text) + 5_000


def test_sparkline() -> None:
    assert sparkline([0, 1, 4, 8], 4) == "▁▁▄█"
    assert sparkline([5, 0, 1, None, 8], 3) == "▁ █"
    assert sparkline([1, 2], 5) == "   ▄█"
    assert sparkline([0, 0], 2) == "▁▁"
    assert sparkline([], 3) == "   "
    assert sparkline([1], 0) == ""


@given(st.lists(st.none() | st.floats(), max_size=30), st.integers(0, 20))
def test_a_sparkline_is_as_wide_as_asked(values: list[float | None], width: int) -> None:
    line = sparkline(values, width)
    assert len(line) == width
    assert set(line) <= set(" ▁▂▃▄▅▆▇█")


@given(COUNTS, st.integers(0, 60))
def test_a_bar_fills_its_width_and_forgets_nobody(counts: list[int], width: int) -> None:
    cells = split_width(counts, width)
    some = sum(value > 0 for value in counts)
    assert len(cells) == len(counts)
    assert sum(cells) == (width if some else 0)
    if some <= width:
        assert all((cell > 0) == (value > 0) for cell, value in zip(cells, counts, strict=True))
    else:
        assert max(cells, default=0) <= 1
    ranked = sorted(zip(counts, cells, strict=True))
    assert [cell for _, cell in ranked] == sorted(cells) or _only_ties_differ(ranked)


def _only_ties_differ(ranked: list[tuple[int, int]]) -> bool:
    return all(low[1] <= high[1] for low, high in pairwise(ranked) if low[0] < high[0])


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=6), st.integers(40, 120))
def test_large_shares_are_true_to_a_cell_beside_the_guaranteed_ones(counts: list[int], width: int) -> None:
    for cell, value in zip(split_width(counts, width), counts, strict=True):
        assert cell <= value * width / sum(counts) + 1
        assert cell >= value * width / sum(counts) - len(counts)


def test_histogram_bar() -> None:
    assert histogram_bar([90, 9, 1], 10) == "████████▓▒"
    assert histogram_bar([1, 0, 1], 4, "abc") == "aacc"
    assert histogram_bar([0, 0], 10) == ""
    assert split_width([10**9, 1, 0, 1], 20) == (18, 1, 0, 1)
    assert split_width([5, 9, 7], 2) == (0, 1, 1)

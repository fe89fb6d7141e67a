"""JSON and CSV: digits, control characters, shapes."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossctl.cli.document import JsonText, document, pairs, to_csv, to_json

HOSTILE = "\x1b[31mred\x1b[0m \x9b31m \u202eevil\u2069 \x00 \x7f \u2028 emoji 🧨 and [bold]markup[/]"
RAW = (0x1B, 0x9B, 0x202E, 0x2069, 0x00, 0x7F, 0x2028)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values, st.sampled_from([None, 2]))
def test_what_is_written_reads_back(value: Any, indent: int | None) -> None:
    text = to_json(value, indent)
    assert json.loads(text) == value
    assert not any(chr(code) in text for code in RAW if code)
    if indent is None:
        assert "\n" not in text


def test_the_format_version_comes_first() -> None:
    assert to_json(document({"queues": []})).startswith('{\n  "bossctl": 1,\n')


def test_payloads_pass_digit_for_digit() -> None:
    raw = '{"a": 1.00000000000000000001, "b": 9007199254740993, "c": 1E400, "d": [-0.0, 1.10]}'
    assert to_json({"data": JsonText(raw)}, None) == f'{{"data": {raw}}}'
    assert f'"data": {raw}' in to_json({"data": JsonText(raw)})


@pytest.mark.parametrize("indent", [None, 2])
def test_control_characters_are_escaped_also_in_payloads(indent: int | None) -> None:
    text = to_json({"name": HOSTILE, "data": JsonText(json.dumps(HOSTILE, ensure_ascii=False))}, indent)
    assert json.loads(text) == {"name": HOSTILE, "data": HOSTILE}
    assert not [code for code in RAW if chr(code) in text]
    assert "🧨" in text


def test_a_line_stays_a_line() -> None:
    assert to_json({"data": JsonText('{\n"a":\r\n1}')}, None) == '{"data": { "a":  1}}'


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), "2026-01-02T03:04:05.678901Z"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))), "2026-01-02T01:04:05.000000Z"),
        (datetime.max.replace(tzinfo=UTC), "infinity"),
        (datetime.min.replace(tzinfo=UTC), "-infinity"),
    ],
)
def test_timestamps(moment: datetime, text: str) -> None:
    assert to_json([moment], None) == f'["{text}"]'


def test_numbers_that_json_cannot_say_are_null() -> None:
    assert to_json([float("nan"), float("inf"), 0.1, True], None) == "[null, null, 0.1, true]"


def test_csv_flattens_and_quotes() -> None:
    rows = [
        {
            "id": "1",
            "counts": {"failed": {"value": 3}},
            "tags": ["a", "b"],
            "data": JsonText('{"x": 1.10}'),
            "none": None,
        },
        {"id": 'say "hi",\nthen', "flag": True, "at": datetime(2026, 1, 1, tzinfo=UTC)},
    ]
    text = to_csv(rows, ())
    assert text.splitlines()[0] == "id,counts.failed.value,tags,data,none,flag,at"
    first, second = csv.DictReader(io.StringIO(text, newline=""))
    assert first == {
        "id": "1",
        "counts.failed.value": "3",
        "tags": '["a", "b"]',
        "data": '{"x": 1.10}',
        "none": "",
        "flag": "",
        "at": "",
    }
    assert (second["id"], second["flag"], second["at"]) == ('say "hi",\nthen', "true", "2026-01-01T00:00:00.000000Z")
    assert "\r\n" in text


def test_csv_of_nothing_still_has_its_header() -> None:
    assert to_csv([], ("id", "queue")) == "id,queue\r\n"


def test_one_object_as_pairs() -> None:
    assert pairs({"server": {"version": "18", "standby": False}}) == [
        {"key": "server.version", "value": "18"},
        {"key": "server.standby", "value": "false"},
    ]

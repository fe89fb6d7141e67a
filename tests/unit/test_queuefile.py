"""The file of queues: what it takes, what it says of a bad one, and that it reads back what it wrote."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossctl.errors import UsageError
from bossctl.models.operations import QueueSpec
from bossctl.models.options import OPTIONS, POLICIES, Kind, from_text, shown, to_file
from bossctl.models.queuefile import dump_toml, load, to_document
from bossctl.models.queues import OPTION_NAMES, OptionValue

FILE = """\
# comment
[queues.email]
policy = "short"
retry_limit = 5
retry_delay = "1m30s"
retry_backoff = true
expire_in = 900
dead_letter = "email-dead"
heartbeat = "none"

[queues."odd name/1"]

[queues.email-dead]
delete_after = "7d"
"""


def loaded(text: str) -> dict[str, dict[str, OptionValue]]:
    return {spec.name: dict(spec.options) for spec in load(text.encode(), "queues.toml")}


def test_a_file() -> None:
    assert loaded(FILE) == {
        "email": {
            "policy": "short",
            "retry_limit": 5,
            "retry_delay": 90,
            "retry_backoff": True,
            "expire_in": 900,
            "dead_letter": "email-dead",
            "heartbeat": None,
        },
        "odd name/1": {},
        "email-dead": {"delete_after": 604_800},
    }


def test_json_is_the_same() -> None:
    text = '\n {"bossctl": 1, "queues": {"email": {"retry_delay": "90s", "notify": false, "dead_letter": null}}}'
    assert loaded(text) == {"email": {"retry_delay": 90, "notify": False, "dead_letter": None}}


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", '{"queues": {}}', "[queues]\n", "\ufeff"])
def test_no_queues_are_no_error(text: str) -> None:
    assert loaded(text) == {}


@pytest.mark.parametrize(
    ("text", "error", "hint"),
    [
        ("[queues.a]\nretryLimit = 1", "queues.a.retryLimit: there is no such option", "did you mean retry_limit?"),
        ("[queues.a]\nexpireInSeconds = 1", "queues.a.expireInSeconds: ", "did you mean expire_in?"),
        ("[queues.a]\nretry-limit = 1", "queues.a.retry-limit: ", "did you mean retry_limit?"),
        ("[queues.a]\nretry_limt = 1", "queues.a.retry_limt: ", "did you mean retry_limit?"),
        ("[queues.a]\nxyz = 1", "queues.a.xyz: ", "options are policy, retry_limit"),
        ("[queue.a]", "there is no such key as queue", "[queues.NAME]"),
        ('[queues."a b"]\nretry_limit = 1.5', 'queues."a b".retry_limit: it must be a whole number, not 1.5', None),
        ("[queues.a]\nretry_limit = true", "a whole number, not true", None),
        ('[queues.a]\nretry_limit = "5"', 'a whole number, not "5"', None),
        ("[queues.a]\nretry_backoff = 1", "true or false, not 1", None),
        ('[queues.a]\nnotify = "yes"', 'true or false, not "yes"', None),
        ('[queues.a]\nexpire_in = "soon"', 'queues.a.expire_in: "soon" is not a duration', "90s"),
        ('[queues.a]\nexpire_in = "1.5h"', "has a fraction", "90s"),
        ("[queues.a]\nexpire_in = 2020-01-01", "a duration such as", None),
        ("[queues.a]\ndead_letter = 5", "the name of a queue, not 5", None),
        ("[queues.a]\ndead_letter = {x = 1}", "the name of a queue, not a table", None),
        ("[queues.a]\npolicy = ['short']", "the name of a policy, not a list", None),
        ("queues = 5", "queues must be a table", "[queues.NAME]"),
        ("[queues]\na = 5", "queues.a must be a table", "[queues.NAME]"),
        ("[queues.a]\n[queues.a]", "cannot be read", "[queues.NAME]"),
        ('{"queues": {"a": {}, "a": {}}}', "the key a is there twice", "[queues.NAME]"),
        ('{"queues": [{"queue": "a"}]}', "queues must be a table", "[queues.NAME]"),
        ('{"bossctl": 2}', "format is not 1", None),
        ("{", "cannot be read", "[queues.NAME]"),
        ("a = [" + "[" * 10_000, "nested too deeply", "[queues.NAME]"),
        ('{"a": ' + "[" * 100_000, "nested too deeply", "[queues.NAME]"),
        ("[queues.a]\nx y = 1", "cannot be read", "line 2"),
    ],
)
def test_a_bad_file_names_the_key(text: str, error: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        load(text.encode(), "queues.toml")
    assert str(caught.value).startswith("queues.toml")
    assert error in str(caught.value)
    assert hint is None or hint in f"{caught.value.hint} {caught.value}"


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(UsageError, match="byte 3 is 0xff"):
        load(b"abc\xff", "x")


def test_errors_have_no_control_characters() -> None:
    with pytest.raises(UsageError) as caught:
        load(b'[queues."\\u001b[31m\\u202e"]\nx = 1', "x")
    assert str(caught.value).isprintable()


VALUES: dict[Kind, st.SearchStrategy[OptionValue]] = {
    Kind.POLICY: st.sampled_from(sorted(POLICIES)) | st.text(),
    Kind.COUNT: st.integers(),
    Kind.DURATION: st.integers(min_value=-5, max_value=36_500 * 86_400) | st.none(),
    Kind.FLAG: st.booleans(),
    Kind.QUEUE: st.text() | st.none() | st.just("none"),
}
options = st.fixed_dictionaries({}, optional={name: VALUES[option.kind] for name, option in OPTIONS.items()}).filter(
    lambda found: found.get("policy") != "none"
)
specs = st.dictionaries(st.text(), options, max_size=4).map(
    lambda found: tuple(QueueSpec(name, values) for name, values in found.items())
)


@given(specs)
def test_what_is_written_is_read_back(found: tuple[QueueSpec, ...]) -> None:
    text = dump_toml(found, "title")
    assert load(text.encode("utf-8"), "x") == found
    assert all(line.isprintable() for line in text.split("\n")), "safe on a terminal"
    assert load(json.dumps(to_document(found)).encode(), "x") == found


def test_the_written_file() -> None:
    spec = QueueSpec("a b", {"retry_limit": 3, "expire_in": 5400, "notify": True, "dead_letter": "none"})
    assert dump_toml([spec], "title\nmore") == (
        '# title␊more\n\n[queues."a b"]\nretry_limit = 3\nexpire_in = "1h30m"\nnotify = true\n'
        'dead_letter = { queue = "none" }\n'
    )


def test_the_vocabulary_is_whole() -> None:
    assert tuple(OPTIONS) == OPTION_NAMES
    assert OPTIONS["retry_delay_max"].flag == "--retry-delay-max"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("retry_limit", "5", 5),
        ("retry_limit", "none", None),
        ("retry_delay", "90", 90),
        ("retry_delay", "2h", 7200),
        ("policy", "short", "short"),
        ("dead_letter", "none", None),
        ("dead_letter", "x y", "x y"),
        ("notify", "yes", True),
        ("notify", "no", False),
    ],
)
def test_values_as_they_are_typed(name: str, text: str, value: OptionValue) -> None:
    assert from_text(name, text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [("retry_limit", ""), ("retry_limit", "5.0"), ("retry_limit", "٥"), ("retry_delay", "x"), ("notify", "maybe")],
)
def test_values_that_are_none(name: str, text: str) -> None:
    with pytest.raises(UsageError):
        from_text(name, text)


def test_values_in_words() -> None:
    assert shown("expire_in", 900) == "15m"
    assert shown("notify", True) == "yes"
    assert shown("dead_letter", None, client_defaults=True) == "none"
    assert shown("retry_limit", None, client_defaults=True) == "client default"
    assert shown("retry_delay", -5) == "-5"
    assert to_file("retry_delay", -5) == -5

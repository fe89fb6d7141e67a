"""The baseline's file: what is written reads back, and what is wrong is named."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossctl.doctor.baseline import Baseline, Known, gone, parse, read, render, updated, write
from bossctl.doctor.check import fingerprint
from bossctl.errors import UsageError
from tests.support.verdicts import finding, report

codes = st.from_regex(r"[A-Z]{3}[0-9]{2}", fullmatch=True)
words = st.text(max_size=30)
known = st.builds(
    lambda code, queue, subject: Known(code, queue, subject, fingerprint(code, queue, subject)),
    codes,
    st.none() | words,
    words,
)
baselines = st.lists(known, max_size=8, unique_by=lambda one: one.fingerprint).map(lambda all_: Baseline(tuple(all_)))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["bossctl", "findings", "code", "queue", "subject", "fingerprint", "x"]), inner
        )
    ),
    max_leaves=12,
)


def entry(**changes: Any) -> dict[str, Any]:
    told = {"code": "DUP01", "queue": "mail", "subject": "schedule ", "fingerprint": "DUP01-0123456789abcdef"}
    return {key: value for key, value in {**told, **changes}.items() if value is not ...}


def file(*entries: Any, **changes: Any) -> str:
    return json.dumps({"bossctl": 1, "findings": list(entries), **changes})


@given(baselines)
def test_what_is_written_reads_back(baseline: Baseline) -> None:
    text = render(baseline)
    assert set(parse(text).findings) == set(baseline.findings)
    assert render(parse(text)) == text
    assert not any((char < " " and char != "\n") or "\x7f" <= char <= "\x9f" for char in text)


@given(baselines)
def test_the_order_of_the_run_does_not_show(baseline: Baseline) -> None:
    assert render(Baseline(baseline.findings[::-1])) == render(baseline)


@given(st.text() | anything.map(json.dumps) | anything.map(lambda value: json.dumps({"bossctl": 1, "findings": value})))
def test_any_text_is_a_baseline_or_an_error_in_words(text: str) -> None:
    try:
        parse(text)
        told = "a baseline"
    except UsageError as error:
        told = str(error)
    assert told
    assert "\n" not in told


@given(baselines, st.data())
def test_a_file_cut_short_or_changed_is_noticed(baseline: Baseline, data: st.DataObject) -> None:
    text = render(baseline)
    cut = data.draw(st.integers(0, len(text) - 3))
    with pytest.raises(UsageError, match=r"is not JSON: .+ in line [0-9]+, column [0-9]+"):
        parse(text[:cut])


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "is not JSON: Expecting value in line 1, column 1"),
        ('{"bossctl": 1,\n "findings": [}', "is not JSON: Expecting value in line 2, column 15"),
        ("<<<<<<< HEAD", "is not JSON: Expecting value in line 1, column 1"),
        ("[]", "holds a list where an object belongs"),
        ("{}", 'has no key "bossctl"'),
        ('{"bossctl": 1}', 'has no key "findings"'),
        (file(bossctl=2), "is of format 2, and this bossctl reads format 1"),
        (file(bossctl=True), "is of format true, and this bossctl reads format 1"),
        (file(bossctl="1\u001b"), 'is of format "1\\u001b", and this bossctl reads format 1'),
        (file(findings={}), "findings is an object, not a list"),
        (file(extra=1), 'unknown key "extra"'),
        (file(entry(), 5), "findings[1] is a number, not an object"),
        (file(entry(code=...)), 'findings[0] has no key "code"'),
        (file(entry(queue=...)), 'findings[0] has no key "queue"'),
        (file(entry(code=None)), "findings[0]: code is null, not a string"),
        (file(entry(queue=7)), "findings[0]: queue is a number, not a string"),
        (file(entry(count=3)), 'findings[0]: unknown key "count"'),
        (file(entry(fingerprint="DUP01")), 'findings[0]: "DUP01" is not a fingerprint'),
        (file(entry(code="DUP02")), 'findings[0]: the fingerprint DUP01-0123456789abcdef is not one of code "DUP02"'),
        (file(entry(), entry()), "findings[1] is findings[0] again: DUP01-0123456789abcdef"),
        ("[" * 100_000, "is not a baseline: it is nested too deep"),
        ('{"bossctl": ' + "9" * 5_000 + "}", "is not a baseline: it holds a number too long to read"),
    ],
)
def test_what_is_wrong_is_named(text: str, wrong: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert str(caught.value) == wrong
    assert "--update-baseline" in (caught.value.hint or "")


def test_the_file_is_made_for_people_and_diffs() -> None:
    found = (finding("STK01", "mäil"), finding("DUP16", "b\x1b\u202e", subject="reruns"), finding("STK07", None))
    lines = render(updated(Baseline(), report(*found))).splitlines()
    assert lines == [
        "{",
        '  "bossctl": 1,',
        '  "findings": [',
        r'    {"code": "DUP16", "queue": "b\u001b\u202e", "subject": "reruns",'
        f' "fingerprint": "{found[1].fingerprint}"}},',
        '    {"code": "STK01", "queue": "mäil", "subject": "active past expiry",'
        f' "fingerprint": "{found[0].fingerprint}"}},',
        '    {"code": "STK07", "queue": null, "subject": "active past expiry",'
        f' "fingerprint": "{found[2].fingerprint}"}}',
        "  ]",
        "}",
    ]
    assert render(Baseline()) == '{\n  "bossctl": 1,\n  "findings": []\n}\n'


def test_counts_and_times_do_not_change_the_file() -> None:
    first, later = finding(count=1), finding(count=900, since=None, jobs=("x",), message="other words")
    assert updated(Baseline(), report(first)) == updated(Baseline(), report(later))


# what is gone, and what was not looked for


def test_only_what_was_looked_for_is_gone() -> None:
    mail, exports, other = finding(queue="mail"), finding(queue="exports"), finding("DUP16", "mail")
    unheard = finding("XYZ99", "mail")
    old = updated(Baseline(), report(mail, exports, other, unheard))

    def gone_of(*found: Any, skipped: Any = (), queues: tuple[str, ...] = ()) -> set[str]:
        return {one.fingerprint for one in gone(old, report(*found, skipped=skipped), queues)}

    assert gone_of(mail, exports, other) == set()
    assert gone_of(mail) == {exports.fingerprint, other.fingerprint}, "no run looks for what it has no check for"
    assert gone_of(mail, skipped=[("DUP16", "timeout")]) == {exports.fingerprint}
    assert gone_of(queues=("m*",)) == {mail.fingerprint, other.fingerprint}


def test_an_update_keeps_what_was_not_looked_for() -> None:
    mail, exports, new = finding(queue="mail"), finding(queue="exports"), finding(queue="mailbox")
    old = updated(Baseline(), report(mail, exports))
    assert updated(old, report(new), ("mail*",)).fingerprints == {exports.fingerprint, new.fingerprint}
    assert updated(old, report(new)).fingerprints == {new.fingerprint}
    assert updated(old, report(new), ("nothing",)).fingerprints == old.fingerprints | {new.fingerprint}


# the file itself


def test_written_whole_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    path.write_text("old and longer than what comes" * 100)
    path.chmod(0o644)
    baseline = updated(Baseline(), report(finding()))
    write(path, baseline)
    assert read(path) == baseline
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write(tmp_path / "link", Baseline())
    assert (tmp_path / "link").is_symlink()
    assert read(tmp_path / "file") == Baseline()


def test_files_that_cannot_be(tmp_path: Path) -> None:
    assert read(tmp_path / "none") is None
    with pytest.raises(UsageError, match=r"cannot read the baseline .*: Is a directory"):
        read(tmp_path)
    with pytest.raises(UsageError, match="cannot read the baseline"):
        read(Path("a\0b"))
    with pytest.raises(UsageError, match="not a regular file"):
        write(tmp_path, Baseline())
    with pytest.raises(UsageError, match=r"cannot write the baseline .*: No such file or directory"):
        write(tmp_path / "none" / "x", Baseline())
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"the baseline .*bytes: is not UTF-8 text"):
        read(tmp_path / "bytes")
    (tmp_path / "other").write_text("[]")
    with pytest.raises(UsageError, match=r"the baseline .*other: holds a list where an object belongs"):
        read(tmp_path / "other")


def test_a_disk_that_fills_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "known.json"
    old = updated(Baseline(), report(finding()))
    write(path, old)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UsageError, match="No space left on device"):
        write(path, Baseline())
    assert read(path) == old
    assert list(tmp_path.iterdir()) == [path], "nothing half-written is left"


def test_a_byte_order_mark_is_no_harm(tmp_path: Path) -> None:
    (tmp_path / "bom").write_bytes(b"\xef\xbb\xbf" + render(Baseline()).encode())
    assert read(tmp_path / "bom") == Baseline()

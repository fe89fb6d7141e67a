"""What the terminal UI remembers: the file, bad content, a directory that cannot be written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bossctl.tui.jobcolumns import USUAL_KEYS, columns_of, read_keys
from bossctl.tui.memory import Memory, Remembered


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "bossctl" / "tui.json"


def test_what_is_remembered_is_there_at_the_next_start(file: Path) -> None:
    memory = Memory(file)
    assert memory.remembered == Remembered()
    assert memory.set_columns(("state", "data.user.id")) is None
    assert memory.save("ärger", 'queue:mail error:"a b"') is None
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    again = Memory(file)
    assert again.remembered == Remembered(("state", "data.user.id"), {"ärger": 'queue:mail error:"a b"'})
    assert again.forget("ärger") is None
    assert Memory(file).remembered == Remembered(("state", "data.user.id"))
    assert [one.name for one in file.parent.iterdir()] == [file.name], "nothing half-written is left"


def test_two_at_a_time_do_not_lose_each_others_selections(file: Path) -> None:
    one, other = Memory(file), Memory(file)
    assert (one.remembered, other.remembered) == (Remembered(), Remembered())
    one.save("a", "is:due")
    other.save("b", "is:stuck")
    assert dict(Memory(file).remembered.selections) == {"a": "is:due", "b": "is:stuck"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"bossctl": 2}',
        b'{"bossctl": 1, "columns": "state"}',
        b'{"bossctl": 1, "columns": [1]}',
        b'{"bossctl": 1, "selections": {"a": 5}}',
        b"[" * 100_000,
    ],
)
def test_bad_content_is_told_once_and_left_alone(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    memory = Memory(file)
    assert memory.remembered == Remembered()
    told = memory.complaint()
    assert told
    assert str(file) in told
    assert memory.complaint() is None
    assert "not remembered" in (memory.save("a", "is:due") or "")
    assert dict(memory.remembered.selections) == {"a": "is:due"}, "for this run it is"
    assert "not remembered" in (memory.set_columns(("id",)) or "")
    assert memory.remembered == Remembered(("id",), {"a": "is:due"})
    assert file.read_bytes() == content


def test_a_selection_that_cannot_be_read_is_passed_over(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"bossctl": 1, "selections": {"good": "is:due", "bad": "is:"}, "later": True}))
    memory = Memory(file)
    assert dict(memory.remembered.selections) == {"good": "is:due"}
    assert memory.complaint() is None


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the directory should be")
    memory = Memory(tmp_path / "state" / "tui.json")
    told = memory.set_columns(("id",)) or ""
    assert told.endswith(f"({tmp_path / 'state' / 'tui.json'})") or "cannot be read" in told
    assert memory.remembered.columns == ("id",), "for this run they are chosen all the same"
    assert memory.save("a", "is:due")
    assert memory.remembered == Remembered(("id",), {"a": "is:due"})


def test_columns_that_this_schema_does_not_have_are_passed_over() -> None:
    def keys(*wanted: str, queue: bool = True) -> tuple[str, ...]:
        return tuple(one.key for one in columns_of(wanted, ("policy",), queue=queue))

    assert keys("state", "group_id", "policy", "data.a", "singleton_key") == ("state", "policy", "data.a", "key")
    assert keys() == keys("group_id") == USUAL_KEYS
    assert keys("queue", "id", queue=False) == ("id",)
    assert columns_of(("id", "queue"), ())[0].column.priority == 0, "a table always has a column"


def test_names_of_columns_are_read_from_a_line() -> None:
    assert read_keys(' state, id,,data."a b,c".d  state ') == ["state", "id", 'data."a b,c".d']
    assert read_keys("") == []

"""What the README promises about security and support names tests, and those tests exist."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## )", README, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


@cache
def all_tests() -> set[str]:
    texts = (file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    return {name for text in texts for name in re.findall(r"^(?:async )?def (test_\w+)\(", text, re.MULTILINE)}


@pytest.mark.parametrize("title", ["Security", "When something is in the way"])
def test_every_promise_names_tests_that_exist(title: str) -> None:
    promises = re.findall(r"^- (.*?)(?=^- |\n\n|\Z)", section(title), re.MULTILINE | re.DOTALL)
    assert len(promises) >= 6
    known = all_tests()
    for promise in promises:
        sentences = re.split(r"(?<=`)[.;]?\s+(?=[A-Z])", promise.strip())
        for sentence in sentences:
            named = re.findall(r"`(test_\w+)`", sentence)
            assert named, sentence
            assert set(named) <= known, set(named) - known


def test_the_matrix_is_named() -> None:
    named = re.findall(r"`(test_\w+)`", section("What it works with"))
    assert named
    assert set(named) <= all_tests()

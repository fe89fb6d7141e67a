"""The pg-boss releases under test and the schema number each of them installs."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from _pytest.mark import ParameterSet

SCHEMA_NUMBERS = {
    "8.4.2": 20,
    "9.0.3": 20,
    "10.0.0": 21,
    "10.0.6": 22,
    "10.1.0": 22,
    "10.1.6": 24,
    "10.4.2": 24,
    "11.0.0": 25,
    "11.0.8": 25,
    "11.1.2": 26,
    "12.0.0": 26,
    "12.5.4": 26,
    "12.8.0": 27,
    "12.11.1": 29,
    "12.12.0": 30,
    "12.19.1": 31,
    "12.21.1": 32,
    "12.23.0": 34,
    "12.24.1": 36,
    "12.27.0": 37,
    "12.28.0": 38,
    "12.30.0": 40,
    "12.31.1": 41,
    "12.34.0": 42,
    "12.35.0": 43,
    "12.38.0": 46,
}


def generation(release: str) -> int:
    """The major version: 8, 9, 10, 11 or 12."""
    return int(release.split(".")[0])


def at_least(release: str, first: str) -> bool:
    """Whether `release` is `first` ("12.12") or newer."""
    return _parts(release) >= _parts(first)


def _parts(release: str) -> list[int]:
    return [int(part) for part in release.split(".")]


ALL_RELEASES = tuple(SCHEMA_NUMBERS)
RELEASES_WITH_QUEUES = tuple(release for release in ALL_RELEASES if generation(release) >= 10)
RELEASES_WITH_ARCHIVE = tuple(release for release in ALL_RELEASES if generation(release) <= 10)
ONE_PER_GENERATION = ("9.0.3", "10.4.2", "11.1.2", "12.38.0")
# One release for each number that a schema can bear: what decides about columns and indexes.
ONE_PER_SCHEMA = tuple({number: release for release, number in SCHEMA_NUMBERS.items()}.values())
NEWEST = ALL_RELEASES[-1]
# What every run looks at: one release for each layout, and those at which a shape of a statement changes.
THIN = ("9.0.3", "10.0.0", "10.4.2", "11.1.2", "12.8.0", "12.27.0", NEWEST)


def every(releases: Iterable[str], kept: Iterable[str] = THIN) -> list[ParameterSet]:
    """A parameter for each; those that are not among the `kept` ones are left to the matrix run."""
    usual = frozenset(kept)
    return [pytest.param(one, marks=() if one in usual else pytest.mark.matrix) for one in releases]

"""Tests that wait for real minutes begin first, so that the other workers of a run overlap with them."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "head_start: runs before everything else, because it waits for real time")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("head_start") is None)

"""Percentiles of pg-boss's histograms."""

from __future__ import annotations

import math

import pytest

from bossctl.models.latency import LAST_SLOT, at_least, lower_edge, percentile, upper_edge


def slot_of(seconds: float) -> int:
    """As pg-boss files it."""
    raw = math.floor((math.log(max(seconds, 0.001)) - math.log(0.01)) / (math.log(2) / 2)) + 1
    return min(max(raw, 0), LAST_SLOT)


@pytest.mark.parametrize("seconds", [0.0, 0.009, 0.011, 0.5, 1.0, 59.0, 900.0, 86_000.0, 500_000.0])
def test_edges_hold_what_pgboss_files_there(seconds: float) -> None:
    slot = slot_of(seconds)
    assert lower_edge(slot) <= seconds
    assert seconds < upper_edge(slot) or slot == LAST_SLOT


@pytest.mark.parametrize("percent", [50, 95, 99, 100])
def test_a_percentile_lies_in_the_slot_of_the_exact_one(percent: int) -> None:
    times = [number / 7 for number in range(1, 1001)]
    runs: dict[int, int] = {}
    for seconds in times:
        runs[slot_of(seconds)] = runs.get(slot_of(seconds), 0) + 1
    exact = times[math.ceil(percent / 100 * len(times)) - 1]
    assert exact / math.sqrt(2) <= percentile(runs, percent) <= exact * math.sqrt(2)


def test_the_ends_are_known_on_one_side_only() -> None:
    assert percentile({0: 5}, 99) == 0.01
    assert percentile({LAST_SLOT: 5}, 99) == lower_edge(LAST_SLOT) > 80_000
    with pytest.raises(ValueError, match="no runs"):
        percentile({}, 50)


def test_only_what_is_sure_counts_as_longer() -> None:
    runs = {slot_of(50): 4, slot_of(70): 2, slot_of(95): 1}
    assert at_least(runs, 60) == 1
    assert at_least(runs, 64) == 1
    assert at_least(runs, 100) == 0

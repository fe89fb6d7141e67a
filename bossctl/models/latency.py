"""pg-boss's histograms of run times: 48 slots, each √2 times as long as the one before."""

from __future__ import annotations

import math
from collections.abc import Mapping

FIRST_SECONDS = 0.01
"""Slot 0 holds what took less."""

LAST_SLOT = 47
"""Holds everything from about 23 hours on."""


def lower_edge(slot: int) -> float:
    """The shortest time in seconds that a slot holds."""
    return FIRST_SECONDS * math.sqrt(2) ** (slot - 1) if slot > 0 else 0.0


def upper_edge(slot: int) -> float:
    """The time in seconds that a slot does not reach; of the last one its lower edge, since it has none."""
    return lower_edge(min(slot + 1, LAST_SLOT))


def percentile(runs: Mapping[int, int], percent: float) -> float:
    """A percentile in seconds of runs per slot, in the slot of the exact one. Raises ValueError for no runs."""
    wanted, seen = percent / 100 * sum(runs.values()), 0
    for slot in sorted(slot for slot, number in runs.items() if number):
        if seen + runs[slot] >= wanted:
            if slot == 0:
                return FIRST_SECONDS
            within = 0.0 if slot >= LAST_SLOT else (wanted - seen) / runs[slot]
            return lower_edge(slot) * math.sqrt(2) ** within
        seen += runs[slot]
    raise ValueError("a percentile of no runs")


def at_least(runs: Mapping[int, int], seconds: float) -> int:
    """How many runs surely took so long: those of the slots that begin there or later."""
    return sum(number for slot, number in runs.items() if lower_edge(slot) >= seconds)

"""Timing: the best of a few runs, ours and a reference in turn, so that both see the same machine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter

RUNS = 7
MOST_RUNS, LEAST_MS = 30, 400.0
"""So many turns at most until each side has taken so long in all: a few milliseconds are soon disturbed."""
TURN_MS, MOST_IN_TURN = 20.0, 10
"""What is quick is run so long, or so often, in each of its turns: the first time it finds what the other side left."""

Timed = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Figure:
    """One line of the table: what was measured, in milliseconds, and what it must not exceed.

    `limit_ratio` is against the reference; `limit_ms` is absolute. None means no such limit; a line with neither only
    informs.
    """

    name: str
    ours_ms: float
    reference: str
    reference_ms: float
    limit_ratio: float | None = None
    limit_ms: float | None = None

    @property
    def ratio(self) -> float:
        """Ours to the reference."""
        return self.ours_ms / self.reference_ms

    @property
    def passes(self) -> bool | None:
        """Whether a limit holds; either limit is enough where both are named. None without a limit."""
        limits = []
        if self.limit_ratio is not None:
            limits.append(self.ratio <= self.limit_ratio)
        if self.limit_ms is not None:
            limits.append(self.ours_ms <= self.limit_ms)
        return any(limits) if limits else None

    @property
    def target(self) -> str:
        """What must not be exceeded, in words; a dash where nothing is."""
        unit = " MB" if "MB" in self.name else " ms"
        targets = [f"≤ {self.limit_ms:g}{unit}"] if self.limit_ms is not None else []
        if self.limit_ratio is not None:
            share = self.limit_ratio
            targets.append(f"≤ {share:.3g} ×" if share > 0.5 else f"≤ 1/{1 / share:.0f}")
        return " or ".join(targets) or "–"

    def line(self) -> str:
        """A row of a Markdown table."""
        verdict = {True: "pass", False: "**fail**", None: "–"}[self.passes]
        cells = (
            self.name,
            f"{self.ours_ms:.1f}",
            f"{self.reference}: {self.reference_ms:.1f}",
            f"{self.ratio:.2f} ×",
            self.target,
            verdict,
        )
        return "| " + " | ".join(cells) + " |"


async def compare(ours: Timed, reference: Timed, runs: int = RUNS) -> tuple[float, float]:
    """Best times in milliseconds of both, in turns after one warm-up each."""
    await ours()
    await reference()
    best, spent, run = [float("inf"), float("inf")], [0.0, 0.0], 0
    while run < runs or (run < MOST_RUNS and min(spent) < LEAST_MS):
        for place, work in enumerate((ours, reference)):
            took = await _turn(work)
            best[place] = min(best[place], *took)
            spent[place] += sum(took)
        run += 1
    return best[0], best[1]


async def _turn(work: Timed) -> list[float]:
    took: list[float] = []
    while len(took) < MOST_IN_TURN and sum(took) < TURN_MS:
        started = perf_counter()
        await work()
        took.append((perf_counter() - started) * 1000)
    return took

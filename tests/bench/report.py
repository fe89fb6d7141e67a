"""What the README shows of the bench: a row for each reading or action, a column for each pg-boss."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.measure import Figure

README = Path(__file__).parents[2] / "README.md"


def table(results: Mapping[str, Sequence[Figure]]) -> str:
    """Milliseconds of bossctl and the ratio to the reference, in bold where the target is missed.

    The target is that of the last release: before, where there are no indexes for lists, some have another or none.
    """
    releases = list(results)
    named = {figure.name: figure for figures in results.values() for figure in figures}
    head = ["what", "beside", f"target ({releases[-1]})", *(f"pg-boss {release}" for release in releases)]
    lines = [_row(head), _row(["---"] * 3 + ["---:"] * len(releases))]
    for name, one in named.items():
        cells = [_cell(results[release], name) for release in releases]
        lines.append(_row([name, one.reference, one.target, *cells]))
    return "\n".join(lines) + "\n"


def write(results: Mapping[str, Sequence[Figure]], name: str) -> None:
    """Put the table into the README, between the marks of that name. Raises ValueError where it has none."""
    begin, end = f"<!-- {name} table -->\n", f"<!-- end of the {name} table -->"
    text = README.read_text(encoding="utf-8")
    marked = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not marked.search(text):
        raise ValueError(f"README.md has no {begin.strip()}")
    README.write_text(marked.sub(lambda _: begin + table(results) + end, text), encoding="utf-8")


def _cell(figures: Sequence[Figure], name: str) -> str:
    found = next((figure for figure in figures if figure.name == name), None)
    if found is None:
        return ""
    text = f"{found.ours_ms:.1f}, {found.ratio:.2f} ×"
    return f"**{text}**" if found.passes is False else text


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"

"""What one statement does with the jobs it has locked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bossctl.sql.text import Composable


@dataclass(frozen=True)
class Steps:
    """What changes the jobs a statement has locked (`bossctl.sql.at_once`): statements, and what is bound in them.

    `deed` returns a row for each changed job, `first` stands before it. `keeps_ids`: the record is told afterwards
    that these jobs were moved. `takes`: the deed writes elsewhere the rows that the statement has deleted, whole.
    `lines`: the rows as a file keeps them where `deed` reads them, NULL for too much.
    `moved` stands after it and keeps in the record that the jobs were moved.
    `unlinked`: only where no job of the schema waits for another. `last` stands after it: it `counts` for the record,
    and `reduces` the counters of the queue.
    """

    first: Composable
    deed: Composable
    values: Mapping[str, object] = field(default_factory=dict)
    lines: Composable | None = None
    keeps_ids: bool = False
    takes: bool = False
    unlinked: bool = False
    moved: Composable | None = None
    last: Composable | None = None
    counts: bool = False
    reduces: bool = False

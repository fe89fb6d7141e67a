"""The relatives of a job as rows to jump from: what the tables tell, and whom its explanation names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from bossctl import format as fmt
from bossctl.models.relatives import Relative, Relatives
from bossctl.tui.places import JobPlace
from bossctl.tui.widgets.columns import Column
from bossctl.tui.widgets.rows import Row
from bossctl.tui.widgets.states import StateCell
from bossctl.tui.words import distance, plural

if TYPE_CHECKING:
    from bossctl.models.explain_facts import JobFacts, Neighbour
    from bossctl.models.explanation import Explanation
    from bossctl.models.jobs import Job

GONE = "× gone"
ORDER = ("same id", "source", "dead letter", "parent", "child", "lineage", "slot", "before it", "head")
COLUMNS = (
    Column("relation", "RELATION", width=12, tooltip="what it is to this job; ? where no link is recorded"),
    Column("state", "STATE", width=11),
    Column("queue", "QUEUE", width=16, min_width=6, flex=1, tooltip="the queue it is in"),
    Column("sent", "SENT", width=9, align="right", priority=1, tooltip="how long ago it was sent"),
    Column("id", "ID", width=36, min_width=8, priority=2),
)


def kin(
    job: Job,
    rows: Sequence[Job],
    relatives: Relatives | None,
    facts: JobFacts | None,
    told: Explanation | None,
) -> list[Relative]:
    """Everybody once, the nearest relation first: `rows` are all rows with the job's id."""
    found = [*_twins(job, rows), *(relatives.found if relatives else ())]
    known = {one.id for one in found}
    if facts is not None and told is not None:
        named = {other for reason in told.reasons for other in reason.ids}
        found += [one for one in _named(facts) if one.id in named - known]
    unique: dict[str, Relative] = {}
    for one in sorted(found, key=lambda one: ORDER.index(one.relation)):
        unique.setdefault(key_of(one), one)
    return list(unique.values())


def _twins(job: Job, rows: Sequence[Job]) -> Iterator[Relative]:
    for other in rows:
        row = other.row
        if other is not job and (row.queue, row.archived) != (job.row.queue, job.row.archived):
            yield Relative("same id", row.id, row.queue, row.state, row.created_on, row.archived)


def _named(facts: JobFacts) -> Iterator[Relative]:
    """Those that keep it waiting."""
    yield from (_neighbour("slot", one) for one in facts.holders)
    if facts.older_of_key is not None:
        yield _neighbour("before it", facts.older_of_key)
    if facts.head is not None:
        yield _neighbour("head", facts.head.job)
        if facts.head.holder is not None:
            yield _neighbour("slot", facts.head.holder)


def _neighbour(relation: str, one: Neighbour) -> Relative:
    return Relative(relation, one.id, one.queue, one.state, one.created_on, one.archived)


def place_of(one: Relative) -> JobPlace:
    """Where it is shown."""
    return JobPlace(one.id, one.queue, True if one.archived else None)


def key_of(one: Relative) -> str:
    """Its row in the list."""
    return f"{one.id} {one.archived} {one.queue}"


def kin_rows(found: Iterable[Relative], now: datetime) -> list[Row]:
    """One line each."""
    return [_row(one, now) for one in found]


def _row(one: Relative, now: datetime) -> Row:
    sent = distance(one.created_on, now)
    state = StateCell(one.state) if one.state is not None else GONE
    relation = one.relation if one.sure else f"{one.relation}?"
    queue = f"{one.queue} (archived)" if one.archived else one.queue
    cells = (relation, state, queue, fmt.UNKNOWN if sent is None else fmt.age(sent), one.id)
    return Row(key_of(one), cells, "muted" if one.state is None else "")


def remarks(relatives: Relatives | None, found: Sequence[Relative]) -> str:
    """What the list does not hold, and why."""
    if relatives is None:
        return "looking …"
    told = [f"{number} more: {_many(relation, number)}" for relation, number in relatives.more.items()]
    told += [f"not known: {sentence}" for sentence in relatives.unknown]
    if any(not one.sure for one in found):
        told.append("? told by the instant it was made and its payload; this release records no link")
    if not found and not told:
        told.append("no other job is known to have to do with it")
    return fmt.clean("\n".join(told), newline=True)


def _many(relation: str, number: int) -> str:
    return "children" if relation == "child" and number > 1 else plural(number, relation).partition(" ")[2]

"""Jobs that are named by id and are not among the live ones."""

from __future__ import annotations

from bossctl.actions.jobs.phrases import jobs
from bossctl.errors import BossctlError
from bossctl.models.jobs import JobRow
from bossctl.selector import And, Archived, Expr, Ids
from bossctl.store import Store

SHOWN = 100


async def in_archive(store: Store, selector: Expr, matched: int) -> tuple[str, ...]:
    """A sentence on those that are in the archive, where fewer jobs `matched` than were named by id."""
    named = _named(selector)
    if len(named) <= matched or not store.catalog.has("archives"):
        return ()
    try:
        page = await store.jobs(And((Ids(named), Archived("true"))), limit=SHOWN)
    except BossctlError:
        return ()
    where = "pg-boss's archive" if store.catalog.has("archive") else "bossctl's own archive"
    return (_told(page.jobs, where, more=page.next is not None),) if page.jobs else ()


def _named(selector: Expr) -> tuple[str, ...]:
    """The ids that every job of the selection has one of."""
    items = selector.items if isinstance(selector, And) else (selector,)
    return next((item.ids for item in items if isinstance(item, Ids)), ())


def _told(found: tuple[JobRow, ...], where: str, *, more: bool) -> str:
    first = found[0].id
    if len({row.id for row in found}) == 1:
        ways = f"bossctl job restore {first} brings it back, bossctl job show {first} shows it"
        return f"job {first} is archived, in {where}, and actions leave it alone there: {ways}"
    count = f"more than {jobs(len(found))}" if more else jobs(len(found))
    return (
        f"{count} named here are archived, in {where}, and actions leave them alone there:"
        f" bossctl job restore with their ids brings them back, bossctl job show {first} shows the first"
    )

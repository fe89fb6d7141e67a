"""Failures grouped by what they say, each group with a selection that finds its jobs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from bossctl.errors import UsageError
from bossctl.format import clean
from bossctl.models.job_errors import ErrorGroup, JobErrors
from bossctl.selector import And, ErrorText, Expr, Is, Not, Or, QueueGlob, Selector, States, to_text
from bossctl.sql.selection import select
from bossctl.store.connections import Row
from bossctl.store.session import Transaction

MAX_GROUPS = 10_000
FAILED = States(("failed",))

_PLACEHOLDER = re.compile("<(?:text|id|path|n)>")
_GLOB_SIGN = re.compile(r"[\\*?]")
_SHORTEST, _LONGEST, _TERMS = 3, 80, 3


async def read_job_errors(transaction: Transaction, selector: Selector | None, *, limit: int) -> JobErrors:
    """The largest groups of the selected failures; with no state asked for, of jobs that failed for good.

    Raises UsageError for a limit outside 1 … MAX_GROUPS.
    """
    if not 1 <= limit <= MAX_GROUPS:
        raise UsageError(f"--limit must be between 1 and {MAX_GROUPS}", "narrow the selection instead")
    asked = _with_state(selector)
    selection = select(asked, transaction.queries.catalog)
    source = transaction.queries.relation(selection.relation)
    values = {**selection.values, "limit": limit}
    rows = await transaction.rows("job_errors", values, source=source, where=selection.where)
    first = rows[0] if rows else {"groups": 0, "all_jobs": 0}
    groups = tuple(_group(row, asked) for row in rows)
    return JobErrors(groups, first["groups"], first["all_jobs"], selection.note, transaction.elapsed_ms)


def _with_state(selector: Selector | None) -> Selector:
    if selector is None:
        return FAILED
    return selector if _names_state(selector) else And((*_items(selector), FAILED))


def _names_state(expr: Expr) -> bool:
    match expr:
        case And(items) | Or(items):
            return any(map(_names_state, items))
        case Not(item):
            return _names_state(item)
    return isinstance(expr, (States, Is))


def _items(expr: Expr) -> tuple[Expr, ...]:
    return expr.items if isinstance(expr, And) else (expr,)


def _group(row: Row, asked: Selector) -> ErrorGroup:
    queue, message = row["queue"], row["message"] or None
    told = f"{queue}\0{message}"
    named = QueueGlob(_GLOB_SIGN.sub(r"\\\g<0>", queue))
    rest = tuple(item for item in _items(asked) if item != named)
    terms = tuple(ErrorText(text) for text in fragments(message or ""))
    return ErrorGroup(
        fingerprint=hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16],
        message=message,
        queue=queue,
        count=row["jobs"],
        last_hour=row["last_hour"],
        last_day=row["last_day"],
        last_week=row["last_week"],
        sample_id=row["sample_id"],
        selector=to_text(And((named, *rest, *terms))),
    )


def fragments(message: str) -> tuple[str, ...]:
    """The longest texts that all messages of a group have in common, in their order.

    Signs that cannot be typed or whose small letter PostgreSQL may see differently end a text, and so does an
    apostrophe: the selection is pasted between two of them.
    """
    found = [text[:_LONGEST].strip() for part in _PLACEHOLDER.split(message) for text in _typable(part)]
    usable = [text for text in found if len(text) >= _SHORTEST]
    longest = sorted(usable, key=len, reverse=True)[:_TERMS]
    return tuple(dict.fromkeys(text for text in usable if text in longest))


def _typable(text: str) -> Iterator[str]:
    run = ""
    for sign in text:
        if (sign.isascii() and sign.isprintable() and sign != "'") or (
            sign.isalpha() and sign.lower() == sign and clean(sign) == sign
        ):
            run += sign
            continue
        yield run
        run = ""
    yield run

"""One sentence for all the reasons, and what to type next."""

from __future__ import annotations

from collections.abc import Sequence

from bossctl.explain.words import some
from bossctl.models.explain_facts import JobFacts
from bossctl.models.explanation import Holds, Reason

WAITING = ("created", "retry")
PLAN = "--dry-run"

NEVER = (
    *("archived-unrun", "queue-missing", "parent-missing", "parent-failed", "parent-cancelled"),
    "removed-first",
)
"""Reasons after which it never runs by itself: they come first in the sentence."""

ASIDE = ("no-supervisor", "kept-until", "failed-before", "put-back", "retried-by-hand", "made-of")
"""Reasons that hold and hold nothing back."""

_SURE = tuple(Holds)


def main_reason(reasons: Sequence[Reason]) -> Reason | None:
    """The one to tell first: what is final, then what holds it back, the surest first and in pg-boss's order."""
    final = [one for one in reasons if one.code in NEVER and one.holds is Holds.CERTAIN]
    holding = [one for one in reasons if one.code not in (*ASIDE, "jobs-ahead")]
    pool = final or holding or [one for one in reasons if one.code == "jobs-ahead"]
    return min(pool, key=lambda one: _SURE.index(one.holds), default=None)


def verdict(facts: JobFacts, reasons: Sequence[Reason]) -> str:
    """`waits: …; 2 more reasons hold`."""
    row = facts.job.row
    if row.archived and row.state in WAITING:
        return f"never ran: {reasons[0].text}"
    if row.state in WAITING:
        found = main_reason(reasons)
        if found is None or found.code == "ready":
            return "due: nothing in the database holds it back, and the next fetch of its queue takes it"
        others = sum(one is not found and one.code not in ASIDE for one in reasons)
        more = f"; {some(others, 'more reason')} {'holds' if others == 1 else 'hold'}" if others else ""
        return f"{_fate(found)}: {found.text}{more}"
    if row.state == "active":
        bad = next((one for one in reasons if one.code in ("past-expiry", "heartbeat-stale")), None)
        return f"stuck: {bad.text}" if bad else next(one for one in reasons if one.code == "active").text
    told = [one.text for one in reasons if one.code in (row.state, "fetched")]
    return "; ".join(told)


def _fate(found: Reason) -> str:
    if found.code == "removed-first":
        return "waits, and maintenance may remove it first"
    return "will never run as things are" if found.code in NEVER else "waits"


def next_words(facts: JobFacts, reasons: Sequence[Reason]) -> tuple[str, ...]:
    """The words after `bossctl` that lead on; what would change something only shows its plan."""
    row = facts.job.row
    if row.archived:
        return ("job", "restore", row.id, PLAN)
    if row.state in WAITING:
        return _next_of_waiting(facts, reasons)
    codes = {one.code: one for one in reasons}
    if row.state == "active":
        if "past-expiry" in codes or "heartbeat-stale" in codes:
            return ("job", "retry", f"id:{row.id}", "is:stuck", PLAN)
        return ("worker", "list")
    if "dead-letter" in codes:
        return ("job", "explain", codes["dead-letter"].ids[0])
    action = {"failed": "retry", "expired": "retry", "cancelled": "resume"}.get(row.state)
    return ("job", action, row.id, PLAN) if action else ("job", "show", row.id)


def _next_of_waiting(facts: JobFacts, reasons: Sequence[Reason]) -> tuple[str, ...]:
    row, found = facts.job.row, main_reason(reasons)
    if found is not None and found.ids and found.code != "parent-missing":
        return ("job", "explain", found.ids[-1])
    match found.code if found else None:
        case "deferred" | "retry-delay":
            return ("job", "defer", row.id, "--now", PLAN)
        case "no-worker" | "priority-band" | "parent-unresolved" | "group-limit":
            return ("worker", "list")
    return (
        ("doctor", "--only", "STK07")
        if any(one.code == "no-supervisor" for one in reasons)
        else ("job", "show", row.id)
    )

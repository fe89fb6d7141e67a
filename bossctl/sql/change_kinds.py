"""What each action does to a job's row, in the words of every generation of pg-boss (FACTS §3.1)."""

from __future__ import annotations

from collections.abc import Mapping

from bossctl.sql import Queries
from bossctl.sql.changes import EACH, Change
from bossctl.sql.selection import HEARTBEAT_LOST, past_expiry

NOW = "now()"
WAITING = ("created", "retry")
FINISHED = ("completed", "cancelled", "failed", "expired")

_SPREAD = (
    "make_interval(secs => %(spread_step)s::float8"
    " * (%(spread_done)s::bigint + array_position(%(ids)s::uuid[], j.id) - 1))"
)
_EXPIRED = {"11-12": "job timed out"}
_EXPIRED_BEFORE = "job failed by timeout in active state"


def spread(start: str) -> str:
    """One due time as many: evenly later in the order of a batch's ids."""
    return f"({start} + {_SPREAD})"


def due_now(*, spread_out: bool) -> str:
    """When a job becomes due that is wanted at once."""
    return spread("%(spread_from)s::timestamptz") if spread_out else NOW


def kept(start: str, queries: Queries) -> str:
    """keep_until of a job due at `start`: never sooner than it was, and as long after as pg-boss gave it at first.

    start_after moves with every retry, so the time since creation counts too, up to pg-boss's default of 14 days. Where
    it is past already it no longer tells, and the job gets at least what its queue gives.
    """
    own = "greatest(j.keep_until - j.start_after, least(j.keep_until - j.created_on, interval '14 days'))"
    given = f"CASE WHEN j.keep_until < now() THEN {_retention(queries)} ELSE interval '1 minute' END"
    finite = "isfinite(j.keep_until) AND isfinite(j.start_after) AND isfinite(j.created_on)"
    return f"CASE WHEN {finite} THEN greatest(j.keep_until, {start} + greatest({own}, {given})) ELSE j.keep_until END"


def _retention(queries: Queries) -> str:
    """What the queue gives a job, pg-boss's default where it says nothing."""
    if not queries.catalog.has("queue"):
        return "interval '14 days'"
    given = "retention_seconds" if queries.catalog.has("queue.retention_seconds") else "retention_minutes * 60"
    table = queries.relation("queue_table").as_string(None)
    return (
        f"coalesce((SELECT kept.{given} FROM {table} AS kept WHERE kept.name = j.name) * interval '1s',"
        " interval '14 days')"
    )


_DOOMED = {"doomed": "j.keep_until < now()"}


def retried(queries: Queries, *, spread_out: bool = False) -> Change:
    """pg-boss's own retry, with completed_on cleared and keep_until moved."""
    start = due_now(spread_out=spread_out)
    return Change(
        states=("failed", "expired"),
        unfit="not-failed",
        after={
            "state": "'retry'",
            "retry_limit": "j.retry_limit + 1",
            "start_after": start,
            "completed_on": "NULL",
            "keep_until": kept(start, queries),
        },
        facts=_DOOMED,
    )


def unstuck(queries: Queries, *, spread_out: bool = False) -> Change:
    """What pg-boss's own expiry would do, in one step, always to retry and never with a dead-letter copy."""
    start = due_now(spread_out=spread_out)
    past, lost = f"({past_expiry(queries.catalog)}) IS TRUE", f"({HEARTBEAT_LOST}) IS TRUE"
    expired = _EXPIRED.get(queries.catalog.generation, _EXPIRED_BEFORE)
    return Change(
        states=("active",),
        unfit="not-active",
        reasons=(("not-stuck", f"NOT ({past} OR {lost})"),),
        after={
            "state": "'retry'",
            "retry_limit": "greatest(j.retry_limit, j.retry_count + 1)",
            "start_after": start,
            "keep_until": kept(start, queries),
            "heartbeat_on": "NULL",
            "output": f"CASE WHEN {past} THEN {_message(expired)} ELSE {_message('job heartbeat timeout')} END",
        },
        facts={"lost": f"{lost} AND NOT {past}"},
    )


def _message(text: str) -> str:
    return f"""'{{"value": {{"message": "{text}"}}}}'::jsonb"""


def cancelled() -> Change:
    """pg-boss's own cancel."""
    return Change(
        states=("created", "retry", "active"),
        unfit="already-ended",
        after={"state": "'cancelled'", "completed_on": NOW},
        facts={"active": "j.state = 'active'", "blocking": "j.blocking"},
    )


def resumed(queries: Queries, *, spread_out: bool = False) -> Change:
    """pg-boss's own resume, of cancelled jobs only, with keep_until moved."""
    start = f"greatest(j.start_after, {due_now(spread_out=spread_out)})"
    return Change(
        states=("cancelled",),
        unfit="not-cancelled",
        after={
            "state": "'created'",
            "completed_on": "NULL",
            "start_after": start,
            "keep_until": kept(start, queries),
            "upsert_by_key": "NULL::boolean",
        },
        facts={**_DOOMED, "later": "j.start_after > now()"},
    )


def deferred(queries: Queries, values: Mapping[str, object], *, spread_out: bool = False) -> Change:
    """Another due time: `values` has `by` (seconds), `until` (a time) or neither, which means now."""
    if "by" in values:
        start = "(greatest(j.start_after, now()) + make_interval(secs => %(by)s::float8))"
    else:
        start = "%(until)s::timestamptz" if "until" in values else NOW
    at_once = not values and not spread_out
    if spread_out:
        start = spread(start if values else "%(spread_from)s::timestamptz")
    return Change(
        states=WAITING,
        unfit="not-waiting",
        reasons=(("already-due", "j.start_after <= now()"),) if at_once else (),
        after={"start_after": start, "keep_until": kept(start, queries)},
        facts={"due": "j.start_after <= now()", "blocked": "j.blocked"},
        values=values,
    )


def deleted(queries: Queries) -> Change:
    """Gone; never an active job, nor one that others wait for."""
    return Change(
        states=(*WAITING, *FINISHED),
        unfit="active",
        reasons=blocks_flow(queries),
        facts={"waiting": "j.state < 'active'", "failed": "j.state = 'failed'"},
    )


def blocks_flow(queries: Queries) -> tuple[tuple[str, str], ...]:
    """The reason for a job whose children still wait for it."""
    if not queries.catalog.has("job_dependency"):
        return ()
    link, table = (queries.relation(name).as_string(None) for name in ("job_dependency", "job_table"))
    waiting = (
        f"SELECT 1 FROM {link} AS d JOIN {table} AS child ON child.name = d.child_name AND child.id = d.child_id"
        f" WHERE d.parent_name = j.name AND d.parent_id = j.id AND child.blocked {EACH}"
    )
    return (("blocks-flow", f"j.blocking AND EXISTS ({waiting})"),)

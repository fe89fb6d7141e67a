"""Jobs made from old ones: what send() would give them from their queue, in every generation (FACTS §7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg import sql

from bossctl.sql import Queries
from bossctl.sql.catalog import Catalog
from bossctl.sql.change_kinds import FINISHED, NOW, WAITING, due_now
from bossctl.sql.changes import Change
from bossctl.sql.text import trusted

_FRESH: Mapping[str, str] = {
    "state": "'created'",
    "retry_count": "0",
    "created_on": NOW,
    "singleton_on": "NULL::timestamp",
    "upsert_by_key": "NULL::boolean",
}
_IDENTITY: Mapping[str, str] = {
    name: f"j.{name}" for name in ("data", "priority", "singleton_key", "group_id", "group_tier")
}
_OF_QUEUE: Mapping[str, str] = {
    name: f"q.{name}"
    for name in (
        "policy",
        "retry_limit",
        "retry_delay",
        "retry_backoff",
        "retry_delay_max",
        "expire_seconds",
        "deletion_seconds",
        "dead_letter",
        "heartbeat_seconds",
    )
}
_CLIENT_DEFAULTS: Mapping[str, str] = {
    "retry_limit": "coalesce(q.retry_limit, 2)",
    "retry_delay": "CASE WHEN q.retry_backoff THEN greatest(q.retry_delay, 1) ELSE coalesce(q.retry_delay, 0) END",
    "retry_backoff": "coalesce(q.retry_backoff, false)",
}
"""10.x lets every option of a queue be NULL; these are its client's own defaults."""

_TO = "%(to)s::text"


def resent(queries: Queries, *, spread_out: bool = False) -> Change:
    """A new job like a finished one, with its queue's current rules; the old one stays."""
    start = due_now(spread_out=spread_out)
    if not queries.catalog.has("queue"):
        return Change(FINISHED, "not-finished", after=_as_before(start), raw=_expiry("j.expire_seconds"), copies=True)
    return Change(
        states=FINISHED,
        unfit="not-finished",
        reasons=(("queue-gone", f"NOT {_exists(queries, 'j.name')}"), _key_missing(queries, "j.name")),
        after={"name": "j.name", **_by_queue(queries.catalog, start)},
        raw=_raw_expiry(queries.catalog),
        joined=_queue_of(queries, "j.name"),
        copies=True,
    )


def redriven(queries: Queries, to: str | None, dead_letters: Sequence[str], *, spread_out: bool = False) -> Change:
    """pg-boss's own redrive: a new job in the queue a dead letter came from, or in `to`; the dead letter is gone."""
    catalog = queries.catalog
    target = f"coalesce({_TO}, j.source_name)" if catalog.has("job.source_name") else _TO
    lineage = {"source_root_id": "coalesce(j.source_root_id, j.source_id)", "trace_context": "j.trace_context"}
    return Change(
        states=WAITING,
        unfit="not-waiting",
        reasons=(
            ("not-dead-letter", "NOT (j.name = ANY (%(dead_letters)s::text[])) AND j.source_name IS NULL"),
            ("source-unknown", f"{target} IS NULL"),
            ("source-gone", f"NOT {_exists(queries, target)}"),
            ("same-queue", f"{target} = j.name"),
            _key_missing(queries, target),
        ),
        after={"name": target, **_by_queue(catalog, due_now(spread_out=spread_out)), **lineage},
        raw=_raw_expiry(catalog),
        values={"to": to, "dead_letters": list(dead_letters)},
        joined=_queue_of(queries, target),
    )


def _by_queue(catalog: Catalog, start: str) -> dict[str, str]:
    nullable = catalog.layout == "queues"
    retention = "coalesce(q.retention_seconds, 1209600)" if nullable else "q.retention_seconds"
    return {
        **_FRESH,
        **_IDENTITY,
        **_OF_QUEUE,
        **(_CLIENT_DEFAULTS if nullable else {}),
        "start_after": start,
        "keep_until": f"{start} + {retention} * interval '1s'",
    }


def _as_before(start: str) -> dict[str, str]:
    """8.x and 9.x have no queues: what the old job was sent with."""
    same = {name: f"j.{name}" for name in ("name", "retry_limit", "retry_delay", "retry_backoff", "on_complete")}
    keep = f"{start} + greatest(j.keep_until - j.start_after, least(j.keep_until - j.created_on, interval '14 days'))"
    return {**_FRESH, **_IDENTITY, **same, "start_after": start, "keep_until": keep}


def _raw_expiry(catalog: Catalog) -> dict[str, str]:
    return {"expire_in": "coalesce(q.expire_seconds, 900) * interval '1s'"} if catalog.has("job.expire_in") else {}


def _expiry(seconds: str) -> dict[str, str]:
    return {"expirein": f"{seconds} * interval '1s'"}


def _exists(queries: Queries, name: str) -> str:
    table = queries.relation("queue_table").as_string(None)
    return f"EXISTS (SELECT 1 FROM {table} AS known WHERE known.name = {name})"


def _key_missing(queries: Queries, name: str) -> tuple[str, str]:
    table = queries.relation("queue_table").as_string(None)
    strict = f"SELECT 1 FROM {table} AS known WHERE known.name = {name} AND known.policy = 'key_strict_fifo'"
    return "key-missing", f"j.singleton_key IS NULL AND EXISTS ({strict})"


def _queue_of(queries: Queries, name: str) -> sql.Composable:
    return sql.SQL("JOIN {} AS q ON q.name = {}").format(queries.relation("queue"), trusted(name))

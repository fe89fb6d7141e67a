"""The canonical relations: one vocabulary of columns over every generation of the schema.

A canonical column is taken from the first source column the catalog has, else it is a typed default that says what
the column's *absence means* (FACTS §2.2, §2.3). Indexed columns are passed through bare: a cast inside a relation
would keep the planner from using pg-boss's indexes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from bossctl.sql.catalog import OWN_SCHEMA, Catalog
from bossctl.sql.text import trusted


@dataclass(frozen=True)
class Column:
    """A canonical column: (source column, expression over it) in order of preference, and the typed default."""

    name: str
    sources: tuple[tuple[str, str], ...]
    default: str


def _column(name: str, default: str, *sources: str, **converted: str) -> Column:
    plain = tuple((source, source) for source in (name, *sources))
    return Column(name, plain + tuple(converted.items()), default)


_JOB: tuple[Column, ...] = (
    _column("id", "NULL::uuid"),
    _column("name", "NULL::text"),
    _column("priority", "0"),
    _column("data", "NULL::jsonb"),
    _column("state", "NULL::text"),
    _column("retry_limit", "0", "retrylimit"),
    _column("retry_count", "0", "retrycount"),
    _column("retry_delay", "0", "retrydelay"),
    _column("retry_backoff", "false", "retrybackoff"),
    _column("retry_delay_max", "NULL::int"),
    _column("start_after", "NULL::timestamptz", "startafter"),
    _column("started_on", "NULL::timestamptz", "startedon"),
    _column("singleton_key", "NULL::text", "singletonkey"),
    _column("singleton_on", "NULL::timestamp", "singletonon"),
    _column(
        "expire_seconds",
        "NULL::bigint",
        expire_in="date_part('epoch', expire_in)::bigint",
        expirein="date_part('epoch', expirein)::bigint",
    ),
    _column("expiry", "NULL::interval", "expire_in", "expirein", expire_seconds="expire_seconds * interval '1 second'"),
    _column("deletion_seconds", "NULL::int"),
    _column("created_on", "NULL::timestamptz", "createdon"),
    _column("completed_on", "NULL::timestamptz", "completedon"),
    _column("keep_until", "NULL::timestamptz", "keepuntil"),
    _column("on_complete", "NULL::boolean"),
    _column("output", "NULL::jsonb"),
    _column("dead_letter", "NULL::text"),
    _column("policy", "NULL::text"),
    _column("group_id", "NULL::text"),
    _column("group_tier", "NULL::text"),
    _column("heartbeat_on", "NULL::timestamptz"),
    _column("heartbeat_seconds", "NULL::int"),
    _column("blocked", "false"),
    _column("blocking", "false"),
    _column("pending_dependencies", "0"),
    _column("source_name", "NULL::text"),
    _column("source_id", "NULL::uuid"),
    _column("source_created_on", "NULL::timestamptz"),
    _column("source_retry_count", "NULL::int"),
    _column("source_output", "NULL::jsonb"),
    _column("source_root_id", "NULL::uuid"),
    _column("trace_context", "NULL::jsonb"),
    _column("upsert_by_key", "false"),
    _column("archived_on", "NULL::timestamptz", "archivedon"),
)


def job_columns(catalog: Catalog) -> tuple[str, ...]:
    """Canonical job columns that this schema really has, in canonical order; `expiry` only repeats one of them."""
    present = {*catalog.columns("job"), *catalog.columns("archive")}
    present |= {"archived_on"} if catalog.has("own:archive") else set()
    return tuple(
        column.name
        for column in _JOB
        if column.name != "expiry" and any(source in present for source, _ in column.sources)
    )


_QUEUE: tuple[Column, ...] = (
    _column("name", "NULL::text"),
    _column("policy", "NULL::text"),
    _column("retry_limit", "NULL::int"),
    _column("retry_delay", "NULL::int"),
    _column("retry_backoff", "NULL::boolean"),
    _column("retry_delay_max", "NULL::int"),
    _column("expire_seconds", "NULL::int"),
    _column("retention_seconds", "NULL::int", retention_minutes="retention_minutes * 60"),
    _column("deletion_seconds", "NULL::int"),
    _column("dead_letter", "NULL::text"),
    _column("warning_queued", "NULL::int"),
    _column("heartbeat_seconds", "NULL::int"),
    _column("notify", "NULL::boolean"),
    _column("partition", "NULL::boolean"),
    _column("table_name", "'job'::text", "partition_name"),
    _column("deferred_count", "NULL::int"),
    _column("queued_count", "NULL::int"),
    _column("ready_count", "NULL::int"),
    _column("active_count", "NULL::int"),
    _column("failed_count", "NULL::int"),
    _column("blocked_count", "NULL::int"),
    _column("total_count", "NULL::int"),
    _column("created_delta", "NULL::int"),
    _column("completed_delta", "NULL::int"),
    _column("failed_delta", "NULL::int"),
    _column("delta_seconds", "NULL::int"),
    _column("delta_on", "NULL::timestamptz"),
    _column("monitor_on", "NULL::timestamptz"),
    _column("monitor_claim_on", "NULL::timestamptz"),
    _column("maintain_on", "NULL::timestamptz"),
    _column("created_on", "NULL::timestamptz"),
    _column("updated_on", "NULL::timestamptz"),
)

_SCHEDULE: tuple[Column, ...] = (
    _column("name", "NULL::text"),
    _column("key", "''::text"),
    _column("cron", "NULL::text"),
    _column("timezone", "NULL::text"),
    _column("kind", "'cron'::text"),
    _column("data", "NULL::jsonb"),
    _column("options", "NULL::jsonb"),
    _column("last_job_id", "NULL::uuid"),
    _column("created_on", "NULL::timestamptz"),
    _column("updated_on", "NULL::timestamptz"),
)

_VERSION: tuple[Column, ...] = (
    _column("version", "NULL::int"),
    _column("maintained_on", "NULL::timestamptz"),
    _column("cron_on", "NULL::timestamptz"),
    _column("monitored_on", "NULL::timestamptz"),
    _column("bam_on", "NULL::timestamptz"),
    _column("flow_on", "NULL::timestamptz"),
    _column("reindex_on", "NULL::timestamptz"),
    _column("monitor_backoff_on", "NULL::timestamptz"),
)

RAW_TABLES: tuple[str, ...] = ("instance", "bam", "warning", "queue_stats", "job_dependency", "job_common", "archive")


OWN_TABLES: tuple[str, ...] = ("bossctl_format", "operation", "shape", "image", "link", "archive")
"""Tables of bossctl's own schema, as `own_operation` …; each may be absent."""


def relations(catalog: Catalog) -> dict[str, sql.Composable]:
    """Placeholder name → parenthesised sub-select or qualified table, for every relation this schema has.

    `job` and `queue` always exist: on 8/9 `queue` is the distinct names of jobs. `archived_jobs` are the rows of
    pg-boss's archive table and of bossctl's own, as far as they exist; without either it is empty, and `all_jobs` is
    `job`. `restorable` is the archive that bossctl moves jobs to and from, one table where there is one.
    """
    job = _select(catalog, "job", _JOB, "false AS archived")
    found: dict[str, sql.Composable] = {
        "schema": sql.Identifier(catalog.schema),
        "job": job,
        "job_table": sql.Identifier(catalog.schema, "job"),
        "all_jobs": job,
        "sampled_job": _select(
            catalog, "job", _JOB, "false AS archived", after=" TABLESAMPLE SYSTEM (%(percent)s::float4)"
        ),
        "archived_jobs": _select(catalog, "job", _JOB, "true AS archived", after=" WHERE false"),
        "queue": _queue(catalog),
        "version": _select(catalog, "version", _VERSION),
        "schedule": _select(catalog, "schedule", _SCHEDULE),
    }
    archives = [_select(catalog, "archive", _JOB, "true AS archived")] if catalog.has("archive") else []
    archives += [own_archive(catalog)] if catalog.has("own:archive") else []
    if archives:
        found["archived_jobs"] = _united(archives)
        found["all_jobs"] = _united([job, *archives])
        found["restorable"] = archives[0]
    for name in OWN_TABLES:
        found[f"own_{name}"] = sql.Identifier(OWN_SCHEMA, name)
    for name in RAW_TABLES:
        if catalog.has(name):
            found[name] = sql.Identifier(catalog.schema, name)
    if catalog.has("queue"):
        found["queue_table"] = sql.Identifier(catalog.schema, "queue")
    return found


def _queue(catalog: Catalog) -> sql.Composable:
    if catalog.has("queue"):
        return _select(catalog, "queue", _QUEUE)
    names = sql.SQL("(SELECT DISTINCT name FROM {} AS every_job)").format(sql.Identifier(catalog.schema, "job"))
    picked = ", ".join(_expression({"name": "text"}, column) for column in _QUEUE)
    return sql.SQL("(SELECT {} FROM {} AS named)").format(trusted(picked), names)


def _united(parts: list[sql.Composed]) -> sql.Composed:
    if len(parts) == 1:
        return parts[0]
    selects = [sql.SQL("SELECT * FROM {} AS part").format(part) for part in parts]
    return sql.SQL("({})").format(sql.SQL(" UNION ALL ").join(selects))


def own_archive(catalog: Catalog, more: sql.Composable | None = None) -> sql.Composed:
    """The rows of bossctl's own archive that are of this schema. They may be older than its newest columns.

    `more` is a further condition over the table.
    """
    held = catalog.own["archive"].columns
    job = catalog.columns("job")
    available = {name: kind for name, kind in held.items() if job.get(name, kind) == kind}
    picked = sql.SQL(", ").join(_archived_expression(catalog, available, column) for column in _JOB)
    return sql.SQL("(SELECT {}, true AS archived FROM {} WHERE bossctl_schema = {}{})").format(
        picked,
        sql.Identifier(OWN_SCHEMA, "archive"),
        sql.Literal(catalog.schema),
        trusted("") if more is None else sql.SQL(" AND {}").format(more),
    )


def live_rows(catalog: Catalog) -> sql.Composed:
    """The live jobs with `row_xid`: the transaction that wrote the row last."""
    return _select(catalog, "job", _JOB, "false AS archived", "xmin::text::bigint AS row_xid")


LIVE_COLUMNS = (*(column.name for column in _JOB), "archived", "row_xid")
"""The columns of `live_rows`."""


def placed_rows(catalog: Catalog) -> sql.Composed:
    """The live jobs with `ctid`: where the row lies until it is written again."""
    return _select(catalog, "job", _JOB, "false AS archived", "ctid")


def row_columns(catalog: Catalog) -> sql.Composed:
    """The same of the one row of the job table that a statement around it looks at."""
    picked = ", ".join([*(_expression(catalog.columns("job"), column) for column in _JOB), "false AS archived"])
    return sql.SQL("(SELECT {})").format(trusted(picked))


def canonical_rows(rows: sql.Composable, available: Mapping[str, str]) -> sql.Composed:
    """Stored rows that have these columns of a job table, under the canonical names."""
    picked = trusted(", ".join(_expression(available, column) for column in _JOB))
    return sql.SQL("(SELECT {}, true AS archived FROM {} AS stored)").format(picked, rows)


def _archived_expression(catalog: Catalog, available: Mapping[str, str], column: Column) -> sql.Composable:
    if column.name == "archived_on":
        return trusted("bossctl_archived_on AS archived_on")
    if column.name == "state":
        # A label that a migration took away is a failed job, as 8/9's `expired` is.
        return sql.SQL("CASE WHEN state = ANY ({}) THEN state ELSE 'failed' END::{} AS state").format(
            sql.Literal(list(catalog.states)), sql.Identifier(catalog.schema, "job_state")
        )
    found = [expression for source, expression in column.sources if source in available]
    found += [] if found and column.default.startswith("NULL") else [column.default]
    expression = found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"
    return trusted(expression if expression == column.name else f"{expression} AS {column.name}")


def _select(catalog: Catalog, table: str, columns: tuple[Column, ...], *more: str, after: str = "") -> sql.Composed:
    available = catalog.columns(table)
    picked = ", ".join([*(_expression(available, column) for column in columns), *more])
    return sql.SQL("(SELECT {} FROM {}{})").format(
        trusted(picked), sql.Identifier(catalog.schema, table), trusted(after)
    )


def _expression(available: Mapping[str, str], column: Column) -> str:
    for source, expression in column.sources:
        if source in available:
            return expression if expression == column.name else f"{expression} AS {column.name}"
    return f"{column.default} AS {column.name}"

"""A million jobs on a real pg-boss schema, spread as a busy installation's are.

50 queues with sizes by Zipf, 80 % completed, 10 % created, 5 % failed, 2 % retry, 2 % cancelled, 1 % active; payloads
of about 120 bytes, failed rows with a stack trace.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

QUEUES = 50

_STACK = "Error: connect ETIMEDOUT 10.0.0.7:5432\\n" + "    at Socket.emit (node:net:513:28)\\n" * 6

_SHARES = """
    CASE WHEN r < 0.80 THEN 'completed' WHEN r < 0.90 THEN 'created' WHEN r < 0.95 THEN 'failed'
         WHEN r < 0.97 THEN 'retry' WHEN r < 0.99 THEN 'cancelled' ELSE 'active' END
"""


def queue_sizes(jobs: int) -> list[tuple[str, int]]:
    """(name, number of jobs) for QUEUES queues, largest first."""
    weights = [1 / rank for rank in range(1, QUEUES + 1)]
    return [(f"queue-{rank:02d}", round(jobs * weight / sum(weights))) for rank, weight in enumerate(weights, start=1)]


def fill(connection: psycopg.Connection, schema: str, jobs: int) -> None:
    """Create the queues through the schema's own function and insert the jobs; ends with VACUUM ANALYZE."""
    connection.autocommit = True
    columns = _job_columns(connection, schema)
    connection.execute("SELECT setseed(0.42)")
    sizes = queue_sizes(jobs)
    for queue, _ in sizes:
        _create_queue(connection, schema, queue)
    drawn = {"queues": [queue for queue, _ in sizes], "sizes": [size for _, size in sizes], "stack": _STACK}
    connection.execute(_insert(schema, columns, _names(columns)), drawn)
    connection.execute(sql.SQL("VACUUM ANALYZE {}").format(sql.Identifier(schema, "job")))
    if "expire_seconds" in columns:
        connection.execute(sql.SQL("VACUUM ANALYZE {}").format(sql.Identifier(schema, "job_common")))
        _refresh_counters(connection, schema)


def _job_columns(connection: psycopg.Connection, schema: str) -> set[str]:
    rows = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = 'job'", [schema]
    )
    return {row[0] for row in rows}


def _names(columns: set[str]) -> dict[str, str]:
    wanted = ("start_after", "created_on", "started_on", "completed_on", "retry_count", "retry_limit", "keep_until")
    return {name: name if name in columns else name.replace("_", "") for name in wanted}


def _create_queue(connection: psycopg.Connection, schema: str, queue: str) -> None:
    found = connection.execute(
        "SELECT pg_get_function_identity_arguments(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
        "WHERE n.nspname = %s AND p.proname = 'create_queue'",
        [schema],
    ).fetchone()
    if found is None:
        return
    kind = sql.SQL("jsonb" if "jsonb" in found[0] else "json")
    call = sql.SQL("SELECT {}.create_queue(%s, %s::{})").format(sql.Identifier(schema), kind)
    connection.execute(call, [queue, '{"policy": "standard"}'])


def _insert(schema: str, columns: set[str], names: dict[str, str]) -> sql.Composed:
    policy = sql.SQL(", policy") if "policy" in columns else sql.SQL("")
    standard = sql.SQL(", 'standard'") if "policy" in columns else sql.SQL("")
    listed = sql.SQL(", ").join(sql.Identifier(name) for name in names.values())
    return sql.SQL(
        """
        INSERT INTO {job} (name, state, data, output, {listed}{policy})
        SELECT queue, state::{job_state}, jsonb_build_object('order', n, 'customer', md5(n::text), 'amount', n * 1.25,
                 'note', repeat('x', 30)),
               CASE WHEN state IN ('failed', 'retry')
                    THEN jsonb_build_object('message', 'connect ETIMEDOUT', 'stack', %(stack)s::text)
                    WHEN state = 'completed' THEN '{{"ok": true}}'::jsonb END,
               created, created, CASE WHEN state NOT IN ('created') THEN created + interval '2 seconds' END,
               CASE WHEN state IN ('completed', 'failed', 'cancelled') THEN created + interval '5 seconds' END,
               CASE WHEN state IN ('retry', 'failed') THEN 1 ELSE 0 END, 2, created + interval '30 days'{standard}
        FROM (
          SELECT queue, n, {shares} AS state,
                 CASE WHEN {shares} = 'active' THEN now() - random() * interval '10 minutes'
                      ELSE now() - random() * interval '6 days' END AS created
          FROM (
            SELECT q.queue, n, random() AS r
            FROM unnest(%(queues)s::text[], %(sizes)s::int[]) AS q (queue, size), generate_series(1, q.size) AS n
            OFFSET 0
          ) AS drawn
        ) AS jobs
        ORDER BY created
        """
    ).format(
        job=sql.Identifier(schema, "job"),
        job_state=sql.Identifier(schema, "job_state"),
        listed=listed,
        policy=policy,
        standard=standard,
        shares=sql.SQL(_SHARES),
    )


def _refresh_counters(connection: psycopg.Connection, schema: str) -> None:
    """What pg-boss's monitor pass would have written."""
    connection.execute(
        sql.SQL(
            """
            UPDATE {queue} AS q
            SET queued_count = c.queued, active_count = c.active, total_count = c.total, monitor_on = now()
            FROM (SELECT name, count(*) FILTER (WHERE state < 'active') AS queued,
                         count(*) FILTER (WHERE state = 'active') AS active, count(*) AS total
                  FROM {job} GROUP BY name) AS c
            WHERE c.name = q.name
            """
        ).format(queue=sql.Identifier(schema, "queue"), job=sql.Identifier(schema, "job"))
    )

-- Queues and the counting ladder (ARCHITECTURE §4): cached counters, exact open states, exact histogram, sample.

-- name: queue_names
-- when: queue
SELECT q.name FROM {queue_table} AS q ORDER BY q.name

-- name: queue_names
-- when: index:name
-- From each name to the next one along the index that leads with it, whose order is that of ~<~.
WITH RECURSIVE walk (name) AS (
  (SELECT j.name FROM {job_table} AS j ORDER BY j.name USING ~<~ LIMIT 1)
  UNION ALL
  SELECT following.name
  FROM walk
  CROSS JOIN LATERAL (
    SELECT j.name FROM {job_table} AS j WHERE j.name ~>~ walk.name ORDER BY j.name USING ~<~ LIMIT 1
  ) AS following
)
SELECT walk.name FROM walk UNION SELECT s.name FROM {schedule} AS s ORDER BY 1

-- name: queue_names
-- Without a queue table a queue exists through its jobs and schedules.
SELECT j.name FROM {job} AS j UNION SELECT s.name FROM {schedule} AS s ORDER BY 1

-- name: queues
-- needs: queue
-- Every column costs: this is read for the first paint, and again and again.
SELECT q.name, q.policy, q.retry_limit, q.retry_delay, q.retry_backoff, q.retry_delay_max, q.expire_seconds,
       q.retention_seconds, q.deletion_seconds, q.dead_letter, q.warning_queued, q.heartbeat_seconds, q.notify,
       q.partition, q.table_name, q.active_count, q.failed_count, q.created_on, q.updated_on,
       extract(epoch FROM now() - q.monitor_on)::float8 AS monitor_age_seconds
FROM {queue} AS q
WHERE %(names)s::text[] IS NULL OR q.name = ANY (%(names)s::text[])

-- name: open_counts
-- when: index:i14
-- The four live states come from one partial index, queue by queue and state by state: neither need be compared row by
-- row then. In a range of it what is due first stands at the beginning, then what is deferred, then what is blocked.
SELECT q.name AS queue, s.state::text AS state, g.rows, late.blocked, late.deferred,
       CASE WHEN s.state < 'active' THEN (
         SELECT j.start_after
         FROM {job} AS j
         WHERE j.name = q.name AND j.state = s.state AND j.state IN ('created', 'retry') AND NOT j.blocked
         ORDER BY j.start_after
         LIMIT 1
       ) END AS oldest_due
FROM {queue_table} AS q
CROSS JOIN (VALUES ('created'::{schema}.job_state), ('retry'), ('active'), ('failed')) AS s (state)
CROSS JOIN LATERAL (
  SELECT count(*) AS rows
  FROM {job} AS j
  WHERE j.name = q.name AND j.state = s.state AND j.state IN ('created', 'retry', 'active', 'failed')
) AS g
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE j.blocked) AS blocked, count(*) FILTER (WHERE NOT j.blocked) AS deferred
  FROM {job} AS j
  WHERE j.name = q.name AND j.state = s.state AND j.state IN ('created', 'retry')
    AND (j.blocked, j.start_after) > (false, now())
) AS late
WHERE g.rows > 0 AND (%(names)s::text[] IS NULL OR q.name = ANY (%(names)s::text[]))

-- name: waiting_counts
-- The fetch index of every era holds what waits and is not blocked.
SELECT g.name AS queue, g.state::text AS state, g.rows, g.deferred, g.oldest_due
FROM (
  SELECT j.name, j.state, count(*) AS rows,
         count(*) FILTER (WHERE j.start_after > now()) AS deferred,
         min(j.start_after) AS oldest_due
  FROM {job} AS j
  WHERE j.state < 'active' AND NOT j.blocked
    AND (%(names)s::text[] IS NULL OR j.name = ANY (%(names)s::text[]))
  GROUP BY j.name, j.state
) AS g

-- name: blocked_counts
-- needs: job_dependency, job.blocked
SELECT j.name AS queue, j.state::text AS state, count(*) AS rows
FROM (SELECT DISTINCT d.child_name, d.child_id FROM {job_dependency} AS d) AS child
JOIN {job} AS j ON j.name = child.child_name AND j.id = child.child_id
WHERE j.state < 'active' AND j.blocked
  AND (%(names)s::text[] IS NULL OR j.name = ANY (%(names)s::text[]))
GROUP BY j.name, j.state

-- name: all_counts
-- Grouping by state lets one cheap expression answer for each state; the bounds are computed once.
SELECT g.name AS queue, g.state::text AS state, g.rows, g.blocked, g.deferred, g.oldest_due, g.ended_hour, g.ended_day
FROM (
  SELECT j.name, j.state, count(*) AS rows,
         count(*) FILTER (WHERE j.blocked) AS blocked,
         count(*) FILTER (WHERE NOT j.blocked AND j.start_after > (SELECT now())) AS deferred,
         min(j.start_after) FILTER (WHERE NOT j.blocked) AS oldest_due,
         count(*) FILTER (WHERE j.completed_on > (SELECT now() - interval '1 hour')) AS ended_hour,
         count(*) FILTER (WHERE j.completed_on > (SELECT now() - interval '1 day')) AS ended_day
  FROM {job} AS j
  WHERE %(names)s::text[] IS NULL OR j.name = ANY (%(names)s::text[])
  GROUP BY j.name, j.state
) AS g

-- name: histogram
SELECT g.name AS queue, g.state::text AS state, g.rows
FROM (
  SELECT j.name, j.state, count(*) AS rows
  FROM {job} AS j
  WHERE %(names)s::text[] IS NULL OR j.name = ANY (%(names)s::text[])
  GROUP BY j.name, j.state
) AS g

-- name: sampled_counts
-- when: index:i14
-- As below, of what open_counts does not count.
SELECT g.name AS queue, g.state::text AS state, g.rows
FROM (
  SELECT j.name, j.state, count(*) AS rows
  FROM {sampled_job} AS j
  WHERE j.state IN ('completed', 'cancelled') AND (%(names)s::text[] IS NULL OR j.name = ANY (%(names)s::text[]))
  GROUP BY j.name, j.state
) AS g

-- name: sampled_counts
-- A share of the table's pages; the caller scales the numbers up and labels them estimates.
SELECT g.name AS queue, g.state::text AS state, g.rows
FROM (
  SELECT j.name, j.state, count(*) AS rows
  FROM {sampled_job} AS j
  WHERE %(names)s::text[] IS NULL OR j.name = ANY (%(names)s::text[])
  GROUP BY j.name, j.state
) AS g

-- name: failed_recently
-- needs: index:i16
SELECT q.name AS queue, recent.failed_hour
FROM {queue_table} AS q
CROSS JOIN LATERAL (
  SELECT count(*) AS failed_hour
  FROM {job} AS j
  WHERE j.name = q.name AND j.completed_on IS NOT NULL AND j.completed_on > now() - interval '1 hour'
    AND j.state = 'failed'
) AS recent
WHERE %(names)s::text[] IS NULL OR q.name = ANY (%(names)s::text[])

-- name: dead_letter_feeds
-- needs: queue
SELECT q.name FROM {queue} AS q WHERE q.dead_letter = %(queue)s ORDER BY q.name

-- name: queue_schedules
SELECT s.key FROM {schedule} AS s WHERE s.name = %(queue)s ORDER BY s.key

-- name: table_size
SELECT pg_total_relation_size(c.oid)::bigint AS total_bytes
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(table)s

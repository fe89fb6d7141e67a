-- Readings of work that does not move. Each is one pass; counts are exact, ids are samples.

-- name: open_evidence
-- OFFSET 0 makes it one look-up by primary key per pair of queue and id.
SELECT found.*
FROM unnest(%(names)s::text[], %(ids)s::uuid[]) AS wanted (name, id)
CROSS JOIN LATERAL (
  SELECT j.id::text AS id, j.name AS queue, j.state::text AS state, j.retry_count, j.created_on, j.start_after,
         j.started_on, j.completed_on, j.keep_until, j.deletion_seconds, j.heartbeat_on, j.heartbeat_seconds,
         j.expire_seconds::float8 AS expire_seconds
  FROM {job} AS j
  WHERE j.name = wanted.name AND j.id = wanted.id
  OFFSET 0
) AS found

-- name: queue_heartbeats
-- needs: job.heartbeat_on
SELECT q.name, q.heartbeat_seconds FROM {queue} AS q

-- name: policies_of
-- needs: queue
SELECT q.name, q.policy, q.dead_letter FROM {queue} AS q

-- name: queue_pace
SELECT j.name AS queue, max(j.started_on) AS last_started,
       (avg(greatest(0, date_part('epoch', j.started_on - greatest(j.start_after, j.created_on))))
        FILTER (WHERE j.retry_count = 0 AND isfinite(j.start_after) AND isfinite(j.created_on))) AS mean_wait_seconds
FROM {all_jobs} AS j
WHERE j.name = ANY (%(names)s::text[]) AND isfinite(j.started_on)
GROUP BY j.name

-- name: due_samples
-- Some jobs of each queue that could be taken now, as the index for fetching finds them.
SELECT w.name AS queue, found.id::text AS id
FROM unnest(%(names)s::text[]) AS w (name)
CROSS JOIN LATERAL (
  SELECT j.id FROM {job} AS j
  WHERE j.name = w.name AND j.state < 'active' AND NOT j.blocked AND j.start_after <= now()
  LIMIT %(shown)s
) AS found

-- name: free_work
-- Due work whose policy lets it be taken: nobody else holds the slot of its key.
SELECT j.name AS queue, count(*) AS jobs, min(j.keep_until) AS first_keep_until,
       min(CASE WHEN j.started_on IS NULL OR j.start_after > j.started_on
           THEN greatest(j.start_after, j.created_on) END) AS oldest_due,
       (array_agg(j.id::text ORDER BY j.created_on, j.id))[1:20] AS samples
FROM {job} AS j
WHERE j.name = ANY (%(names)s::text[]) AND j.state < 'active' AND NOT j.blocked AND j.start_after <= now()
  AND NOT EXISTS (
    SELECT FROM {job} AS h
    WHERE h.name = j.name AND h.name = ANY (%(names)s::text[]) AND h.policy = j.policy AND h.id <> j.id
      AND coalesce(h.singleton_key, '') = coalesce(j.singleton_key, '')
      AND (h.state = 'active' OR (h.policy = 'key_strict_fifo' AND h.state IN ('retry', 'failed'))))
GROUP BY j.name

-- name: dead_letters_of
-- The queues that take these queues' dead letters, where their jobs were not all sent with the same.
SELECT DISTINCT j.dead_letter AS name FROM {job} AS j WHERE j.name = ANY (%(names)s::text[]) AND j.dead_letter IS NOT NULL

-- name: blocked_flows
-- needs: job_dependency
-- A parent that was resolved and removed since has been counted down; so a child is lost when more is pending than its
-- living parents can bring. From 12.22 on a completed parent stays blocking until the resolver has passed.
WITH links AS (
  SELECT c.name, c.id, c.created_on, c.keep_until, c.pending_dependencies AS pending, d.parent_name, d.parent_id,
         p.completed_on AS parent_ended,
         CASE WHEN p.id IS NULL THEN 'gone'
              WHEN p.state IN ('failed', 'cancelled') THEN p.state::text
              WHEN p.state < 'completed' THEN 'alive'
              WHEN NOT %(resolver)s OR NOT p.blocking THEN 'resolved'
              WHEN p.completed_on < now() - make_interval(secs => %(patience)s) THEN 'unresolved' ELSE 'alive' END AS fate
  FROM {job} AS c
  LEFT JOIN {job_dependency} AS d ON d.child_name = c.name AND d.child_id = c.id
  LEFT JOIN {job} AS p ON p.name = d.parent_name AND p.id = d.parent_id
  WHERE EXISTS (SELECT FROM {job_dependency}) AND c.state = 'created' AND c.blocked
    AND (%(names)s::text[] IS NULL OR c.name = ANY (%(names)s::text[]))
), children AS (
  SELECT l.name, l.id, l.created_on, l.keep_until, l.pending,
         CASE WHEN greatest(l.pending, 1) <= count(*) FILTER (WHERE l.fate IN ('alive', 'unresolved'))
              THEN CASE WHEN bool_or(l.fate = 'unresolved') THEN 'unresolved' END
              WHEN bool_or(l.fate = 'failed') THEN 'failed'
              WHEN bool_or(l.fate = 'cancelled') THEN 'cancelled' ELSE 'gone' END AS kind
  FROM links AS l
  GROUP BY 1, 2, 3, 4, 5
), numbered AS (
  SELECT c.*, count(*) OVER same AS jobs, min(c.created_on) OVER same AS first_on,
         row_number() OVER (PARTITION BY c.name, c.kind ORDER BY c.created_on, c.id) AS place
  FROM children AS c
  WHERE c.kind IS NOT NULL
  WINDOW same AS (PARTITION BY c.name, c.kind)
)
SELECT n.name AS queue, n.kind, n.jobs, n.first_on, n.id::text AS id, n.created_on, n.keep_until, n.pending,
       parent.parent_name, parent.parent_id::text AS parent_id, parent.parent_ended
FROM numbered AS n
LEFT JOIN LATERAL (
  SELECT l.parent_name, l.parent_id, l.parent_ended
  FROM links AS l WHERE l.name = n.name AND l.id = n.id AND l.fate = n.kind
  ORDER BY l.parent_name, l.parent_id LIMIT 1
) AS parent ON true
WHERE n.place <= %(shown)s
ORDER BY n.name, n.kind, n.place

-- name: send_minutes
SELECT s.data->>'name' AS queue, coalesce(s.data->>'key', s.data->'options'->>'key', '') AS key,
       array_agg(DISTINCT date_trunc('minute', s.created_on)) AS minutes
FROM {all_jobs} AS s
WHERE s.name = '__pgboss__send-it' AND s.created_on >= {since} AND s.data->>'name' IS NOT NULL
GROUP BY 1, 2

-- name: send_queue
SELECT min(s.created_on) AS first_send, max(s.started_on) AS last_taken, count(*) FILTER (WHERE s.waits) AS waiting,
       min(s.created_on) FILTER (WHERE s.waits) AS oldest_waiting,
       (array_agg(s.id::text ORDER BY s.created_on) FILTER (WHERE s.waits))[1:20] AS samples
FROM (
  SELECT a.id, a.created_on, a.started_on,
         a.state < 'active' AND NOT a.archived
           AND greatest(a.start_after, a.created_on) < now() - make_interval(secs => %(patience)s) AS waits
  FROM {all_jobs} AS a
  WHERE a.name = '__pgboss__send-it'
) AS s

-- name: held_keys
-- needs: queue
-- Where no queue has such a policy, the jobs are not read at all.
WITH slots AS MATERIALIZED (
  SELECT j.name, j.id, j.state, j.policy, coalesce(j.singleton_key, '') AS key, j.created_on,
         CASE WHEN j.state = 'failed' THEN j.completed_on
              WHEN j.state = 'active' AND isfinite(j.started_on)
                   AND extract(epoch FROM now() - j.started_on) > j.expire_seconds + %(grace)s THEN j.started_on END
           AS held_since
  FROM {job} AS j
  WHERE EXISTS (SELECT FROM {queue} AS q WHERE q.policy IN ('singleton', 'stately', 'key_strict_fifo'))
    AND j.policy IN ('singleton', 'stately', 'key_strict_fifo') AND NOT j.blocked
    AND (j.state IN ('created', 'retry', 'active') OR (j.state = 'failed' AND j.policy = 'key_strict_fifo'))
    AND (%(names)s::text[] IS NULL OR j.name = ANY (%(names)s::text[]))
)
SELECT h.name AS queue, h.policy, h.key, h.id::text AS holder, h.state::text AS state, h.held_since AS since,
       count(*) AS waiting, count(*) FILTER (WHERE w.state = 'retry') AS retrying, min(w.created_on) AS oldest_waiting,
       (array_agg(w.id::text ORDER BY w.created_on, w.id))[1:20] AS samples
FROM slots AS h
JOIN slots AS w ON w.name = h.name AND w.policy = h.policy AND w.key = h.key AND w.state < 'active'
WHERE h.held_since IS NOT NULL
GROUP BY h.name, h.policy, h.key, h.id, h.state, h.held_since
ORDER BY 1, 3, 4

-- name: refused_retries
-- needs: queue.singletons_active
-- The monitor of 11.0 lists keys of retries as active ones. It must have passed after the retry became due.
SELECT j.name AS queue, j.singleton_key AS key, j.id::text AS id, j.start_after, q.monitor_on
FROM {queue_table} AS q
JOIN {job} AS j ON j.name = q.name AND j.singleton_key = ANY (q.singletons_active)
WHERE j.state = 'retry' AND j.completed_on IS NULL AND j.start_after < q.monitor_on
  AND j.start_after < now() - make_interval(secs => %(patience)s)
  AND (%(names)s::text[] IS NULL OR j.name = ANY (%(names)s::text[]))
  AND NOT EXISTS (
    SELECT FROM {job} AS a WHERE a.name = j.name AND a.state = 'active' AND a.singleton_key = j.singleton_key)
ORDER BY 1, 2

-- name: orphaned_queues
-- when: layout:queues
-- Each partition holds one queue's jobs: what no partition of a queue holds is told by the partitions.
SELECT NULL::text AS name WHERE false

-- name: orphaned_queues
-- needs: queue
-- From name to name through the primary key.
WITH RECURSIVE names AS (
  (SELECT j.name FROM {job_table} AS j ORDER BY j.name LIMIT 1)
  UNION ALL
  SELECT (SELECT j.name FROM {job_table} AS j WHERE j.name > n.name ORDER BY j.name LIMIT 1)
  FROM names AS n WHERE n.name IS NOT NULL
)
SELECT n.name FROM names AS n
WHERE n.name IS NOT NULL AND NOT EXISTS (SELECT FROM {queue} AS q WHERE q.name = n.name)

-- name: orphaned_jobs
SELECT j.name AS queue, count(*) AS jobs, count(*) FILTER (WHERE j.state < 'completed') AS open,
       min(j.created_on) AS first_on
FROM {job} AS j
WHERE j.name = ANY (%(names)s::text[])
GROUP BY j.name
ORDER BY j.name

-- name: orphaned_partitions
-- needs: queue
SELECT c.relname AS partition, pg_get_expr(c.relpartbound, c.oid) AS bound
FROM pg_catalog.pg_inherits AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
JOIN pg_catalog.pg_class AS parent ON parent.oid = i.inhparent AND parent.relname = 'job'
JOIN pg_catalog.pg_namespace AS n ON n.oid = parent.relnamespace AND n.nspname = %(schema)s
WHERE c.relname <> 'job_common' AND NOT EXISTS (SELECT FROM {queue} AS q WHERE q.table_name = c.relname)
ORDER BY 1

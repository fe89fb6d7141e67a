-- What stands around one job: look-ups by key and by the indexes pg-boss fetches by. Lists are short by their limits.

-- name: explain_queue
-- when: queue.singletons_active
SELECT q.name, q.policy, q.retry_limit, q.dead_letter, q.heartbeat_seconds, q.table_name, q.monitor_on,
       t.singletons_active
FROM {queue} AS q
JOIN {queue_table} AS t ON t.name = q.name
WHERE q.name = %(queue)s

-- name: explain_queue
-- needs: queue
SELECT q.name, q.policy, q.retry_limit, q.dead_letter, q.heartbeat_seconds, q.table_name, q.monitor_on,
       NULL::text[] AS singletons_active
FROM {queue} AS q
WHERE q.name = %(queue)s

-- name: slot_index
SELECT bool_or(i.indisvalid) AS valid
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS ic ON ic.oid = i.indexrelid
JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(table)s AND i.indisunique
  AND right(ic.relname, length(%(suffix)s::text)) = %(suffix)s::text

-- name: slot_holders
-- Jobs that keep this one's key from being active. A NULL policy is 8/9's singleton queue, which goes by the key alone.
SELECT j.id::text AS id, j.name AS queue, j.state::text AS state, j.singleton_key, j.created_on, j.started_on,
       j.completed_on, j.expire_seconds::float8 AS expire_seconds, j.archived
FROM {job} AS j
WHERE j.name = %(queue)s AND (%(policy)s::text IS NULL OR j.policy = %(policy)s::text) AND j.id <> %(id)s::uuid
  AND coalesce(j.singleton_key, '') = %(key)s
  AND (j.state = 'active' OR (%(strict)s::boolean AND j.state IN ('retry', 'failed')))
ORDER BY j.created_on, j.id
LIMIT %(limit)s

-- name: older_of_key
-- The job that key_strict_fifo lets go first: a retry of the key, else its oldest.
SELECT j.id::text AS id, j.name AS queue, j.state::text AS state, j.singleton_key, j.created_on, j.started_on,
       j.completed_on, j.expire_seconds::float8 AS expire_seconds, j.archived
FROM {job} AS j
WHERE j.name = %(queue)s AND j.singleton_key = %(key)s AND j.state < 'active' AND NOT j.blocked
  AND j.policy = 'key_strict_fifo' AND j.start_after <= now()
ORDER BY j.state DESC, j.created_on, j.id
LIMIT 1

-- name: fetch_head
-- The first due job in the order of fetching, and who holds its slot. The keys are those that fetch leaves out unseen.
SELECT h.id::text AS id, h.name AS queue, h.state::text AS state, h.singleton_key, h.created_on, h.started_on,
       h.completed_on, h.expire_seconds::float8 AS expire_seconds, h.archived,
       s.id::text AS holder, s.state::text AS holder_state, s.started_on AS holder_started_on,
       s.created_on AS holder_created_on, s.completed_on AS holder_completed_on,
       s.expire_seconds::float8 AS holder_expire_seconds
FROM (
  SELECT j.id, j.name, j.state, j.singleton_key, j.policy, j.created_on, j.started_on, j.completed_on,
         j.expire_seconds, j.archived
  FROM {job} AS j
  WHERE j.name = %(queue)s AND j.state < 'active' AND NOT j.blocked AND j.start_after <= now()
    AND coalesce(j.singleton_key, '') <> ALL (%(keys)s::text[])
    AND (j.singleton_key IS NOT NULL OR NOT %(without_key)s::boolean)
  ORDER BY j.priority DESC, j.created_on, j.id
  LIMIT 1
) AS h
LEFT JOIN LATERAL (
  SELECT o.id, o.state, o.created_on, o.started_on, o.completed_on, o.expire_seconds
  FROM {job} AS o
  WHERE o.name = %(queue)s AND o.policy = h.policy AND o.id <> h.id
    AND coalesce(o.singleton_key, '') = coalesce(h.singleton_key, '')
    AND ((o.state = 'active' AND h.policy IN ('singleton', 'stately', 'key_strict_fifo'))
      OR (o.state IN ('retry', 'failed') AND h.policy = 'key_strict_fifo'))
  ORDER BY o.created_on, o.id
  LIMIT 1
) AS s ON true

-- name: jobs_ahead
SELECT count(*)::int AS jobs
FROM (
  SELECT
  FROM {job} AS j
  WHERE j.name = %(queue)s AND j.state < 'active' AND NOT j.blocked AND j.start_after <= now()
    AND (j.priority > %(priority)s::int
      OR (j.priority = %(priority)s::int AND (j.created_on, j.id) < (%(created_on)s::timestamptz, %(id)s::uuid)))
  LIMIT %(limit)s
) AS a

-- name: job_parents
-- needs: job_dependency
SELECT d.parent_name AS queue, d.parent_id::text AS id, p.state::text AS state, coalesce(p.blocking, false) AS blocking,
       p.completed_on
FROM {job_dependency} AS d
LEFT JOIN {job} AS p ON p.name = d.parent_name AND p.id = d.parent_id
WHERE d.child_name = %(queue)s AND d.child_id = %(id)s::uuid
ORDER BY p.state IS NULL DESC, p.state DESC, 1, 2
LIMIT %(limit)s

-- name: job_children
-- needs: job_dependency
SELECT count(*)::int AS jobs, (array_agg(c.id::text ORDER BY c.created_on, c.id))[1:5] AS ids
FROM {job_dependency} AS d
JOIN {job} AS c ON c.name = d.child_name AND c.id = d.child_id
WHERE d.parent_name = %(queue)s AND d.parent_id = %(id)s::uuid AND c.state < 'active' AND c.blocked

-- name: group_active
-- needs: job.group_id
SELECT count(*)::int AS jobs
FROM {job} AS j
WHERE j.name = %(queue)s AND j.state = 'active' AND j.group_id IS NOT NULL AND j.group_id = %(group)s

-- name: instance_totals
-- needs: instance
SELECT count(*)::int AS registered, count(*) FILTER (WHERE s.alive)::int AS alive,
       count(*) FILTER (WHERE s.alive AND s.supervise)::int AS supervising
FROM (
  SELECT i.supervise,
         i.stopped_on IS NULL AND i.heartbeat_on > now() - 3 * make_interval(secs => i.heartbeat_seconds) AS alive
  FROM {instance} AS i
) AS s

-- name: work_calls
-- needs: instance
SELECT i.id::text AS instance, i.name, i.host, i.pid, i.version AS release, i.heartbeat_on, i.stopped_on,
       i.stopped_on IS NULL AND i.heartbeat_on > now() - 3 * make_interval(secs => i.heartbeat_seconds) AS alive,
       call::text AS call
FROM {instance} AS i
CROSS JOIN LATERAL jsonb_array_elements(
  CASE WHEN jsonb_typeof(i.workers::jsonb) = 'array' THEN i.workers::jsonb ELSE '[]'::jsonb END) AS call
WHERE call->>'queue' = %(queue)s
ORDER BY alive DESC, i.heartbeat_on DESC NULLS LAST, i.id
LIMIT %(limit)s

-- name: queue_worked
-- when: index:i14, index:i16
-- What runs, and the newest of what ended, by the indexes of schema 46.
SELECT max(s.started_on) AS last_started,
       count(*) FILTER (WHERE s.state = 'active'
         AND extract(epoch FROM now() - s.started_on) <= s.expire_seconds)::int AS running,
       count(*) FILTER (WHERE s.state = 'completed' AND s.retry_count = 0)::int AS runs,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM s.completed_on - s.started_on))
         FILTER (WHERE %(measured)s::boolean AND s.state = 'completed' AND s.retry_count = 0) AS usual_seconds
FROM (
  SELECT j.state, j.started_on, j.completed_on, j.expire_seconds, j.retry_count
  FROM {job} AS j
  WHERE j.name = %(queue)s AND j.state IN ('active', 'retry') AND isfinite(j.started_on)
  UNION ALL
  SELECT e.*
  FROM (
    SELECT j.state, j.started_on, j.completed_on, j.expire_seconds, j.retry_count
    FROM {job} AS j
    WHERE j.name = %(queue)s AND j.completed_on IS NOT NULL
    ORDER BY j.completed_on DESC
    LIMIT 1000
  ) AS e
  WHERE isfinite(e.started_on) AND isfinite(e.completed_on)
) AS s

-- name: queue_worked
-- No index knows what has run: one pass over the queue's rows.
SELECT max(s.started_on) AS last_started,
       count(*) FILTER (WHERE s.state = 'active' AND NOT s.archived
         AND extract(epoch FROM now() - s.started_on) <= s.expire_seconds)::int AS running,
       count(*) FILTER (WHERE s.state = 'completed' AND s.retry_count = 0 AND isfinite(s.completed_on))::int AS runs,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM s.completed_on - s.started_on))
         FILTER (WHERE %(measured)s::boolean AND s.state = 'completed' AND s.retry_count = 0
           AND isfinite(s.completed_on)) AS usual_seconds
FROM {all_jobs} AS s
WHERE s.name = %(queue)s AND isfinite(s.started_on)

-- name: dead_letter_copies
-- when: job.source_root_id
-- The whole line of dead letters and redrives by its first job, and copies made before lines were recorded.
SELECT l.id::text AS id, l.name AS queue, l.state::text AS state, l.singleton_key, l.created_on, l.started_on,
       l.completed_on, l.expire_seconds::float8 AS expire_seconds, l.archived, l.source_id::text AS source_id,
       true AS linked
FROM (
  SELECT j.id, j.name, j.state, j.singleton_key, j.created_on, j.started_on, j.completed_on, j.expire_seconds,
         j.archived, j.source_id
  FROM {job} AS j WHERE j.source_root_id = %(root)s::uuid AND j.id <> %(id)s::uuid
  UNION
  SELECT j.id, j.name, j.state, j.singleton_key, j.created_on, j.started_on, j.completed_on, j.expire_seconds,
         j.archived, j.source_id
  FROM {job} AS j WHERE j.name = ANY (%(names)s::text[]) AND j.source_id = %(id)s::uuid
) AS l
ORDER BY l.created_on, l.id
LIMIT %(limit)s

-- name: dead_letter_copies
-- when: job.source_id
SELECT j.id::text AS id, j.name AS queue, j.state::text AS state, j.singleton_key, j.created_on, j.started_on,
       j.completed_on, j.expire_seconds::float8 AS expire_seconds, j.archived, j.source_id::text AS source_id,
       true AS linked
FROM {job} AS j
WHERE j.name = ANY (%(names)s::text[]) AND j.source_id = %(id)s::uuid
ORDER BY j.created_on, j.id
LIMIT %(limit)s

-- name: dead_letter_copies
-- needs: queue
-- Nothing links them: a copy is made at the instant of the failure, with the same payload.
SELECT j.id::text AS id, j.name AS queue, j.state::text AS state, j.singleton_key, j.created_on, j.started_on,
       j.completed_on, j.expire_seconds::float8 AS expire_seconds, j.archived, NULL::text AS source_id,
       false AS linked
FROM {all_jobs} AS o
JOIN {all_jobs} AS j ON j.name = ANY (%(names)s::text[]) AND j.created_on = o.completed_on
  AND j.data IS NOT DISTINCT FROM o.data
WHERE o.name = %(queue)s AND o.id = %(id)s::uuid AND o.state = 'failed' AND %(root)s::uuid IS NOT NULL
ORDER BY j.created_on, j.id
LIMIT %(limit)s

-- name: neighbour
SELECT j.id::text AS id, j.name AS queue, j.state::text AS state, j.singleton_key, j.created_on, j.started_on,
       j.completed_on, j.expire_seconds::float8 AS expire_seconds, j.archived
FROM {all_jobs} AS j
WHERE j.name = %(queue)s AND j.id = %(id)s::uuid

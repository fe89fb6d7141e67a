-- Readings of queues whose policy looks at keys: what one key keeps from the others. They read nothing of other queues.

-- name: keyed_queues
-- when: queue.singletons_active, queue.monitor_on
SELECT q.name, q.policy, q.singletons_active AS listed, q.monitor_on
FROM {queue_table} AS q
WHERE q.policy = ANY (%(policies)s::text[]) AND (%(names)s::text[] IS NULL OR q.name = ANY (%(names)s::text[]))
ORDER BY q.name

-- name: keyed_queues
-- needs: queue
SELECT q.name, q.policy, NULL::text[] AS listed, NULL::timestamptz AS monitor_on
FROM {queue} AS q
WHERE q.policy = ANY (%(policies)s::text[]) AND (%(names)s::text[] IS NULL OR q.name = ANY (%(names)s::text[]))
ORDER BY q.name

-- name: held_heads
-- The head is the job that fetching takes first, after those whose keys it leaves out: where its slot is taken, the
-- whole fetch fails. Each policy's slots are found through its own unique index.
WITH hidden AS MATERIALIZED (
  SELECT h.name, h.key FROM unnest(%(hidden_names)s::text[], %(hidden_keys)s::text[]) AS h (name, key)
), held AS MATERIALIZED (
  SELECT j.name, j.policy, coalesce(j.singleton_key, '') AS key, j.id, j.state, j.started_on AS since
  FROM {job} AS j WHERE j.policy = 'singleton' AND j.state = 'active' AND j.name = ANY (%(names)s::text[])
  UNION ALL
  SELECT j.name, j.policy, coalesce(j.singleton_key, ''), j.id, j.state, j.started_on
  FROM {job} AS j WHERE j.policy = 'stately' AND j.state = 'active' AND j.name = ANY (%(names)s::text[])
  UNION ALL
  SELECT j.name, j.policy, j.singleton_key, j.id, j.state, greatest(j.started_on, j.completed_on)
  FROM {job} AS j
  WHERE j.policy = 'key_strict_fifo' AND j.state IN ('active', 'retry', 'failed') AND j.name = ANY (%(names)s::text[])
)
SELECT n.name AS queue, f.id::text AS id, f.key, f.due_on, k.id::text AS holder, k.state::text AS holder_state,
       k.since AS held_since
FROM (SELECT DISTINCT h.name FROM held AS h) AS n
CROSS JOIN LATERAL (
  SELECT j.id, j.policy, coalesce(j.singleton_key, '') AS key, greatest(j.start_after, j.created_on) AS due_on
  FROM {job} AS j
  WHERE j.name = n.name AND j.state < 'active' AND NOT j.blocked AND j.start_after <= now()
    AND j.name <> ALL (%(closed)s::text[])
    AND NOT (j.singleton_key IS NULL AND j.name = ANY (%(keyless)s::text[]))
    AND (j.name, coalesce(j.singleton_key, '')) NOT IN (SELECT h.name, h.key FROM hidden AS h)
  ORDER BY j.priority DESC, j.created_on, j.id
  LIMIT 1
) AS f
JOIN held AS k ON k.name = n.name AND k.policy = f.policy AND k.key = f.key AND k.id <> f.id
ORDER BY 1

-- name: starved_keys
-- Due jobs whose slot is free, of queues of which something is known to hide jobs.
WITH hidden AS MATERIALIZED (
  SELECT h.name, h.key FROM unnest(%(hidden_names)s::text[], %(hidden_keys)s::text[]) AS h (name, key)
), held AS MATERIALIZED (
  SELECT j.name, j.policy, coalesce(j.singleton_key, '') AS key, j.id, j.started_on AS since
  FROM {job} AS j WHERE j.policy = 'singleton' AND j.state = 'active' AND j.name = ANY (%(names)s::text[])
  UNION ALL
  SELECT j.name, j.policy, coalesce(j.singleton_key, ''), j.id, j.started_on
  FROM {job} AS j WHERE j.policy = 'stately' AND j.state = 'active' AND j.name = ANY (%(names)s::text[])
  UNION ALL
  SELECT j.name, j.policy, j.singleton_key, j.id, j.started_on
  FROM {job} AS j
  WHERE j.policy = 'key_strict_fifo' AND j.state IN ('active', 'retry', 'failed') AND j.name = ANY (%(names)s::text[])
), starved AS (
  SELECT j.name, j.id, coalesce(j.singleton_key, '') AS key, greatest(j.start_after, j.created_on) AS due_on,
         CASE WHEN j.name = ANY (%(headed)s::text[]) THEN 'head'
              WHEN j.singleton_key IS NULL AND j.name = ANY (%(keyless)s::text[]) THEN 'keyless'
              WHEN j.name = ANY (%(closed)s::text[]) THEN 'closed'
              WHEN (j.name, coalesce(j.singleton_key, '')) IN (SELECT l.name, l.key FROM hidden AS l)
                   AND NOT (j.state = 'retry' AND %(refused)s)
              THEN 'stale' END AS reason
  FROM {job} AS j
  WHERE j.name = ANY (%(names)s::text[]) AND j.state < 'active' AND NOT j.blocked AND j.start_after <= now()
    AND NOT EXISTS (
      SELECT FROM held AS k
      WHERE k.name = j.name AND k.policy = j.policy AND k.key = coalesce(j.singleton_key, '') AND k.id <> j.id)
)
SELECT s.name AS queue, s.reason, count(*) AS jobs, count(DISTINCT s.key) AS keys, min(s.due_on) AS oldest_due,
       (array_agg(s.id::text ORDER BY s.due_on, s.id))[1:20] AS samples,
       (SELECT min(k.since) FROM held AS k WHERE k.name = s.name AND k.key = '') AS keyless_since
FROM starved AS s
WHERE s.reason IS NOT NULL
GROUP BY s.name, s.reason
ORDER BY 1, 2

-- name: keyless_rests
-- When a queue last had a job without a key at work.
SELECT j.name AS queue, max(coalesce(j.completed_on, j.started_on)) AS last_on
FROM {all_jobs} AS j
WHERE j.name = ANY (%(names)s::text[]) AND j.singleton_key IS NULL AND isfinite(j.started_on)
GROUP BY j.name

-- name: colliding_heads
-- Up to 10.3.3 a fetch of more than one takes two jobs with one key, collides with itself, and takes nothing. Where a
-- job is at work, fetching works.
SELECT n.name AS queue, f.key, f.jobs, f.due_on, f.samples
FROM (
  SELECT w.name FROM unnest(%(names)s::text[]) AS w (name)
  WHERE NOT EXISTS (
      SELECT FROM {job} AS a WHERE a.name = w.name AND a.policy = 'singleton' AND a.state = 'active')
    AND NOT EXISTS (SELECT FROM {job} AS a WHERE a.name = w.name AND a.policy = 'stately' AND a.state = 'active')
  OFFSET 0
) AS n
CROSS JOIN LATERAL (
  SELECT min(t.key) AS key, count(*) AS jobs, count(DISTINCT t.key) AS keys, max(t.due_on) AS due_on,
         array_agg(t.id::text ORDER BY t.priority DESC, t.created_on, t.id) AS samples
  FROM (
    SELECT j.id, coalesce(j.singleton_key, '') AS key, greatest(j.start_after, j.created_on) AS due_on, j.priority,
           j.created_on
    FROM {job} AS j
    WHERE j.name = n.name AND j.state < 'active' AND j.start_after <= now() AND j.policy IN ('singleton', 'stately')
    ORDER BY j.priority DESC, j.created_on, j.id
    LIMIT 2
  ) AS t
) AS f
WHERE f.jobs = 2 AND f.keys = 1
ORDER BY 1

-- name: retrying_holders
-- key_strict_fifo keeps a key for a job in state retry too: those not due for long, or long due.
SELECT h.name AS queue, h.singleton_key AS key, h.id::text AS holder, h.started_on, h.start_after,
       count(*) AS waiting, min(w.created_on) AS oldest_waiting,
       (array_agg(w.id::text ORDER BY w.created_on, w.id))[1:20] AS samples
FROM {job} AS h
JOIN {job} AS w ON w.name = h.name AND w.singleton_key = h.singleton_key AND w.name = ANY (%(names)s::text[])
  AND w.state < 'active' AND w.state = 'created' AND NOT w.blocked AND w.start_after <= now()
WHERE h.name = ANY (%(names)s::text[]) AND h.policy = 'key_strict_fifo' AND h.state = 'retry'
  AND (h.start_after > now() + make_interval(secs => %(far)s) OR h.start_after < now() - make_interval(secs => %(patience)s))
GROUP BY h.name, h.singleton_key, h.id, h.started_on, h.start_after
ORDER BY 1, 2

-- name: cut_retries
-- A stately job that fails while another of its key waits to run again finds the slot taken, and ends.
WITH cut AS MATERIALIZED (
  SELECT j.name, count(*) AS jobs, min(j.completed_on) AS first_on, min(j.id::text COLLATE "C") AS sample
  FROM {job} AS j
  WHERE j.name = ANY (%(names)s::text[]) AND j.state = 'failed' AND j.policy = 'stately'
    AND j.retry_count < j.retry_limit AND j.completed_on >= {since}
  GROUP BY j.name, uuid_hash(j.id) & 31
), queues AS (
  SELECT c.name, sum(c.jobs)::bigint AS jobs, min(c.first_on) AS first_on FROM cut AS c GROUP BY c.name
)
SELECT q.name AS queue, q.jobs, q.first_on, found.*
FROM queues AS q
JOIN cut AS c ON c.name = q.name
CROSS JOIN LATERAL (
  SELECT j.id::text AS id, coalesce(j.singleton_key, '') AS key, j.retry_count, j.retry_limit, j.completed_on
  FROM {job} AS j
  WHERE j.name = c.name AND j.id = c.sample::uuid
  OFFSET 0
) AS found
ORDER BY q.name, found.completed_on DESC, found.id

-- name: link_traces
-- needs: job_dependency
-- Whether flows have links, or ever had some.
SELECT EXISTS (SELECT FROM {job_dependency}) AS linked,
       pg_relation_size(c.oid) > 0 OR pg_stat_get_tuples_inserted(c.oid) > 0 AS used
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = %(schema)s
WHERE c.relname = 'job_dependency'

-- name: unlinked_children
-- needs: job_dependency
SELECT b.name AS queue, 'unlinked' AS kind, b.jobs, b.first_on, b.id::text AS id, b.created_on, b.keep_until, b.pending,
       NULL::text AS parent_name, NULL::text AS parent_id, NULL::timestamptz AS parent_ended
FROM (
  SELECT c.name, c.id, c.created_on, c.keep_until, c.pending_dependencies AS pending,
         count(*) OVER same AS jobs, min(c.created_on) OVER same AS first_on,
         row_number() OVER (PARTITION BY c.name ORDER BY c.created_on, c.id) AS place
  FROM {job} AS c
  WHERE c.state = 'created' AND c.blocked AND (%(names)s::text[] IS NULL OR c.name = ANY (%(names)s::text[]))
  WINDOW same AS (PARTITION BY c.name)
) AS b
WHERE b.place <= %(shown)s
ORDER BY b.name, b.place

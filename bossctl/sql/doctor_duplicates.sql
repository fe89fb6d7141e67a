-- What the doctor reads to find work that was sent, kept or held more than once.

-- name: payloads_seen_twice
-- Hashes of queue, key and payload that more than one job has. What was throttled, debounced or redriven is left out, and
-- so are payloads that say nothing and those too long to read. Only what was created lately is looked at closer.
-- Sorted by the workers: a hash table of so many groups takes twice the time, and the leader would fill it alone.
SELECT h.hash
FROM (
  SELECT jsonb_hash_extended(j.data, hashtextextended(coalesce(j.singleton_key, ''), hashtextextended(j.name, 0))) AS hash
  FROM {all_jobs} AS j
  WHERE j.created_on >= {since} AND CASE WHEN j.created_on >= {since} THEN
      j.singleton_on IS NULL AND j.source_root_id IS NULL AND NOT j.blocked
      AND pg_column_size(j.data) BETWEEN 10 AND %(largest)s AND left(j.name, 2) <> '__' END
    AND (%(names)s::text[] IS NULL OR j.name = ANY (%(names)s::text[]))
  ORDER BY 1
  OFFSET '0'
) AS h
GROUP BY h.hash HAVING count(*) > 1

-- name: identical_jobs
-- Of the payloads seen twice, the jobs of one queue with the same payload and key, each within the window of its
-- neighbour. A schedule's sends are told by their data.
WITH sent AS MATERIALIZED (
  SELECT c.name, jsonb_hash_extended(nullif(c.data, 'null'::jsonb), 0) AS hash FROM {schedule} AS c
  UNION
  SELECT s.data->>'name', jsonb_hash_extended(nullif(s.data->'data', 'null'::jsonb), 0)
  FROM {all_jobs} AS s
  WHERE s.name = '__pgboss__send-it' AND s.created_on >= {since}
), hashed AS (
  SELECT jsonb_hash_extended(j.data, 0) AS hash, j.name, j.singleton_key, j.created_on, j.id
  FROM (
    SELECT j.name, j.singleton_key, j.created_on, j.id, j.data,
           jsonb_hash_extended(j.data, hashtextextended(coalesce(j.singleton_key, ''), hashtextextended(j.name, 0))) AS seen
    FROM {all_jobs} AS j
    WHERE j.created_on >= {since} AND CASE WHEN j.created_on >= {since} THEN
        j.singleton_on IS NULL AND j.source_root_id IS NULL AND NOT j.blocked
        AND pg_column_size(j.data) BETWEEN 10 AND %(largest)s AND left(j.name, 2) <> '__' END
      AND (%(names)s::text[] IS NULL OR j.name = ANY (%(names)s::text[]))
  ) AS j
  JOIN unnest(%(hashes)s::bigint[]) AS twice (hash) ON twice.hash = j.seen
), beside AS (
  SELECT h.*, h.created_on - lag(h.created_on) OVER w <= make_interval(secs => %(window)s) AS follows,
         lead(h.created_on) OVER w - h.created_on <= make_interval(secs => %(window)s) AS leads
  FROM hashed AS h
  WINDOW w AS (PARTITION BY h.hash, h.name, h.singleton_key ORDER BY h.created_on)
), groups AS (
  SELECT b.name, b.singleton_key, b.hash, count(*) AS jobs, count(*) FILTER (WHERE b.follows) AS surplus,
         min(b.created_on) AS first_on, max(b.created_on) AS last_on,
         (array_agg(b.id::text ORDER BY b.created_on, b.id))[1:%(shown)s] AS ids
  FROM beside AS b
  WHERE b.follows OR b.leads
  GROUP BY b.hash, b.name, b.singleton_key
), ranked AS (
  SELECT g.*, count(*) OVER w AS all_groups, sum(g.jobs) OVER w AS all_jobs, sum(g.surplus) OVER w AS all_surplus,
         min(g.first_on) OVER w AS since,
         row_number() OVER (PARTITION BY g.name, g.singleton_key IS NULL ORDER BY g.surplus DESC, g.last_on DESC, g.hash)
           AS place
  FROM groups AS g
  WHERE NOT EXISTS (SELECT FROM sent WHERE sent.name = g.name AND sent.hash = g.hash)
  WINDOW w AS (PARTITION BY g.name, g.singleton_key IS NULL)
)
SELECT r.name AS queue, r.singleton_key, r.jobs, r.surplus, r.first_on, r.last_on, r.ids, r.all_groups,
       r.all_jobs::bigint AS all_jobs, r.all_surplus::bigint AS all_surplus, r.since
FROM ranked AS r
WHERE r.place <= %(shown)s
ORDER BY r.name, r.place

-- name: queue_policies
-- needs: queue
SELECT q.name, q.policy, q.table_name FROM {queue} AS q
WHERE %(names)s::text[] IS NULL OR q.name = ANY (%(names)s::text[])

-- name: policies_in_use
-- needs: queue
-- Which policies the queues of each job table have; those in a table of their own are one per table.
SELECT q.table_name, q.policy, count(*) AS queues, (array_agg(q.name ORDER BY q.name))[1:%(shown)s] AS names
FROM {queue} AS q GROUP BY 1, 2

-- name: broken_slots
-- when: job.policy
-- Only asked where a unique index is not in place: a valid one cannot be broken.
WITH held AS (
  SELECT j.name AS queue, j.policy AS rule, coalesce(j.singleton_key, '') AS key,
         CASE WHEN j.policy = 'stately' THEN j.state::text END AS state, NULL::timestamp AS slot, j.id, j.created_on
  FROM {job} AS j
  WHERE ((j.policy = 'short' AND j.state = 'created') OR (j.policy = 'singleton' AND j.state = 'active')
      OR (j.policy IN ('stately', 'exclusive') AND j.state <= 'active')
      OR (j.policy = 'key_strict_fifo' AND j.state IN ('active', 'retry', 'failed') AND j.singleton_key IS NOT NULL))
    AND (%(names)s::text[] IS NULL OR j.name = ANY (%(names)s::text[]))
  UNION ALL
  SELECT j.name, 'throttle', coalesce(j.singleton_key, ''), NULL, j.singleton_on, j.id, j.created_on
  FROM {job} AS j
  WHERE j.state <> 'cancelled' AND j.singleton_on IS NOT NULL AND j.created_on >= {since}
    AND (%(names)s::text[] IS NULL OR j.name = ANY (%(names)s::text[]))
), slots AS (
  SELECT h.queue, h.rule, h.key, h.state, h.slot, count(*) AS jobs, min(h.created_on) AS first_on,
         (array_agg(h.id::text ORDER BY h.created_on, h.id))[1:%(shown)s] AS ids
  FROM held AS h GROUP BY 1, 2, 3, 4, 5 HAVING count(*) > 1
), ranked AS (
  SELECT s.*, count(*) OVER w AS all_slots, (sum(s.jobs) OVER w)::bigint AS all_jobs, min(s.first_on) OVER w AS since,
         row_number() OVER (PARTITION BY s.queue, s.rule ORDER BY s.jobs DESC, s.first_on DESC, s.key, s.state) AS place
  FROM slots AS s WINDOW w AS (PARTITION BY s.queue, s.rule)
)
SELECT r.* FROM ranked AS r WHERE r.place <= %(shown)s ORDER BY r.queue, r.rule, r.place

-- name: broken_slots
WITH held AS (
  SELECT j.name AS queue, 'singleton key' AS rule, j.singleton_key AS key, NULL::text AS state, NULL::timestamp AS slot, j.id,
         j.created_on
  FROM {job} AS j
  WHERE j.singleton_on IS NULL AND j.singleton_key IS NOT NULL
    AND CASE WHEN starts_with(j.singleton_key, '__pgboss__singleton_queue') THEN j.state < 'active'
        ELSE j.state < 'completed' END
    AND (%(names)s::text[] IS NULL OR j.name = ANY (%(names)s::text[]))
  UNION ALL
  SELECT j.name, 'throttle', coalesce(j.singleton_key, ''), NULL, j.singleton_on, j.id, j.created_on
  FROM {job} AS j
  WHERE j.state < 'expired' AND j.singleton_on IS NOT NULL AND j.created_on >= {since}
    AND (%(names)s::text[] IS NULL OR j.name = ANY (%(names)s::text[]))
), slots AS (
  SELECT h.queue, h.rule, h.key, h.state, h.slot, count(*) AS jobs, min(h.created_on) AS first_on,
         (array_agg(h.id::text ORDER BY h.created_on, h.id))[1:%(shown)s] AS ids
  FROM held AS h GROUP BY 1, 2, 3, 4, 5 HAVING count(*) > 1
), ranked AS (
  SELECT s.*, count(*) OVER w AS all_slots, (sum(s.jobs) OVER w)::bigint AS all_jobs, min(s.first_on) OVER w AS since,
         row_number() OVER (PARTITION BY s.queue, s.rule ORDER BY s.jobs DESC, s.first_on DESC, s.key) AS place
  FROM slots AS s WINDOW w AS (PARTITION BY s.queue, s.rule)
)
SELECT r.* FROM ranked AS r WHERE r.place <= %(shown)s ORDER BY r.queue, r.rule, r.place

-- name: ids_seen_twice
-- needs: archive
-- when: job.retrylimit
WITH twice AS (
  SELECT a.name, a.id, min(a.created_on) AS first_on, max(a.created_on) AS last_on, count(*) AS archived, false AS live
  FROM {archived_jobs} AS a
  GROUP BY a.name, a.id HAVING count(*) > 1 AND max(a.archived_on) >= {since}
  UNION ALL
  SELECT j.name, j.id, a.created_on, j.created_on, 1, true
  FROM {job} AS j JOIN {archived_jobs} AS a ON a.id = j.id AND a.name = j.name
  WHERE a.archived_on >= {since}
), ids AS (
  SELECT t.name, t.id, min(t.first_on) AS first_on, max(t.last_on) AS last_on, max(t.archived) AS archived,
         bool_or(t.live) AS live
  FROM twice AS t WHERE %(names)s::text[] IS NULL OR t.name = ANY (%(names)s::text[]) GROUP BY 1, 2
), ranked AS (
  SELECT i.*, count(*) OVER w AS all_ids, min(i.first_on) OVER w AS since,
         row_number() OVER (PARTITION BY i.name ORDER BY i.last_on DESC, i.id) AS place
  FROM ids AS i WINDOW w AS (PARTITION BY i.name)
)
SELECT r.name AS queue, r.id::text AS id, r.first_on, r.last_on, r.archived, r.live, r.all_ids, r.since
FROM ranked AS r WHERE r.place <= %(shown)s ORDER BY r.name, r.place

-- name: ids_seen_twice
-- needs: archive
-- From 10 on the archive's own key keeps an id from being there twice.
WITH ranked AS (
  SELECT j.name AS queue, j.id, a.created_on AS first_on, j.created_on AS last_on, count(*) OVER w AS all_ids,
         min(a.created_on) OVER w AS since,
         row_number() OVER (PARTITION BY j.name ORDER BY j.created_on DESC, j.id) AS place
  FROM {job} AS j JOIN {archived_jobs} AS a ON a.name = j.name AND a.id = j.id
  WHERE a.archived_on >= {since} AND (%(names)s::text[] IS NULL OR j.name = ANY (%(names)s::text[]))
  WINDOW w AS (PARTITION BY j.name)
)
SELECT r.queue, r.id::text AS id, r.first_on, r.last_on, 1 AS archived, true AS live, r.all_ids, r.since
FROM ranked AS r WHERE r.place <= %(shown)s ORDER BY r.queue, r.place

-- name: failed_batches
-- Jobs that were fetched together and failed with the same words. Expiries and shutdowns end a batch alike by design.
WITH batches AS (
  SELECT j.name AS queue, j.started_on, jsonb_hash_extended(j.output, 0) AS hash, count(*) AS jobs,
         left(min(coalesce(j.output->>'message', j.output->'value'->>'message')), 200) AS reason,
         (array_agg(j.id::text ORDER BY j.created_on, j.id))[1:%(shown)s] AS ids
  FROM {job} AS j
  WHERE j.state < 'active' AND j.state = 'retry' AND j.started_on IS NOT NULL AND j.output IS NOT NULL
    AND coalesce(j.output->>'message', j.output->'value'->>'message', j.output->>'value', '')
      !~ '^(handler execution exceeded|job timed out|job failed by timeout|job heartbeat timeout|pg-boss shut down)'
    AND j.name = ANY (%(names)s::text[])
  GROUP BY 1, 2, 3 HAVING count(*) > 1
), ranked AS (
  SELECT b.*, count(*) OVER w AS all_batches, (sum(b.jobs) OVER w)::bigint AS all_jobs, min(b.started_on) OVER w AS since,
         row_number() OVER (PARTITION BY b.queue ORDER BY b.started_on DESC, b.hash) AS place
  FROM batches AS b WINDOW w AS (PARTITION BY b.queue)
)
SELECT r.* FROM ranked AS r WHERE r.place <= %(shown)s ORDER BY r.queue, r.place

-- name: dead_letters_beside_originals
-- needs: job.source_id
-- A copy (in the dead letter queue, or redriven from there) that was fetched, and an original that left its end again.
WITH pairs AS (
  SELECT o.name AS queue, o.id AS original, o.state::text AS original_state, o.started_on AS original_started_on,
         c.name AS copy_queue, c.id AS copy, c.state::text AS copy_state, c.started_on AS copy_started_on,
         c.created_on AS copied_on
  FROM {job} AS c
  JOIN {job} AS o ON o.name = coalesce(c.source_name, c.name) AND o.id = coalesce(c.source_id, c.source_root_id)
  WHERE (c.source_id IS NOT NULL OR c.source_root_id IS NOT NULL) AND c.started_on IS NOT NULL
    AND (o.state NOT IN ('failed', 'cancelled') OR o.started_on > c.created_on)
    AND (c.created_on >= {since} OR c.state < 'completed' OR o.state < 'completed')
    AND o.name = ANY (%(names)s::text[])
), ranked AS (
  SELECT p.*, count(*) OVER w AS all_pairs, min(p.copied_on) OVER w AS since,
         row_number() OVER (PARTITION BY p.queue ORDER BY p.copied_on DESC, p.original, p.copy) AS place
  FROM pairs AS p WINDOW w AS (PARTITION BY p.queue)
)
SELECT r.queue, r.original::text AS original, r.original_state, r.original_started_on, r.copy_queue, r.copy::text AS copy,
       r.copy_state, r.copy_started_on, r.copied_on, r.all_pairs, r.since
FROM ranked AS r WHERE r.place <= %(shown)s ORDER BY r.queue, r.place

-- name: scheduled_slots
-- Sends with their minute, and the schedules they can be of: same data, same key where the send tells one, and not
-- changed since. A schedule for every minute has no minute too many.
WITH sends AS MATERIALIZED (
  SELECT s.id, s.data->>'name' AS queue, s.data->>'key' AS key, s.singleton_key, s.created_on,
         nullif(s.data->'data', 'null'::jsonb) AS data, s.singleton_on AT TIME ZONE 'UTC' AS slot
  FROM {all_jobs} AS s
  WHERE s.name = '__pgboss__send-it' AND s.singleton_on IS NOT NULL AND s.created_on >= {since}
    AND (%(names)s::text[] IS NULL OR s.data->>'name' = ANY (%(names)s::text[]))
)
SELECT s.id::text AS id, s.slot, s.created_on, c.name AS queue, c.key, c.cron, c.timezone
FROM sends AS s
JOIN {schedule} AS c ON c.name = s.queue AND nullif(c.data, 'null'::jsonb) IS NOT DISTINCT FROM s.data
 AND CASE WHEN s.key IS NOT NULL THEN s.key = c.key
     ELSE s.singleton_key IS NULL OR s.singleton_key IN (c.name, c.name || '__' || c.key) END
WHERE c.kind IS NOT DISTINCT FROM 'cron' AND c.cron <> '* * * * *' AND c.updated_on < s.slot
ORDER BY s.slot DESC, s.id
LIMIT %(limit)s

-- name: readable_twins
-- Other pg-boss schemas of this database whose schedules this role may read.
SELECT n.nspname AS name
FROM pg_catalog.pg_namespace n
JOIN pg_catalog.pg_type t ON t.typnamespace = n.oid AND t.typname = 'job_state' AND t.typtype = 'e'
JOIN pg_catalog.pg_class v ON v.relnamespace = n.oid AND v.relname = 'version' AND v.relkind IN ('r', 'p')
JOIN pg_catalog.pg_class s ON s.relnamespace = n.oid AND s.relname = 'schedule' AND s.relkind IN ('r', 'p')
WHERE n.nspname <> %(schema)s AND has_schema_privilege(n.oid, 'USAGE')
  AND has_table_privilege(v.oid, 'SELECT') AND has_table_privilege(s.oid, 'SELECT')
  AND EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = v.oid AND a.attname = 'cron_on')
ORDER BY n.nspname

-- name: schedules_both_have
-- Schedules with the same queue and expression in both schemas, and when each schema's scheduler last passed.
SELECT DISTINCT c.name AS queue, c.cron, (SELECT max(v.cron_on) FROM {version} AS v) AS cron_on,
       (SELECT max(v.cron_on) FROM {other_version} AS v) AS other_cron_on
FROM {schedule} AS c
JOIN {other_schedule} AS o ON o.name = c.name AND o.cron = c.cron
WHERE %(names)s::text[] IS NULL OR c.name = ANY (%(names)s::text[])
ORDER BY c.name, c.cron

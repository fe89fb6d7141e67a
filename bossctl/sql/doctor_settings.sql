-- How queues are set up, and what their jobs show of it.

-- name: queue_settings
-- needs: queue
SELECT q.name, q.policy, q.dead_letter, q.expire_seconds, q.heartbeat_seconds,
       %(names)s::text[] IS NULL OR q.name = ANY (%(names)s::text[]) AS asked
FROM {queue} AS q
ORDER BY q.name

-- name: unread_dead_letters
-- needs: queue
-- Dead-letter queues of which no job that is left was ever fetched.
SELECT d.name AS queue, waiting.jobs, waiting.first_on
FROM (SELECT DISTINCT q.dead_letter AS name FROM {queue} AS q WHERE q.dead_letter IS NOT NULL) AS d
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE j.state = 'created' AND NOT j.archived) AS jobs,
         min(j.created_on) FILTER (WHERE j.state = 'created' AND NOT j.archived) AS first_on,
         bool_or(j.started_on IS NOT NULL) AS read
  FROM {all_jobs} AS j WHERE j.name = d.name
) AS waiting
WHERE waiting.jobs > 0 AND NOT waiting.read
  AND (%(names)s::text[] IS NULL OR d.name = ANY (%(names)s::text[]))
ORDER BY 1

-- name: run_percentiles
-- An overrun ran at least as long as its expiry, unless that overflows the timer, which then fires at once. Jobs that
-- maintenance expired say nothing: their worker may have died.
SELECT r.name AS queue, count(*) AS runs, count(*) FILTER (WHERE r.run >= r.expire_seconds) AS beyond,
       count(*) FILTER (WHERE r.overran) AS overran,
       percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY r.run) AS percentiles, max(r.run) AS longest,
       mode() WITHIN GROUP (ORDER BY r.expire_seconds)::float8 AS expire_seconds, min(r.started_on) AS first_on,
       (array_agg(r.id::text ORDER BY r.run / greatest(r.expire_seconds, 1) DESC, r.id))[1:20] AS samples
FROM (
  SELECT j.name, j.id, j.expire_seconds, j.started_on, j.state <> 'completed' AS overran,
         CASE WHEN j.state = 'completed' THEN extract(epoch FROM j.completed_on - j.started_on)::float8
         ELSE j.expire_seconds::float8 END AS run
  FROM {all_jobs} AS j
  WHERE j.name = ANY (%(names)s::text[]) AND j.started_on IS NOT NULL
    AND j.expire_seconds > 0 AND j.expire_seconds <= 2147483.647
    AND ((j.state = 'completed' AND j.completed_on >= {since})
      OR (j.state IN ('failed', 'retry') AND (j.state = 'retry' OR j.completed_on >= {since})
        AND j.output->>'message' LIKE 'handler execution exceeded %%'))
) AS r
GROUP BY r.name

-- name: forgotten_policies
-- needs: queue.updated_on
SELECT q.name AS queue, q.updated_on, j.policy AS was, count(*) AS jobs, min(j.created_on) AS first_on,
       max(j.created_on) AS last_on
FROM {queue} AS q
JOIN {all_jobs} AS j ON j.name = q.name AND j.policy <> 'standard' AND j.created_on < q.updated_on
WHERE coalesce(q.policy, 'standard') = 'standard' AND q.updated_on > q.created_on
  AND (%(names)s::text[] IS NULL OR q.name = ANY (%(names)s::text[]))
GROUP BY 1, 2, 3
ORDER BY 1, 3

-- name: ignored_schedule_options
-- Jobs that came of sends (FACTS §3.6) since the schedule was last changed, and not as its options ask.
WITH asked AS (
  SELECT s.name, s.updated_on, nullif(s.data, 'null'::jsonb) AS data,
         (SELECT sum(e.value::text::float8 * CASE e.key WHEN 'expireInSeconds' THEN 1 WHEN 'expireInMinutes' THEN 60
                 WHEN 'expireInHours' THEN 3600 END)
          FROM jsonb_each(s.options) AS e
          WHERE e.key LIKE 'expireIn%%' AND jsonb_typeof(e.value) = 'number') AS expire,
         (SELECT sum(e.value::text::float8 * CASE e.key WHEN 'retentionSeconds' THEN 1 WHEN 'retentionMinutes' THEN 60
                 WHEN 'retentionHours' THEN 3600 WHEN 'retentionDays' THEN 86400 END)
          FROM jsonb_each(s.options) AS e
          WHERE e.key LIKE 'retention%%' AND jsonb_typeof(e.value) = 'number') AS retention
  FROM {schedule} AS s
  WHERE jsonb_typeof(s.options) = 'object' AND (%(names)s::text[] IS NULL OR s.name = ANY (%(names)s::text[]))
)
SELECT a.name AS queue, a.expire, a.retention, count(*) AS jobs, min(j.created_on) AS first_on,
       mode() WITHIN GROUP (ORDER BY j.expire_seconds)::float8 AS expire_got,
       mode() WITHIN GROUP (ORDER BY round(extract(epoch FROM j.keep_until - j.start_after)))::float8 AS retention_got,
       (array_agg(DISTINCT j.id::text))[1:20] AS samples
FROM asked AS a
JOIN {all_jobs} AS s ON s.name = '__pgboss__send-it' AND s.data->>'name' = a.name
JOIN {all_jobs} AS j ON j.name = a.name AND j.created_on BETWEEN s.started_on AND coalesce(s.completed_on, 'infinity')
  AND nullif(j.data, 'null'::jsonb) IS NOT DISTINCT FROM a.data
WHERE j.created_on >= greatest(a.updated_on, {since})
  AND (abs(j.expire_seconds - a.expire) > 1
    OR abs(extract(epoch FROM j.keep_until - j.start_after) - a.retention) > 1)
GROUP BY 1, 2, 3
ORDER BY 1

-- name: key_overlaps
-- needs: queue
-- Jobs created while another with their key was not finished, of queues that do not look at keys and take no dead
-- letters. What was throttled, debounced, copied to a dead letter or meant to replace its predecessor is left out.
SELECT o.name AS queue, count(*) AS jobs, count(DISTINCT o.singleton_key) AS keys, min(o.created_on) AS first_on,
       (array_agg(o.id::text ORDER BY o.created_on DESC, o.id))[1:20] AS samples
FROM (
  SELECT j.name, j.singleton_key, j.id, j.created_on,
         max(coalesce(j.completed_on, j.archived_on, 'infinity')) OVER (
           PARTITION BY j.name, j.singleton_key ORDER BY j.created_on, j.id
           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS busy_until
  FROM {all_jobs} AS j
  WHERE j.singleton_key IS NOT NULL AND j.singleton_on IS NULL AND coalesce(j.policy, 'standard') = 'standard'
    AND j.upsert_by_key IS NOT TRUE AND j.source_id IS NULL AND left(j.name, 2) <> '__' AND j.created_on >= {since}
    AND j.name = ANY (%(names)s::text[])
) AS o
WHERE o.created_on < o.busy_until
GROUP BY o.name
ORDER BY o.name

-- name: cached_counters
-- needs: queue.active_count
-- The order makes the look for one job go by the primary key, also where the planner expects many.
SELECT q.name AS queue, q.created_on, q.monitor_on, q.queued_count AS queued, q.active_count AS active,
       q.total_count AS total, coalesce((SELECT true FROM {job} AS j WHERE j.name = q.name ORDER BY j.id LIMIT 1), false) AS has_jobs
FROM {queue} AS q
WHERE left(q.name, 2) <> '__' AND (%(names)s::text[] IS NULL OR q.name = ANY (%(names)s::text[]))
ORDER BY q.name

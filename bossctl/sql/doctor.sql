-- Readings of the doctor. Each is one pass that answers many questions; counts are exact, ids are samples.
-- The slot since is a literal, not a parameter: the planner must see how much of the table is meant.

-- name: known_queues
-- when: queue
SELECT q.name FROM {queue} AS q ORDER BY q.name

-- name: known_queues
SELECT j.name FROM {all_jobs} AS j UNION SELECT s.name FROM {schedule} AS s ORDER BY 1

-- name: pass_interval
-- needs: instance
-- A pass needs both timers of an instance; the quickest living supervisor decides when it comes.
SELECT min(greatest(
  CASE WHEN jsonb_typeof(i.config->'superviseIntervalSeconds') = 'number'
       THEN (i.config->>'superviseIntervalSeconds')::float8 END,
  CASE WHEN jsonb_typeof(i.config->'monitorIntervalSeconds') = 'number'
       THEN (i.config->>'monitorIntervalSeconds')::float8 END)) AS seconds
FROM {instance} AS i
WHERE i.supervise AND i.stopped_on IS NULL AND i.heartbeat_on > now() - 3 * make_interval(secs => i.heartbeat_seconds)

-- name: supervisor_stamps
-- when: queue.monitor_on
SELECT max(q.monitor_on) AS monitor_on, max(q.monitor_claim_on) AS monitor_claim_on FROM {queue} AS q

-- name: supervisor_stamps
-- needs: archive
-- Up to 10, maintenance archives; where it is called from outside, that is the only sign of it.
SELECT max(a.archived_on) AS archived_on FROM {archived_jobs} AS a

-- name: work_to_maintain
SELECT EXISTS (SELECT FROM {job} AS j) AS jobs,
       EXISTS (SELECT FROM {job} AS j WHERE j.created_on < now() - make_interval(secs => %(old_seconds)s)) AS old_jobs

-- name: symptom_evidence
-- OFFSET 0 makes it one look-up by primary key per pair of queue and id: with a partition per queue, a join sorts them
-- all (2 s at 1 M rows against 30 ms).
SELECT found.*
FROM unnest(%(names)s::text[], %(ids)s::uuid[]) AS wanted (name, id)
CROSS JOIN LATERAL (
  SELECT j.id::text AS id, j.name AS queue, j.state::text AS state, j.retry_count, j.retry_limit, j.created_on,
         j.start_after, j.started_on, j.completed_on, j.expire_seconds::float8 AS expire_seconds,
         left(coalesce(j.output->>'message', j.output->'value'->>'message',
           CASE WHEN jsonb_typeof(j.output->'value') = 'string' THEN j.output->>'value' END), 200) AS reason, j.archived
  FROM {all_jobs} AS j
  WHERE j.name = wanted.name AND j.id = wanted.id
  OFFSET 0
) AS found

-- name: doubled_sends
-- Sends without a throttling slot (FACTS D1, D2), per minute and not by distance: 30 seconds apart can be two slots.
-- Several schedules of one queue may look alike in their sends, which makes as many sends a minute due.
WITH sends AS MATERIALIZED (
  SELECT s.id, s.created_on, date_trunc('minute', s.created_on) AS minute, s.data->>'name' AS queue,
         coalesce(s.data->>'key', s.data->'options'->>'key', '') AS key, nullif(s.data->'data', 'null'::jsonb) AS data
  FROM {all_jobs} AS s
  WHERE s.name = '__pgboss__send-it' AND s.singleton_on IS NULL AND s.created_on >= {since}
    AND (%(names)s::text[] IS NULL OR s.data->>'name' = ANY (%(names)s::text[]))
), alike AS (
  SELECT c.name AS queue, coalesce(c.options->>'key', '') AS key, nullif(c.data, 'null'::jsonb) AS data, count(*) AS due
  FROM {schedule} AS c
  GROUP BY 1, 2, 3
), minutes AS (
  SELECT s.queue, s.key, s.data, s.minute, count(*) AS sends, coalesce(max(a.due), 1) AS due
  FROM sends AS s
  LEFT JOIN alike AS a ON a.queue = s.queue AND a.key = s.key AND a.data IS NOT DISTINCT FROM s.data
  GROUP BY 1, 2, 3, 4
), doubled AS (
  SELECT m.queue, m.key, m.data, m.minute, m.due, row_number() OVER (w ORDER BY m.minute DESC) AS newest,
         count(*) OVER w AS doubled, sum(m.sends) OVER w AS sends, sum(m.sends - m.due) OVER w AS surplus, min(m.minute) OVER w AS first_minute,
         max(m.minute) OVER w AS last_minute
  FROM minutes AS m
  WHERE m.sends > m.due
  WINDOW w AS (PARTITION BY m.queue, m.key)
), seen AS (
  SELECT m.queue, m.key, count(DISTINCT m.minute) AS slots FROM minutes AS m GROUP BY 1, 2
)
SELECT d.queue, d.key, d.minute, d.due, d.doubled, d.sends, d.surplus, d.first_minute, d.last_minute,
       seen.slots AS slots_seen,
       (SELECT min(c.cron) FROM {schedule} AS c WHERE c.name = d.queue AND c.key = d.key) AS cron,
       s.id::text AS id, s.created_on
FROM doubled AS d
JOIN seen ON seen.queue = d.queue AND seen.key = d.key
JOIN sends AS s ON s.queue = d.queue AND s.key = d.key AND s.minute = d.minute AND s.data IS NOT DISTINCT FROM d.data
WHERE d.newest <= %(shown)s
ORDER BY d.queue, d.key, d.minute, s.created_on, s.id

-- name: send_jobs
-- The jobs that came of sends (FACTS §3.6: same queue and data, created while the send was worked). They are met by the
-- minute: comparing all of a day's with each other would take a second for a schedule that fires every minute.
WITH sends AS MATERIALIZED (
  SELECT s.id, s.data->>'name' AS queue, nullif(s.data->'data', 'null'::jsonb) AS data, s.started_on,
         coalesce(s.completed_on, 'infinity') AS completed_on
  FROM {all_jobs} AS s
  WHERE s.name = '__pgboss__send-it' AND s.id = ANY (%(ids)s::uuid[]) AND isfinite(s.started_on)
), minutes AS MATERIALIZED (
  SELECT s.*, m.minute
  FROM sends AS s
  CROSS JOIN LATERAL generate_series(date_trunc('minute', s.started_on),
    least(s.completed_on, s.started_on + interval '10 minutes'), interval '1 minute') AS m (minute)
)
SELECT s.id::text AS send, s.started_on, j.id::text AS id, j.name AS queue, j.state::text AS state, j.created_on,
       j.archived
FROM {all_jobs} AS j
JOIN minutes AS s ON s.queue = j.name AND s.minute = date_trunc('minute', j.created_on)
  AND j.created_on BETWEEN s.started_on AND s.completed_on
  AND nullif(j.data, 'null'::jsonb) IS NOT DISTINCT FROM s.data
WHERE j.name = ANY (%(names)s::text[]) AND j.created_on >= {since}
ORDER BY j.created_on, j.id

-- Schedules and what the scheduler sent last.

-- name: schedules
SELECT s.name, s.key, s.cron, s.timezone, s.kind, s.created_on, s.updated_on
FROM {schedule} AS s
ORDER BY s.name, s.key

-- name: last_sends
-- The newest row of the send queue per schedule, and the job that came of it (FACTS §3.6: same queue and data, created
-- while the send was worked).
WITH last_send AS MATERIALIZED (
  SELECT DISTINCT ON (s.data->>'name', coalesce(s.data->>'key', ''))
         s.data->>'name' AS queue, coalesce(s.data->>'key', '') AS key, s.data->'data' AS data,
         s.id, s.state, s.created_on, s.started_on, s.completed_on
  FROM {all_jobs} AS s
  WHERE s.name = '__pgboss__send-it'
  ORDER BY s.data->>'name', coalesce(s.data->>'key', ''), s.created_on DESC
), recent AS MATERIALIZED (
  SELECT j.id, j.name, j.state, j.created_on, j.data
  FROM {all_jobs} AS j
  WHERE j.created_on >= (SELECT min(started_on) FROM last_send) AND j.name IN (SELECT queue FROM last_send)
)
SELECT l.queue, l.key, l.created_on AS sent_on,
       coalesce(sent.id, l.id)::text AS id, coalesce(sent.name, '__pgboss__send-it') AS job_queue,
       coalesce(sent.state, l.state)::text AS state, coalesce(sent.created_on, l.created_on) AS created_on
FROM last_send AS l
LEFT JOIN LATERAL (
  SELECT r.id, r.name, r.state, r.created_on
  FROM recent AS r
  WHERE r.name = l.queue AND r.created_on BETWEEN l.started_on AND coalesce(l.completed_on, 'infinity')
    AND nullif(r.data, 'null'::jsonb) IS NOT DISTINCT FROM nullif(l.data, 'null'::jsonb)
  ORDER BY r.created_on LIMIT 1
) AS sent ON true

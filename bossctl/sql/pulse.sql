-- What goes on in queues: jobs that ended, by minutes back from now, and when one was last fetched.

-- name: pulse_minutes
-- needs: index:i16, queue
-- An index on (name, completed_on) leads to what ended lately.
SELECT q.name AS queue, e.minute, e.completed, e.failed
FROM {queue_table} AS q
CROSS JOIN LATERAL (
  SELECT floor(extract(epoch FROM now() - j.completed_on) / 60)::int AS minute,
         count(*) FILTER (WHERE j.state = 'completed') AS completed,
         count(*) FILTER (WHERE j.state = 'failed') AS failed
  FROM {job} AS j
  WHERE j.name = q.name AND j.completed_on IS NOT NULL AND j.completed_on <= now()
    AND j.completed_on > now() - make_interval(mins => %(minutes)s)
  GROUP BY 1
) AS e

-- name: pulse_scan
-- One pass over all jobs where no index leads to these; the bound is computed once. Between completed and cancelled
-- lies 8/9's state expired.
SELECT g.name AS queue, g.minute, g.completed, g.failed,
       nullif(greatest(g.started_on, g.heartbeat_on), '-infinity') AS seen_on
FROM (
  SELECT j.name,
         CASE WHEN j.completed_on > (SELECT now() - make_interval(mins => %(minutes)s)) AND j.completed_on <= now()
              THEN floor(extract(epoch FROM now() - j.completed_on) / 60)::int END AS minute,
         count(*) FILTER (WHERE j.state = 'completed') AS completed,
         count(*) FILTER (WHERE j.state > 'completed' AND j.state <> 'cancelled') AS failed,
         max(j.started_on) FILTER (WHERE j.started_on < 'infinity') AS started_on,
         max(j.heartbeat_on) FILTER (WHERE j.heartbeat_on < 'infinity') AS heartbeat_on
  FROM {job} AS j
  GROUP BY 1, 2
) AS g

-- name: pulse_deltas
-- needs: queue.completed_delta
-- What pg-boss's own monitor counted between its last two passes.
SELECT q.name AS queue, q.completed_delta * 60.0::float8 / q.delta_seconds AS completed,
       q.failed_delta * 60.0::float8 / q.delta_seconds AS failed,
       extract(epoch FROM now() - q.delta_on)::float8 AS age_seconds
FROM {queue} AS q
WHERE q.delta_seconds > 0 AND q.delta_on IS NOT NULL

-- name: pulse_history
-- needs: queue_stats.completed_delta
-- The same of former passes, where pg-boss is told to keep them.
SELECT s.name AS queue, s.completed_delta * 60.0::float8 / s.delta_seconds AS completed,
       s.failed_delta * 60.0::float8 / s.delta_seconds AS failed
FROM {queue_stats} AS s
WHERE s.captured_on > now() - make_interval(mins => 2 * %(minutes)s) AND s.delta_seconds > 0
ORDER BY s.name, s.captured_on

-- What went through one queue lately. The queue is a constant and no indexed column is cast, so that schema 46 goes by
-- its indexes on (name, created_on) and (name, completed_on), and those before by their index or table of the queue.
-- What completed is followed by 8/9's expired, cancelled and failed. The slots since and until are literals.

-- name: queue_activity
SELECT s.step, sum(s.created)::bigint AS created, sum(s.completed)::bigint AS completed, sum(s.failed)::bigint AS failed
FROM (
  SELECT floor((date_part('epoch', c.created_on) - date_part('epoch', {since})) / %(step)s)::int AS step,
         count(*) AS created, 0 AS completed, 0 AS failed
  FROM {all_jobs} AS c
  WHERE c.name = %(queue)s AND c.created_on >= {since} AND c.created_on < {until}
  GROUP BY 1
  UNION ALL
  SELECT floor((date_part('epoch', e.completed_on) - date_part('epoch', {since})) / %(step)s)::int, 0,
         count(*) FILTER (WHERE e.state = 'completed'), count(*) FILTER (WHERE e.state > 'completed')
  FROM {all_jobs} AS e
  WHERE e.name = %(queue)s AND e.completed_on IS NOT NULL AND e.completed_on >= {since} AND e.completed_on < {until}
    AND e.state > 'active' AND e.state <> 'cancelled'
  GROUP BY 1
) AS s
GROUP BY s.step

-- name: queue_latency
-- Waiting and running are what pg-boss's own histograms count; stamps of two clocks can be the wrong way round.
SELECT count(t.wait)::bigint AS waits, count(t.run)::bigint AS runs,
       percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY t.wait) AS wait,
       percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY t.run) AS run
FROM (
  SELECT CASE WHEN j.started_on > greatest(j.created_on, j.start_after)
              THEN date_part('epoch', j.started_on - greatest(j.created_on, j.start_after))
              WHEN j.started_on IS NOT NULL THEN 0 END AS wait,
         CASE WHEN j.completed_on > j.started_on THEN date_part('epoch', j.completed_on - j.started_on)
              WHEN j.started_on IS NOT NULL THEN 0 END AS run
  FROM {all_jobs} AS j
  WHERE j.name = %(queue)s AND j.completed_on IS NOT NULL AND j.completed_on >= {since} AND j.completed_on < {until}
    AND j.state > 'active' AND j.state <> 'cancelled'
) AS t

-- name: schedules_of
SELECT s.name, s.key, s.cron, s.timezone, s.kind, s.created_on, s.updated_on
FROM {schedule} AS s
WHERE s.name = %(queue)s
ORDER BY s.key

-- Schedules and what the scheduler sent last.

-- name: schedules
SELECT s.name, s.key, s.cron, s.timezone, s.kind, s.created_on, s.updated_on
FROM {schedule} AS s
ORDER BY s.name, s.key

-- name: schedule_sends
-- What the scheduler sent: all of it since then, and the newest of each schedule whenever it was. Whose it is say its
-- data (12.31 and newer), the schedule's own options (11), or its singleton key (11.1.1 and newer).
WITH sends AS (
  SELECT s.id, s.created_on, s.state, s.singleton_on, s.data->>'slot' AS slot, s.data->>'name' AS queue,
         coalesce(s.data->>'key', s.data->'options'->>'key',
           CASE WHEN left(s.singleton_key, length(s.data->>'name') + 2) = (s.data->>'name') || '__'
                THEN substr(s.singleton_key, length(s.data->>'name') + 3) END, '') AS key
  FROM {all_jobs} AS s
  WHERE s.name = '__pgboss__send-it' AND s.data->>'name' IS NOT NULL AND isfinite(s.created_on)
), placed AS (
  SELECT s.*, row_number() OVER (PARTITION BY s.queue, s.key ORDER BY s.created_on DESC) AS place FROM sends AS s
)
SELECT p.id::text AS id, p.queue, p.key, p.created_on, p.state::text AS state, p.slot,
       p.singleton_on IS NOT NULL AS throttled
FROM placed AS p
WHERE p.created_on >= {since} OR p.place <= %(shown)s
ORDER BY p.created_on DESC, p.id
LIMIT %(limit)s

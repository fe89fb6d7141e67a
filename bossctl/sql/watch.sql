-- What doctor --watch compares from one look to the next: what runs, and what ended since the last look.
-- The state comparisons are those of 8/9's enum too: everything after active has ended. The slot since is a literal.

-- name: watch_sample
-- when: index:i14, index:i16
SELECT s.id::text AS id, s.name AS queue, s.state::text AS state, s.retry_count, s.created_on, s.started_on,
       s.completed_on, CASE WHEN s.state = 'active' THEN left(coalesce(
         s.output->>'message', s.output->'value'->>'message', s.output->>'value'), 200) END AS reason
FROM (
  SELECT r.id, r.name, r.state, r.retry_count, r.created_on, r.started_on, r.completed_on, r.output
  FROM {job} AS r
  WHERE r.state = 'active' AND r.name = ANY (ARRAY(
    SELECT q.name FROM {queue} AS q WHERE %(names)s::text[] IS NULL OR q.name = ANY (%(names)s::text[])))
  UNION ALL
  SELECT e.*
  FROM {queue} AS q
  CROSS JOIN LATERAL (
    SELECT j.id, j.name, j.state, j.retry_count, j.created_on, j.started_on, j.completed_on, j.output
    FROM {job} AS j
    WHERE j.name = q.name AND j.completed_on IS NOT NULL AND j.completed_on >= {since} AND j.state > 'active'
    ORDER BY j.completed_on DESC
    LIMIT %(limit)s
  ) AS e
  WHERE %(names)s::text[] IS NULL OR q.name = ANY (%(names)s::text[])
) AS s
ORDER BY (s.state = 'active') DESC, s.completed_on DESC NULLS LAST
LIMIT %(limit)s

-- name: watch_sample
SELECT s.id::text AS id, s.name AS queue, s.state::text AS state, s.retry_count, s.created_on, s.started_on,
       s.completed_on, CASE WHEN s.state = 'active' THEN left(coalesce(
         s.output->>'message', s.output->'value'->>'message', s.output->>'value'), 200) END AS reason
FROM (
  SELECT j.id, j.name, j.state, j.retry_count, j.created_on, j.started_on, j.completed_on, j.output
  FROM {job} AS j
  WHERE (j.state = 'active' OR (j.state > 'active' AND j.completed_on >= {since}))
    AND (%(names)s::text[] IS NULL OR j.name = ANY (%(names)s::text[]))
  ORDER BY (j.state = 'active') DESC, j.completed_on DESC NULLS LAST
  LIMIT %(limit)s
) AS s

-- The jobs that one job comes from, leads to, waits for or is waited for by: look-ups by queue and id, read once.

-- name: dead_letters_around
-- needs: queue
-- Where its dead letter goes, and the queues whose dead letters come here.
SELECT q.dead_letter, ARRAY(SELECT s.name FROM {queue} AS s WHERE s.dead_letter = q.name ORDER BY 1) AS sources
FROM {queue} AS q
WHERE q.name = %(queue)s

-- name: dead_letter_source
-- needs: queue
-- Nothing links them: a dead letter is made at the instant of the failure, with the same payload.
SELECT o.id::text AS id, o.name AS queue, o.state::text AS state, o.created_on, o.archived
FROM {all_jobs} AS j
JOIN {all_jobs} AS o ON o.name = ANY (%(names)s::text[]) AND o.completed_on = j.created_on AND o.state = 'failed'
  AND o.data IS NOT DISTINCT FROM j.data
WHERE j.name = %(queue)s AND j.id = %(id)s::uuid
ORDER BY o.created_on, o.id
LIMIT %(limit)s

-- name: flow_neighbours
-- needs: job_dependency
-- when: own:link
-- Links of jobs that bossctl archived are kept beside them.
SELECT f.relation, f.queue, f.id::text AS id, f.total, a.state, a.created_on, coalesce(a.archived, false) AS archived
FROM (
  SELECT l.relation, l.queue, l.id, count(*) OVER (PARTITION BY l.relation)::int AS total,
         row_number() OVER (PARTITION BY l.relation ORDER BY l.queue, l.id) AS place
  FROM (
    SELECT 'parent' AS relation, d.parent_name AS queue, d.parent_id AS id
    FROM {job_dependency} AS d WHERE d.child_name = %(queue)s AND d.child_id = %(id)s::uuid
    UNION
    SELECT 'parent', o.parent_name, o.parent_id
    FROM {own_link} AS o WHERE o.child_name = %(queue)s AND o.child_id = %(id)s::uuid
    UNION
    SELECT 'child', d.child_name, d.child_id
    FROM {job_dependency} AS d WHERE d.parent_name = %(queue)s AND d.parent_id = %(id)s::uuid
    UNION
    SELECT 'child', o.child_name, o.child_id
    FROM {own_link} AS o WHERE o.parent_name = %(queue)s AND o.parent_id = %(id)s::uuid
  ) AS l
) AS f
LEFT JOIN LATERAL (
  SELECT j.state::text AS state, j.created_on, j.archived
  FROM {all_jobs} AS j WHERE j.name = f.queue AND j.id = f.id ORDER BY j.archived LIMIT 1
) AS a ON true
WHERE f.place <= %(limit)s
ORDER BY f.relation DESC, f.place

-- name: flow_neighbours
-- needs: job_dependency
SELECT f.relation, f.queue, f.id::text AS id, f.total, a.state, a.created_on, coalesce(a.archived, false) AS archived
FROM (
  SELECT l.relation, l.queue, l.id, count(*) OVER (PARTITION BY l.relation)::int AS total,
         row_number() OVER (PARTITION BY l.relation ORDER BY l.queue, l.id) AS place
  FROM (
    SELECT 'parent' AS relation, d.parent_name AS queue, d.parent_id AS id
    FROM {job_dependency} AS d WHERE d.child_name = %(queue)s AND d.child_id = %(id)s::uuid
    UNION ALL
    SELECT 'child', d.child_name, d.child_id
    FROM {job_dependency} AS d WHERE d.parent_name = %(queue)s AND d.parent_id = %(id)s::uuid
  ) AS l
) AS f
LEFT JOIN LATERAL (
  SELECT j.state::text AS state, j.created_on, j.archived
  FROM {all_jobs} AS j WHERE j.name = f.queue AND j.id = f.id ORDER BY j.archived LIMIT 1
) AS a ON true
WHERE f.place <= %(limit)s
ORDER BY f.relation DESC, f.place

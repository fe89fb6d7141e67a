-- Moving jobs out of the job table and back. Each is one statement or one transaction: a row is in exactly one place.

-- name: into_archive
-- needs: archive
INSERT INTO {archive} ({held}, {stamp}) SELECT {held}, now() FROM {gone} AS j RETURNING id

-- name: into_own_archive
INSERT INTO {own_archive} (bossctl_schema, bossctl_operation, bossctl_generation, bossctl_shape, bossctl_archived_by,
                           name, id{targets})
SELECT %(schema)s, %(operation)s, %(generation)s, %(shape)s::int,
       (SELECT current_user || ' (' || %(by)s::text || ')'),
       j.name, j.id{sources} FROM {gone} AS j
RETURNING id

-- name: put_back
INSERT INTO {job_table} ({put})
SELECT {picked} FROM {rows} AS j WHERE j.name = %(queue)s AND j.id = ANY (%(ids)s::uuid[])
RETURNING id::text AS id

-- name: out_of_archive
-- needs: archive
DELETE FROM {archive} WHERE name = %(queue)s AND id = ANY (%(ids)s::uuid[])

-- name: out_of_own_archive
-- needs: own:archive
DELETE FROM {own_archive} WHERE bossctl_schema = %(schema)s AND name = %(queue)s AND id = ANY (%(ids)s::uuid[])

-- name: shapes_archived
-- needs: own:archive
SELECT a.bossctl_shape AS shape, array_agg(a.id::text) AS ids, array_agg(DISTINCT a.bossctl_operation) AS operations
FROM {own_archive} AS a
WHERE a.bossctl_schema = %(schema)s AND a.name = %(queue)s AND a.id = ANY (%(ids)s::uuid[])
GROUP BY a.bossctl_shape

-- name: operation_links
-- needs: own:link
SELECT l.child_name, l.child_id::text AS child_id, l.parent_name, l.parent_id::text AS parent_id
FROM {own_link} AS l
WHERE l.bossctl_operation = ANY (%(operations)s::text[])
  AND ((l.child_name = %(queue)s AND l.child_id = ANY (%(ids)s::uuid[]))
    OR (l.parent_name = %(queue)s AND l.parent_id = ANY (%(ids)s::uuid[])))

-- name: links_put_back
-- needs: job_dependency
INSERT INTO {job_dependency} (child_name, child_id, parent_name, parent_id)
SELECT l.child_name, l.child_id, l.parent_name, l.parent_id
FROM unnest(%(child_names)s::text[], %(child_ids)s::uuid[], %(parent_names)s::text[], %(parent_ids)s::uuid[])
  AS l(child_name, child_id, parent_name, parent_id)
ON CONFLICT DO NOTHING

-- name: parents_counted_again
-- needs: job_dependency
-- Parents that ended while a blocked job was gone never told it: the resolver tells only jobs that are there.
-- Counted first and once: PostgreSQL 13 would count anew for each row of the queue.
WITH pending AS MATERIALIZED (
  SELECT child.id, count(*) FILTER (
    WHERE NOT coalesce(parent.state = 'completed' AND NOT parent.blocking, false))::int AS parents
  FROM {job_table} AS child
  JOIN {job_dependency} AS d ON d.child_name = child.name AND d.child_id = child.id
  LEFT JOIN {job_table} AS parent ON parent.name = d.parent_name AND parent.id = d.parent_id
  WHERE child.name = %(queue)s AND child.id = ANY (%(ids)s::uuid[]) AND child.blocked
    AND EXISTS (SELECT FROM {job_dependency})
  GROUP BY child.id
)
UPDATE {job_table} AS j SET pending_dependencies = p.parents, blocked = p.parents > 0
FROM pending AS p
WHERE j.name = %(queue)s AND j.id = p.id

-- name: finished_among
-- How many of these jobs the counters of schema 46 hold as finished (FACTS §3.1).
SELECT count(*) AS rows FROM {job} AS j WHERE j.name = %(queue)s AND j.id = ANY (%(ids)s::uuid[]) AND {retained}

-- name: pairs_removed
-- What was made from these, unless somebody has touched it since.
DELETE FROM {job_table} AS j
USING {rows} AS m
WHERE m.origin = ANY (%(ids)s::uuid[]) AND j.name = m.name AND j.id = m.id AND j.xmin::text::bigint = m.undo_xid
RETURNING j.name AS queue, j.id::text AS id, m.origin::text AS origin

-- name: pairs_of
SELECT m.name AS queue, m.id::text AS id FROM {rows} AS m
WHERE m.origin = ANY (%(ids)s::uuid[])

-- name: images_spent
-- needs: own:image
DELETE FROM {own_image} AS o
WHERE o.bossctl_operation = %(operation)s AND o.bossctl_xid = %(xid)s::bigint AND o.bossctl_kind = %(kind)s
  AND o.name = %(queue)s AND o.id = ANY (%(ids)s::uuid[])

-- name: image_groups
-- needs: own:image
SELECT o.bossctl_xid AS xid, o.bossctl_kind AS kind, o.name AS queue, o.bossctl_shape AS shape,
       array_agg(o.id::text ORDER BY o.id) AS ids
FROM {own_image} AS o
WHERE o.bossctl_operation = %(operation)s AND o.bossctl_xid = %(xid)s::bigint
GROUP BY 1, 2, 3, 4 ORDER BY 2, 3, 4

-- name: image_transactions
-- needs: own:image
SELECT o.bossctl_xid AS xid, array_agg(DISTINCT o.bossctl_kind) AS kinds
FROM {own_image} AS o WHERE o.bossctl_operation = %(operation)s GROUP BY 1 ORDER BY 1

-- name: archived_groups
-- needs: own:archive
SELECT a.name AS queue, count(*) AS rows FROM {own_archive} AS a
WHERE a.bossctl_schema = %(schema)s AND a.bossctl_operation = %(operation)s GROUP BY 1 ORDER BY 1

-- name: archive_page
-- needs: own:archive
SELECT o.id::text AS id FROM {own_archive} AS o
WHERE o.bossctl_operation = %(operation)s AND o.bossctl_schema = %(schema)s AND o.name = %(of_queue)s AND {beyond}
ORDER BY o.id LIMIT %(limit)s

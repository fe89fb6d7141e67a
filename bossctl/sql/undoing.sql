-- What undo does to rows that are there. Each is found by its id and taken where it lies: joined by their ids, a planner
-- that knows nothing of the queue reads all of it for every row.

-- name: change_put_back
UPDATE {job_table} AS j SET {restored}
FROM (
  SELECT o.*, live.place, live.part
  FROM {rows} AS o
  CROSS JOIN LATERAL (
    SELECT l.ctid AS place, l.tableoid AS part FROM {job_table} AS l WHERE l.name = {named} AND l.id = o.id OFFSET 0
  ) AS live
  WHERE o.name = %(queue)s AND o.id = ANY (%(ids)s::uuid[])
) AS i
WHERE j.name = {named} AND j.ctid = i.place AND j.tableoid = i.part AND j.id = i.id
RETURNING j.id::text AS id

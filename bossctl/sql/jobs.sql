-- Lists and single jobs. Lists never read a payload; pages go by key, never by offset.

-- name: jobs_page
SELECT {columns}
FROM (
  SELECT {raw}
  FROM {source} AS j
  WHERE {where} AND {after} AND {cutoff}
  ORDER BY j.created_on DESC, j.id DESC, j.name DESC
  LIMIT %(limit)s
) AS j
ORDER BY j.created_on DESC, j.id DESC, j.name DESC

-- name: page_cutoff
-- A time that some sampled rows are newer than: a page of rows above it is surely the newest, found without sorting all.
SELECT min(s.created_on) AS cutoff, count(*) AS sampled
FROM (
  SELECT j.created_on
  FROM {sampled_job} AS j
  WHERE {where} AND {after}
  ORDER BY j.created_on DESC
  LIMIT 3
) AS s

-- name: jobs_page_by_queue
-- needs: index:i15, queue
-- An index on (name, created_on) makes a short walk per queue cheaper than one sort of all.
SELECT {columns}
FROM {queue} AS q
CROSS JOIN LATERAL (
  SELECT {raw}
  FROM {job} AS j
  WHERE j.name = q.name AND {where} AND {after}
  ORDER BY j.created_on DESC, j.id DESC
  LIMIT %(limit)s
) AS j
WHERE {queues}
ORDER BY j.created_on DESC, j.id DESC, j.name DESC
LIMIT %(limit)s

-- name: job_by_id
-- when: queue
-- The primary key is (name, id): naming every queue lets it be used (0.9 ms against 109 ms at 1 M rows).
SELECT {columns}, {details}
FROM {job} AS j
WHERE j.id = %(id)s::uuid AND j.name = ANY (ARRAY(SELECT q.name FROM {queue} AS q))

-- name: job_by_id
SELECT {columns}, {details}
FROM {job} AS j
WHERE j.id = %(id)s::uuid

-- name: archived_by_id
-- needs: archives
-- when: queue
SELECT {columns}, {details}
FROM {archived_jobs} AS j
WHERE j.id = %(id)s::uuid AND j.name = ANY (ARRAY(SELECT q.name FROM {queue} AS q))

-- name: archived_by_id
-- needs: archives
SELECT {columns}, {details}
FROM {archived_jobs} AS j
WHERE j.id = %(id)s::uuid

-- name: job_by_id_anywhere
-- Rows whose queue is gone: a scan, tried only when the keyed look-up found nothing.
SELECT {columns}, {details}
FROM {all_jobs} AS j
WHERE j.id = %(id)s::uuid

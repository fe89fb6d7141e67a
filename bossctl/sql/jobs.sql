-- Lists and single jobs. Lists never read a payload; pages go by key, never by offset.

-- name: jobs_page
SELECT {columns}, {sorted_by} AS sorted_by
FROM (
  SELECT {raw}
  FROM {source} AS j
  WHERE {where} AND {within} AND {after} AND {cutoff}
  ORDER BY {order}
  LIMIT %(limit)s
) AS j
ORDER BY {order}

-- name: jobs_page_narrow
-- Of very many jobs only what they are sorted by goes through the sort; the rest is read of the page alone.
SELECT {columns}, {sorted_by} AS sorted_by
FROM (
  SELECT j.id, j.name
  FROM {job} AS j
  WHERE {where} AND {within} AND {after}
  ORDER BY {order}
  LIMIT %(limit)s
) AS page
CROSS JOIN LATERAL (SELECT {raw} FROM {job} AS j WHERE j.name = page.name AND j.id = page.id LIMIT 1) AS j
ORDER BY {order}

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
-- needs: queue
-- An index on the queue's name and then on what is sorted by makes a short walk per queue cheaper than one sort of all.
SELECT {columns}, {sorted_by} AS sorted_by
FROM {queue_table} AS q
CROSS JOIN LATERAL (
  SELECT {raw}
  FROM {job} AS j
  WHERE j.name = q.name AND {where} AND {within} AND {after} AND {cutoff}
  ORDER BY {each_by}
  LIMIT %(limit)s
) AS j
WHERE {queues}
ORDER BY {order}
LIMIT %(limit)s

-- name: walk_cutoff
-- needs: queue
-- The last of a page's worth among a few jobs of each queue: no job of the page comes after it, so that the walks need
-- not go further, however many queues there are and however few jobs of one fit.
SELECT h.cutoff
FROM {queue_table} AS q
CROSS JOIN LATERAL (
  SELECT {lead} AS cutoff
  FROM {job} AS j
  WHERE j.name = q.name AND {where} AND {within} AND {after}
  ORDER BY {each_by}
  LIMIT %(heads)s
) AS h
WHERE {queues}
ORDER BY h.cutoff {way}
OFFSET %(limit)s - 1
LIMIT 1

-- name: job_fields
-- What a list shows beyond its columns, for the jobs of one page: the primary key leads to them.
SELECT j.id::text AS id, j.name AS queue, j.archived, j.created_on, {fields}
FROM {source} AS j
WHERE j.name = ANY (%(names)s::text[]) AND j.id = ANY (%(ids)s::uuid[])

-- name: payload_sample
-- Small payloads of a few jobs, for the paths that are in them.
SELECT CASE WHEN pg_column_size(j.data) <= %(largest)s THEN j.data::text END AS data,
       CASE WHEN pg_column_size(j.output) <= %(largest)s THEN j.output::text END AS output
FROM {source} AS j
WHERE j.name = ANY (%(names)s::text[]) AND j.id = ANY (%(ids)s::uuid[])

-- name: queues_of_id
-- needs: layout:queues
-- Where each queue has a table, planning to read all of a row's columns from any of them takes longer than to ask first
-- which has it; to ask in a scalar subquery, by which nothing can be joined, is planned soonest.
SELECT q.name
FROM {queue_table} AS q
WHERE (SELECT true FROM {job_table} AS j WHERE j.name = q.name AND j.id = %(id)s::uuid LIMIT 1)

-- name: job_of_queues
-- needs: layout:queues
SELECT {columns}, {details}
FROM {all_jobs} AS j
WHERE j.id = %(id)s::uuid
  AND j.name = ANY (CASE WHEN j.archived THEN ARRAY(SELECT q.name FROM {queue_table} AS q) ELSE %(names)s::text[] END)

-- name: job_by_id
-- when: queue
-- The primary key is (name, id): naming every queue lets it be used (0.9 ms against 109 ms at 1 M rows).
SELECT {columns}, {details}
FROM {all_jobs} AS j
WHERE j.id = %(id)s::uuid AND j.name = ANY (ARRAY(SELECT q.name FROM {queue_table} AS q))

-- name: job_by_id
SELECT {columns}, {details}
FROM {all_jobs} AS j
WHERE j.id = %(id)s::uuid

-- name: job_by_id_anywhere
-- Rows whose queue is gone: a scan, tried only when the keyed look-up found nothing.
SELECT {columns}, {details}
FROM {all_jobs} AS j
WHERE j.id = %(id)s::uuid

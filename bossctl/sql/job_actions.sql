-- Acting on jobs: counting what a selection holds, taking it in slices, changing it in batches (ARCHITECTURE §4, §6).

-- name: action_counts
-- One pass; the hash gives up to eight samples a reason without sorting.
SELECT r.queue, r.reason, count(*) AS rows, min(r.id::text COLLATE "C") AS sample,
  min(r.dead_letter COLLATE "C") AS dead_letter, max(r.dead_letter COLLATE "C") AS other_dead_letter{counted}
FROM (
  SELECT j.name AS queue, j.id, j.dead_letter, {reason} AS reason{flags}
  FROM {source} AS j
  WHERE {where}
) AS r
GROUP BY r.queue, r.reason, uuid_hash(r.id) & 7

-- name: action_slice
SELECT j.id::text AS id, j.created_on::text AS created_on
FROM {source} AS j
WHERE j.name = %(queue)s AND {where} AND {eligible} AND {after}
ORDER BY j.created_on, j.id
LIMIT %(limit)s

-- name: action_lock
-- The transaction's number tells later whether a commit arrived whose answer was lost.
SELECT j.id::text AS id, {retained} AS retained, txid_current()::text AS xid, now() AS now
FROM {source} AS j
WHERE j.name = %(queue)s AND j.id = ANY (%(ids)s::uuid[]) AND {where} AND {eligible}
FOR UPDATE OF j SKIP LOCKED

-- name: action_update
UPDATE {job_table} AS j SET {assignments}
WHERE j.name = %(queue)s AND j.id = ANY (%(ids)s::uuid[])
RETURNING j.id::text AS id

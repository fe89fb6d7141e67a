-- Acting on jobs: counting what a selection holds, taking it in slices, changing it in batches (ARCHITECTURE §4, §6).

-- name: action_counts
-- One pass; the hash gives up to eight samples a reason without sorting.
SELECT r.queue, r.reason, count(*) AS rows, min(r.id::text COLLATE "C") AS sample,
  min(r.dead_letter COLLATE "C") AS dead_letter, max(r.dead_letter COLLATE "C") AS other_dead_letter{counted}
FROM (
  SELECT j.name AS queue, j.id, j.dead_letter, {reason} AS reason{flags}
  FROM {acted} AS j
  WHERE {where}
) AS r
GROUP BY r.queue, r.reason, uuid_hash(r.id) & 7

-- name: action_slice
-- Ids come as one text here and below: a row for each of thousands costs more than finding them.
SELECT string_agg(s.id::text, ',') AS ids, string_agg(s.place::text, ' ') AS places,
  max(s.created_on)::text AS last_created_on
FROM (
  SELECT j.id, j.created_on, {place} AS place
  FROM {acted} AS j
  WHERE j.name = %(queue)s AND {where} AND {eligible} AND {after}
  ORDER BY j.created_on, j.id
  LIMIT %(limit)s
) AS s

-- name: action_locking
-- `slotted` are those that a unique index would hold after the change, `line` is the row as a file keeps it.
SELECT j.id, {place} AS place, {retained} AS retained, {slotted} AS slotted, {line} AS line
FROM {acted} AS j {joined}
WHERE {chosen} AND {where} AND {eligible}
FOR UPDATE OF j SKIP LOCKED

-- name: action_lock
-- The transaction's number tells later whether a commit arrived whose answer was lost.
WITH locked AS MATERIALIZED ({locking})
SELECT string_agg(l.id::text, ',') AS ids, string_agg(l.place::text, ' ') AS places,
  string_agg(l.id::text, ',') FILTER (WHERE l.retained) AS retained,
  string_agg(l.id::text, ',') FILTER (WHERE l.slotted) AS slotted, string_agg(l.line, E'\n') AS lines,
  txid_current()::text AS xid
FROM locked AS l

-- name: action_taking
-- Deleted with no step before that locks, for half the work: one row that another session holds stops all of them, for
-- as long as the lock timeout lets it. The columns of `row_columns` are those of the row that is looked at.
DELETE FROM {job_table} AS j
WHERE {chosen} AND EXISTS (SELECT 1 FROM {row_columns} AS j WHERE {where} AND {eligible})
RETURNING j.*

-- name: action_taken
SELECT j.id, {retained} AS retained, false AS slotted, NULL::text AS line FROM {gone} AS j

-- name: action_at_once
-- Locked, kept and changed by one statement. Whoever runs it looks whether all that was locked was changed.
WITH {taking}locked AS MATERIALIZED ({locking}), {first}changed AS ({deed}){last}
SELECT string_agg(l.id::text, ',') AS ids, count(*) AS locked, (SELECT count(*) FROM changed) AS changed,
  string_agg(l.id::text, ',') FILTER (WHERE l.retained) AS retained,
  coalesce(bool_or(l.slotted), false) AS slotted, {linked} AS linked, {lines} AS lines,
  txid_current()::text AS xid
FROM locked AS l

-- name: action_changed
WITH changed AS ({deed})
SELECT string_agg(c.id::text, ',') AS ids FROM changed AS c

-- name: action_moved
WITH gone AS ({leaving}), changed AS ({deed})
SELECT string_agg(c.id::text, ',') AS ids FROM changed AS c

-- name: action_update
UPDATE {job_table} AS j SET {assignments}
WHERE {chosen}
RETURNING j.id

-- name: action_leaving
DELETE FROM {job_table} AS j WHERE {chosen} RETURNING j.*

-- name: queue_tables
SELECT q.name AS queue, q.table_name AS job_table FROM {queue} AS q WHERE q.name = ANY (%(names)s)

-- name: unique_indexes
-- The primary key apart: no change of a row touches it. `columns` also holds what the predicate and expressions read.
SELECT c.relname AS job_table, pg_get_expr(i.indpred, i.indrelid) AS predicate,
  ARRAY(SELECT pg_get_indexdef(i.indexrelid, k, true) FROM generate_series(1, i.indnkeyatts) AS k ORDER BY k) AS keys,
  ARRAY(
    SELECT DISTINCT a.attname::text
    FROM pg_depend AS d JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refobjid = i.indrelid AND d.refobjsubid > 0
  ) AS columns,
  coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_equal
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = ANY (%(names)s) AND i.indisunique AND i.indisvalid AND NOT i.indisprimary

-- name: slots_counted
WITH candidate AS MATERIALIZED (
  SELECT * FROM (SELECT {candidates} FROM {acted} AS j {joined} WHERE {where} AND {eligible}) AS after
  WHERE name = ANY (%(names)s) AND {filled}
)
SELECT t.queue, count(DISTINCT t.id) AS rows, (array_agg(DISTINCT ARRAY[t.id, t.holder]))[1:5][1:2] AS samples
FROM ({branches}) AS t
GROUP BY t.queue

-- name: slots_taken
WITH candidate AS MATERIALIZED (
  SELECT * FROM (SELECT {candidates} FROM {acted} AS j {joined} WHERE {chosen}) AS after
  WHERE name = ANY (%(names)s) AND {filled}
)
SELECT DISTINCT ON (t.id) t.id, t.holder FROM ({branches}) AS t ORDER BY t.id

-- name: action_delete
DELETE FROM {job_table} AS j WHERE {chosen} RETURNING j.id

-- name: commit_fate
SELECT txid_status(%(xid)s::bigint) AS status

-- name: reduce_counters
-- needs: queue.retained_count
-- As pg-boss's own reduceRetainedCount: a queue not yet counted keeps its NULL.
UPDATE {queue_table} SET
  retained_count = CASE WHEN retained_count IS NOT NULL THEN greatest(retained_count - {retained_rows}, 0) END,
  total_count = greatest(total_count - {total_rows}, 0)
WHERE name = %(queue)s

-- name: queue_listens
-- needs: queue.notify
SELECT q.notify AS listens FROM {queue} AS q WHERE q.name = %(queue)s

-- name: wake_queue
-- needs: queue.notify
-- The channel is pg-boss's own (FACTS §3.5).
SELECT pg_notify('pgboss_' || left(encode(sha224(convert_to(%(schema)s, 'UTF8')), 'hex'), 24), q.name)
FROM {queue} AS q
WHERE q.name = %(queue)s AND q.notify AND EXISTS (
  SELECT 1 FROM {job} AS j
  WHERE j.name = q.name AND j.id = ANY (%(ids)s::uuid[])
    AND j.state < 'active' AND NOT j.blocked AND j.start_after <= now()
)

-- name: action_examine
SELECT j.id::text AS id, {reason} AS reason, ({where}) IS TRUE AS selected
FROM {acted} AS j
WHERE j.name = %(queue)s AND j.id = ANY (%(ids)s::uuid[])


-- name: action_targets
SELECT DISTINCT {target} AS queue
FROM {acted} AS j
WHERE j.name = ANY (%(names)s) AND {where} AND {eligible}

-- name: action_insert
INSERT INTO {job_table} (id, {new_columns})
SELECT made.new_id, {new_values}
FROM unnest(%(ids)s::uuid[], %(new_ids)s::uuid[]) AS made (old_id, new_id)
JOIN {acted} AS j ON j.id = made.old_id AND j.name = %(queue)s AND j.id = ANY (%(ids)s::uuid[])
{joined}
RETURNING id::text AS id, name AS queue

-- name: dead_letter_queues

-- needs: job.dead_letter
SELECT q.dead_letter AS queue FROM {queue} AS q WHERE q.dead_letter IS NOT NULL
UNION
SELECT j.dead_letter FROM {job} AS j WHERE j.dead_letter IS NOT NULL

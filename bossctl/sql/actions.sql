-- What bossctl writes to queues. They are created and deleted by the schema's own functions, so partitions, indexes and
-- constraints are pg-boss's own (FACTS §3.4).

-- name: lock_queue_table
-- needs: queue
-- 10.x create_queue deadlocks against itself without this.
LOCK TABLE {queue_table} IN SHARE ROW EXCLUSIVE MODE

-- name: lock_queues
-- pg-boss's own advisory lock from 11.0.0 on; `duty` is create-queue or delete-queue.
SELECT pg_advisory_xact_lock(
  ('x' || encode(sha224((current_database() || '.pgboss.' || %(schema)s || %(duty)s)::bytea), 'hex'))::bit(64)::bigint)

-- name: create_queue
-- when: layout:queues
SELECT {schema}.create_queue(%(name)s, %(options)s::json)

-- name: create_queue
-- needs: fn:create_queue
SELECT {schema}.create_queue(%(name)s, %(options)s::jsonb)

-- name: update_queue
-- needs: queue
UPDATE {queue_table} SET {assignments}, updated_on = now() WHERE name = %(name)s

-- name: queue_row
-- needs: queue
-- `mine` is true when this very transaction inserted the row.
SELECT q.*, row.xmin::text = pg_current_xact_id_if_assigned()::xid::text AS mine
FROM {queue} AS q JOIN {queue_table} AS row ON row.name = q.name
WHERE q.name = %(name)s

-- name: queue_row_locked
-- needs: queue
-- Not FOR UPDATE: that would make every send to a queue with this dead letter wait.
SELECT row.name FROM {queue_table} AS row WHERE row.name = %(name)s FOR NO KEY UPDATE

-- name: dead_letters
-- needs: queue
SELECT q.name, q.dead_letter FROM {queue} AS q WHERE q.dead_letter IS NOT NULL

-- name: queue_row_claimed
-- needs: queue
-- Whoever has inserted a job of this queue and not committed waits for this at its commit, and then fails.
SELECT row.name FROM {queue_table} AS row WHERE row.name = %(name)s FOR UPDATE

-- name: lock_own_table
-- when: layout:queues
-- All at once or not at all: a transaction that waits for none of them cannot be in a deadlock.
LOCK TABLE {queue_table}, {own_table}, ONLY {job_table} IN ACCESS EXCLUSIVE MODE NOWAIT

-- name: lock_own_table
-- needs: job_common
LOCK TABLE {queue_table}, {job_common}, {own_table}, ONLY {job_table} IN ACCESS EXCLUSIVE MODE NOWAIT

-- name: empty_own_table
-- needs: queue
-- 10.x deletes the queue's row first, which fails (23503) while the partition holds a job.
TRUNCATE {own_table}

-- name: delete_jobs
-- needs: queue
WITH gone AS (
  DELETE FROM {job_table}
  WHERE name = %(name)s AND id = ANY (ARRAY(SELECT id FROM {job_table} WHERE name = %(name)s LIMIT %(limit)s))
  RETURNING id
)
SELECT count(*) AS rows FROM gone

-- name: delete_queue
-- needs: fn:delete_queue
SELECT {schema}.delete_queue(%(name)s)

-- name: forget_migrations
-- needs: bam
-- They would fail on a table that is gone, and hold up all that come after them.
DELETE FROM {bam} WHERE table_name = %(table)s AND status <> 'completed'

-- name: dead_letter_jobs
SELECT j.name AS queue, count(*) AS rows
FROM {job} AS j
WHERE j.dead_letter = %(name)s AND j.name <> %(name)s
GROUP BY j.name
ORDER BY j.name

-- name: waiting_children
-- needs: job_dependency
SELECT d.child_name AS queue, count(DISTINCT d.child_id) AS rows
FROM {job_dependency} AS d JOIN {job} AS j ON j.name = d.child_name AND j.id = d.child_id
WHERE d.parent_name = %(name)s AND d.child_name <> %(name)s AND j.blocked
GROUP BY d.child_name
ORDER BY d.child_name

-- name: subscriptions
SELECT count(*) AS rows FROM {schema}.subscription WHERE name = %(name)s

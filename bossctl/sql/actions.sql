-- What bossctl writes. Queues are created by the schema's own create_queue, so partitions, indexes and constraints are
-- pg-boss's own (FACTS §3.4).

-- name: lock_queue_table
-- needs: queue
-- 10.x create_queue deadlocks against itself without this.
LOCK TABLE {queue_table} IN SHARE ROW EXCLUSIVE MODE

-- name: lock_create_queue
-- pg-boss's own advisory lock from 11.0.0 on.
SELECT pg_advisory_xact_lock(
  ('x' || encode(sha224((current_database() || '.pgboss.' || %(schema)s || 'create-queue')::bytea), 'hex'))::bit(64)::bigint)

-- name: create_queue
-- when: layout:queues
SELECT {schema}.create_queue(%(name)s, %(options)s::json)

-- name: create_queue
-- needs: fn:create_queue
SELECT {schema}.create_queue(%(name)s, %(options)s::jsonb)

-- name: queue_row
-- needs: queue
-- `mine` is true when this very transaction inserted the row.
SELECT q.*, row.xmin::text = pg_current_xact_id_if_assigned()::xid::text AS mine
FROM {queue} AS q JOIN {queue_table} AS row ON row.name = q.name
WHERE q.name = %(name)s

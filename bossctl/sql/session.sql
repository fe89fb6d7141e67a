-- How every transaction begins. Nothing is set on the session: through PgBouncer it would leak to pg-boss itself.

-- name: begin_read
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT set_config('statement_timeout', {statement_timeout}::text, true),
  set_config('lock_timeout', {lock_timeout}::text, true),
  set_config('idle_in_transaction_session_timeout', {idle_timeout}::text, true),
  set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO, YMD', true),
  set_config('jit', 'off', true), set_config('work_mem', '64MB', true), now() AS now

-- name: begin_lookup
-- For statements whose plan no value changes. It holds for all of the transaction: what is not prepared would be planned
-- without its values as well. Which session of the server it is tells whether a pooler stands between.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT set_config('statement_timeout', {statement_timeout}::text, true),
  set_config('lock_timeout', {lock_timeout}::text, true),
  set_config('idle_in_transaction_session_timeout', {idle_timeout}::text, true),
  set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO, YMD', true),
  set_config('jit', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true),
  now() AS now, pg_backend_pid() AS backend

-- name: begin_write
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL statement_timeout = {statement_timeout};
SET LOCAL lock_timeout = {lock_timeout};
SET LOCAL idle_in_transaction_session_timeout = {idle_timeout};
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO, YMD';
SELECT now() AS now

-- name: begin_batch
-- Rows are found by id or by place and never otherwise: the planner would scan a table of thousands instead.
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SELECT set_config('statement_timeout', {statement_timeout}::text, true),
  set_config('lock_timeout', {lock_timeout}::text, true),
  set_config('idle_in_transaction_session_timeout', {idle_timeout}::text, true),
  set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO, YMD', true),
  set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
  set_config('jit', 'off', true), now() AS now, pg_backend_pid() AS backend

-- name: commit
COMMIT

-- name: rollback
ROLLBACK

-- name: savepoint
SAVEPOINT reading

-- name: set_timeout
SET LOCAL statement_timeout = {statement_timeout}

-- name: rollback_to
ROLLBACK TO SAVEPOINT reading

-- name: release
RELEASE SAVEPOINT reading

-- name: as_owner
-- A table made in this transaction is then pg-boss's own: it could not use one that another role owns.
SET LOCAL ROLE {owner}

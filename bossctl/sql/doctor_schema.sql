-- What the schema itself tells the doctor: its indexes, its background migrations, its clock.

-- name: job_indexes
-- when: queue
-- pg_catalog's rows only: functions that print definitions would wait for a migration's table lock.
WITH ns AS (
  SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %(schema)s
), root AS (
  SELECT c.oid, c.relkind FROM pg_catalog.pg_class c, ns WHERE c.relnamespace = ns.oid AND c.relname = 'job'
), leaf AS (
  SELECT root.oid FROM root WHERE root.relkind <> 'p'
  UNION ALL
  SELECT i.inhrelid FROM root JOIN pg_catalog.pg_inherits i ON i.inhparent = root.oid
)
SELECT c.relname AS table_name, q.name AS queue, q.policy, ic.relname AS index_name, i.indisunique AS is_unique,
       i.indisvalid AND i.indisready AND i.indislive AS valid,
       ARRAY(SELECT coalesce(a.attname, '')::text
             FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
             LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
             WHERE k.place <= i.indnkeyatts ORDER BY k.place) AS keys,
       EXISTS (SELECT FROM pg_catalog.pg_locks l
               WHERE l.locktype = 'relation' AND l.relation = c.oid AND l.mode = 'ShareUpdateExclusiveLock'
                 AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database()))
         AS locked
FROM leaf
JOIN pg_catalog.pg_class c ON c.oid = leaf.oid
LEFT JOIN {queue} AS q ON q.table_name = c.relname AND c.relispartition AND c.relname <> 'job_common'
LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid
LEFT JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
ORDER BY c.relname, ic.relname

-- name: job_indexes
SELECT c.relname AS table_name, NULL::text AS queue, NULL::text AS policy, ic.relname AS index_name,
       i.indisunique AS is_unique, i.indisvalid AND i.indisready AND i.indislive AS valid,
       ARRAY(SELECT coalesce(a.attname, '')::text
             FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
             LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
             WHERE k.place <= i.indnkeyatts ORDER BY k.place) AS keys,
       EXISTS (SELECT FROM pg_catalog.pg_locks l
               WHERE l.locktype = 'relation' AND l.relation = c.oid AND l.mode = 'ShareUpdateExclusiveLock'
                 AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database()))
         AS locked
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = %(schema)s
LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid
LEFT JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
WHERE c.relname = 'job'
ORDER BY c.relname, ic.relname

-- name: unfinished_migrations
-- needs: bam
SELECT b.name, b.version, b.status, b.queue, b.table_name, b.command, left(b.error, 500) AS error, b.created_on,
       b.started_on,
       EXISTS (SELECT FROM pg_catalog.pg_locks l
               JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.relname = b.table_name
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = %(schema)s
               WHERE l.locktype = 'relation' AND l.mode = 'ShareUpdateExclusiveLock'
                 AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database()))
         AS locked
FROM {bam} AS b
WHERE b.status <> 'completed'
ORDER BY b.created_on, b.name, b.table_name

-- name: clock_source
-- needs: fn:job_now
SELECT p.prosrc LIKE '%%pgboss.test_clock%%' AS overridden
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace AND n.nspname = %(schema)s
WHERE p.proname = 'job_now'
LIMIT 1

-- How the schema is kept: counters, stored warnings, finished migrations, the room that tables and indexes take.

-- name: counter_ages
-- needs: queue.monitor_on
SELECT count(*)::int AS queues, count(*) FILTER (WHERE q.monitor_on IS NULL)::int AS never,
       min(q.monitor_on) AS oldest_on, max(q.monitor_on) AS newest_on
FROM {queue} AS q

-- name: stored_warnings
-- needs: warning
SELECT w.id::text AS id, w.type, left(w.message, 2000) AS message, left(w.data::text, 4000) AS data, w.created_on
FROM {warning} AS w
ORDER BY w.created_on DESC
LIMIT %(limit)s

-- name: warning_keepers
-- needs: instance
SELECT count(*)::int AS live, count(*) FILTER (WHERE i.persist_warnings)::int AS keepers
FROM {instance} AS i
WHERE i.stopped_on IS NULL AND i.heartbeat_on > now() - 3 * make_interval(secs => i.heartbeat_seconds)

-- name: finished_migrations
-- needs: bam
SELECT count(*)::int AS completed, max(b.completed_on) AS completed_on
FROM {bam} AS b
WHERE b.status = 'completed'

-- name: table_rooms
-- Every table of the schema by itself: which partition is bloated matters more than that some are.
WITH sized AS MATERIALIZED (
  SELECT c.oid, c.relname, c.reltuples, c.reloptions, pg_total_relation_size(c.oid) AS total_bytes,
         pg_table_size(c.oid) AS table_bytes
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = %(schema)s
  WHERE c.relkind IN ('r', 'm')
)
SELECT s.relname AS name, s.total_bytes, s.table_bytes, s.total_bytes - s.table_bytes AS index_bytes,
       CASE WHEN s.reltuples >= 0 THEN s.reltuples::bigint END AS rows,
       pg_stat_get_live_tuples(s.oid) AS live, pg_stat_get_dead_tuples(s.oid) AS dead,
       pg_stat_get_last_vacuum_time(s.oid) AS vacuumed_on, pg_stat_get_last_autovacuum_time(s.oid) AS autovacuumed_on,
       greatest(pg_stat_get_last_analyze_time(s.oid), pg_stat_get_last_autoanalyze_time(s.oid)) AS analyzed_on,
       coalesce((SELECT o.option_value::float8 FROM pg_options_to_table(s.reloptions) o
                 WHERE o.option_name = 'autovacuum_vacuum_threshold'),
                current_setting('autovacuum_vacuum_threshold')::float8)
         + coalesce((SELECT o.option_value::float8 FROM pg_options_to_table(s.reloptions) o
                     WHERE o.option_name = 'autovacuum_vacuum_scale_factor'),
                    current_setting('autovacuum_vacuum_scale_factor')::float8) * greatest(s.reltuples, 0) AS budget,
       current_setting('autovacuum')::boolean
         AND coalesce((SELECT o.option_value::boolean FROM pg_options_to_table(s.reloptions) o
                       WHERE o.option_name = 'autovacuum_enabled'), true) AS autovacuum,
       (SELECT count(*) FROM sized)::int AS total,
       (SELECT sum(sized.total_bytes) FROM sized)::bigint AS sum_bytes
FROM sized s
ORDER BY s.total_bytes DESC, s.relname
LIMIT %(limit)s

-- name: table_owners
-- needs: queue
SELECT q.name, q.table_name
FROM {queue} AS q
WHERE q.table_name = ANY (%(names)s) AND q.table_name NOT IN ('job', 'job_common')

-- name: index_rooms
WITH ns AS (
  SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %(schema)s
), root AS (
  SELECT c.oid, c.relkind FROM pg_catalog.pg_class c, ns
  WHERE c.relnamespace = ns.oid AND c.relname IN ('job', 'archive') AND c.relkind IN ('r', 'p')
), leaf AS (
  SELECT root.oid FROM root WHERE root.relkind = 'r'
  UNION ALL
  SELECT i.inhrelid FROM root JOIN pg_catalog.pg_inherits i ON i.inhparent = root.oid
)
SELECT i.relname AS name, t.relname AS table_name, x.indisvalid AND x.indisready AND x.indislive AS valid,
       pg_relation_size(i.oid) AS total_bytes, pg_stat_get_numscans(i.oid) AS scans, (count(*) OVER ())::int AS total
FROM leaf
JOIN pg_catalog.pg_index x ON x.indrelid = leaf.oid
JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
JOIN pg_catalog.pg_class t ON t.oid = leaf.oid
ORDER BY 4 DESC, 2, 1
LIMIT %(limit)s

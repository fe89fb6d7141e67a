-- The server, the supervisor's stamps, sizes, and who is connected.

-- name: server
SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS version_num,
       pg_is_in_recovery() AS standby, clock_timestamp() AS now, pg_postmaster_start_time() AS started_on

-- name: version
SELECT v.* FROM {version} AS v LIMIT 1

-- name: supervisor
-- when: queue.monitor_on
SELECT max(q.monitor_on) AS monitor_on, max(q.monitor_claim_on) AS monitor_claim_on, max(q.maintain_on) AS maintain_on,
       count(*) AS queues
FROM {queue} AS q

-- name: supervisor
SELECT NULL::timestamptz AS monitor_on, NULL::timestamptz AS monitor_claim_on, NULL::timestamptz AS maintain_on,
       count(*) AS queues
FROM {queue} AS q

-- name: sizes
-- Every table of the schema, partitions added up under their root.
SELECT root.relname AS name,
       sum(pg_total_relation_size(c.oid))::bigint AS total_bytes,
       sum(pg_table_size(c.oid))::bigint AS table_bytes,
       sum(pg_indexes_size(c.oid))::bigint AS index_bytes,
       CASE WHEN bool_or(c.reltuples >= 0) THEN sum(greatest(c.reltuples, 0))::bigint END AS rows
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class root ON root.oid = coalesce(
  CASE WHEN c.relispartition THEN pg_partition_root(c.oid) END, c.oid)
WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'm')
GROUP BY root.relname
ORDER BY 2 DESC, 1

-- name: instances
-- needs: instance
SELECT i.id::text AS id, i.name, i.host, i.pid, i.version, i.application_name, i.heartbeat_seconds, i.supervise,
       i.schedule, i.started_on, i.heartbeat_on, i.stopped_on, i.workers::text AS workers,
       i.stopped_on IS NULL AND i.heartbeat_on > now() - 3 * make_interval(secs => i.heartbeat_seconds) AS alive,
       extract(epoch FROM now() - i.heartbeat_on)::float8 AS heartbeat_age_seconds,
       i.crash_restarts, i.node_version,
       (SELECT count(*) FROM pg_catalog.pg_stat_activity a WHERE a.application_name = i.application_name)::int
         AS sessions
FROM {instance} AS i
ORDER BY alive DESC, i.heartbeat_on DESC NULLS LAST, i.id

-- name: sessions
-- What looks like pg-boss among the sessions of this database: its default application_name, or a statement on its tables.
SELECT a.application_name, a.usename AS username, coalesce(host(a.client_addr), 'local') AS host,
       count(*)::int AS sessions, min(a.backend_start) AS started_on,
       count(*) FILTER (WHERE a.state = 'active')::int AS busy
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'
  AND a.application_name NOT LIKE 'bossctl%%'
  AND (a.application_name ~* '^pg-?boss' OR strpos(a.query, %(marker)s) > 0 OR strpos(a.query, %(quoted)s) > 0)
GROUP BY 1, 2, 3
ORDER BY 4 DESC, 1, 2, 3

-- name: hidden_sessions
-- Sessions whose statement this role may not see: pg-boss could be among them.
SELECT count(*)::int AS hidden
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.query = '<insufficient privilege>'

-- Who works the queues: the registry of pg-boss 12.36 and newer, and the sessions of the database.

-- name: instances
-- needs: instance
-- Sessions are counted by name in one go: a fleet that restarts leaves a thousand rows here.
SELECT i.id::text AS id, i.name, i.host, i.pid, i.version, i.application_name, i.heartbeat_seconds, i.supervise,
       i.schedule, i.started_on, i.heartbeat_on, i.stopped_on, i.workers::text AS workers,
       i.stopped_on IS NULL AND i.heartbeat_on > now() - 3 * make_interval(secs => i.heartbeat_seconds) AS alive,
       extract(epoch FROM now() - i.heartbeat_on)::float8 AS heartbeat_age_seconds,
       (to_jsonb(i) - ARRAY['workers', 'config'])::text AS fields,
       coalesce(s.sessions, 0) AS sessions, s.role, s.seen, s.busy, s.oldest_transaction_seconds
FROM {instance} AS i
LEFT JOIN (
  SELECT a.application_name, count(*)::int AS sessions, string_agg(DISTINCT a.usename, ', ') AS role,
         bool_and(a.state IS NOT NULL) AS seen, count(*) FILTER (WHERE a.state <> 'idle')::int AS busy,
         extract(epoch FROM clock_timestamp() - min(a.xact_start))::float8 AS oldest_transaction_seconds
  FROM pg_catalog.pg_stat_activity a
  WHERE a.datname = current_database()
  GROUP BY a.application_name
) AS s ON s.application_name = i.application_name
ORDER BY alive DESC, i.heartbeat_on DESC NULLS LAST, i.id

-- name: sessions
-- What looks like pg-boss among the sessions of this database: its default application_name, or a statement on its
-- tables. Of another role's session only the name shows, and to a monitor the rest.
SELECT a.application_name, a.usename AS username, host(a.client_addr) AS address,
       bool_and(a.state IS NOT NULL) AS seen, count(*)::int AS sessions, min(a.backend_start) AS started_on,
       count(*) FILTER (WHERE a.state <> 'idle')::int AS busy,
       extract(epoch FROM clock_timestamp() - min(a.xact_start))::float8 AS oldest_transaction_seconds,
       extract(epoch FROM clock_timestamp() - max(a.query_start))::float8 AS last_statement_seconds
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
  AND (a.backend_type IS NULL OR a.backend_type = 'client backend') AND a.application_name NOT LIKE 'bossctl%%'
  AND (a.application_name ~* '^pg-?boss' OR strpos(a.query, %(marker)s) > 0 OR strpos(a.query, %(quoted)s) > 0)
GROUP BY 1, 2, 3
ORDER BY 5 DESC, 1, 2, 3

-- name: hidden_sessions
-- Sessions whose statement this role may not see: pg-boss could be among them.
SELECT count(*)::int AS hidden
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.query = '<insufficient privilege>'
  AND a.application_name !~* '^pg-?boss' AND a.application_name NOT LIKE 'bossctl%%'

-- The server, the supervisor's stamps, sizes.

-- name: server
SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS version_num,
       pg_is_in_recovery() AS standby, clock_timestamp() AS now, pg_postmaster_start_time() AS started_on

-- name: landmarks
SELECT (SELECT v.version FROM {version} AS v LIMIT 1) AS number, pg_is_in_recovery() AS standby

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

-- How much room job tables and their indexes take for what they hold: from the catalog and its statistics alone.

-- name: loose_tables
-- Tables with more dead rows than twice what autovacuum waits for, or with far fewer rows a page than jobs are small.
-- What their rows need is told by the average widths that ANALYZE found, where this role may see them.
WITH ns AS (
  SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %(schema)s
), root AS (
  SELECT c.oid, c.relkind FROM pg_catalog.pg_class c, ns
  WHERE c.relnamespace = ns.oid AND c.relname IN ('job', 'archive') AND c.relkind IN ('r', 'p')
), leaf AS (
  SELECT root.oid FROM root WHERE root.relkind = 'r'
  UNION ALL
  SELECT i.inhrelid FROM root JOIN pg_catalog.pg_inherits i ON i.inhparent = root.oid
), seen AS MATERIALIZED (
  SELECT c.oid, c.relname, c.relpages, c.reltuples, pg_stat_get_live_tuples(c.oid) AS live,
         pg_stat_get_dead_tuples(c.oid) AS dead,
         greatest(pg_stat_get_last_autovacuum_time(c.oid), pg_stat_get_last_vacuum_time(c.oid)) AS vacuumed_on,
         coalesce((SELECT o.option_value::float8 FROM pg_options_to_table(c.reloptions) o
                   WHERE o.option_name = 'autovacuum_vacuum_threshold'),
                  current_setting('autovacuum_vacuum_threshold')::float8) AS threshold,
         coalesce((SELECT o.option_value::float8 FROM pg_options_to_table(c.reloptions) o
                   WHERE o.option_name = 'autovacuum_vacuum_scale_factor'),
                  current_setting('autovacuum_vacuum_scale_factor')::float8) AS scale,
         current_setting('autovacuum')::boolean
           AND coalesce((SELECT o.option_value::boolean FROM pg_options_to_table(c.reloptions) o
                         WHERE o.option_name = 'autovacuum_enabled'), true) AS autovacuum
  FROM leaf JOIN pg_catalog.pg_class c ON c.oid = leaf.oid
)
SELECT s.relname AS table_name, s.relpages AS pages, s.reltuples::float8 AS rows, s.live, s.dead,
       s.threshold + s.scale * s.live AS budget, s.vacuumed_on, s.autovacuum,
       s.dead > %(most_dead)s AND s.dead > 2 * (s.threshold + s.scale * s.live) AS dirty,
       CASE WHEN s.relpages > %(pages)s AND s.reltuples >= 0 AND s.reltuples < 8 * s.relpages THEN (
         SELECT CASE WHEN s.reltuples = 0 THEN 0 WHEN count(st.avg_width) = count(*)
                     THEN ceil(s.reltuples * (28 + sum(st.avg_width * (1 - st.null_frac))) / 8168) END
         FROM pg_catalog.pg_attribute a
         LEFT JOIN pg_catalog.pg_stats st
           ON st.schemaname = %(schema)s AND st.tablename = s.relname AND st.attname = a.attname AND NOT st.inherited
         WHERE a.attrelid = s.oid AND a.attnum > 0 AND NOT a.attisdropped) END AS needed
FROM seen s
WHERE (s.dead > %(most_dead)s AND s.dead > 2 * (s.threshold + s.scale * s.live))
   OR (s.relpages > %(pages)s AND s.reltuples >= 0 AND s.reltuples < 8 * s.relpages)
ORDER BY 1

-- name: loose_indexes
-- As pg-boss 12.29 and newer judge it: few entries a page, and many more pages than the entries' keys need. A width
-- that is not known counts as a wide one.
WITH ns AS (
  SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %(schema)s
), root AS (
  SELECT c.oid, c.relkind FROM pg_catalog.pg_class c, ns
  WHERE c.relnamespace = ns.oid AND c.relname IN ('job', 'archive') AND c.relkind IN ('r', 'p')
), leaf AS (
  SELECT root.oid FROM root WHERE root.relkind = 'r'
  UNION ALL
  SELECT i.inhrelid FROM root JOIN pg_catalog.pg_inherits i ON i.inhparent = root.oid
), loose AS MATERIALIZED (
  SELECT i.oid, i.relname, i.relpages, i.reltuples, x.indrelid, x.indkey
  FROM leaf
  JOIN pg_catalog.pg_index x ON x.indrelid = leaf.oid AND x.indisvalid
  JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
  WHERE i.relpages > %(index_pages)s AND i.reltuples >= 0 AND i.reltuples < 5 * i.relpages
)
SELECT l.relname AS index_name, t.relname AS table_name, l.relpages AS pages, l.reltuples::float8 AS entries,
       greatest(ceil(l.reltuples * (w.width + 20) / 8192), 1) AS needed
FROM loose l
JOIN pg_catalog.pg_class t ON t.oid = l.indrelid
CROSS JOIN LATERAL (
  SELECT sum(coalesce(ts.avg_width, xs.avg_width, nullif(greatest(ia.attlen, 0), 0), 256)) AS width
  FROM unnest(l.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = l.indrelid AND a.attnum = k.attnum
  LEFT JOIN pg_catalog.pg_attribute ia ON ia.attrelid = l.oid AND ia.attnum = k.place
  LEFT JOIN pg_catalog.pg_stats ts
    ON ts.schemaname = %(schema)s AND ts.tablename = t.relname AND ts.attname = a.attname AND NOT ts.inherited
  LEFT JOIN pg_catalog.pg_stats xs
    ON xs.schemaname = %(schema)s AND xs.tablename = l.relname AND xs.attname = ia.attname
) w
ORDER BY 2, 1

-- name: horizon_holders
-- What keeps vacuum from removing dead rows of this database, oldest first. Of another role's session only its age shows.
SELECT h.kind, h.name, h.pid, h.state, h.transactions, h.began
FROM (
  SELECT 'session' AS kind, nullif(a.application_name, '') AS name, a.pid, a.state, age(a.backend_xmin) AS transactions,
         a.xact_start AS began
  FROM pg_catalog.pg_stat_activity a
  WHERE a.backend_xmin IS NOT NULL AND a.pid <> pg_backend_pid()
    AND (a.datname IS NULL OR a.datname = current_database())
  UNION ALL
  SELECT 'replication slot', s.slot_name, NULL, NULL, age(s.xmin), NULL
  FROM pg_catalog.pg_replication_slots s WHERE s.xmin IS NOT NULL
  UNION ALL
  SELECT 'prepared transaction', p.gid, NULL, NULL, age(p.transaction), p.prepared
  FROM pg_catalog.pg_prepared_xacts p WHERE p.database = current_database()
) h
ORDER BY h.transactions DESC, h.began
LIMIT 5

-- name: storage_warnings
-- needs: warning
SELECT w.type, count(*) AS times, min(w.created_on) AS first_on, max(w.created_on) AS last_on,
       left((array_agg(w.message ORDER BY w.created_on DESC))[1], 300) AS message
FROM {warning} AS w
WHERE w.type IN ('index_bloat', 'xmin_horizon', 'autovacuum_disabled') AND w.created_on >= {since}
GROUP BY w.type
ORDER BY w.type

-- name: has_long_values
-- Only what a table keeps beside its pages can be long: where there is none, nobody needs to look for it.
WITH root AS (
  SELECT c.oid, c.relkind FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = %(schema)s
  WHERE c.relname IN ('job', 'archive') AND c.relkind IN ('r', 'p')
), leaf AS (
  SELECT root.oid FROM root WHERE root.relkind = 'r'
  UNION ALL
  SELECT i.inhrelid FROM root JOIN pg_catalog.pg_inherits i ON i.inhparent = root.oid
)
SELECT coalesce(bool_or(pg_relation_size(nullif(c.reltoastrelid, 0)) > 0), false) AS any
FROM leaf JOIN pg_catalog.pg_class c ON c.oid = leaf.oid

-- name: long_payloads
-- What identical_jobs leaves out for its length alone.
SELECT j.name AS queue, count(*) AS jobs
FROM {all_jobs} AS j
WHERE j.created_on >= {since} AND j.singleton_on IS NULL AND j.source_root_id IS NULL AND NOT j.blocked
  AND pg_column_size(j.data) > %(largest)s AND left(j.name, 2) <> '__'
  AND (%(names)s::text[] IS NULL OR j.name = ANY (%(names)s::text[]))
GROUP BY j.name
ORDER BY j.name

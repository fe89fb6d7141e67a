-- Statements that run before the catalog is known; they name only pg_catalog.

-- name: schemas
-- Every schema that owns both a table `version` and an enum `job_state`.
SELECT n.nspname AS name, has_schema_privilege(n.oid, 'USAGE') AS usable
FROM pg_catalog.pg_namespace n
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = 'version' AND c.relkind IN ('r', 'p')
JOIN pg_catalog.pg_type t ON t.typnamespace = n.oid AND t.typname = 'job_state' AND t.typtype = 'e'
ORDER BY n.nspname = 'pgboss' DESC, n.nspname

-- name: catalog
-- Reads pg_catalog's rows only: functions that print definitions would wait for a migration's table lock.
WITH ns AS (
  SELECT oid, nspowner FROM pg_catalog.pg_namespace WHERE nspname = %(schema)s
), job AS (
  SELECT c.oid FROM pg_catalog.pg_class c, ns WHERE c.relnamespace = ns.oid AND c.relname = 'job'
), rel AS (
  SELECT c.oid, c.relname, c.relkind,
         CASE WHEN c.relkind = 'p' THEN (
           SELECT sum(greatest(leaf.reltuples, 0))::bigint
           FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class leaf ON leaf.oid = i.inhrelid
           WHERE i.inhparent = c.oid HAVING bool_or(leaf.reltuples >= 0))
         WHEN c.reltuples >= 0 THEN c.reltuples::bigint END AS rows,
         has_table_privilege(c.oid, 'SELECT') AS readable
  FROM pg_catalog.pg_class c, ns
  WHERE c.relnamespace = ns.oid AND c.relkind IN ('r', 'p')
    AND (NOT c.relispartition OR c.relname = 'job_common')
), own AS (
  SELECT c.oid, c.relname, c.relkind, has_table_privilege(c.oid, 'SELECT') AS readable
  FROM pg_catalog.pg_class c
  WHERE c.relnamespace = (SELECT o.oid FROM pg_catalog.pg_namespace o
                          WHERE o.nspname = 'bossctl' AND o.nspname <> %(schema)s
                            AND has_schema_privilege(o.oid, 'USAGE'))
    AND c.relkind = 'r'
)
SELECT
  current_setting('server_version_num')::int AS server_version_num,
  pg_is_in_recovery() AS standby,
  (SELECT pg_get_userbyid(c.relowner) FROM pg_catalog.pg_class c, job WHERE c.oid = job.oid) AS owner,
  current_user::text AS role,
  coalesce((SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_catalog.pg_class c, job WHERE c.oid = job.oid), false)
    AS is_owner,
  (SELECT json_object_agg(rel.relname, json_build_object(
     'kind', rel.relkind, 'rows', rel.rows, 'readable', rel.readable, 'columns', (
       SELECT json_object_agg(a.attname, format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum)
       FROM pg_catalog.pg_attribute a WHERE a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped)))
   FROM rel) AS tables,
  (SELECT json_object_agg(own.relname, json_build_object(
     'kind', own.relkind, 'rows', NULL, 'readable', own.readable, 'columns', (
       SELECT json_object_agg(a.attname, format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum)
       FROM pg_catalog.pg_attribute a WHERE a.attrelid = own.oid AND a.attnum > 0 AND NOT a.attisdropped)))
   FROM own) AS own,
  EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace o ON o.oid = c.relnamespace
          WHERE o.nspname = 'bossctl' AND o.nspname <> %(schema)s AND c.relname = 'bossctl_format' AND c.relkind = 'r')
    AS own_exists,
  (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder)
   FROM pg_catalog.pg_type t JOIN pg_catalog.pg_enum e ON e.enumtypid = t.oid, ns
   WHERE t.typnamespace = ns.oid AND t.typname = 'job_state') AS states,
  (SELECT json_agg(json_build_object(
     'name', p.proname, 'arguments', pg_get_function_identity_arguments(p.oid),
     'ignores_conflict', p.prosrc ILIKE '%%ON CONFLICT%%', 'test_clock', p.prosrc LIKE '%%pgboss.test_clock%%'))
   FROM pg_catalog.pg_proc p, ns WHERE p.pronamespace = ns.oid) AS functions,
  (SELECT json_agg(json_build_object(
     'name', ic.relname, 'table', rel.relname, 'unique', i.indisunique, 'valid', i.indisvalid,
     'pattern', (SELECT o.opcname = 'text_pattern_ops' FROM pg_catalog.pg_opclass o WHERE o.oid = i.indclass[0]))
   ORDER BY ic.relname)
   FROM pg_catalog.pg_index i
   JOIN rel ON rel.oid = i.indrelid AND rel.relname IN ('job', 'job_common', 'archive')
   JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid) AS indexes

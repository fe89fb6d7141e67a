-- The operator's log in bossctl's own schema. It holds what undo needs and the archive of 11 and newer.

-- name: own_schema
-- `foreign` says that somebody else's tables are in a schema of that name.
SELECT n.oid IS NOT NULL AS present,
       coalesce(has_schema_privilege(n.oid, 'USAGE'), false) AS usable,
       coalesce(has_schema_privilege(n.oid, 'CREATE'), false) AS may_create_tables,
       has_database_privilege(current_database(), 'CREATE') AS may_create_schema,
       coalesce(t.tables, 0) AS tables,
       coalesce(t.ours, false) AS ours,
       coalesce(t.writable, false) AS writable,
       coalesce(t.mine, false) AS mine,
       current_user::text AS role
FROM (SELECT 1) AS one
LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = 'bossctl' AND n.nspname <> %(schema)s
LEFT JOIN LATERAL (
  SELECT count(*) AS tables, bool_or(c.relname = 'bossctl_format') AS ours,
         bool_and(has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
                  AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
           FILTER (WHERE c.relname IN ('operation', 'shape', 'image', 'link', 'archive')) AS writable,
         bool_and(pg_has_role(c.relowner, 'USAGE')) FILTER (WHERE c.relname IN ('image', 'archive')) AS mine
  FROM pg_catalog.pg_class AS c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm')
) AS t ON true

-- name: own_schema_claimed
SELECT pg_advisory_xact_lock(hashtextextended('the schema bossctl', 0))

-- name: create_own_schema
CREATE SCHEMA IF NOT EXISTS bossctl

-- name: create_own_format
CREATE TABLE IF NOT EXISTS {own_bossctl_format} (format int PRIMARY KEY, created_on timestamptz NOT NULL DEFAULT now())

-- name: create_own_operation
CREATE TABLE IF NOT EXISTS {own_operation} (
  operation text PRIMARY KEY,
  pgboss_schema text NOT NULL,
  generation text NOT NULL,
  action text NOT NULL,
  selector text NOT NULL,
  details jsonb NOT NULL,
  role text NOT NULL,
  person text NOT NULL,
  target text NOT NULL,
  started_on timestamptz NOT NULL DEFAULT now(),
  finished_on timestamptz,
  changed bigint NOT NULL DEFAULT 0,
  undone bigint NOT NULL DEFAULT 0,
  undoes text
)

-- name: create_own_shape
CREATE TABLE IF NOT EXISTS {own_shape} (
  shape int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  columns text[] NOT NULL,
  kept text[] NOT NULL
)

-- name: create_own_link
CREATE TABLE IF NOT EXISTS {own_link} (
  bossctl_operation text NOT NULL,
  child_name text NOT NULL,
  child_id uuid NOT NULL,
  parent_name text NOT NULL,
  parent_id uuid NOT NULL,
  PRIMARY KEY (bossctl_operation, child_name, child_id, parent_name, parent_id)
)

-- name: create_own_image
CREATE TABLE IF NOT EXISTS {own_image} (
  bossctl_operation text NOT NULL,
  bossctl_kind text NOT NULL,
  bossctl_shape int,
  bossctl_xid bigint NOT NULL,
  bossctl_origin uuid,
  {definitions}
)

-- name: create_own_image_index
-- A batch is found by it; an index over ids would cost a delete a third of its speed.
CREATE INDEX IF NOT EXISTS image_rows ON {own_image} (bossctl_operation, bossctl_xid)

-- name: create_own_archive
CREATE TABLE IF NOT EXISTS {own_archive} (
  bossctl_schema text NOT NULL,
  bossctl_operation text NOT NULL,
  bossctl_generation text NOT NULL,
  bossctl_shape int NOT NULL,
  bossctl_archived_on timestamptz NOT NULL DEFAULT now(),
  bossctl_archived_by text NOT NULL,
  {definitions},
  PRIMARY KEY (id, name, bossctl_schema)
)

-- name: create_own_archive_index
-- Operations come one after another and are named by time: their rows lie together.
CREATE INDEX IF NOT EXISTS archive_operation ON {own_archive} USING brin (bossctl_operation)

-- name: mark_own_schema
INSERT INTO {own_bossctl_format} (format) VALUES (1) ON CONFLICT DO NOTHING

-- name: share_own_tables
-- Whoever acts first makes the tables: those who may create in this schema write them as well, those who may use it read.
DO $$
DECLARE share record;
BEGIN
  FOR share IN
    SELECT c.relname, r.rolname, bool_or(a.privilege_type = 'CREATE') AS writes
    FROM pg_catalog.pg_namespace AS n
    CROSS JOIN aclexplode(n.nspacl) AS a
    JOIN pg_catalog.pg_roles AS r ON r.oid = a.grantee
    JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relkind = 'r'
    WHERE n.nspname = 'bossctl' AND r.rolname <> current_user AND pg_get_userbyid(c.relowner) = current_user
    GROUP BY c.relname, r.rolname
  LOOP
    EXECUTE 'GRANT ' || CASE WHEN share.writes THEN 'SELECT, INSERT, UPDATE, DELETE' ELSE 'SELECT' END
      || ' ON bossctl.' || quote_ident(share.relname) || ' TO ' || quote_ident(share.rolname);
  END LOOP;
END $$

-- name: add_own_columns
ALTER TABLE {table} {additions}

-- name: shapes
SELECT s.shape, s.columns, s.kept FROM {own_shape} AS s WHERE %(shape)s::int IS NULL OR s.shape = %(shape)s::int
ORDER BY s.shape

-- name: shape_of
SELECT s.shape FROM {own_shape} AS s WHERE s.columns = %(columns)s::text[] AND s.kept = %(kept)s::text[]
ORDER BY s.shape LIMIT 1

-- name: shape_added
INSERT INTO {own_shape} (columns, kept) VALUES (%(columns)s::text[], %(kept)s::text[]) RETURNING shape

-- name: image_kept
INSERT INTO {own_image} (bossctl_operation, bossctl_kind, bossctl_shape, bossctl_xid, name, id{targets})
SELECT %(operation)s, %(kind)s, %(shape)s::int, txid_current(), j.name, j.id{sources}
FROM {job_table} AS j
WHERE {chosen}

-- name: image_of_gone
INSERT INTO {own_image} (bossctl_operation, bossctl_kind, bossctl_shape, bossctl_xid, name, id{targets})
SELECT %(operation)s, %(kind)s, %(shape)s::int, txid_current(), j.name, j.id{sources} FROM {gone} AS j
RETURNING id

-- name: ids_kept
INSERT INTO {own_image} (bossctl_operation, bossctl_kind, bossctl_xid, bossctl_origin, name, id)
SELECT %(operation)s, %(kind)s, txid_current(), m.origin, %(queue)s, m.id
FROM unnest(%(ids)s::uuid[], %(origins)s::uuid[]) AS m(id, origin)

-- name: moved_kept
INSERT INTO {own_image} (bossctl_operation, bossctl_kind, bossctl_xid, name, id)
SELECT %(operation)s, 'moved', txid_current(), %(queue)s, c.id FROM {changed} AS c

-- name: links_kept
-- needs: job_dependency
INSERT INTO {own_link} (bossctl_operation, child_name, child_id, parent_name, parent_id)
SELECT %(operation)s, l.child_name, l.child_id, l.parent_name, l.parent_id
FROM {job_dependency} AS l WHERE l.child_name = %(queue)s AND l.child_id = ANY (%(ids)s::uuid[]) AND EXISTS (SELECT FROM {job_dependency})
UNION
SELECT %(operation)s, l.child_name, l.child_id, l.parent_name, l.parent_id
FROM {job_dependency} AS l WHERE l.parent_name = %(queue)s AND l.parent_id = ANY (%(ids)s::uuid[]) AND EXISTS (SELECT FROM {job_dependency})
ON CONFLICT DO NOTHING

-- name: links_read
-- needs: job_dependency
SELECT l.child_name, l.child_id::text AS child_id, l.parent_name, l.parent_id::text AS parent_id
FROM {job_dependency} AS l WHERE l.child_name = %(queue)s AND l.child_id = ANY (%(ids)s::uuid[])
UNION
SELECT l.child_name, l.child_id::text, l.parent_name, l.parent_id::text
FROM {job_dependency} AS l WHERE l.parent_name = %(queue)s AND l.parent_id = ANY (%(ids)s::uuid[])

-- name: operation_counted
INSERT INTO {own_operation} AS o
  (operation, pgboss_schema, generation, action, selector, details, role, person, target, changed, undoes)
VALUES (%(operation)s, %(schema)s, %(generation)s, %(action)s, %(selector)s, %(details)s::jsonb, %(role)s, %(person)s,
        %(target)s, {changed_rows}, %(undoes)s)
ON CONFLICT (operation) DO UPDATE SET changed = o.changed + excluded.changed

-- name: operation_finished
UPDATE {own_operation} SET finished_on = now() WHERE operation = %(operation)s

-- name: operation_undone
UPDATE {own_operation} SET undone = undone + %(undone)s WHERE operation = %(operation)s

-- name: operations
SELECT o.operation, o.action, o.generation, o.started_on, o.role, o.person, o.target, o.selector, o.details::text AS details, o.changed,
       o.undone, o.undoes, o.finished_on IS NOT NULL AS finished
FROM {own_operation} AS o
WHERE o.pgboss_schema = %(schema)s AND (%(operation)s::text IS NULL OR %(operation)s IN (o.operation, o.undoes))
ORDER BY o.operation DESC
LIMIT %(limit)s

-- name: image_text
-- Values as PostgreSQL writes them, for a file; SQL NULL stays apart from the JSON word.
SELECT {texts}, txid_current() AS xid
FROM {job_table} AS j
WHERE j.name = %(queue)s AND j.id = ANY (%(ids)s::uuid[])

-- name: image_sizes
-- About how many bytes `image_text` would send for each.
SELECT string_agg(j.id::text, ',' ORDER BY j.id) AS ids,
  string_agg((coalesce(octet_length(j.data::text), 0) + coalesce(octet_length(j.output::text), 0))::text, ',' ORDER BY j.id)
    AS sizes
FROM {job} AS j
WHERE j.name = %(queue)s AND j.id = ANY (%(ids)s::uuid[])

-- name: image_lines
-- The same as one JSON array a row: writing it is the server's work. What is more than `most` bytes is only measured.
WITH image AS MATERIALIZED (SELECT json_build_array({line_texts})::text AS line FROM {job_table} AS j WHERE {chosen}),
  size AS (SELECT count(*) AS rows, coalesce(sum(octet_length(i.line)), 0)::bigint AS bytes FROM image AS i)
SELECT s.rows, s.bytes, txid_current() AS xid,
  (SELECT string_agg(i.line, E'\n') FROM image AS i WHERE s.bytes <= %(most)s OR s.rows = 1) AS lines
FROM size AS s

-- name: leaving_lines
DELETE FROM {job_table} AS j WHERE {chosen} RETURNING j.id, json_build_array({line_texts})::text AS line

-- name: lines_taken
-- As image_lines, of rows that are deleted by it.
WITH gone AS ({leaving}), size AS (
  SELECT count(*) AS rows, coalesce(sum(octet_length(g.line)), 0)::bigint AS bytes, string_agg(g.id::text, ',') AS ids
  FROM gone AS g
)
SELECT s.rows, s.bytes, s.ids, txid_current() AS xid,
  (SELECT string_agg(g.line, E'\n') FROM gone AS g WHERE s.bytes <= %(most)s OR s.rows = 1) AS lines
FROM size AS s

-- name: transaction_id
SELECT txid_current() AS xid

-- name: transactions_ended
-- A number that is still to come belongs to a time before the server was set back.
SELECT x.xid,
       CASE WHEN x.xid < txid_snapshot_xmax(txid_current_snapshot()) THEN txid_status(x.xid) ELSE 'aborted' END AS status
FROM unnest(%(xids)s::bigint[]) AS x(xid)

-- name: may_identify_server
SELECT has_function_privilege('pg_control_system()', 'EXECUTE') AS allowed

-- name: server_identity
-- The same server under whatever name it is reached; a copy made by pg_dump is another one.
SELECT s.system_identifier::text AS server, d.oid::text AS database
FROM pg_control_system() AS s, pg_catalog.pg_database AS d WHERE d.datname = current_database()

-- name: database_identity
SELECT d.oid::text AS database FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()

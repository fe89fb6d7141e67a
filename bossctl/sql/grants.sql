-- What `bossctl info --grants` must know beside the catalog.

-- name: grant_facts
-- Whoever owns a table makes the next ones; functions whose name is not unique would have to be told apart.
SELECT current_database()::text AS database,
       (SELECT pg_get_userbyid(c.relowner)::text FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = n.oid AND c.relname = 'job') AS job_owner,
       ARRAY(SELECT DISTINCT pg_get_userbyid(c.relowner)::text FROM pg_catalog.pg_class AS c
             WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p') ORDER BY 1) AS owners,
       ARRAY(SELECT r.rolname::text FROM pg_catalog.pg_roles AS r WHERE r.rolsuper) AS superusers,
       o.oid IS NOT NULL AS own_present,
       ARRAY(SELECT DISTINCT pg_get_userbyid(c.relowner)::text FROM pg_catalog.pg_class AS c
             WHERE c.relnamespace = o.oid AND c.relkind IN ('r', 'p')
             UNION SELECT pg_get_userbyid(o.nspowner)::text WHERE o.oid IS NOT NULL ORDER BY 1) AS own_owners
FROM pg_catalog.pg_namespace AS n
LEFT JOIN pg_catalog.pg_namespace AS o ON o.nspname = 'bossctl' AND o.oid <> n.oid
WHERE n.nspname = %(schema)s

-- name: rights_lacking
-- Of the rights asked about, those that this role does not have, by their places in the list.
SELECT w.place::int AS place
FROM unnest(%(whats)s::text[], %(schemas)s::text[], %(objects)s::text[], %(rights)s::text[])
     WITH ORDINALITY AS w(what, schema, object, "right", place)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema
WHERE CASE w.what
  WHEN 'SCHEMA' THEN has_schema_privilege(n.oid, w."right")
  WHEN 'TABLE' THEN (SELECT has_table_privilege(c.oid, w."right") FROM pg_catalog.pg_class AS c
                     WHERE c.relnamespace = n.oid AND c.relname = w.object AND c.relkind IN ('r', 'p'))
  WHEN 'FUNCTION' THEN (SELECT bool_and(has_function_privilege(p.oid, w."right")) FROM pg_catalog.pg_proc AS p
                        WHERE p.pronamespace = n.oid AND p.proname = w.object)
  WHEN 'ALL TABLES' THEN (SELECT bool_and(has_table_privilege(c.oid, w."right")) FROM pg_catalog.pg_class AS c
                          WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v'))
  END IS FALSE
ORDER BY w.place

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

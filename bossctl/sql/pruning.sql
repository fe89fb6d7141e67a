-- Old records of the operator's log, which nothing can be taken back with once they are gone.

-- name: prunable
-- needs: own:operation
-- An operation whose jobs are still in the archive stays: restoring them wants its flow links.
SELECT o.operation, o.changed FROM {own_operation} AS o
WHERE o.pgboss_schema = %(schema)s AND o.started_on < %(before)s::timestamptz
  AND NOT EXISTS (SELECT 1 FROM {own_archive} AS a WHERE a.bossctl_operation = o.operation)
ORDER BY o.operation

-- name: pruned
-- needs: own:operation
WITH images AS (DELETE FROM {own_image} AS i WHERE i.bossctl_operation = %(operation)s),
links AS (DELETE FROM {own_link} AS l WHERE l.bossctl_operation = %(operation)s)
DELETE FROM {own_operation} AS o WHERE o.operation = %(operation)s

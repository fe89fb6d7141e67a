-- What the operator's log in bossctl's own schema keeps of one operation.

-- name: operation_rows
SELECT i.name AS queue, i.bossctl_kind AS kind, count(*) AS rows
FROM {own_image} AS i
WHERE i.bossctl_operation = %(operation)s
GROUP BY 1, 2
ORDER BY 1, 2

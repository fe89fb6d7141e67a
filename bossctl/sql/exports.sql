-- What is in a file of exported jobs and in the job table.

-- name: still_live
SELECT j.id::text AS id FROM {job_table} AS j WHERE j.name = %(queue)s AND j.id = ANY (%(ids)s::uuid[])

-- Failures grouped by what they say. Only the beginning of a message is looked at, and equal beginnings are folded once.

-- name: job_errors
-- The completed say a result. The placeholders are those of bossctl.store.job_errors. Between completed and cancelled
-- lies 8/9's state expired, and nothing later. A quote within a word is an apostrophe.
SELECT g.queue, g.message, sum(g.jobs)::bigint AS jobs, sum(g.last_hour)::bigint AS last_hour,
       sum(g.last_day)::bigint AS last_day, sum(g.last_week)::bigint AS last_week, min(g.sample) AS sample_id,
       count(*) OVER ()::bigint AS groups, (sum(sum(g.jobs)) OVER ())::bigint AS all_jobs
FROM (
  SELECT r.queue, r.jobs, r.last_hour, r.last_day, r.last_week, r.sample,
         regexp_replace(regexp_replace(regexp_replace(regexp_replace(r.message,
           '"[^"]*"|(?<![[:alnum:]])''[^'']*''(?![[:alnum:]])|`[^`]*`', '<text>', 'g'),
           '\m[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}\M|\m0x[0-9a-f]+\M|\m(?=[a-f]*[0-9])[0-9a-f]{{8,}}\M', '<id>', 'gi'),
           '(?<![[:alnum:]<>])(~|\.{{1,2}}|[a-z]:)?[/\\][^][:space:]"'',;:()<>[]+', '<path>', 'gi'),
           '[0-9]+([.][0-9]+)*', '<n>', 'g') AS message
  FROM (
    SELECT f.queue, f.message, count(*) AS jobs,
           count(*) FILTER (WHERE f.at > now() - interval '1 hour') AS last_hour,
           count(*) FILTER (WHERE f.at > now() - interval '1 day') AS last_day,
           count(*) FILTER (WHERE f.at > now() - interval '7 days') AS last_week,
           min(f.id::text COLLATE "C") AS sample
    FROM (
      SELECT j.name AS queue, j.id, coalesce(j.completed_on, j.started_on, j.created_on) AS at,
             left(split_part(ltrim(coalesce(nullif(j.output->>'message', ''), j.output->'value'->>'message',
               j.output->>'value', j.output #>> ARRAY[]::text[]), E' \t\r\n'), E'\n', 1), 300) AS message
      FROM {source} AS j
      WHERE {where} AND j.state <> 'completed'
        AND (j.output IS NOT NULL OR (j.state > 'completed' AND j.state <> 'cancelled'))
    ) AS f
    GROUP BY f.queue, f.message
  ) AS r
) AS g
GROUP BY g.queue, g.message
ORDER BY jobs DESC, g.queue, g.message
LIMIT %(limit)s

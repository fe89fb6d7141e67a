-- The doctor's two passes over all jobs: what completed, and everything else. Several readings are made of each.
-- An OFFSET of zero keeps what was computed from being computed again; only in quotes does it let workers share a pass.

-- name: completed_runs
-- Which queues deserve an exact look at their run times, which have keys that no throttle made and, where somebody asks
-- for it, how long what completed at once had waited. No expiry is below a second, so a run of less is not asked for its
-- own. Intervals are added up, since to turn each into seconds costs more.
SELECT r.name AS queue, count(*) AS completed, max(r.started_on) AS last_started,
       date_part('epoch', sum(r.wait)) / nullif(count(r.wait), 0) AS mean_wait_seconds,
       count(*) FILTER (WHERE r.run >= interval '1 second' AND r.run >= r.expiry) AS beyond,
       count(*) FILTER (WHERE r.run > make_interval(secs => %(long)s) AND r.heartbeat_seconds IS NULL) AS long,
       count(*) FILTER (WHERE r.keyed) AS keyed
FROM (
  SELECT j.name, j.started_on, j.completed_on - j.started_on AS run, j.expiry, j.heartbeat_seconds,
         CASE WHEN %(paced)s AND j.retry_count = 0 AND j.start_after < 'infinity' AND j.started_on IS NOT NULL
              THEN greatest(j.started_on, j.start_after, j.created_on) - greatest(j.start_after, j.created_on)
         END AS wait,
         j.singleton_key IS NOT NULL AND j.singleton_on IS NULL AS keyed
  FROM {all_jobs} AS j
  WHERE j.state = 'completed' AND j.completed_on >= {since}
    AND (%(names)s::text[] IS NULL OR j.name = ANY (%(names)s::text[]))
  OFFSET '0'
) AS r
GROUP BY r.name

-- name: suspects
-- What is not plainly completed, by what its rows show: the numbers are those of bossctl.models.readings.Symptom,
-- bossctl.models.readings_stuck.OpenSymptom and bossctl.store.passes.Mark, packed into one key to group by. Rows that
-- wait or run always count, finished ones when something happened to them since then.
-- Symptoms: a failed row was made due again by an earlier expiry only if it became due later than its creation plus its
-- expiry; a silent retry due before its expiry had come was not expired. Between completed and cancelled lies 8/9's
-- state expired, and nothing later.
-- Open: a retry or resume by hand keeps its old due time, and then nobody knows how long the job has waited. Up to 10
-- the limit after which finished rows are archived lies in the client's settings: its default is taken.
-- Samples are taken of what shows more than due or running work. Those fetched at the same instant are one batch.
SELECT g.name AS queue, g.state::text AS state, g.key >> 16 AS symptoms, g.key >> 8 & 255 AS open, g.key & 255 AS marks,
       sum(g.jobs)::bigint AS jobs, sum(g.reruns)::bigint AS reruns, max(g.retry_count) AS retry_count,
       min(g.first_on) AS first_on, max(g.last_on) AS last_on, max(g.started_on) AS last_started,
       min(g.due_on) AS oldest_due, min(g.keep_until) AS first_keep_until, min(g.heartbeat_on) AS oldest_heartbeat,
       min(g.dead_letter) AS dead_letter, max(g.other_dead_letter) AS other_dead_letter,
       array_agg(g.sample) FILTER (WHERE g.sample IS NOT NULL) AS samples,
       coalesce(bool_or(g.mates > 1), false) AS batched
FROM (
  SELECT p.name, p.state, p.key >> 5 AS key, p.jobs, p.reruns, p.retry_count, p.first_on, p.last_on, p.started_on,
         p.due_on,
         p.keep_until, p.heartbeat_on, p.dead_letter, p.other_dead_letter, p.sample,
         CASE WHEN p.batch IS NOT NULL THEN sum(p.jobs) OVER (PARTITION BY p.name, p.batch) END AS mates
  FROM (
    SELECT k.name, k.state, k.key, k.batch, count(*) AS jobs, sum(k.retry_count) AS reruns,
           max(k.retry_count) AS retry_count, min(k.moment) AS first_on, max(k.moment) AS last_on,
           max(k.started_on) AS started_on, min(k.due_on) AS due_on, min(k.keep_until) AS keep_until,
           min(k.heartbeat_on) AS heartbeat_on,
           min(k.dead_letter) AS dead_letter, max(k.dead_letter) AS other_dead_letter,
           min(k.sample::text COLLATE "C") AS sample
    FROM (
      SELECT m.name, m.state, m.retry_count, m.dead_letter, m.due_on,
             CASE WHEN isfinite(m.started_on) THEN m.started_on END AS started_on, m.keep_until, m.heartbeat_on,
             coalesce(m.completed_on, m.started_on, m.created_on) AS moment,
             (((m.symptoms::bigint << 8 | m.open) << 8) | m.marks) << 5
               | CASE WHEN m.symptoms > 0 OR m.open > 3 THEN uuid_hash(m.id) & 31 ELSE 0 END AS key,
             CASE WHEN m.symptoms > 0 OR m.open > 3 THEN m.id END AS sample,
             CASE WHEN m.state = 'retry' AND m.symptoms & 3079 = 0 AND NOT m.silent AND NOT m.archived
                  THEN m.started_on END AS batch
      FROM (
        SELECT r.name, r.state, r.id, r.retry_count, r.created_on, r.started_on, r.completed_on, r.keep_until,
               r.heartbeat_on, r.dead_letter, r.archived, r.silent,
               CASE WHEN r.state < 'active' AND (r.started_on IS NULL OR r.start_after > r.started_on)
                    THEN greatest(r.start_after, r.created_on) END AS due_on,
               CASE WHEN r.state = 'completed' THEN 64
               WHEN r.state = 'cancelled' THEN 0
               WHEN r.started_on IS NULL THEN
                 CASE WHEN r.state < 'active' AND r.retry_count = 0 AND r.completed_on IS NOT NULL THEN 16384 ELSE 0 END
               ELSE CASE WHEN r.reason IS NULL OR (r.state >= 'active' AND r.retry_count = 0) THEN 0
                    WHEN r.reason LIKE 'handler execution exceeded %%' THEN
                      CASE WHEN length(substring(r.reason FROM 'exceeded (\d+)ms$')) >= 10
                            AND substring(r.reason FROM 'exceeded (\d+)ms$')::numeric > 2147483647 THEN 2
                      WHEN r.state > 'completed' AND isfinite(r.start_after) AND isfinite(r.created_on)
                           AND date_part('epoch', r.start_after - r.created_on) < r.expire_seconds - 1 THEN 0 ELSE 1 END
                    WHEN r.reason IN ('job timed out', 'job failed by timeout in active state') THEN
                      CASE WHEN r.state > 'completed' AND isfinite(r.start_after) AND isfinite(r.created_on)
                            AND date_part('epoch', r.start_after - r.created_on) < r.expire_seconds - 1
                           THEN 0 ELSE 4 END
                    WHEN r.reason = 'job heartbeat timeout' THEN
                      CASE WHEN r.state > 'completed' AND isfinite(r.start_after) AND isfinite(r.created_on)
                            AND date_part('epoch', r.start_after - r.created_on) < coalesce(r.heartbeat_seconds, 0) - 1
                           THEN 0 ELSE 1024 END
                    WHEN r.reason = 'pg-boss shut down while active' THEN
                      CASE WHEN r.state > 'completed' THEN 0 ELSE 2048 END
                    ELSE 0 END
                  + CASE WHEN r.state >= 'completed' THEN
                      CASE WHEN r.retry_count > 0 AND r.state < 'cancelled' THEN 8 ELSE 0 END
                    ELSE CASE WHEN r.completed_on IS NOT NULL THEN 32 ELSE 0 END
                      + CASE r.state
                        WHEN 'created' THEN CASE WHEN r.silent THEN 128 ELSE 0 END
                        WHEN 'retry' THEN
                          CASE WHEN r.silent AND isfinite(r.started_on) AND isfinite(r.start_after)
                                AND date_part('epoch', r.start_after - r.started_on) - r.retry_delay
                                  * CASE WHEN r.retry_backoff THEN 2 ^ least(16, r.retry_count + 1) ELSE 1 END
                                  >= r.expire_seconds THEN 16 ELSE 0 END
                        ELSE CASE WHEN NOT r.archived AND r.ran_seconds > r.expire_seconds + %(grace)s
                                  THEN 256 ELSE 0 END
                          + CASE WHEN r.retry_count = 0 AND r.completed_on IS NOT NULL THEN 16384 ELSE 0 END END
                      + CASE WHEN r.result AND ((r.completed_on IS NOT NULL
                                                AND r.retry_count + (r.state = 'retry')::int < r.retry_limit)
                                              OR r.state = 'created'
                                              OR (r.state = 'active' AND r.retry_count = 0)) THEN 512 ELSE 0 END
                      + r.database_error END
               END AS symptoms,
               CASE WHEN r.archived OR r.state >= 'completed' THEN 0
               ELSE CASE WHEN r.state = 'active' THEN
                      CASE WHEN r.heartbeat_seconds IS NOT NULL AND isfinite(r.started_on) IS NOT false
                            AND isfinite(r.heartbeat_on) AND date_part('epoch', now() - r.heartbeat_on) > r.heartbeat_seconds + %(grace)s THEN 4
                      WHEN r.ran_seconds <= r.expire_seconds + %(grace)s THEN 2 ELSE 0 END
                    ELSE CASE WHEN r.start_after <= now() AND NOT r.blocked THEN 1 ELSE 0 END
                      + CASE WHEN r.keep_until <= now() THEN
                          CASE WHEN r.started_on IS NULL AND r.completed_on IS NULL THEN 8 ELSE 32 END
                        WHEN r.keep_until < r.start_after THEN
                          CASE WHEN r.started_on IS NULL AND r.completed_on IS NULL THEN 16 ELSE 64 END ELSE 0 END END
                  + CASE WHEN isfinite(r.completed_on) AND coalesce(r.deletion_seconds, 43200) > 0
                          AND date_part('epoch', now() - r.completed_on) > coalesce(r.deletion_seconds, 43200)
                         THEN 128 ELSE 0 END END AS open,
               CASE WHEN r.completed_on >= {since} OR (r.state = 'retry' AND NOT r.archived) THEN
                 1 + CASE WHEN r.retry_count > 0 AND r.retry_delay = 0 AND NOT r.retry_backoff THEN 2 ELSE 0 END
                   + CASE WHEN r.state > 'completed' AND r.state <> 'cancelled' AND r.dead_letter IS NULL
                          THEN 4 ELSE 0 END
                   + CASE WHEN r.state IN ('failed', 'retry') AND r.reason LIKE 'handler execution exceeded %%'
                          THEN 8 ELSE 0 END ELSE 0 END
               + CASE WHEN r.dead_letter IS NOT NULL AND (r.started_on IS NOT NULL OR r.retry_count > 0)
                      THEN 16 ELSE 0 END
               + CASE WHEN r.keyed THEN 32 ELSE 0 END AS marks
        FROM (
          SELECT j.name, j.state, j.id, j.retry_count, j.retry_limit, j.retry_delay, j.retry_backoff, j.created_on,
                 j.start_after,
                 j.started_on, j.completed_on, j.expire_seconds, j.heartbeat_seconds, j.heartbeat_on, j.keep_until,
                 j.deletion_seconds, j.dead_letter, j.blocked, j.archived, j.output IS NULL AS silent,
                 j.singleton_key IS NOT NULL AND j.singleton_on IS NULL AS keyed,
                 CASE WHEN j.state = 'active' AND isfinite(j.started_on)
                      THEN date_part('epoch', now() - j.started_on) END AS ran_seconds,
                 CASE WHEN j.state < 'completed' AND j.started_on IS NOT NULL AND j.output IS NOT NULL
                      THEN NOT j.output ?| ARRAY['message', 'stack']
                        AND NOT coalesce(j.output->'value' ?| ARRAY['message', 'stack'], false)
                        AND j.output->>'value' IS DISTINCT FROM 'pg-boss shut down while active' ELSE false END AS result,
                 CASE WHEN j.state < 'completed' AND j.started_on IS NOT NULL AND j.output IS NOT NULL
                        AND j.output ?& ARRAY['code', 'severity', 'routine']
                      THEN CASE WHEN j.output->>'stack' ~ '\mcomplete \(|\mTelemetry\.settle \(' THEN 8192 ELSE 4096 END
                      ELSE 0 END AS database_error,
                 CASE WHEN j.started_on IS NOT NULL AND j.state <> 'completed' AND j.state <> 'cancelled'
                      THEN coalesce(j.output->>'message', j.output->'value'->>'message', j.output->>'value') END AS reason
          FROM {all_jobs} AS j
          WHERE (j.state <> 'completed' OR j.retry_count > 0)
            AND ((j.state < 'completed' AND NOT j.archived)
              OR j.completed_on >= {since} OR j.started_on >= {since} OR j.created_on >= {since})
            AND (%(names)s::text[] IS NULL OR j.name = ANY (%(names)s::text[]))
          OFFSET '0'
        ) AS r
        OFFSET '0'
      ) AS m
      OFFSET '0'
    ) AS k
    GROUP BY k.name, k.state, k.key, k.batch
  ) AS p
) AS g
GROUP BY g.name, g.state, g.key

-- Run times as pg-boss itself counts them, since 12.36 and with persistQueueStats.

-- name: late_bins
-- needs: queue.run_bins
-- Queues whose last count holds runs that were surely longer than the queue's expiry.
SELECT q.name AS queue, q.expire_seconds
FROM {queue_table} AS q
WHERE left(q.name, 2) <> '__' AND (%(names)s::text[] IS NULL OR q.name = ANY (%(names)s::text[]))
  AND EXISTS (
    SELECT FROM unnest(q.run_bins) WITH ORDINALITY AS b (runs, place)
    WHERE b.runs > 0 AND b.place > 1 AND 0.01 * sqrt(2) ^ (b.place - 2) >= q.expire_seconds)
ORDER BY q.name

-- name: run_bins
-- needs: queue_stats.run_bins
SELECT s.name AS queue, b.place::int - 1 AS slot, sum(b.runs)::bigint AS runs, min(s.captured_on) AS first_on
FROM {queue_stats} AS s
CROSS JOIN LATERAL unnest(s.run_bins) WITH ORDINALITY AS b (runs, place)
WHERE s.name = ANY (%(names)s::text[]) AND s.captured_on >= {since} AND b.runs > 0
GROUP BY 1, 2
ORDER BY 1, 2

-- name: last_run_bins
-- needs: queue.run_bins
-- The last count alone, for queues without a history.
SELECT q.name AS queue, b.place::int - 1 AS slot, b.runs::bigint AS runs, q.delta_on AS first_on
FROM {queue_table} AS q
CROSS JOIN LATERAL unnest(q.run_bins) WITH ORDINALITY AS b (runs, place)
WHERE q.name = ANY (%(names)s::text[]) AND q.delta_on >= {since} AND b.runs > 0
ORDER BY 1, 2

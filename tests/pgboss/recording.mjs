// Writing down each execution of a job in a table of the test's own, through a connection of its own: a handler that
// has begun is known even where pg-boss, the server or this process ends before it does.

import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const PAUSE_MS = 100
const pools = new Map()

function poolOf (dsn) {
  if (!pools.has(dsn)) {
    const pg = createRequire(join(process.argv[2], 'noop.js'))('pg')
    const pool = new pg.Pool({ connectionString: dsn, max: 4 })
    pool.on('error', () => {})
    pools.set(dsn, pool)
  }
  return pools.get(dsn)
}

// Again until the server has it: a statement may have been done although its answer was lost, so it must be repeatable.
async function surely (dsn, statement, values) {
  for (;;) {
    try {
      return await poolOf(dsn).query(statement, values)
    } catch {
      await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
    }
  }
}

export async function record ({ dsn, ms = 0, failing = 0 }, jobs) {
  const runs = jobs.map(() => randomUUID())
  const ids = jobs.map(job => job.id)
  const begun = `INSERT INTO chaos.run (run, job, worker, started_on)
    SELECT r, j, $3, clock_timestamp() FROM unnest($1::uuid[], $2::uuid[]) AS t (r, j) ON CONFLICT DO NOTHING`
  await surely(dsn, begun, [runs, ids, process.pid])
  await new Promise(resolve => setTimeout(resolve, ms))
  await surely(dsn, 'UPDATE chaos.run SET finished_on = clock_timestamp() WHERE run = ANY ($1::uuid[])', [runs])
  if (Math.random() < failing) throw new Error('connect ECONNREFUSED')
}

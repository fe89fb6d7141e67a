// A second schema with a recorded history: the rows that pg-boss 10.0.6 left when its cron sent slots twice.

import { readFile } from 'node:fs/promises'
import { loadRelease, quietly } from './lifeline.mjs'

const SLOT = 10 * 60_000
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d(?=:\d\d(?:\.\d+)?\+00:00)/g

const instant = minute => Date.parse(`${minute}Z`)

// The recording with all its times moved by whole slots of ten minutes, so that every row keeps its second and
// microsecond and every cron slot stays one. The last of it lies ten to twenty minutes back.
export function movedToNow(text, now = Date.now()) {
  const last = Math.max(...JSON.parse(text).tables.job.map(row => instant(row.created_on.slice(0, 16))))
  const by = (Math.floor((now - last) / SLOT) - 1) * SLOT
  return JSON.parse(text.replace(TIME, minute => new Date(instant(minute) + by).toISOString().slice(0, 16)))
}

// The schema and its queues are made by that release itself; only the recorded rows are put in, and nothing is left
// running in it.
export async function loadHistory({ connectionString, packages, schema }) {
  const { release, queues, tables } = movedToNow(await readFile(new URL('history.json', import.meta.url), 'utf8'))
  const PgBoss = await loadRelease(packages, release)
  const boss = quietly(new PgBoss({ connectionString, schema, supervise: false, schedule: false, max: 1 }))
  await boss.start()
  // Made by the scheduler, which does not run here.
  await boss.createQueue('__pgboss__send-it')
  for (const [name, options] of queues) await boss.createQueue(name, options)
  const run = (text, rows) => boss.getDb().executeSql(text, rows && [JSON.stringify(rows)])
  const rowsOf = table => `jsonb_populate_recordset(NULL::${schema}.${table}, $1::jsonb)`
  for (const table of ['schedule', 'archive', 'job']) {
    await run(`INSERT INTO ${schema}.${table} SELECT * FROM ${rowsOf(table)}`, tables[table])
  }
  await run(`UPDATE ${schema}.queue AS q SET created_on = r.created_on, updated_on = r.updated_on
    FROM ${rowsOf('queue')} AS r WHERE r.name = q.name`, tables.queue)
  await run(`UPDATE ${schema}.version SET cron_on = r.cron_on, maintained_on = r.maintained_on
    FROM ${rowsOf('version')} AS r`, tables.version)
  await boss.stop({ graceful: false, wait: false })
}

// The playground's own process: a shop on a real pg-boss, and beside it the history of an older one.
//
// Reads one line of JSON, { connectionString, packages, release, live, recorded }, and answers with lines of JSON:
// { stage: 'started' } when the shop is open, { stage: 'complete', missing } when there is something of everything or it
// took too long, { error } when it cannot go on. It ends with its input.

import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { seed, startCustomers } from './customers.mjs'
import { loadHistory } from './history.mjs'
import { firstLine, loadRelease, quietly } from './lifeline.mjs'
import { createQueues, createSchedules, WATCHED } from './queues.mjs'
import { startWorkers } from './workers.mjs'

const PATIENCE = 45_000
const FLOW_SECONDS = 5
const WATCH_SECONDS = 20
const FULL_PASS_SECONDS = 1800
const MEDIA_BACK_AFTER = 12_000

const answer = facts => process.stdout.write(`${JSON.stringify(facts)}\n`)

process.on('uncaughtException', error => {
  console.error(error)
  answer({ error: error.message })
  setImmediate(() => process.exit(1))
})

const plan = await firstLine()
const { connectionString, packages, release, live, recorded } = plan
const PgBoss = await loadRelease(packages, release)
const common = {
  connectionString, schema: live, supervise: false, monitorIntervalSeconds: 10, maintenanceIntervalSeconds: 120,
  persistWarnings: true, warningRetentionDays: 1
}
const web = quietly(new PgBoss({ ...common, instanceName: 'shop-web', schedule: false, useListenNotify: true, max: 6 }))
const cron = quietly(new PgBoss({ ...common, instanceName: 'shop-cron', cronWorkerIntervalSeconds: 2, max: 2 }))

await Promise.all([openShop(), loadHistory({ connectionString, packages, schema: recorded })])
answer({ stage: 'started' })
answer({ stage: 'complete', missing: await somethingOfEverything() })

async function openShop() {
  await web.start()
  await createQueues(web)
  await createSchedules(web)
  await cron.start()
  await seed(web)
  await startWorkers(web)
  keepMediaRunning()
  startCustomers(web)
  maintain()
  for (const name of WATCHED) await web.supervise(name)
}

// As a process manager would: the transcoder is back some seconds after it was killed.
function keepMediaRunning() {
  const media = spawn(process.execPath, [fileURLToPath(new URL('media.mjs', import.meta.url))], {
    stdio: ['pipe', 'ignore', 'inherit']
  })
  media.stdin.on('error', () => {})
  media.stdin.write(`${JSON.stringify({ connectionString, packages, release, schema: live })}\n`)
  media.on('exit', () => setTimeout(keepMediaRunning, MEDIA_BACK_AFTER))
}

// The shop drives pg-boss's maintenance itself, by a list of its queues; what is not on the list waits for the rare pass
// over all of them, and a job of a killed worker stays active that long.
function maintain() {
  every(FLOW_SECONDS, () => web.resolveFlow())
  every(WATCH_SECONDS, async () => {
    for (const name of WATCHED) await web.supervise(name)
  })
  every(FULL_PASS_SECONDS, () => cron.supervise())
}

async function every(seconds, act) {
  for (;;) {
    await sleep(seconds * 1000)
    await act().catch(error => console.error(error))
  }
}

// What is not there yet once it is all there, or patience has ended.
async function somethingOfEverything() {
  const signs = {
    completed: "state = 'completed'",
    active: "state = 'active'",
    retry: "state = 'retry'",
    failed: "state = 'failed'",
    cancelled: "state = 'cancelled'",
    deferred: "state = 'created' AND start_after > now() + interval '1 hour'",
    'dead letter': 'source_id IS NOT NULL',
    'blocked in a flow': 'blocked',
    scheduled: "name = 'exchange-rates'",
    throttled: 'singleton_on IS NOT NULL',
    'with heartbeat': "state = 'active' AND heartbeat_seconds IS NOT NULL",
    'run again past its expiry': "state = 'failed' AND output ->> 'message' LIKE 'handler execution exceeded%'",
    'active past its expiry': "state = 'active' AND started_on + expire_seconds * interval '1 s' < now()"
  }
  const columns = Object.entries(signs).map(([sign, test]) => `bool_or(${test}) AS "${sign}"`)
  const text = `SELECT ${columns.join(', ')} FROM ${live}.job`
  const end = Date.now() + PATIENCE
  for (;;) {
    const { rows: [seen] } = await web.getDb().executeSql(text)
    const missing = Object.keys(signs).filter(sign => !seen[sign])
    if (!missing.length || Date.now() > end) return missing
    await sleep(250)
  }
}

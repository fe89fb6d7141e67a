// Makes bossctl/demo/shop/history.json: runs pg-boss 10.0.6 for some minutes, ends it at its work, and writes down the
// rows it left.
//
//   node record_history.mjs URL PACKAGES MINUTES > history.json
//
// PACKAGES is a directory with node_modules/pgboss-10.0.6 (an npm alias of pg-boss@10.0.6); the database at URL must not
// have a schema pgboss_v10 yet and keeps the one it gets.

import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'

const SCHEMA = 'pgboss_v10'
const TABLES = ['version', 'queue', 'schedule', 'archive', 'job']
const QUEUES = [
  ['order-mail-dead', {}],
  ['order-mail', { retryLimit: 2, retryDelay: 5, deadLetter: 'order-mail-dead' }],
  ['charge-subscriptions', { retryLimit: 3, retryDelay: 30 }],
  ['sync-stock', { retryLimit: 2, retryBackoff: true }],
  ['pdf-render', { retryLimit: 1, expireInSeconds: 60 }]
]
const [dsn, packages, minutes] = process.argv.slice(2)
const PgBoss = createRequire(`${packages}/`)('pgboss-10.0.6')
const between = (low, high) => low + Math.random() * (high - low)
const pick = list => list[Math.floor(Math.random() * list.length)]

// Soon archived, so that the history spans both tables.
const boss = new PgBoss({
  connectionString: dsn, schema: SCHEMA, archiveCompletedAfterSeconds: 150, archiveFailedAfterSeconds: 3600,
  maintenanceIntervalSeconds: 60
})
boss.on('error', error => console.error(error))
await boss.start()
for (const [name, options] of QUEUES) await boss.createQueue(name, { ...options })
await boss.schedule('charge-subscriptions', '* * * * *', { run: 'due', gateway: 'adyen', currency: 'EUR' })
await boss.schedule('sync-stock', '*/2 * * * *', { warehouse: 'rotterdam', mode: 'delta' }, { tz: 'Europe/Amsterdam' })

await boss.work('charge-subscriptions', async () => {
  await sleep(between(400, 1900))
  const charged = Math.floor(between(3, 12))
  return { charged, amount: (charged * 14.99).toFixed(2) }
})
await boss.work('sync-stock', async () => {
  await sleep(between(1500, 4000))
  return { changed: Math.floor(between(0, 120)) }
})
await boss.work('order-mail', async ([job]) => {
  await sleep(between(100, 600))
  if (job.data.to.endsWith('.invalid')) {
    throw Object.assign(new Error('550 5.1.1 mailbox unavailable'), { responseCode: 550, command: 'RCPT TO' })
  }
  return { messageId: `<${job.id}@mail.shop.example>` }
})
await boss.work('pdf-render', async () => {
  await sleep(120_000)
})

const end = Date.now() + Number(minutes) * 60_000
for (let order = 48211; Date.now() < end; order++) {
  const host = Math.random() < 0.12 ? 'shop.invalid' : 'example.com'
  const to = `${pick(['mia', 'noah', 'lea', 'omar', 'ines', 'jan'])}@${host}`
  await boss.send('order-mail', { order, to, template: 'order-confirmed' })
  await sleep(between(6000, 20_000))
}
await boss.send('pdf-render', { document: 'catalogue-2026-winter', pages: 212 })
await sleep(8000)

// One statement, so that no row is seen in both tables while maintenance moves it.
const parts = TABLES.map(table => `'${table}', (SELECT coalesce(jsonb_agg(t), '[]') FROM ${SCHEMA}.${table} AS t)`)
const { rows: [{ tables }] } = await boss.getDb().executeSql(`SELECT jsonb_build_object(${parts.join(', ')}) AS tables`)

// A row a line, and stacks as they would read on the shop's own machine.
const lines = TABLES.map(table => `"${table}": [\n${tables[table].map(row => JSON.stringify(row)).join(',\n')}\n]`)
const text = `{"release": "10.0.6", "queues": ${JSON.stringify(QUEUES)}, "tables": {\n${lines.join(',\n')}\n}}\n`
  .replaceAll(import.meta.url, 'file:///srv/shop/worker.mjs')
  .replaceAll(packages, '/srv/shop')
process.stdout.write(text, () => process.exit())

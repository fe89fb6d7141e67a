// What the shop's workers do. They fail for the reasons real ones fail: an address, a partner, a file, a bug.

import { setTimeout as sleep } from 'node:timers/promises'
import { between, sometimes, whole } from './chance.mjs'

const pause = (low, high) => sleep(between(low, high))
const failure = (message, details) => Object.assign(new Error(message), details)

class HttpError extends Error {
  constructor(url, status, body) {
    super(`POST ${url} answered ${status}`)
    this.name = 'HttpError'
    this.status = status
    this.body = body
  }
}

async function sendMail({ to, template }) {
  await pause(60, 350)
  if (to.endsWith('.invalid')) {
    throw failure(`550 5.1.1 <${to}>: Recipient address rejected: User unknown`, {
      code: 'EENVELOPE', responseCode: 550, command: 'RCPT TO'
    })
  }
  if (sometimes(0.04)) throw failure('Connection timeout', { code: 'ETIMEDOUT', command: 'CONN' })
  if (sometimes(0.03)) throw failure('421 4.7.0 Try again later', { responseCode: 421, command: 'MAIL FROM' })
  return { template, accepted: [to], smtp: `250 2.0.0 Ok: queued as ${whole(1e8, 9e8).toString(16).toUpperCase()}` }
}

async function callWebhook({ url, event }) {
  await pause(80, 900)
  const partner = new URL(url).hostname
  if (partner.startsWith('legacy-erp')) {
    const cause = failure('connect ECONNREFUSED 203.0.113.17:443', { code: 'ECONNREFUSED', syscall: 'connect', port: 443 })
    throw new TypeError('fetch failed', { cause })
  }
  if (partner.startsWith('crm') && sometimes(0.5)) throw new HttpError(url, 502, '<html><h1>502 Bad Gateway</h1></html>')
  if (sometimes(0.02)) return JSON.parse(`<!doctype html><title>${event}</title>`)
  return { status: 200 }
}

async function resize({ file, sizes }) {
  await pause(200, 1200)
  if (file.endsWith('.heic')) {
    throw failure(`Input file contains unsupported image format: ${file}`, { code: 'ERR_UNSUPPORTED_FORMAT' })
  }
  return { file, written: sizes.map(size => file.replace('.', `@${size}.`)) }
}

// The gateway is slow now and then, and the queue's expiry does not allow for it: the job runs again meanwhile.
async function settle({ payment, gateway }) {
  if (gateway === 'slowpay') await pause(3500, 4500)
  else await pause(100, 700)
  return { payment, settled: true }
}

async function fulfil({ order, step, card }) {
  await pause(500, 2500)
  if (step === 'charge' && card === 'expired') {
    throw failure('Your card has expired.', { type: 'StripeCardError', code: 'expired_card', declineCode: 'expired_card' })
  }
  return { order, step }
}

// One customer's record was never completed and one buys nothing: both fail for ever, and their later invoices wait.
const CUSTOMERS = {
  'atelier-lune': { vatId: 'FR 40 303 265 045' },
  'casa-verde': { vatId: 'IT 003 998 101 59' },
  'fjord-as': { vatId: 'NO 974 760 673' },
  'kiosk-42': { vatId: 'AT U12 345 678' },
  'nordwind-gmbh': { vatId: 'DE 811 907 980' },
  'umbra-bv': null
}

export const customers = Object.keys(CUSTOMERS)

async function bill(db, { invoice, customer, lines, amount }) {
  await pause(150, 800)
  const vatId = CUSTOMERS[customer].vatId.replaceAll(' ', '')
  const { rows: [{ average }] } = await db.executeSql('SELECT round($1::numeric / $2::int, 2) AS average', [amount, lines])
  return { invoice, vatId, average: Number(average) }
}

async function index({ shop, documents }) {
  await pause(300, 1500)
  if (sometimes(0.05)) {
    throw failure('es_rejected_execution_exception', {
      statusCode: 429, meta: { body: { error: { root_cause: [{ type: 'es_rejected_execution_exception', shard: whole(0, 4) }] } } }
    })
  }
  return { shop, indexed: documents ?? whole(5, 400) }
}

async function fetchRates({ base }) {
  await pause(200, 900)
  return { base, USD: between(1.05, 1.18).toFixed(4), GBP: between(0.83, 0.88).toFixed(4), JPY: between(158, 172).toFixed(2) }
}

async function remind({ account }) {
  await pause(50, 200)
  return { account, notified: true }
}

async function report({ report }) {
  await pause(9000, 24_000)
  return { report, rows: whole(2_000, 90_000), file: `s3://shop-reports/${report}-${whole(100, 999)}.parquet` }
}

// Every queue but `newsletter` and the dead letters; `video-transcode` has a process of its own (media.mjs).
export async function startWorkers(boss) {
  const work = (queue, options, handler) => boss.work(queue, options, ([job]) => handler(job.data))
  await work('email', { localConcurrency: 2, notifyPollingIntervalSeconds: 4, priority: true }, sendMail)
  await work('webhooks', { localConcurrency: 2 }, callWebhook)
  await work('image-resize', { localConcurrency: 2 }, resize)
  await work('payments', { localConcurrency: 2, pollingIntervalSeconds: 1 }, settle)
  await work('orders', {}, fulfil)
  await work('invoices', {}, job => bill(boss.getDb(), job))
  await work('search-index', { pollingIntervalSeconds: 3 }, index)
  await work('exchange-rates', { pollingIntervalSeconds: 3 }, fetchRates)
  await work('reports-nightly', { pollingIntervalSeconds: 3 }, report)
  await work('trial-reminders', { pollingIntervalSeconds: 10 }, remind)
}

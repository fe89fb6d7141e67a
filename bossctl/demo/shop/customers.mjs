// What the shop's customers cause: jobs, at a pace that swells and fades.

import { at, pick, sometimes, whole } from './chance.mjs'
import { customers } from './workers.mjs'

const NAMES = ['mia', 'noah', 'lea', 'omar', 'ines', 'jan', 'yuki', 'zoë', 'paul', 'amara']
const PARTNERS = ['hooks.parcel.example', 'api.ledger.example', 'crm.partner.example', 'legacy-erp.example']
const SHOPS = ['berlin', 'lyon', 'porto', 'oslo']
const FORMATS = ['jpg', 'jpg', 'jpg', 'jpg', 'png', 'png', 'webp', 'heic']
const DAY = 86_400
const CAMPAIGN = 60

let serial = 48_210
const nextNumber = () => ++serial
const address = () => `${pick(NAMES)}.${whole(10, 99)}@${sometimes(0.06) ? 'shop.invalid' : 'example.com'}`

const mail = (template, priority = 0) => ({ data: { to: address(), template, order: nextNumber() }, priority })
const send = (boss, queue, { data, ...options }) => boss.send(queue, data, options)

const webhook = () => ({
  url: `https://${sometimes(0.08) ? PARTNERS[3] : pick(PARTNERS.slice(0, 3))}/v2/events`,
  event: pick(['order.paid', 'order.shipped', 'stock.low']),
  order: serial
})

function invoice(customer) {
  const lines = customer === 'kiosk-42' ? 0 : whole(1, 9)
  return { invoice: `2026-${nextNumber()}`, customer, lines, amount: (lines * whole(900, 9900)) / 100 }
}

const payment = gateway => ({ payment: `pay_${nextNumber()}`, gateway, amount: whole(500, 25_000), currency: 'EUR' })

function order(card) {
  const number = nextNumber()
  const step = (name, dependsOn) => ({
    ref: name, name: 'orders', data: { order: number, step: name, ...(name === 'charge' && { card }) }, dependsOn
  })
  return [step('charge'), step('pack', ['charge']), step('label', ['charge']), step('ship', ['pack', 'label'])]
}

const sendInvoice = (boss, customer) => boss.send('invoices', invoice(customer), { singletonKey: customer })

async function uploadImage(boss) {
  const shop = pick(SHOPS)
  const file = `product-${whole(1000, 9999)}.${pick(FORMATS)}`
  const id = await boss.send('image-resize', { shop, file, sizes: [160, 640, 1280] }, { group: { id: shop } })
  if (sometimes(0.08)) await boss.cancel('image-resize', id)
}

async function remind(boss, startAfter) {
  const id = await boss.send('trial-reminders', { account: whole(1000, 9999), mail: 'trial-ends' }, { startAfter })
  if (sometimes(0.3)) await boss.cancel('trial-reminders', id)
}

// Many product changes, one reindexing per shop and slot: most of these are refused, which is what they are for.
const productChanged = (boss, shop = pick(SHOPS)) => boss.sendThrottled('search-index', { shop }, null, 10, shop)
const pricesChanged = boss => boss.sendDebounced('search-index', { shop: 'all', prices: true }, null, 15, 'prices')

// A damaged film brings down the process that works on it, with all that it holds.
const film = (damaged = sometimes(0.05)) => ({ film: `clip-${nextNumber()}.mov`, preset: pick(['720p', '1080p']), damaged })

// What is there from the first moment, so that every state and every kind of trouble is to be seen soon.
export async function seed(boss) {
  await boss.send('video-transcode', film(true), { expireInSeconds: 2 })
  await boss.send('video-transcode', film(false), { expireInSeconds: 2 })
  for (let i = 0; i < 3; i++) await boss.send('payments', payment('slowpay'))
  await boss.send('email', { to: 'nobody@shop.invalid', template: 'welcome' }, { retryLimit: 1, retryDelay: 1, retryBackoff: false })
  await boss.insert('email', Array.from({ length: 25 }, () => mail('spring-sale', -5)))
  await boss.send('webhooks', { url: `https://${PARTNERS[3]}/v2/events`, event: 'order.paid', order: serial })
  for (const customer of customers) await sendInvoice(boss, customer)
  await boss.flow(order('expired'))
  for (let i = 0; i < 3; i++) await boss.flow(order('valid'))
  for (let i = 0; i < 6; i++) await uploadImage(boss)
  await boss.cancel('image-resize', await boss.send('image-resize', { shop: 'lyon', file: 'withdrawn.png', sizes: [160] }))
  for (let i = 0; i < 12; i++) await remind(boss, whole(1, 12) * DAY)
  for (const report of ['revenue', 'stock-value', 'churn']) await boss.send('reports-nightly', { report, range: 'today' })
  await productChanged(boss)
  await campaign(boss)
}

// Due since this morning, and the worker for it was never deployed.
async function campaign(boss) {
  const due = Date.now() - 5400_000
  const jobs = Array.from({ length: 40 }, (_, i) => ({
    data: { edition: 'november', segment: i + 1 }, startAfter: new Date(due + i * 30_000)
  }))
  await boss.insert('newsletter', jobs)
}

// Keeps going until the process ends: about two jobs a second.
export function startCustomers(boss) {
  at(2, () => send(boss, 'email', mail(pick(['order-confirmed', 'order-shipped', 'invoice']))))
  at(15, () => send(boss, 'email', mail('password-reset', 10)), { period: 400 })
  at(100, () => boss.insert('email', Array.from({ length: whole(15, CAMPAIGN) }, () => mail('spring-sale', -5))))
  at(3, () => boss.send('webhooks', webhook()), { period: 120 })
  at(4, () => uploadImage(boss), { period: 300 })
  at(5, () => boss.send('payments', payment(sometimes(0.03) ? 'slowpay' : pick(['adyen', 'stripe', 'mollie']))))
  at(18, () => boss.flow(order(sometimes(0.05) ? 'expired' : 'valid')), { period: 240 })
  at(9, () => sendInvoice(boss, pick(customers)))
  at(2, () => productChanged(boss))
  at(5, () => pricesChanged(boss))
  at(16, () => boss.send('video-transcode', film()), { period: 420 })
  at(45, () => boss.send('reports-nightly', { report: pick(['revenue', 'churn', 'returns']), range: 'today' }))
  at(60, () => remind(boss, whole(600, 3600)))
}

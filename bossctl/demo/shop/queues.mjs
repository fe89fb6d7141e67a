// The shop's queues, in an order in which a dead-letter queue comes before those that name it.

const KEPT = { deleteAfterSeconds: 1800 }
const UNREAD = { retentionSeconds: 7200, deleteAfterSeconds: 1800 }

export const QUEUES = {
  'email-dead': UNREAD,
  'webhooks-dead': UNREAD,
  'email': {
    ...KEPT, retryLimit: 3, retryDelay: 3, retryBackoff: true, retryDelayMax: 60, deadLetter: 'email-dead', notify: true
  },
  'webhooks': {
    ...KEPT, retryLimit: 4, retryDelay: 2, retryBackoff: true, retryDelayMax: 120, expireInSeconds: 30,
    deadLetter: 'webhooks-dead', warningQueueSize: 200
  },
  'image-resize': { ...KEPT, partition: true, retryLimit: 1, retryDelay: 2, expireInSeconds: 60 },
  'payments': { ...KEPT, retryLimit: 1, expireInSeconds: 2 },
  'orders': { ...KEPT, retryLimit: 0, retentionSeconds: 3600 },
  'invoices': { ...KEPT, policy: 'key_strict_fifo', retryLimit: 1, retryDelay: 2, retentionSeconds: 3600 },
  'search-index': { ...KEPT, policy: 'short', retryLimit: 2, retryDelay: 5 },
  'exchange-rates': { ...KEPT, policy: 'exclusive', retryLimit: 3, retryDelay: 10 },
  'reports-nightly': { ...KEPT, policy: 'singleton', heartbeatSeconds: 10, expireInSeconds: 3600 },
  'video-transcode': { ...KEPT, retryLimit: 2, expireInSeconds: 20 },
  'newsletter': { ...KEPT, retryLimit: 2 },
  'trial-reminders': { ...KEPT }
}

// The queues that the shop has pg-boss supervise. `video-transcode` came later and was forgotten.
export const WATCHED = Object.keys(QUEUES).filter(name => name !== 'video-transcode')

export async function createQueues(boss) {
  for (const [name, options] of Object.entries(QUEUES)) await boss.createQueue(name, options)
}

export async function createSchedules(boss) {
  await boss.schedule('exchange-rates', '* * * * *', { base: 'EUR', source: 'ecb' })
  const night = { tz: 'Europe/Berlin', retryLimit: 1 }
  await boss.schedule('reports-nightly', '15 2 * * *', { report: 'revenue', range: 'yesterday' }, night)
}

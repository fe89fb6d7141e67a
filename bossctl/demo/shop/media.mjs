// The shop's transcoder, a process of its own: a damaged film kills it, and its jobs stay active with nobody at work.
//
// Reads one line of JSON, { connectionString, packages, release, schema }.

import { setTimeout as sleep } from 'node:timers/promises'
import { between } from './chance.mjs'
import { firstLine, loadRelease, quietly } from './lifeline.mjs'

const { connectionString, packages, release, schema } = await firstLine()
const PgBoss = await loadRelease(packages, release)
const boss = quietly(new PgBoss({
  connectionString, schema, instanceName: 'shop-media', supervise: false, schedule: false, migrate: false, max: 3
}))
await boss.start()
await boss.work('video-transcode', { localConcurrency: 2 }, async ([job]) => {
  if (job.data.damaged) {
    await sleep(1200)
    process.kill(process.pid, 'SIGKILL')
  }
  await sleep(between(4000, 11_000))
  return { film: job.data.film, preset: job.data.preset, seconds: Math.round(between(20, 400)) }
})

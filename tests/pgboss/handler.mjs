// What a worker does with its jobs, described by data: {do: 'succeed' | 'fail' | 'sleep' | 'hang' | 'freeze' | 'crash' |
// 'wait' | 'mend' | 'record' | 'payload', …}. A description may carry `then`, what to do afterwards.

import { record } from './recording.mjs'

export function handlerFor (behaviour, onEvent) {
  return async jobs => {
    const ids = jobs.map(job => job.id)
    onEvent('job-started', { ids })
    try {
      const output = await behave(behaviour, jobs)
      onEvent('job-finished', { ids })
      return output
    } catch (error) {
      onEvent('job-finished', { ids, error: error.message })
      throw error
    }
  }
}

async function behave (behaviour, jobs) {
  await ACTIONS[behaviour.do](behaviour, jobs)
  if (behaviour.then) return await behave(behaviour.then, jobs)
  if (behaviour.do === 'payload') return await behave(jobs[0].data.handler, jobs)
  return behaviour.output
}

const seen = new Set()
const waiting = []

// Lets every handler that waits go on.
export function letGo () {
  for (const goOn of waiting.splice(0)) goOn()
}

const ACTIONS = {
  record,
  async succeed () {},
  async payload () {},
  async fail ({ message = 'it failed', ...facts }) {
    throw Object.assign(new Error(message), facts.properties)
  },
  // Fails the first time this process sees a job whose data says it is `shaky`, and is done the next time.
  async mend (_behaviour, jobs) {
    const unseen = jobs.filter(job => job.data.shaky && !seen.has(job.id))
    for (const job of unseen) seen.add(job.id)
    if (unseen.length > 0) throw new Error('connect ECONNREFUSED')
  },
  // Waits, as a handler that talks to a slow service.
  sleep ({ ms }) { return new Promise(resolve => setTimeout(resolve, ms)) },
  // Goes on when it is let go.
  wait () { return new Promise(resolve => waiting.push(resolve)) },
  // Never ends, while pg-boss beside it goes on.
  hang () { return new Promise(() => {}) },
  // Blocks the event loop: no heartbeat, no timers, no answer until it is over.
  async freeze ({ ms }) { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms) },
  async crash () { process.kill(process.pid, 'SIGKILL') }
}

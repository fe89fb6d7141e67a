// What a worker does with its jobs, described by data: {do: 'succeed' | 'fail' | 'sleep' | 'hang' | 'freeze' | 'crash' |
// 'payload', …}. A description may carry `then`, what to do afterwards.

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

const ACTIONS = {
  async succeed () {},
  async payload () {},
  async fail ({ message = 'it failed', ...facts }) {
    throw Object.assign(new Error(message), facts.properties)
  },
  // Waits, as a handler that talks to a slow service.
  sleep ({ ms }) { return new Promise(resolve => setTimeout(resolve, ms)) },
  // Never ends, while pg-boss beside it goes on.
  hang () { return new Promise(() => {}) },
  // Blocks the event loop: no heartbeat, no timers, no answer until it is over.
  async freeze ({ ms }) { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms) },
  async crash () { process.kill(process.pid, 'SIGKILL') }
}

// node driver.mjs <directory of node_modules> <release>
// Reads {id, method, params} and writes {id, result} or {id, error}, one JSON object a line, and {event, value} for
// what pg-boss emits. Requests overlap. The end of the input ends the process.

import { createInterface } from 'node:readline'
import { NotInThisRelease, loadRelease } from './release.mjs'
import { handlerFor, letGo } from './handler.mjs'
import { shiftClock } from './clock.mjs'

const [modules, release] = process.argv.slice(2)
const write = line => process.stdout.write(JSON.stringify(line) + '\n')
const onEvent = (event, value) => write({ event, value: plain(value) })
console.log = console.info = console.error

const plain = value => value instanceof Error ? { ...value, message: value.message } : value

const driven = await loadRelease(modules, release)
const settle = method => ({ name, id, output }) => driven.settle(method, name, id, output)

const METHODS = {
  start: ({ options }) => driven.start(options, onEvent),
  stop: ({ options }) => driven.stop(options),
  die: () => process.kill(process.pid, 'SIGKILL'),
  letGo,
  shiftClock: ({ ms }) => shiftClock(ms),
  maintain: ({ name }) => driven.maintain(name),
  createQueue: ({ name, options }) => driven.createQueue(name, options),
  send: ({ name, data, options }) => driven.call('send', name, data, options),
  insert: ({ name, jobs }) => driven.insert(name, jobs),
  schedule: ({ name, cron, data, options }) => driven.call('schedule', name, cron, data, options),
  work: ({ name, options, handler }) => driven.work(name, options, handlerFor(handler, onEvent)),
  fetch: ({ name, options }) => driven.fetch(name, options),
  complete: settle('complete'),
  fail: settle('fail'),
  cancel: settle('cancel'),
  resume: settle('resume'),
  retry: settle('retry'),
  deleteJob: ({ name, id }) => driven.deleteJob(name, id),
  // Any other method of this release, with its own arguments.
  call: ({ method, args = [] }) => driven.call(method, ...args)
}

async function answer ({ id, method, params = {} }) {
  try {
    const result = await METHODS[method](params)
    write({ id, result: method === 'start' ? null : result ?? null })
  } catch (error) {
    const kind = error instanceof NotInThisRelease ? 'NotInThisRelease' : error.name
    write({ id, error: { kind, code: error.code ?? null, message: error.message ?? String(error) } })
  }
}

write({ event: 'ready', value: { node: process.version, pid: process.pid } })
createInterface({ input: process.stdin }).on('line', line => answer(JSON.parse(line))).on('close', () => process.exit())

// One vocabulary over every pg-boss release under test: what differs between 8/9, 10, 11 and 12 is hidden here.

import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

export class NotInThisRelease extends Error {}

async function loadClass (modules, release) {
  const require = createRequire(join(modules, 'noop.js'))
  const manifest = join(modules, 'node_modules', `pgboss-${release}`, 'package.json')
  const { main, type } = JSON.parse(readFileSync(manifest, 'utf8'))
  const entry = join(dirname(manifest), main)
  if (type !== 'module') return require(entry)
  const module = await import(pathToFileURL(entry))
  return module.PgBoss ?? module.default
}

export async function loadRelease (modules, release) {
  const PgBoss = await loadClass(modules, release)
  const generation = Number.parseInt(release, 10)
  return new (generation < 10 ? Ancient : generation < 11 ? Release10 : Release)(PgBoss, release)
}

// 11 and 12: the names and arguments are those of the newest release.
class Release {
  constructor (PgBoss, release) {
    this.PgBoss = PgBoss
    this.release = release
  }

  constructorOptions (options) { return options }

  async start (options, onEvent) {
    this.boss = new this.PgBoss(this.constructorOptions(options))
    for (const event of ['error', 'warning', 'maintenance', 'monitor-states', 'wip', 'bam', 'flow', 'stopped']) {
      this.boss.on(event, value => onEvent(event, value))
    }
    await this.boss.start()
  }

  call (method, ...args) {
    if (typeof this.boss[method] !== 'function') {
      throw new NotInThisRelease(`${method}() is not in pg-boss ${this.release}`)
    }
    return this.boss[method](...args)
  }

  stop (options) { return this.boss.stop({ timeout: 1000, ...options }) }
  work (name, options, handler) { return this.boss.work(name, options, handler) }
  fetch (name, options) { return this.call('fetch', name, options) }
  insert (name, jobs) { return this.call('insert', name, jobs) }
  createQueue (name, options) { return this.call('createQueue', name, options) }
  deleteJob (name, id) { return this.call('deleteJob', name, id) }
  settle (method, name, id, output) { return this.call(method, name, id, ...(output === undefined ? [] : [output])) }
  maintain (name) { return this.call('supervise', ...(name === undefined ? [] : [name])) }
}

class Release10 extends Release {
  insert (name, jobs) { return this.call('insert', jobs.map(job => ({ ...job, name }))) }
  fetch (name, options) { return this.call('fetch', name, { batchSize: 1, ...options }) }
  maintain () { return this.call('maintain') }
}

// 8 and 9: no queue table, so a queue needs no making; a job's id is enough to name it.
class Ancient extends Release {
  constructorOptions ({ supervise = true, schedule = true, ...options }) {
    return { ...options, noSupervisor: !supervise, noScheduling: !schedule }
  }

  async stop ({ graceful = true } = {}) {
    const stopped = new Promise(resolve => this.boss.once('stopped', resolve))
    await this.boss.stop({ destroy: true, graceful, timeout: 1000 })
    await stopped
  }

  work (name, { pollingIntervalSeconds, ...options }, handler) {
    if (pollingIntervalSeconds !== undefined) options.newJobCheckInterval = pollingIntervalSeconds * 1000
    return this.boss.work(name, options, found => handler([found].flat()))
  }

  async fetch (name, { batchSize = 1, ...options } = {}) {
    return [await this.call('fetch', name, batchSize, options)].flat().filter(job => job !== null)
  }

  insert (name, jobs) { return this.call('insert', jobs.map(job => ({ ...job, name }))) }
  async createQueue () { return null }
  settle (method, _name, id, output) { return this.call(method, id, ...(output === undefined ? [] : [output])) }

  async maintain () {
    for (const step of ['expire', 'archive', 'purge']) await this.call(step)
    await this.boss.boss.setMaintenanceTime()
  }
}

// What ties a node process of the playground to the one that started it: its input.

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

// The first line of input, as JSON. The end of the input, which the kernel brings about whatever ends the parent, ends
// this process.
export function firstLine() {
  return new Promise(resolve => {
    let text = ''
    process.stdin.setEncoding('utf8')
    process.stdin.on('data', chunk => {
      text += chunk
      if (text.includes('\n')) resolve(JSON.parse(text.slice(0, text.indexOf('\n'))))
    })
    process.stdin.on('close', () => process.exit())
  })
}

// A pg-boss release from the directory that npm installed `pgboss-<release>` into.
export async function loadRelease(packages, release) {
  const path = createRequire(join(packages, 'package.json')).resolve(`pgboss-${release}`)
  const loaded = await import(pathToFileURL(path).href)
  return loaded.PgBoss ?? loaded.default
}

// At most one complaint in ten seconds: the log lives as long as the playground.
export function quietly(boss) {
  let last = 0
  boss.on('error', error => {
    if (Date.now() - last < 10_000) return
    last = Date.now()
    console.error(error)
  })
  return boss
}

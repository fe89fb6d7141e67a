// node install.mjs <directory of node_modules> <release> <connection URL> <schema>
// Lets a release make its schema by its own start(), with nothing running in it afterwards.

import { loadRelease } from './release.mjs'

const [modules, release, connectionString, schema] = process.argv.slice(2)
const quiet = { supervise: false, schedule: false, registerInstance: false }
const driven = await loadRelease(modules, release)
await driven.start({ connectionString, schema, ...quiet }, (event, value) => event === 'error' && console.error(value))
await driven.stop({ graceful: false })
process.exit()

// Writes cron_answers.json: what cron-parser itself says about a few hundred schedules.
//
//   npm install cron-parser@5.10.5 cron-parser4@npm:cron-parser@4.9.0
//   node cron_answers.mjs > cron_answers.json
//
// pg-boss decides by prev(), so the answers are walks backward from a moment, one run per minute.
import { createRequire } from 'node:module'

const require = createRequire(`${process.cwd()}/`)
const { CronExpressionParser } = require('cron-parser')
const version4 = require('cron-parser4')

const parsers = {
  5: (cron, tz, date) => CronExpressionParser.parse(cron, { tz, currentDate: date, strict: false }),
  4: (cron, tz, date) => version4.parseExpression(cron, { tz, currentDate: date })
}

const dialect = `* * * * *|*/5 * * * *|5/15 * * * *|5-10/2 * * * *|7-59/13 * * * *|*/100 * * * *|1,2,40-45 * * * *
0 * * * *|0 */6 * * *|0 0/6 * * *|15 2,14 * * *|00 08 * * *|0 9-17 * * 1-5|0 9 * * MON-FRI|0 9 * * mon,WED,Fri|0 0 * * 0|0 0 * * 7
0 0 * * 0-6|0 0 * * 0-7|0 0 * * 5-7|0 0 * * 1/2|0 0 * * 0/7|0 0 * * */2|0 0 * * 1-7|0 0 * * SAT,SUN|0 0 1 * *|0 0 1 1 *
0 0 31 * *|0 0 29 2 *|0 0 28-31 2 *|0 0 28-31 * *|0 0 1-31 * *|0 0 */2 * *|0 0 * jan-mar *|0 0 * JAN,Dec *|0 0 1 */3 *|0 0 L * *
0 0 L 2 *|0 0 15,L * *|0 0 L * 1|0 0 * * 5L|0 0 * * FRIL|0 0 * * 7L|0 0 * * 0L|0 0 * * 1,5L|0 0 * * 1#2|0 0 * * mon#2|0 0 * * 0#1
0 0 * * 7#1|0 0 * * 5#5|* * * * 5#5|0 0 * 2 1#5|0 0 * * *#2|0 0 * * ?#2|0 0 ? * ?|0 0 ? * 1|0 0 1 * ?|0 0 1,15 * 1|0 0 */2 * 1
0 0 1-31 * 1|0 0 */1 * 1|0 0 1 * */1|0 0 15 * 0-6|0 0 15 * 0-7|0 0 13 * 5|0 0 29 2 1|0 0 31 2 1|0 0 30,L 2 *|0 0 1 * 1-7|? ? * * *
0 0 15 6 3L|0 12 1-7 * 1|30 4 1,15 * 5|*/5 * * * * *|30 */5 * * * *|15,45 0 9 * * *|59 59 23 31 12 *|0 0 12 L * *|10-20/5 * 8 * * 1
@daily|@hourly|@weekly|@monthly|@yearly|@annually|@minutely|@secondly|@weekdays|@weekends|5|4 5|3 4 5|2 3 4 5|  0   0 * *  * 
1,1 * * * *|0 0 * * 0,7|0 0 * * 1-5,3|*,5 * * * *|*/7,*/11 * * * *|0 0 5,* * *|0 0 L,L * *|0 0 * * 5L,5L
@midnight|@reboot|@every 5m|1 2 3 4 5 6 7|60 * * * *|* 24 * * *|0 0 0 * *|0 0 32 * *|0 0 * 13 *|0 0 * 0 *|0 0 * * 8|0 0 30 2 *|0 0 31 4,6 *
0 0 * * L|0 0 LW * *|0 0 15W * *|0 0 L-3 * *|0 0 l * *|0 0 * * 1#6|0 0 * * 1#0|0 0 * * 1#2,3|0 12 * * MON#1,TUE|0 0 * * 6-1|0 22-2 * * *
*/0 * * * *|*/ * * * *|1//2 * * * *|1/2/3 * * * *|a * * * *|, * * * *|1, * * * *|+5 * * * *|1.5 * * * *|-5 * * * *|** * * * *
0 0 * foo *|0 0 * * sunday|0 0 * * 1-|5 4 * * * ; x|0x5 * * * *|٣ * * * *`.split(/[|\n]/)

const clocks = `*/10 * * * *|30 * * * *|0 * * * *|30 2 * * *|30 1 * * *|0 2 * * *|0 3 * * *|0 0 * * *|30 0 * * *|15,45 1-3 * * *
0 0 * * 0|30 23 * * *|0 1 * * *|0 */2 * * *|0 9 * * 1-5|20 1,2 L * *|30 */20 1 * * *`.split(/[|\n]/)
const changes = {
  'America/New_York': ['2026-03-08', '2026-11-01'],
  'Europe/London': ['2026-03-29', '2026-10-25'],
  'Europe/Berlin': ['2026-03-29', '2026-10-25'],
  'Australia/Lord_Howe': ['2026-04-05'],
  'Africa/Cairo': ['2026-04-24', '2026-10-30'],
  'America/Santiago': ['2026-09-06', '2026-04-05'],
  'Asia/Kolkata': ['2026-03-29'],
  'Asia/Kathmandu': ['2026-03-29'],
  'Pacific/Auckland': ['2026-04-05', '2026-09-27'],
  'UTC+5:30': ['2026-03-29'],
  'europe/paris': ['2026-10-25']
}
// Where the hour that is skipped begins at midnight; version 5 cannot walk back over it, version 4 can.
const midnight = ['Africa/Cairo', 'America/Santiago']

function walk (version, cron, zone, before) {
  const minutes = []
  try {
    const interval = parsers[version](cron, zone, new Date(before))
    while (minutes.length < 4) {
      const run = interval.prev().toISOString().slice(0, 19)
      if (minutes.at(-1)?.slice(0, 16) === run.slice(0, 16)) minutes.pop()
      minutes.push(run)
    }
  } catch (error) {
    // It has bugs of its own: a walk back over a clock change at midnight may not end.
    return error.message.includes('loop limit') && minutes.length === 0 && zone !== 'UTC' ? undefined : null
  }
  return minutes.slice(0, 3).reverse()
}

const rows = []
for (const version of [5, 4]) {
  for (const cron of dialect) rows.push([version, cron, 'UTC', '2026-03-10T12:34:56Z'])
  for (const cron of clocks) {
    for (const [zone, days] of Object.entries(changes)) {
      if (version === 4 && !midnight.includes(zone)) continue
      for (const day of days) rows.push([version, cron, zone, `${day}T20:00:00Z`])
    }
  }
}
const answers = rows.map(row => [...row, walk(...row)]).filter(row => row.at(-1) !== undefined)
console.log(`[\n${answers.map(row => JSON.stringify(row)).join(',\n')}\n]`)

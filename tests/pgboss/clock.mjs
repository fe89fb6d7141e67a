// Setting this process's clock: Date tells another time from then on. Timers go on as they were.

const True = globalThis.Date

export function shiftClock (ms) {
  globalThis.Date = class Date extends True {
    constructor (...parts) {
      super(...(parts.length === 0 ? [True.now() + ms] : parts))
    }

    static now () { return True.now() + ms }
  }
}

// Chance, for what a shop's customers do.

export const between = (low, high) => low + Math.random() * (high - low)
export const whole = (low, high) => Math.floor(between(low, high + 1))
export const pick = list => list[Math.floor(Math.random() * list.length)]
export const sometimes = probability => Math.random() < probability

// Calls `act` at random moments, `mean` seconds apart on average; the pace swells and fades over `period` seconds.
export function at(mean, act, { swing = 0.7, period = 180 } = {}) {
  const phase = between(0, 2 * Math.PI)
  const next = () => {
    const pace = 1 + swing * Math.sin(phase + (2 * Math.PI * Date.now()) / 1000 / period)
    setTimeout(async () => {
      try {
        await act()
      } catch (error) {
        console.error(error)
      }
      next()
    }, Math.min((-Math.log(1 - Math.random()) * mean) / pace, mean * 8) * 1000)
  }
  next()
}

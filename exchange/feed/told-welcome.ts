// What control said in its welcome and has told since: kept for the next start, in force before control is heard. Must
// never forget it because one message came late.
import type { LastGood, SavedWelcome } from './last-good.ts'

export type ToldWelcome = {
  readonly current: () => SavedWelcome | undefined
  readonly keep: (next: SavedWelcome) => void
  /** There are other exchanges than the welcome said. */
  readonly setExchanges: (exchanges: readonly string[]) => void
}

/** `onExchanges`: connectors are to hear of it. */
export function createToldWelcome(
  saved: SavedWelcome | undefined,
  lastGood: LastGood,
  onExchanges: (exchanges: readonly string[]) => void,
): ToldWelcome {
  let welcome = saved
  function keep(next: SavedWelcome): void {
    const isOther = welcome !== undefined && next.exchanges.join() !== welcome.exchanges.join()
    welcome = next
    lastGood.saveWelcome(next)
    if (isOther) onExchanges(next.exchanges)
  }
  return {
    current: () => welcome,
    keep,
    setExchanges: (exchanges) => {
      if (welcome) keep({ ...welcome, exchanges })
    },
  }
}

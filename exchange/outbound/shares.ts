// A number of places for all, of which nobody takes more than a share: what one person holds must not keep others out.
import { Fault } from '#core/fault.ts'

type Shares = {
  /** Takes one; call what is returned when it is free again. Throws Fault `at-capacity`. */
  readonly take: (owner: string) => () => void
}

export function createShares(limits: { readonly total: number; readonly perOwner: number }, why: string): Shares {
  const taken = new Map<string, number>()
  let total = 0

  return {
    take(owner) {
      const own = taken.get(owner) ?? 0
      if (total >= limits.total || own >= limits.perOwner) throw new Fault('at-capacity', { detail: { why } })
      total++
      taken.set(owner, own + 1)
      let isGiven = false
      return () => {
        if (isGiven) return
        isGiven = true
        total--
        const left = (taken.get(owner) ?? 1) - 1
        if (left > 0) taken.set(owner, left)
        else taken.delete(owner)
      }
    },
  }
}

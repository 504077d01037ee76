// What control asks of the part that works out what-ifs; `cli` puts it in, because control may not know that part.
import type { WhatIfAnswer, WhatIfJob, WhatIfProgress } from '#core/policy/what-if.ts'

export type WhatIfPort = {
  /** Throws the signal's reason when it aborts. */
  readonly run: (
    job: WhatIfJob,
    onProgress: (progress: WhatIfProgress) => void,
    signal: AbortSignal,
  ) => Promise<WhatIfAnswer>
}

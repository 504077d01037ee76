// The name and version that parts tell each other and that `sallyport version` prints.
import manifest from '#package.json' with { type: 'json' }

export const VERSION: string = manifest.version
export const SOFTWARE = `sallyport/${VERSION}`

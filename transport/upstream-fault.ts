// Says what went wrong with an upstream in our own codes. Must never put the upstream's words into a public message.
import { errors } from 'undici'
import { Fault } from '#core/fault.ts'

export function faultOfUpstream(error: unknown): Fault {
  if (error instanceof Fault) return error
  const isTimeout =
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError ||
    error instanceof errors.ConnectTimeoutError
  if (isTimeout) return new Fault('upstream-timeout', { cause: error })
  const isMalformed =
    error instanceof errors.HTTPParserError ||
    error instanceof errors.HeadersOverflowError ||
    error instanceof errors.ResponseContentLengthMismatchError
  if (isMalformed) return new Fault('upstream-malformed', { cause: error })
  if (error instanceof errors.InvalidArgumentError || error instanceof errors.RequestContentLengthMismatchError) {
    return new Fault('request-malformed', { cause: error })
  }
  return new Fault('upstream-unreachable', { cause: error })
}

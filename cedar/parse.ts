// Policy text to checked policies in Cedar's JSON form, for whoever applies policies. One call starts and ends its own
// worker; a server keeps a checker (checker.ts) instead. Must never run the official engine on the caller's thread.
import { policySchema } from '#core/policy/schema.ts'
import type { CheckResult, PolicyDocument } from './check.ts'
import { type JobOptions, startPolicyChecker } from './checker.ts'

/** Parsed and validated in strict mode. Ids are by position: `policy0`, `policy1` … or the documents' names. */
export async function checkPolicies(
  documents: string | readonly PolicyDocument[],
  schema: string | null = policySchema,
  options: JobOptions = {},
): Promise<CheckResult> {
  await using checker = startPolicyChecker()
  return await checker.check({ documents, schema }, options)
}

// For tests only: a control plane that kills itself in the middle of applying. Told by its parent where its data is.
import { startTestControl, addTenantWithAdministrator, documentsOfEverything } from '#control/testing.ts'
import { applyResources } from './apply.ts'
import { readDocuments } from './document-faults.ts'

const folder = process.argv[2] ?? ''
const test = await startTestControl({}, folder)
const acme = await addTenantWithAdministrator(test, 'acme')
const first = readDocuments(documentsOfEverything())
const { sequence } = await applyResources(acme.id, { documents: first.documents }, test.context)
process.stdout.write(`${JSON.stringify({ tenantId: acme.id, sequence })}\n`)
const many = Array.from({ length: 1500 }, (_, index) => ({ kind: 'Group', name: `half-${index}`, spec: {} }))
const second = readDocuments([
  ...many,
  { kind: 'App', name: 'wiki', spec: { kind: 'tcp', connectorGroup: 'dc', upstream: { host: 'other', port: 1 } } },
])
await applyResources(acme.id, { documents: second.documents }, test.context, async (tx) => {
  // Everything is written and nothing is committed.
  const rows = await tx.selectFrom('resources').select('resources.id').execute()
  process.stdout.write(`${JSON.stringify({ inside: rows.length })}\n`, () => process.kill(process.pid, 'SIGKILL'))
  await new Promise(() => {})
})

// Who may reach what: questions about decisions, answered from the mirror.
import type { Some } from '#control/api/call.ts'
import { appsOf, peopleOf } from '#control/directory/who-may.ts'

export const accessHandlers: Some<'listAppsOfPerson' | 'listPeopleOfApp'> = {
  listAppsOfPerson: async ({ context, tenantId, params, query }) =>
    appsOf(await context.mirrors.current(tenantId), params['name'] ?? '', query, context.nowMs()),
  listPeopleOfApp: async ({ context, tenantId, params, query }) =>
    peopleOf(await context.mirrors.current(tenantId), params['name'] ?? '', query, context.nowMs()),
}

// Routes of the provider: tenants and exchanges. None of them shows what is inside a tenant.
import * as z from 'zod'
import { hostName, labelName, looseName } from '#core/names.ts'
import { defineRoutes } from './route.ts'
import { empty, exchange, page, pageOf, publicCertificate, seconds, tenant, time } from './views.ts'

export const providerRoutes = defineRoutes({
  listTenants: {
    method: 'GET',
    path: '/v1/tenants',
    access: 'provider-admin',
    summary: 'List the tenants below the provider',
    query: page,
    reply: pageOf(tenant),
  },
  createTenant: {
    method: 'POST',
    path: '/v1/tenants',
    access: 'provider-admin',
    summary: 'Create a tenant and its first administrator',
    status: 201,
    body: z.strictObject({
      name: labelName,
      displayName: z.string().max(120).optional(),
      administrator: z.strictObject({
        name: looseName,
        displayName: z.string().max(200).optional(),
        email: z.string().max(320).optional(),
      }),
    }),
    reply: z.object({ tenant, invitation: z.object({ url: z.string(), expiresAt: time }) }),
  },
  changeTenant: {
    method: 'PATCH',
    path: '/v1/tenants/:name',
    access: 'provider-admin',
    summary: 'Suspend or resume a tenant, or rename what people see',
    body: z.strictObject({
      status: z.enum(['active', 'suspended']).optional(),
      displayName: z.string().max(120).optional(),
    }),
    reply: tenant,
  },
  deleteTenant: {
    method: 'DELETE',
    path: '/v1/tenants/:name',
    access: 'provider-admin',
    summary: 'Delete a tenant with everything in it; it must be suspended first',
    reply: empty,
  },
  getTenantHosts: {
    method: 'GET',
    path: '/v1/tenants/:name/own-hosts',
    access: 'provider-admin',
    summary: "A tenant's own host names",
    reply: z.object({ hosts: z.array(hostName) }),
  },
  setTenantHosts: {
    method: 'PUT',
    path: '/v1/tenants/:name/own-hosts',
    access: 'provider-admin',
    summary: "Set a tenant's own host names, after checking that they are the tenant's",
    body: z.strictObject({ hosts: z.array(hostName).max(64).describe('all of them; one left out is taken away') }),
    reply: z.object({ hosts: z.array(hostName) }),
  },
  listCertificates: {
    method: 'GET',
    path: '/v1/certificates',
    access: 'provider-admin',
    summary: 'Certificates of the public names: when they end, and what went wrong',
    reply: z.object({ items: z.array(publicCertificate) }),
  },
  listExchanges: {
    method: 'GET',
    path: '/v1/exchanges',
    access: 'provider-admin',
    summary: 'List exchanges',
    reply: pageOf(exchange),
  },
  createExchangeToken: {
    method: 'POST',
    path: '/v1/exchanges/enrolment-tokens',
    access: 'provider-admin',
    summary: 'Make a one-time token that enrols an exchange',
    status: 201,
    body: z.strictObject({ name: labelName, expiresInSeconds: seconds.max(7 * 86_400).optional() }),
    reply: z.object({ token: z.string().describe('shown once'), expiresAt: time }),
  },
  deleteExchange: {
    method: 'DELETE',
    path: '/v1/exchanges/:id',
    access: 'provider-admin',
    summary: 'Revoke an exchange',
    reply: empty,
  },
})

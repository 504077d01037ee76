// Routes for those who run a tenant: resources, people, devices, connectors, administrators, third parties.
import * as z from 'zod'
import { labelName, looseName } from '#core/names.ts'
import { consent, opening, why } from './policy-views.ts'
import { defineRoutes } from './route.ts'
import {
  accessRequest,
  administrator,
  apiToken,
  applyChange,
  connector,
  device,
  effect,
  empty,
  enrolmentToken,
  id,
  page,
  pageOf,
  resource,
  roleName,
  seconds,
  session,
  time,
} from './views.ts'

const T = '/v1/tenants/:tenant'

export const tenantRoutes = defineRoutes({
  // declarative resources
  listResources: {
    method: 'GET',
    path: `${T}/resources/:plural`,
    access: 'auditor',
    summary: 'List resources of one kind',
    query: page,
    reply: pageOf(resource),
  },
  getResource: {
    method: 'GET',
    path: `${T}/resources/:plural/:name`,
    access: 'auditor',
    summary: 'One resource',
    reply: resource,
  },
  putResource: {
    method: 'PUT',
    path: `${T}/resources/:plural/:name`,
    access: 'tenant-admin',
    summary: 'Create or replace a resource',
    body: z.strictObject({
      ...consent,
      why,
      spec: z.record(z.string(), z.unknown()),
      version: z.number().int().optional().describe('refuse when it has changed since'),
    }),
    reply: resource,
  },
  deleteResource: {
    method: 'DELETE',
    path: `${T}/resources/:plural/:name`,
    access: 'tenant-admin',
    summary: 'Delete a resource; refused while another refers to it',
    query: z.object({
      allowWidening: z.enum(['true', 'false']).optional().describe('yes to what it opens, such as when a forbid goes'),
      wideningApproval: consent.wideningApproval,
      why,
    }),
    reply: effect,
  },
  apply: {
    method: 'POST',
    path: `${T}/apply`,
    access: 'tenant-admin',
    summary: 'Make the resources so; all of it or nothing',
    body: z.strictObject({
      ...consent,
      why,
      documents: z
        .array(z.unknown())
        .max(5000)
        .describe('kind, name, spec; validated one by one so that each fault names its document'),
      dryRun: z.boolean().optional(),
      prune: z.boolean().optional().describe('also delete resources of the kinds present that are not listed'),
    }),
    reply: z.object({
      changes: z.array(applyChange),
      warnings: z
        .array(z.object({ document: z.string(), message: z.string() }))
        .describe('what is valid and surely not meant, such as a policy that names nothing'),
      openings: z.array(opening).describe('apps that it opens to outsiders or to everybody'),
      effect: effect.nullable(),
    }),
  },

  // people, devices, connectors
  inviteUser: {
    method: 'POST',
    path: `${T}/users/:name/invitation`,
    access: 'tenant-admin',
    summary: 'A one-time link with which a user sets up the built-in sign-in',
    status: 201,
    body: z.strictObject({ expiresInSeconds: seconds.max(30 * 86_400).optional() }),
    reply: z.object({ url: z.string().describe('shown once'), expiresAt: time }),
  },
  listSessions: {
    method: 'GET',
    path: `${T}/sessions`,
    access: 'auditor',
    summary: 'Live sessions',
    query: page,
    reply: pageOf(session),
  },
  endSession: {
    method: 'DELETE',
    path: `${T}/sessions/:id`,
    access: 'tenant-admin',
    summary: 'End a session and everything that lives by it',
    reply: effect,
  },
  listDevices: {
    method: 'GET',
    path: `${T}/devices`,
    access: 'auditor',
    summary: 'Devices',
    query: page,
    reply: pageOf(device),
  },
  changeDevice: {
    method: 'PATCH',
    path: `${T}/devices/:id`,
    access: 'tenant-admin',
    summary: "Set a device's posture by hand",
    body: z.strictObject({ posture: z.union([z.literal(0), z.literal(1), z.literal(2)]) }),
    reply: device,
  },
  revokeDevice: {
    method: 'DELETE',
    path: `${T}/devices/:id`,
    access: 'tenant-admin',
    summary: 'Revoke a device for good',
    reply: effect,
  },
  listConnectors: {
    method: 'GET',
    path: `${T}/connectors`,
    access: 'auditor',
    summary: 'Connectors and where they are connected',
    query: page,
    reply: pageOf(connector),
  },
  revokeConnector: {
    method: 'DELETE',
    path: `${T}/connectors/:id`,
    access: 'tenant-admin',
    summary: 'Revoke a connector for good',
    reply: effect,
  },
  createEnrolmentToken: {
    method: 'POST',
    path: `${T}/enrolment-tokens`,
    access: 'tenant-admin',
    summary: 'Make a one-time token that enrols a connector',
    status: 201,
    body: z.strictObject({ connectorGroup: labelName, expiresInSeconds: seconds.max(30 * 86_400).optional() }),
    reply: z.object({ token: z.string().describe('shown once'), expiresAt: time, command: z.string() }),
  },
  listEnrolmentTokens: {
    method: 'GET',
    path: `${T}/enrolment-tokens`,
    access: 'auditor',
    summary: 'Enrolment tokens, without their secrets',
    query: page,
    reply: pageOf(enrolmentToken),
  },
  deleteEnrolmentToken: {
    method: 'DELETE',
    path: `${T}/enrolment-tokens/:id`,
    access: 'tenant-admin',
    summary: 'Withdraw an enrolment token',
    reply: empty,
  },

  // administration
  listAdministrators: {
    method: 'GET',
    path: `${T}/administrators`,
    access: 'auditor',
    summary: 'Who may do what',
    reply: z.object({ items: z.array(administrator) }),
  },
  putAdministrator: {
    method: 'PUT',
    path: `${T}/administrators/:user`,
    access: 'tenant-admin',
    summary: 'Give a user a role',
    body: z.strictObject({ role: roleName }),
    reply: administrator,
  },
  deleteAdministrator: {
    method: 'DELETE',
    path: `${T}/administrators/:user`,
    access: 'tenant-admin',
    summary: "Take a user's role; never the last administrator's",
    reply: empty,
  },
  listApiTokens: {
    method: 'GET',
    path: `${T}/api-tokens`,
    access: 'auditor',
    summary: 'API tokens, without their secrets',
    query: page,
    reply: pageOf(apiToken),
  },
  createApiToken: {
    method: 'POST',
    path: `${T}/api-tokens`,
    access: 'tenant-admin',
    summary: 'Make an API token; never with more than one may do oneself',
    status: 201,
    body: z.strictObject({ name: looseName, role: roleName, expiresInSeconds: seconds.max(366 * 86_400) }),
    reply: z.object({ token: z.string().describe('shown once'), id, expiresAt: time }),
  },
  deleteApiToken: {
    method: 'DELETE',
    path: `${T}/api-tokens/:id`,
    access: 'tenant-admin',
    summary: 'Revoke an API token',
    reply: empty,
  },

  // third parties
  listAccessRequests: {
    method: 'GET',
    path: `${T}/access-requests`,
    access: 'auditor',
    summary: 'Requests for access',
    query: page.extend({ status: z.enum(['open', 'approved', 'refused', 'withdrawn', 'expired']).optional() }),
    reply: pageOf(accessRequest),
  },
  listApprovals: {
    method: 'GET',
    path: `${T}/approvals`,
    access: 'auditor',
    summary: 'Approved access that has not expired',
    query: page,
    reply: pageOf(z.object({ id, user: z.string(), app: z.string(), approvedBy: z.string(), expiresAt: time })),
  },
  deleteApproval: {
    method: 'DELETE',
    path: `${T}/approvals/:id`,
    access: 'tenant-admin',
    summary: 'Withdraw approved access at once',
    reply: effect,
  },
})

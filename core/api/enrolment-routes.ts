// Routes that carry their own proof: enrolment of parts and devices, and health.
import * as z from 'zod'
import { labelName } from '#core/names.ts'
import { defineRoutes } from './route.ts'
import { id, time } from './views.ts'

export const enrolmentRoutes = defineRoutes({
  enrol: {
    method: 'POST',
    path: '/v1/enrol',
    access: 'public',
    summary: 'Enrol a connector or an exchange with a one-time token',
    status: 201,
    body: z.strictObject({
      token: z.string().max(200),
      csrPem: z.string().max(8192),
      name: labelName.optional(),
      software: z.string().max(64).optional(),
    }),
    reply: z.object({
      id,
      use: z.enum(['connector', 'exchange']),
      tenant: z.string(),
      tenantId: id,
      certificatePem: z.string(),
      doorsCaPem: z.string().describe('authority of doors and exchanges'),
      statementKeys: z.array(z.string()),
      sliceKeys: z.array(z.string()),
      domain: z.string(),
      exchanges: z.array(z.string()),
      feedAddress: z.string().nullable(),
    }),
  },
  deviceSignIn: {
    method: 'POST',
    path: '/v1/devices/sign-in',
    access: 'public',
    summary: 'Enrol or refresh a device and open its session, with an access token from sign-in',
    status: 201,
    body: z.strictObject({
      accessToken: z.string().max(4096),
      csrPem: z.string().max(8192),
      name: z.string().min(1).max(120),
      os: z.string().max(64),
    }),
    reply: z.object({
      tenant: z.string(),
      tenantId: id,
      user: z.string(),
      deviceId: id,
      sessionId: id,
      sessionExpiresAt: time,
      certificatePem: z.string(),
      identityCaPem: z.array(z.string()),
      doorsCaPem: z.string(),
      domain: z.string(),
      exchanges: z.array(z.string()),
      inspectionCaPem: z.array(z.string()),
    }),
  },
  health: {
    method: 'GET',
    path: '/v1/health',
    access: 'public',
    summary: 'Whether control can serve',
    reply: z.object({ status: z.enum(['ok', 'degraded']), version: z.string() }),
  },
})

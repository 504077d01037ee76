// Every route of the control API in one table. A new capability starts in one of the files named here.
import { accessRoutes } from './access-routes.ts'
import { drillRoutes } from './drill-routes.ts'
import { enrolmentRoutes } from './enrolment-routes.ts'
import { incidentRoutes } from './incident-routes.ts'
import { liveRoutes } from './live-routes.ts'
import { personRoutes } from './person-routes.ts'
import { playbookRoutes } from './playbook-routes.ts'
import { policyHistoryRoutes } from './policy-history-routes.ts'
import { policyRoutes } from './policy-routes.ts'
import { providerRoutes } from './provider-routes.ts'
import { respondRoutes } from './respond-routes.ts'
import { riskRoutes } from './risk-routes.ts'
import { storyRoutes } from './story-routes.ts'
import { streamRoutes } from './stream-routes.ts'
import { tenantRoutes } from './tenant-routes.ts'
import { webRoutes } from './web-routes.ts'

export const routes = {
  ...providerRoutes,
  ...personRoutes,
  ...tenantRoutes,
  ...respondRoutes,
  ...liveRoutes,
  ...accessRoutes,
  ...policyRoutes,
  ...policyHistoryRoutes,
  ...storyRoutes,
  ...incidentRoutes,
  ...streamRoutes,
  ...playbookRoutes,
  ...riskRoutes,
  ...drillRoutes,
  ...webRoutes,
  ...enrolmentRoutes,
} as const
export type RouteName = keyof typeof routes

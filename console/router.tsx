// Every page and its address. Pages are loaded when first opened; the tenant is part of the address.
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Link,
  Outlet,
  redirect,
} from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { Button } from '#console/components/button.tsx'
import { Frame } from '#console/components/frame.tsx'
import { Empty } from '#console/components/state.tsx'
import { text } from '#console/messages/text.ts'
import { likelyTenant } from './api/sign-in.ts'
import { parseSearch, searchOf, stringifySearch } from './search.ts'

const root = createRootRoute({ component: Frame, notFoundComponent: NotFound, errorComponent: Crashed })

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: lazyRouteComponent(() => import('./pages/home.tsx'), 'HomePage'),
})
const tenant = createRoute({ getParentRoute: () => root, path: '/t/$tenant', component: Outlet })
const tenantHome = createRoute({
  getParentRoute: () => tenant,
  path: '/',
  beforeLoad: ({ params }) => {
    // oxlint-disable-next-line typescript/only-throw-error -- the router's way to redirect
    throw redirect({ to: '/t/$tenant/now', params, replace: true })
  },
})
const list = searchOf('search', 'after', 'act')

const pages = [
  createRoute({
    getParentRoute: () => tenant,
    path: 'now',
    validateSearch: searchOf('search', 'by'),
    component: lazyRouteComponent(() => import('./pages/now.tsx'), 'NowPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'apps',
    validateSearch: list,
    component: lazyRouteComponent(() => import('./pages/apps.tsx'), 'AppsPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'apps/$name',
    validateSearch: searchOf('device', 'who'),
    component: lazyRouteComponent(() => import('./pages/app.tsx'), 'AppPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'publish',
    component: lazyRouteComponent(() => import('./pages/publish.tsx'), 'PublishPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'connectors',
    validateSearch: list,
    component: lazyRouteComponent(() => import('./pages/connectors.tsx'), 'ConnectorsPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'people',
    validateSearch: list,
    component: lazyRouteComponent(() => import('./pages/people.tsx'), 'PeoplePage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'people/$name',
    validateSearch: searchOf('device', 'who'),
    component: lazyRouteComponent(() => import('./pages/person.tsx'), 'PersonPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'sessions',
    validateSearch: list,
    component: lazyRouteComponent(() => import('./pages/sessions.tsx'), 'SessionsPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'devices',
    validateSearch: list,
    component: lazyRouteComponent(() => import('./pages/devices.tsx'), 'DevicesPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'policies',
    validateSearch: list,
    component: lazyRouteComponent(() => import('./pages/policies.tsx'), 'PoliciesPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'policies/$name',
    component: lazyRouteComponent(() => import('./pages/policy.tsx'), 'PolicyPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'policy-history',
    validateSearch: list,
    component: lazyRouteComponent(() => import('./pages/policy-history.tsx'), 'PolicyHistoryPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'policy-history/$version',
    component: lazyRouteComponent(() => import('./pages/policy-version.tsx'), 'PolicyVersionPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'new-policy',
    component: lazyRouteComponent(() => import('./pages/policy.tsx'), 'NewPolicyPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'reach',
    component: lazyRouteComponent(() => import('./pages/reach.tsx'), 'ReachPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'least-privilege',
    component: lazyRouteComponent(() => import('./pages/least-privilege.tsx'), 'LeastPrivilegePage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'third-parties',
    validateSearch: list,
    component: lazyRouteComponent(() => import('./pages/third-parties.tsx'), 'ThirdPartiesPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'web',
    validateSearch: searchOf('hours'),
    component: lazyRouteComponent(() => import('./pages/web.tsx'), 'WebPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'web/stops/$event',
    component: lazyRouteComponent(() => import('./pages/web-stop.tsx'), 'WebStopPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'events',
    validateSearch: searchOf('search', 'class', 'user', 'app', 'outcome', 'from', 'until', 'after', 'event', 'live'),
    component: lazyRouteComponent(() => import('./pages/events.tsx'), 'EventsPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'stories',
    validateSearch: searchOf('search', 'after', 'state'),
    component: lazyRouteComponent(() => import('./pages/stories.tsx'), 'StoriesPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'stories/$id',
    component: lazyRouteComponent(() => import('./pages/story.tsx'), 'StoryPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'incidents',
    validateSearch: searchOf('search', 'after', 'state'),
    component: lazyRouteComponent(() => import('./pages/incidents.tsx'), 'IncidentsPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'incidents/$id',
    component: lazyRouteComponent(() => import('./pages/incident.tsx'), 'IncidentPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'drills',
    validateSearch: list,
    component: lazyRouteComponent(() => import('./pages/drills.tsx'), 'DrillsPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'drills/$id',
    component: lazyRouteComponent(() => import('./pages/drills.tsx'), 'DrillPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'explain',
    validateSearch: searchOf('user', 'app', 'posture', 'factors', 'ip', 'method', 'path', 'event'),
    component: lazyRouteComponent(() => import('./pages/explain.tsx'), 'ExplainPage'),
  }),
  createRoute({
    getParentRoute: () => tenant,
    path: 'settings',
    component: lazyRouteComponent(() => import('./pages/settings.tsx'), 'SettingsPage'),
  }),
] as const
const provider = [
  createRoute({
    getParentRoute: () => root,
    path: '/provider/tenants',
    validateSearch: list,
    component: lazyRouteComponent(() => import('./pages/tenants.tsx'), 'TenantsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/provider/exchanges',
    component: lazyRouteComponent(() => import('./pages/exchanges.tsx'), 'ExchangesPage'),
  }),
] as const

export const router = createRouter({
  routeTree: root.addChildren([home, tenant.addChildren([tenantHome, ...pages]), ...provider]),
  parseSearch,
  stringifySearch,
  defaultPreload: 'intent',
  defaultPendingMs: 300,
  defaultNotFoundComponent: NotFound,
  defaultErrorComponent: Crashed,
  scrollRestoration: true,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}

function NotFound(): ReactNode {
  const name = likelyTenant()
  return (
    <Empty title={text.state.notFound} lead={text.state.notFoundLead}>
      <Link to={name === null ? '/' : '/t/$tenant/now'} params={{ tenant: name ?? '' }} className="button">
        {text.state.home}
      </Link>
    </Empty>
  )
}

function Crashed(): ReactNode {
  return (
    <Empty title={text.state.crashed} lead={text.state.crashedLead}>
      <Button onClick={() => location.reload()}>{text.state.retry}</Button>
    </Empty>
  )
}

// Where the console starts. Must never render anything from outside as markup.
import { CSPProvider } from '@base-ui/react/csp-provider'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode, useSyncExternalStore, type ReactNode } from 'react'
import { createRoot } from 'react-dom/client'
import { onSignInNeeded, signInNeedsPerson } from '#console/api/sign-in.ts'
import { newQueryClient } from '#console/api/use-route.ts'
import { language } from '#console/messages/language.ts'
import { applyScheme } from '#console/components/scheme.ts'
import { TenantQuestion } from '#console/components/tenant-question.tsx'
import { router } from './router.tsx'
import './styles/roles.css'
import './styles/ground.css'
import './styles/frame.css'
import './styles/controls.css'
import './styles/table.css'
import './styles/pages.css'

const queries = newQueryClient()

function Console(): ReactNode {
  const asksTenant = useSyncExternalStore(onSignInNeeded, signInNeedsPerson)
  return asksTenant ? <TenantQuestion /> : <RouterProvider router={router} />
}

applyScheme()
document.documentElement.lang = language
const place = document.getElementById('console')
if (place) {
  createRoot(place).render(
    <StrictMode>
      {/* Base UI would otherwise write style elements, which the policy refuses. */}
      <CSPProvider disableStyleElements>
        <QueryClientProvider client={queries}>
          <Console />
        </QueryClientProvider>
      </CSPProvider>
    </StrictMode>,
  )
}

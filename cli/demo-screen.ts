// What the demo says once it runs: what to open, with which account, how to trust it, one line each to try.
import { relative } from 'node:path'
import type { Demo } from './demo.ts'

export type ScreenFacts = {
  readonly demo: Demo
  readonly domain: string
  readonly appsDomain: string
  readonly port: number
  readonly webCaFile: string
}

export function demoScreen({ demo, domain, appsDomain, port, webCaFile }: ScreenFacts): string {
  const near = (path: string) => relative(process.cwd(), path) || path
  const ca = near(webCaFile)
  const at = (host: string) => `https://${host}:${port}/`
  const width = Math.max(...demo.accounts.map(({ tenant, user }) => tenant.length + user.length + 1))
  return `
Sallyport is running: control, exchange, connectors, and the demo tenants Acme and Globex.

  Acme's apps      ${at(`acme.${domain}`)}
  The wiki         ${at(`wiki.acme.${appsDomain}`)}
  The console      ${at(`console.${domain}`)}

  Accounts (tenant/user, password)
${demo.accounts.map(({ tenant, user, password, about }) => `    ${`${tenant}/${user}`.padEnd(width)}  ${password}  ${about}`).join('\n')}

  Trust the demo's certificate authority (remove it when you are done)
    Chromium on Linux   mkdir -p ~/.pki/nssdb && certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n sallyport-demo -i ${ca}
                        (certutil is in Debian's libnss3-tools; for a new store first: certutil -d sql:$HOME/.pki/nssdb -N --empty-password)
    Firefox             Settings, Certificates, Authorities, Import: ${ca}
    curl                --cacert ${ca}

  Try it
    in the browser      open ${at(`wiki.acme.${appsDomain}`)} and sign in as bob
    with the agent      ./sallyport agent login --server ${at(`acme.${domain}`)} --ca ${ca} && ./sallyport agent up
                        curl -x http://127.0.0.1:3128 http://wiki.acme.test/
    your own app        ./sallyport apply -f demo/my-app.yaml --allow-widening --profile ${near(demo.profiles['acme'] ?? '')}
                        (port 8000 of this machine; everybody may request it: docs/publish-an-app.md)
    what happens        ./sallyport events --follow --profile ${near(demo.profiles['acme'] ?? '')}

  Stop with Ctrl-C. State is kept in the data folder; delete it to begin anew.
`
}

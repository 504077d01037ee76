// The table of commands. Commands are light to load: parts that are heavy (control, exchange, WASM) are
// imported when a command runs, so that an agent's process never carries them.
import type { Command } from './command.ts'
import * as administer from './commands/administer.ts'
import * as agent from './commands/agent.ts'
import { certificates } from './commands/certificates.ts'
import { connector } from './commands/connector.ts'
import { completionOf } from './commands/completion.ts'
import * as detect from './commands/detect.ts'
import { doctor } from './commands/doctor.ts'
import * as drill from './commands/drill.ts'
import * as incident from './commands/incident.ts'
import * as inspect from './commands/inspect.ts'
import * as inspectUrls from './commands/inspect-urls.ts'
import * as keep from './commands/keep.ts'
import * as lake from './commands/lake.ts'
import * as ownHosts from './commands/own-hosts.ts'
import * as parts from './commands/parts.ts'
import * as playbook from './commands/playbook.ts'
import * as policy from './commands/policy.ts'
import * as policyHistory from './commands/policy-history.ts'
import { policyFuzz } from './commands/policy-fuzz.ts'
import * as prove from './commands/prove.ts'
import * as resources from './commands/resources.ts'
import * as see from './commands/see.ts'
import * as signIn from './commands/sign-in.ts'
import * as stream from './commands/stream.ts'
import { supportBundle } from './commands/support-bundle.ts'
import * as web from './commands/web.ts'
import { whySlow } from './commands/why-slow.ts'

export const commandSections: readonly (readonly [string, readonly Command[]])[] = [
  ['Run', [parts.start, parts.control, parts.exchange, connector]],
  ['Reach apps', [agent.login, agent.up, agent.status, agent.apps, agent.down, agent.logout, agent.repair]],
  ['Declare', [resources.apply, resources.diff, resources.get, resources.remove]],
  [
    'See',
    [
      see.flows,
      see.sessionList,
      see.sessionEnd,
      see.deviceList,
      see.deviceRevoke,
      administer.connectorList,
      administer.connectorRevoke,
      see.events,
      whySlow,
      doctor,
      supportBundle,
    ],
  ],
  [
    'Decide',
    [
      policy.explain,
      policy.policyTest,
      policy.policyReplay,
      policy.policyReach,
      policy.policyPropose,
      policy.policyApprove,
      policyHistory.policyHistory,
      policyHistory.policyDiff,
      policyHistory.policyRestore,
    ],
  ],
  [
    'Respond',
    [
      administer.contain,
      administer.containments,
      administer.risks,
      administer.release,
      incident.incidentList,
      incident.incidentOpen,
      incident.incidentShow,
      incident.incidentTake,
      incident.incidentTriage,
      incident.incidentComment,
      incident.incidentAdd,
      incident.incidentContain,
      incident.incidentRecover,
      incident.incidentClose,
      incident.incidentReopen,
      incident.incidentReport,
      incident.investigate,
      incident.blastRadius,
      stream.streamList,
      playbook.playbookList,
      playbook.playbookShow,
      playbook.playbookExport,
      playbook.playbookImport,
      playbook.playbookStart,
      playbook.playbookAnswer,
      playbook.playbookStop,
    ],
  ],
  [
    'Rehearse',
    [
      drill.drillList,
      drill.drillRun,
      drill.drillAnswer,
      drill.drillStop,
      drill.drillReport,
      drill.drillAttack,
      drill.drillWatch,
      drill.drillWarp,
    ],
  ],
  [
    'Administer',
    [
      signIn.login,
      administer.userInvite,
      administer.connectorToken,
      administer.tokenCreate,
      administer.tokenList,
      administer.tokenDelete,
      administer.requestList,
      administer.requestApprove,
      administer.requestRefuse,
      administer.tenantList,
      administer.tenantCreate,
      administer.exchangeToken,
      certificates,
      ownHosts.ownHostList,
      ownHosts.ownHostApprove,
      ownHosts.ownHostRefuse,
      web.webCredentialCreate,
      web.webCredentialList,
      web.webCredentialDelete,
    ],
  ],
  ['Inspect', [inspect.inspectText, inspect.inspectFile, inspect.buildEdm, inspect.buildIdm, inspectUrls.scoreUrls]],
  ['Detect', [detect.detectRun, detect.detectGenerate]],
  ['Lake', [lake.lakeCompact, lake.lakeStatus, lake.lakeQuery, lake.lakeVerify, lake.lakeRetention]],
  ['Prove', [prove.journalVerify, prove.policyEval, prove.policyConformance, policyFuzz]],
  [
    'Keep',
    [
      keep.backupKey,
      keep.backupCreate,
      keep.backupVerify,
      keep.backupRestore,
      keep.migrateStore,
      keep.rotateEncryptionKey,
    ],
  ],
  ['Shell', [completionOf(() => all)]],
]

const all = commandSections.flatMap(([, commands]) => commands)

// Stories, incidents and drills for the double of the control plane: something of each, with whatever words it is given.
import type { World, Words } from './api-world.test.ts'

export function respondReplies(world: World, words: Words) {
  const at = (minutes: number) => world.iso(minutes * 60)
  const story = {
    id: 'sty_1',
    subject: { kind: 'user', id: 'usr_1', name: words('kim') },
    kind: 'car-park',
    level: 'cut',
    score: 71,
    sentence: words('In 11 min kim opened 7 apps never used before.'),
    firstAt: at(90),
    noticedAt: at(79),
    events: [],
    state: 'taken',
    takenBy: words('dana'),
    verdict: null,
    containment: null,
    notes: [{ by: words('dana'), at: at(70), text: words('Called; no answer.') }],
  }
  const incident = {
    id: 'inc_1',
    title: words('kim goes from app to app'),
    severity: 'high',
    state: 'contained',
    openedBy: words('dana'),
    openedAt: at(75),
    takenBy: words('dana'),
    closedAt: null,
    cause: null,
    causeText: '',
  }
  const app = (name: string, allowed: number, refused: number, stopped: string | null) => ({
    app: words(name),
    could: true,
    now: stopped === null,
    stopped,
    allowed,
    refused,
    bytesIn: 1200,
    bytesOut: 90_000,
    firstAt: at(90),
    lastAt: at(80),
  })
  const run = {
    id: 'pbr_1',
    playbook: 'stolen-session',
    incident: 'inc_1',
    state: 'asking',
    step: 'was-it-them',
    question: words('Was it them?'),
    dueAt: at(-5),
    startedAt: at(75),
    endedAt: null,
    why: null,
  }
  const drill = (n: number) => ({
    id: `drl_${n}`,
    name: 'decoy',
    version: 1,
    title: words('A decoy is touched'),
    level: n === 1 ? 'tabletop' : 'live',
    state: n === 1 ? 'running' : 'ended',
    startedBy: words('dana'),
    startedAt: at(60 * n),
    endsAt: at(60 * n - 30),
    endedAt: n === 1 ? null : at(60 * n - 2),
    endReason: n === 1 ? null : 'finished',
    verdict: n === 1 ? null : n === 3 ? 'failed' : 'passed',
    techniques: ['T1083'],
    detectMs: n === 1 ? null : 800 * n,
    containMs: n === 1 ? null : 9 * n,
  })
  const report = {
    verdict: 'passed',
    outcomes: [{ expectation: words('thief is noticed within 30s'), met: true, measured: '812 ms' }],
    timeline: [{ atMs: Date.now(), text: words('thief opens asset-ledger') }],
    detectMs: 812,
    hopsUntilSeen: 3,
    containMs: { p50: 4, p99: 9, max: 9, paths: 2 },
    residual: [],
    receipts: [{ exchangeId: 'exc_1', cutFlows: 2 }],
    missing: [],
  }
  const list = (items: readonly unknown[]) => ({ items, next: null, total: items.length })
  const edge = (from: string, to: string, count: number, refused: number) => ({
    from,
    to,
    count,
    refused,
    firstAt: at(90),
    lastAt: at(80),
  })
  return {
    listStories: () => list([story]),
    getStory: () => ({ story, events: [] }),
    listIncidents: () => list([incident]),
    openIncident: () => incident,
    changeIncident: () => incident,
    getIncident: () => ({
      incident,
      links: [
        { kind: 'story', id: 'sty_1', name: 'car-park', at: at(75) },
        { kind: 'user', id: 'usr_1', name: words('kim'), at: at(75) },
        { kind: 'containment', id: 'cnt_1', name: words('kim'), at: at(74) },
      ],
      timeline: [
        {
          at: at(90),
          kind: 'event',
          what: 'decision decide',
          by: words('kim'),
          text: words('payroll'),
          isRefused: true,
          ref: 'evt_1',
        },
        { at: at(79), kind: 'story', what: 'car-park', by: null, text: story.sentence, isRefused: false, ref: 'sty_1' },
        {
          at: at(75),
          kind: 'act',
          what: 'opened',
          by: words('dana'),
          text: incident.title,
          isRefused: false,
          ref: null,
        },
      ],
      graph: {
        nodes: [
          { id: 'usr_1', kind: 'user', name: words('kim'), isLinked: true },
          { id: 'dev_1', kind: 'device', name: words('laptop'), isLinked: false },
          { id: 'app_1', kind: 'app', name: words('wiki'), isLinked: false },
          { id: 'app_2', kind: 'app', name: words('payroll'), isLinked: false },
        ],
        edges: [edge('usr_1', 'dev_1', 9, 4), edge('dev_1', 'app_1', 5, 0), edge('dev_1', 'app_2', 4, 4)],
        leftOut: 0,
      },
      isPartial: false,
    }),
    getBlastRadius: () => ({
      user: words('kim'),
      userId: 'usr_1',
      from: at(600),
      until: at(0),
      could: 2,
      did: 1,
      now: 1,
      liveSessions: 0,
      liveFlows: 0,
      missing: [],
      apps: [app('wiki', 5, 0, 'contained'), app('payroll', 0, 4, null)],
      hosts: [],
      isPartial: false,
    }),
    listPlaybookRuns: () => list([run]),
    answerPlaybook: () => ({ ...run, state: 'running', question: null }),
    listDrills: () => list([1, 2, 3, 4].map(drill)),
    getDrill: ({ params }: { readonly params: Readonly<Record<string, string>> }) => {
      const isTabletop = params['id'] === 'drl_1'
      return {
        drill: drill(isTabletop ? 1 : 2),
        scenario: {
          drill: 'decoy',
          version: 1,
          title: words('A decoy is touched').slice(0, 120),
          about: words('Somebody opens what nobody has a reason to open.'),
          level: isTabletop ? 'tabletop' : 'live',
          within: '10m',
          actors: isTabletop ? {} : { thief: {} },
          apps: isTabletop ? {} : { notes: { kind: 'http', open: ['thief'] } },
          steps: [{ inject: { to: words('duty manager'), text: words('A laptop is gone.'), answerWithin: '5m' } }],
          expect: isTabletop ? [{ answered: 'all' }] : [{ restored: 'exactly' }],
        },
        report: isTabletop ? null : report,
        restored: isTabletop ? null : true,
        answers: [],
      }
    },
    getAttackView: () => ({
      scenarios: [
        {
          name: 'decoy',
          version: 1,
          title: words('A decoy is touched'),
          about: '',
          level: 'live',
          techniques: ['T1083', 'T1213'],
          lastVerdict: 'passed',
          lastAt: at(60),
        },
      ],
      techniques: (['proven', 'failed', 'untested', 'stale'] as const).map((state, n) => ({
        id: `T108${n}`,
        state,
        scenarios: ['decoy'],
        lastAt: state === 'untested' ? null : at(60),
        drill: null,
      })),
    }),
  }
}

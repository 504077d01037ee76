// German: questions about policies.
import type { enPolicies } from './en-policies.ts'
import { count, plural } from './plural.ts'
import type { Translation } from './translation.ts'

export const dePolicies: Translation<typeof enPolicies> = {
  editor: {
    leave: 'Tab rückt ein; Escape, dann Tab, verlässt den Editor. Strg und Leertaste ergänzt.',
    faults: 'Fehler im Text',
    checking: 'Wird geprüft…',
    valid: 'Der Text ist gültig.',
    diff: 'Was sich ändert',
    noDiff: 'Noch ist nichts geändert.',
    history: 'Verlauf',
    historyLead:
      'Jede gesicherte Fassung, die neueste zuerst. Eine kann wieder aufgenommen werden: Sie wird dann als neue gesichert.',
    historyEmpty: 'Keine frühere Fassung ist aufbewahrt.',
    version: 'Fassung',
    now: 'in Kraft',
    takeUp: 'Von dieser Fassung aus bearbeiten',
    compare: 'Mit der geltenden vergleichen',
    added: (n: number) => plural(n, 'Zeile hinzu', 'Zeilen hinzu'),
    removed: (n: number) => plural(n, 'Zeile weg', 'Zeilen weg'),
  },
  whatIf: {
    tests: 'Tests der Richtlinien',
    testsNone:
      'Es gibt keinen Test. Einer sagt, wer was erreichen muss und wer niemals; eine Änderung, die ihn bricht, wird abgelehnt.',
    testsGood: (n: number) => `${plural(n, 'Test hält', 'Tests halten')}.`,
    testsBad: (n: number) => plural(n, 'Test schlägt fehl', 'Tests schlagen fehl'),
    warnings: 'Sicher nicht so gemeint',
    reach: 'Reichweite',
    reachLead:
      'Wer was erreichen könnte, ob er es je tat oder nicht. Was nicht gesagt ist, gilt als unbekannt, damit alles Mögliche erscheint.',
    posture: 'Gerät',
    postureAny: 'Irgendeines oder keines',
    postures: ['Unbekannt', 'Registriert', 'Verwaltet'],
    who: 'Wer',
    anyone: 'Jede unserer Personen',
    apps: 'Apps',
    app: 'App',
    people: 'Personen',
    kind: { anyone: '', organisation: 'Dritte', group: 'Gruppe' },
    reachOf: (people: number, apps: number) =>
      `${plural(people, 'Person', 'Personen')}, ${plural(apps, 'App', 'Apps')}`,
    least: 'Geringste Rechte',
    leastLead:
      'Die wenigsten Regeln, die abdecken, was benutzt wurde. Nichts wird angewandt: Kopieren Sie den Text, prüfen und erproben Sie ihn.',
    since: 'Lernen aus',
    days: (n: number) => plural(n, 'Tag', 'Tagen'),
    holdOut: 'Erproben an den neuesten',
    work: 'Ausarbeiten',
    stop: 'Anhalten',
    working: (words: string, done: number) => (done === 0 ? words : `${words}: ${count(done)}`),
    preview: 'Änderung vorab ansehen',
    previewTitle: 'Was diese Änderung bewirkt',
    decisions: (n: number, classes: number, days: number) =>
      `${plural(n, 'Entscheidung', 'Entscheidungen')} aus ${plural(days, 'Tag', 'Tagen')}, noch einmal gefragt in ${plural(classes, 'Klasse', 'Klassen')}.`,
    same: (n: number) => `${count(n)} bleiben, wie sie sind.`,
    loses: 'Verlöre Zugang',
    gains: 'Gewänne Zugang',
    nobodyLoses: 'Niemand verlöre etwas, das benutzt wurde.',
    nobodyGains: 'Niemand gewänne etwas, wonach gefragt wurde.',
    used: 'Benutzt',
    last: 'Zuletzt',
    then: 'Danach',
    more: (n: number) => `und ${count(n)} weitere`,
    byGroup: (names: string) => `Nach Gruppen: ${names}`,
    byThirdParty: (names: string) => `Nach Dritten: ${names}`,
    unknown: (n: number, why: string) => `${plural(n, 'Entscheidung ist', 'Entscheidungen sind')} unbekannt: ${why}.`,
    drifted: (n: number) =>
      `${count(n)} fallen jetzt anders aus, als sie aufgezeichnet wurden: Seitdem hat sich etwas geändert.`,
    duties: (n: number) =>
      `${plural(n, 'Entscheidung wäre', 'Entscheidungen wären')} weiter erlaubt, mit anderen Auflagen.`,
    opens: 'Das öffnet Apps für Außenstehende oder für alle',
    opensLead:
      'Sichern Sie es nur, wenn das gemeint ist. Statt dessen kann eine andere Person der Verwaltung es auf der Kommandozeile billigen.',
    opensLine: (app: string, who: string, how: string) => `${app}: ${who}, ${how}`,
    allow: 'Sichern und öffnen',
    becomes: { possible: 'wird möglich', impossible: 'wird unmöglich' },
    proposal: (rules: number, covered: number, used: number) =>
      `${plural(rules, 'Regel deckt', 'Regeln decken')} ${count(covered)} von ${plural(used, 'Paar', 'Paaren')} aus Person und App ab, die benutzt wurden.`,
    heldOut: (covered: number, all: number) =>
      `In der zurückgehaltenen Zeit: ${count(covered)} von ${plural(all, 'Entscheidung', 'Entscheidungen')} abgedeckt.`,
    removed: (now: number, proposed: number) => `${count(now)} Paare jetzt möglich, ${count(proposed)} vorgeschlagen.`,
    breaks: 'Wäre in der zurückgehaltenen Zeit verweigert worden',
    nothingBreaks: 'Niemandem hätte in der zurückgehaltenen Zeit etwas gefehlt.',
    yaml: 'Vorgeschlagene Dokumente',
    rules: 'Regeln',
    covers: 'Benutzt von',
    members: 'Öffnet für',
    text: 'Wie geschrieben',
    past: 'Warum so entschieden wurde',
    pastThen: 'Unter den Richtlinien von damals',
    pastNow: 'Unter den Richtlinien von heute',
    pastUnknown: 'Unbekannt.',
    event: 'Ereignis',
    eventHint: 'Die Kennung einer Entscheidung im Journal; Person und App braucht es dann nicht.',
  },
}

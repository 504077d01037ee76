// German for the reasons of denials.
const reasons: Readonly<Record<string, string>> = {
  'tenant-suspended': 'Der Mandant ist ausgesetzt.',
  'user-disabled': 'Die Person ist gesperrt.',
  'session-ended': 'Die Sitzung wurde beendet.',
  'session-expired': 'Die Sitzung ist abgelaufen.',
  'device-revoked': 'Das Gerät wurde widerrufen.',
  'device-required': 'Die App verlangt ein angemeldetes Gerät.',
  contained: 'Person, Gerät, App oder Organisation ist eingedämmt.',
  'outside-contract': 'Der Vertrag der Organisation hat nicht begonnen oder ist zu Ende.',
  'app-not-in-contract': 'Die App steht nicht im Vertrag der Organisation.',
  'app-disabled': 'Die App ist abgeschaltet.',
  'app-unknown': 'Diese App gibt es nicht.',
  'snapshot-stale': 'Die Vermittlung war zu lange ohne Steuerung, um zu entscheiden.',
  'path-not-allowed': 'Der Pfad oder die Methode ist nicht offen.',
  'no-policy': 'Keine Richtlinie erlaubt es.',
  forbidden: 'Eine Richtlinie verbietet es.',
  'journal-full': 'Das Ereignis konnte nicht geschrieben werden, und der Mandant verlangt das.',
  'no-connector': 'Kein Konnektor der App war verbunden.',
  'upstream-unreachable': 'Der Konnektor konnte die App nicht erreichen.',
  'upstream-timeout': 'Die App hat nicht rechtzeitig geantwortet.',
  'upstream-malformed': 'Die App hat eine unlesbare Antwort geschickt.',
  'destination-refused': 'Die Adresse oder der Port ist nicht offen.',
  'certificate-untrusted': 'Die Seite konnte nicht beweisen, wer sie ist.',
  'content-refused': 'Der Inhalt wurde angehalten.',
  'reason-needed': 'Die Person muss zuerst einen Grund nennen.',
}

/** Ein Satz für den Code, oder der Code selbst. */
export function reasonsInGerman(code: string): string {
  return reasons[code] ?? code
}

// The words of the pages in each language. Must stay complete: a missing word is a type error.
import type { CertificateProblem } from '#exchange/outbound/origin-certificate.ts'
import type { VerdictKind } from '#exchange/outbound/stop.ts'

export const languages = ['en', 'de', 'fr', 'es'] as const
export type Language = (typeof languages)[number]

export type Words = {
  readonly deniedTitle: string
  readonly denied: string
  readonly refusedAddress: string
  readonly contained: string
  readonly coachTitle: string
  readonly certificateTitle: string
  readonly certificate: Readonly<Record<CertificateProblem, string>>
  readonly contentTitle: Readonly<Record<'upload' | 'download', string>>
  readonly content: Readonly<Record<VerdictKind, string>>
  readonly phishingTitle: string
  readonly phishing: string
  readonly guardTitle: string
  readonly guardText: string
  readonly clientCertificateTitle: string
  readonly clientCertificate: string
  readonly failedTitle: string
  readonly failed: string
  readonly advice: string
  readonly certificateAdvice: string
  readonly contentAdvice: string
  readonly retryAdvice: string
  readonly contact: string
  readonly reasonLabel: string
  readonly goOn: string
  readonly journalled: string
  readonly site: string
  readonly rule: string
  readonly reason: string
  readonly event: string
  readonly person: string
}

export const words: Readonly<Record<Language, Words>> = {
  en: {
    deniedTitle: 'This site is not open to you',
    denied: 'The rules of your organisation do not allow this.',
    refusedAddress: 'This address or port may not be reached from here.',
    contained: 'Your access is stopped for safety while an incident is looked into.',
    coachTitle: 'Before you go on',
    certificateTitle: 'This site cannot prove who it is',
    certificate: {
      expired: 'Its certificate is not valid at this time.',
      'wrong-name': 'Its certificate is for another name.',
      revoked: 'Its issuer has revoked its certificate.',
      'unknown-issuer': 'Its certificate was issued by somebody whom nobody vouches for.',
      invalid: 'Its certificate is not in order.',
    },
    contentTitle: { upload: 'What you sent was stopped', download: 'What you fetched was stopped' },
    content: {
      malicious: 'It contains something that does harm.',
      sensitive: 'It contains data that may not leave the organisation.',
      unscannable: 'It cannot be looked into, for example because it is encrypted.',
      partial: 'Only a part of it could be looked into.',
    },
    phishingTitle: 'This page may be after your password',
    phishing: 'It was stopped before it came to you.',
    guardTitle: 'Take care',
    guardText: 'This page may be after your password. What you could type is disabled.',
    clientCertificateTitle: 'This site asks for your own certificate',
    clientCertificate: 'The connection is passed through without looking into it from now on; load the page again.',
    failedTitle: 'This site could not be reached',
    failed: 'It did not answer, or its answer could not be read.',
    advice: 'If you need it for your work, ask your administrator and name the event below.',
    certificateAdvice: 'Do not enter anything there. Tell the owner of the site.',
    contentAdvice: 'Nothing of it was passed on. If you need it, ask your security team and name the event below.',
    retryAdvice: 'Try again in a moment.',
    contact: 'Contact',
    reasonLabel: 'Why do you need it?',
    goOn: 'Continue',
    journalled: 'Your reason is recorded.',
    site: 'Site',
    rule: 'Rule',
    reason: 'Reason',
    event: 'Event',
    person: 'You',
  },
  de: {
    deniedTitle: 'Diese Seite ist für Sie nicht freigegeben',
    denied: 'Die Regeln Ihrer Organisation erlauben das nicht.',
    refusedAddress: 'Diese Adresse oder dieser Port ist von hier aus nicht erreichbar.',
    contained: 'Ihr Zugang ist zur Sicherheit angehalten, während ein Vorfall untersucht wird.',
    coachTitle: 'Bevor Sie fortfahren',
    certificateTitle: 'Diese Seite kann nicht beweisen, wer sie ist',
    certificate: {
      expired: 'Ihr Zertifikat gilt zu dieser Zeit nicht.',
      'wrong-name': 'Ihr Zertifikat gilt für einen anderen Namen.',
      revoked: 'Ihr Zertifikat wurde von seinem Aussteller widerrufen.',
      'unknown-issuer': 'Ihr Zertifikat stammt von einer Stelle, für die niemand bürgt.',
      invalid: 'Ihr Zertifikat ist nicht in Ordnung.',
    },
    contentTitle: { upload: 'Ihre Sendung wurde angehalten', download: 'Der Abruf wurde angehalten' },
    content: {
      malicious: 'Der Inhalt richtet Schaden an.',
      sensitive: 'Der Inhalt enthält Daten, die die Organisation nicht verlassen dürfen.',
      unscannable: 'Der Inhalt lässt sich nicht prüfen, zum Beispiel weil er verschlüsselt ist.',
      partial: 'Nur ein Teil des Inhalts ließ sich prüfen.',
    },
    phishingTitle: 'Diese Seite will womöglich Ihr Passwort',
    phishing: 'Sie wurde angehalten, bevor sie zu Ihnen kam.',
    guardTitle: 'Vorsicht',
    guardText: 'Diese Seite will womöglich Ihr Passwort. Eingaben sind gesperrt.',
    clientCertificateTitle: 'Diese Seite verlangt Ihr eigenes Zertifikat',
    clientCertificate: 'Die Verbindung wird ab jetzt ungeprüft durchgereicht; laden Sie die Seite neu.',
    failedTitle: 'Diese Seite ist nicht erreichbar',
    failed: 'Sie hat nicht geantwortet, oder ihre Antwort war nicht lesbar.',
    advice: 'Wenn Sie sie für die Arbeit brauchen, fragen Sie Ihre Administration und nennen Sie das Ereignis unten.',
    certificateAdvice: 'Geben Sie dort nichts ein. Sagen Sie dem Betreiber der Seite Bescheid.',
    contentAdvice:
      'Nichts davon wurde weitergegeben. Wenn Sie es brauchen, fragen Sie Ihr Sicherheitsteam und nennen Sie das Ereignis unten.',
    retryAdvice: 'Versuchen Sie es gleich noch einmal.',
    contact: 'Kontakt',
    reasonLabel: 'Wozu brauchen Sie es?',
    goOn: 'Fortfahren',
    journalled: 'Ihre Begründung wird aufgezeichnet.',
    site: 'Seite',
    rule: 'Regel',
    reason: 'Grund',
    event: 'Ereignis',
    person: 'Sie',
  },
  fr: {
    deniedTitle: 'Ce site ne vous est pas ouvert',
    denied: "Les règles de votre organisation ne l'autorisent pas.",
    refusedAddress: "Cette adresse ou ce port n'est pas accessible d'ici.",
    contained: "Votre accès est suspendu par sécurité pendant l'examen d'un incident.",
    coachTitle: 'Avant de continuer',
    certificateTitle: 'Ce site ne peut pas prouver qui il est',
    certificate: {
      expired: "Son certificat n'est pas valable en ce moment.",
      'wrong-name': 'Son certificat est établi pour un autre nom.',
      revoked: 'Son certificat a été révoqué par son émetteur.',
      'unknown-issuer': 'Son certificat vient de quelqu’un dont personne ne répond.',
      invalid: "Son certificat n'est pas en ordre.",
    },
    contentTitle: { upload: 'Votre envoi a été arrêté', download: 'Le téléchargement a été arrêté' },
    content: {
      malicious: 'Il contient quelque chose de nuisible.',
      sensitive: "Il contient des données qui ne doivent pas quitter l'organisation.",
      unscannable: 'Il ne peut pas être examiné, par exemple parce qu’il est chiffré.',
      partial: 'Une partie seulement a pu en être examinée.',
    },
    phishingTitle: 'Cette page cherche peut-être votre mot de passe',
    phishing: 'Elle a été arrêtée avant de vous parvenir.',
    guardTitle: 'Attention',
    guardText: 'Cette page cherche peut-être votre mot de passe. La saisie est désactivée.',
    clientCertificateTitle: 'Ce site demande votre propre certificat',
    clientCertificate: 'La connexion passe désormais sans être examinée ; rechargez la page.',
    failedTitle: "Ce site n'a pas pu être joint",
    failed: "Il n'a pas répondu, ou sa réponse n'était pas lisible.",
    advice:
      "Si vous en avez besoin pour votre travail, demandez à votre administration et citez l'événement ci-dessous.",
    certificateAdvice: "N'y saisissez rien. Prévenez le responsable du site.",
    contentAdvice:
      "Rien n'en a été transmis. Si vous en avez besoin, demandez à votre équipe de sécurité et citez l'événement ci-dessous.",
    retryAdvice: 'Réessayez dans un instant.',
    contact: 'Contact',
    reasonLabel: 'Pourquoi en avez-vous besoin ?',
    goOn: 'Continuer',
    journalled: 'Votre motif est enregistré.',
    site: 'Site',
    rule: 'Règle',
    reason: 'Motif',
    event: 'Événement',
    person: 'Vous',
  },
  es: {
    deniedTitle: 'Este sitio no está abierto para usted',
    denied: 'Las reglas de su organización no lo permiten.',
    refusedAddress: 'Esta dirección o este puerto no es accesible desde aquí.',
    contained: 'Su acceso está detenido por seguridad mientras se examina un incidente.',
    coachTitle: 'Antes de continuar',
    certificateTitle: 'Este sitio no puede probar quién es',
    certificate: {
      expired: 'Su certificado no es válido en este momento.',
      'wrong-name': 'Su certificado es para otro nombre.',
      revoked: 'Su certificado fue revocado por su emisor.',
      'unknown-issuer': 'Su certificado lo emitió alguien por quien nadie responde.',
      invalid: 'Su certificado no está en orden.',
    },
    contentTitle: { upload: 'Su envío fue detenido', download: 'La descarga fue detenida' },
    content: {
      malicious: 'Contiene algo que hace daño.',
      sensitive: 'Contiene datos que no deben salir de la organización.',
      unscannable: 'No se puede examinar, por ejemplo porque está cifrado.',
      partial: 'Solo se pudo examinar una parte.',
    },
    phishingTitle: 'Esta página quizá busca su contraseña',
    phishing: 'Se detuvo antes de llegar a usted.',
    guardTitle: 'Cuidado',
    guardText: 'Esta página quizá busca su contraseña. No se puede escribir en ella.',
    clientCertificateTitle: 'Este sitio pide su propio certificado',
    clientCertificate: 'Desde ahora la conexión pasa sin examinarla; vuelva a cargar la página.',
    failedTitle: 'No se pudo llegar a este sitio',
    failed: 'No respondió, o su respuesta no se pudo leer.',
    advice: 'Si lo necesita para su trabajo, pregunte a su administración y cite el evento de abajo.',
    certificateAdvice: 'No escriba nada allí. Avise al responsable del sitio.',
    contentAdvice:
      'No se transmitió nada. Si lo necesita, pregunte a su equipo de seguridad y cite el evento de abajo.',
    retryAdvice: 'Inténtelo de nuevo en un momento.',
    contact: 'Contacto',
    reasonLabel: '¿Para qué lo necesita?',
    goOn: 'Continuar',
    journalled: 'Su motivo queda registrado.',
    site: 'Sitio',
    rule: 'Regla',
    reason: 'Motivo',
    event: 'Evento',
    person: 'Usted',
  },
}

/** The tenant's choice, or the first of the browser's languages that there are words for. */
export function languageFor(chosen: Language | 'auto', acceptLanguage: string | undefined): Language {
  if (chosen !== 'auto') return chosen
  for (const part of (acceptLanguage ?? '').slice(0, 200).split(',')) {
    const tag = part.trim().slice(0, 2).toLowerCase()
    const found = languages.find((language) => language === tag)
    if (found !== undefined) return found
  }
  return 'en'
}

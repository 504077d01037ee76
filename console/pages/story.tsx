// One story: the sentence, the events that it rests on, and what people make of it.
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import type { StoryView } from '#core/api/story-routes.ts'
import { readEvent } from '#console/api/event-view.ts'
import type { Reply } from '#console/api/client.ts'
import { listRefresh, useChange, useRoute } from '#console/api/use-route.ts'
import { ChoiceField, type Choice } from '#console/components/choice-field.tsx'
import { ConfirmAction } from '#console/components/confirm-action.tsx'
import { EventTable } from '#console/components/event-table.tsx'
import { TextField } from '#console/components/field.tsx'
import { FormAction } from '#console/components/form-action.tsx'
import { Moment } from '#console/components/moment.tsx'
import { Facts, Page, Section } from '#console/components/page.tsx'
import { Status } from '#console/components/status.tsx'
import { UnreadPage } from '#console/components/unread-page.tsx'
import { useMayChange, useTenant } from '#console/components/who.ts'
import { text } from '#console/messages/text.ts'
import { kindOfLevel } from './stories.tsx'

const words = text.stories
const verdicts = Object.entries(words.verdicts)
const CONTAIN_SECONDS = 4 * 3600

export function StoryPage(): ReactNode {
  const tenant = useTenant()
  const { id = '' } = useParams({ strict: false })
  const found = useRoute('getStory', { params: { tenant, id } }, listRefresh)
  const crumb = (
    <Link to="/t/$tenant/stories" params={{ tenant }}>
      {words.crumb}
    </Link>
  )
  if (found.data === undefined) return <UnreadPage title={words.title} crumb={crumb} found={found} />
  return <Told crumb={crumb} {...found.data} />
}

function Told({ story, events, crumb }: Reply<'getStory'> & { readonly crumb: ReactNode }): ReactNode {
  const mayChange = useMayChange()
  const stored = events.map((event, at) => readEvent({ cursor: String(at), event }))
  return (
    <Page
      title={words.kinds[story.kind] ?? story.kind}
      lead={story.sentence}
      crumb={crumb}
      acts={mayChange && <Acts story={story} />}
    >
      <div className="panel panel-pad">
        <Facts
          facts={[
            [words.subject, <Subject key="subject" story={story} />],
            [
              words.level,
              <Status key="level" kind={kindOfLevel(story.level)}>
                {words.levels[story.level]}
              </Status>,
            ],
            [words.score, `${story.score} / 100`],
            [words.first, <Moment key="first" at={story.firstAt} />],
            [words.noticed, <Moment key="noticed" at={story.noticedAt} />],
            [words.state, stateOf(story)],
            [words.answered, story.containment === null ? words.answeredNo : words.answeredYes],
          ]}
        />
      </div>
      <Section title={words.events}>
        <EventTable
          events={stored}
          error={null}
          chosen={null}
          search={{}}
          empty={<p className="state state-small">{words.noEvents}</p>}
        />
      </Section>
      <Section title={words.notes}>
        {story.notes.length === 0 ? (
          <p className="small second">{words.noNotes}</p>
        ) : (
          <ul className="stack">
            {story.notes.map((note) => (
              <li key={`${note.at} ${note.text}`}>
                <span className="strong">{note.by}</span> · <Moment at={note.at} />
                <div>{note.text}</div>
              </li>
            ))}
          </ul>
        )}
      </Section>
    </Page>
  )
}

function stateOf(story: StoryView): string {
  if (story.verdict !== null) return `${words.states.closed}: ${words.verdicts[story.verdict]}`
  return story.takenBy === null ? words.states[story.state] : words.taken(story.takenBy)
}

function Subject({ story }: { readonly story: StoryView }): ReactNode {
  const tenant = useTenant()
  if (story.subject.kind !== 'user') return <span className="mono">{story.subject.name}</span>
  return (
    <Link to="/t/$tenant/people/$name" params={{ tenant, name: story.subject.name }}>
      {story.subject.name}
    </Link>
  )
}

function Acts({ story }: { readonly story: StoryView }): ReactNode {
  const tenant = useTenant()
  const change = useChange('changeStory').mutateAsync
  const contain = useChange('contain').mutateAsync
  const openIncident = useChange('openIncident').mutateAsync
  const go = useNavigate()
  const [note, setNote] = useState('')
  const verdict: Choice = { value: 'odd' }
  const params = { tenant, id: story.id }
  return (
    <>
      {story.state === 'open' && (
        <ConfirmAction
          look="plain"
          label={words.take}
          title={words.take}
          body={story.sentence}
          doLook="main"
          act={async () => {
            await change({ params, body: { take: true } })
          }}
        />
      )}
      <ConfirmAction
        look="plain"
        label={text.incidents.openFrom}
        title={text.incidents.openFromTitle}
        body={text.incidents.openFromBody}
        doLook="main"
        act={async () => {
          const { id } = await openIncident({ params: { tenant }, body: { story: story.id } })
          await go({ to: '/t/$tenant/incidents/$id', params: { tenant, id } })
        }}
      />
      <FormAction
        label={words.addNote}
        title={words.noteTitle}
        submit={words.addNote}
        disabled={false}
        onClosed={() => setNote('')}
        act={async () => {
          await change({ params, body: { note } })
        }}
      >
        <TextField label={words.note} value={note} onText={setNote} required maxLength={2000} />
      </FormAction>
      {story.state !== 'closed' && (
        <ConfirmAction
          look="plain"
          label={words.judge}
          title={words.judgeTitle}
          body={words.judgeLead}
          doLook="main"
          act={async () => {
            const value = verdict.value as NonNullable<StoryView['verdict']>
            await change({ params, body: { verdict: value } })
          }}
        >
          <ChoiceField label={words.verdict} choice={verdict} choices={verdicts} />
        </ConfirmAction>
      )}
      {story.subject.kind === 'user' && story.containment === null && (
        <ConfirmAction
          label={words.contain}
          title={words.containTitle(story.subject.name)}
          body={words.containBody}
          doLook="danger"
          act={async () => {
            const { effect } = await contain({
              params: { tenant },
              body: {
                subject: { kind: 'user', name: story.subject.id },
                reason: words.containReason(story.sentence).slice(0, 500),
                expiresInSeconds: CONTAIN_SECONDS,
              },
            })
            return effect
          }}
        />
      )}
    </>
  )
}

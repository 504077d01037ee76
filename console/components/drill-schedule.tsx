// Drills that control plays by itself: how often, which, with whose rights, and when the next one is due.
import { useState, type ReactNode } from 'react'
import { listRefresh, useChange, useRoute } from '#console/api/use-route.ts'
import { text } from '#console/messages/text.ts'
import { SelectField } from './field.tsx'
import { FormAction } from './form-action.tsx'
import { Moment } from './moment.tsx'
import { Facts, Section, Tags } from './page.tsx'
import { useTenant } from './who.ts'

const words = text.drills
/** Small enough to be played every hour; the others are played by people. */
const SMALL = 'decoy'

export function DrillSchedule({ scenarios }: { readonly scenarios: readonly string[] }): ReactNode {
  const tenant = useTenant()
  const found = useRoute('getDrillSchedule', { params: { tenant } }, listRefresh)
  const set = useChange('setDrillSchedule').mutateAsync
  const [every, setEvery] = useState('3600')
  const [scenario, setScenario] = useState(SMALL)
  if (found.data === undefined) return null
  const { everySeconds, scenarios: chosen, by, nextAt, failure } = found.data
  return (
    <Section
      title={words.schedule}
      hint={words.scheduleLead}
      acts={
        <FormAction
          label={words.scheduleEdit}
          title={words.scheduleTitle}
          lead={words.scheduleLead}
          submit={text.action.save}
          act={async () => {
            const body =
              every === 'none'
                ? { everySeconds: null, scenarios: [] }
                : { everySeconds: Number(every), scenarios: [scenario] }
            await set({ params: { tenant }, body })
          }}
        >
          <SelectField
            label={words.every}
            value={every}
            onText={setEvery}
            choices={Object.entries(words.everyChoices)}
          />
          <SelectField
            label={words.scenario}
            value={scenario}
            onText={setScenario}
            choices={scenarios.map((name) => [name, name] as const)}
          />
        </FormAction>
      }
    >
      <div className="panel panel-pad">
        <Facts
          facts={[
            [words.every, everySeconds === null ? words.off : words.everySeconds(everySeconds)],
            chosen.length > 0 && [words.scenario, <Tags key="s" names={chosen} />],
            by !== null && [words.by, by],
            nextAt !== null && [words.next, <Moment key="n" at={nextAt} />],
            failure !== null && [words.failure, failure],
          ]}
        />
      </div>
    </Section>
  )
}

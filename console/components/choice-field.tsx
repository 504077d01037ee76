// A choice kept outside the component that asked: read when the confirmation is given.
import { useState, type ReactNode } from 'react'
import { SelectField } from './field.tsx'

export type Choice = { value: string }

export function ChoiceField({
  label,
  choice,
  choices,
}: {
  readonly label: string
  readonly choice: Choice
  readonly choices: readonly (readonly [value: string, label: string])[]
}): ReactNode {
  const [value, setValue] = useState(choice.value)
  return (
    <SelectField
      label={label}
      value={value}
      choices={choices}
      onText={(next) => {
        choice.value = next
        setValue(next)
      }}
    />
  )
}

// A labelled input with hint and error, tied together for assistive technology.
import { useId, type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes } from 'react'

type Around = { readonly label: string; readonly hint?: string | undefined; readonly error?: string | null | undefined }

function useAround({ hint, error }: Around) {
  const id = useId()
  const describedBy = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ')
  return { id, ...(describedBy !== '' && { 'aria-describedby': describedBy }), ...(error && { 'aria-invalid': true }) }
}

function Around({
  id,
  label,
  hint,
  error,
  children,
}: Around & { readonly id: string; readonly children: ReactNode }): ReactNode {
  return (
    <div className="field">
      <label className="field-label" htmlFor={id}>
        {label}
      </label>
      {children}
      {hint && (
        <span className="field-hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
      {error && (
        <span className="field-error" id={`${id}-error`} role="alert">
          {error}
        </span>
      )}
    </div>
  )
}

type TextProps = Around &
  Omit<InputHTMLAttributes<HTMLInputElement>, 'className' | 'style' | 'id' | 'onChange'> & {
    readonly value: string
    readonly onText: (value: string) => void
    readonly options?: readonly string[] | undefined
  }

/** `options` are offered while typing; anything else may be typed too. */
export function TextField({ label, hint, error, onText, options, ...rest }: TextProps): ReactNode {
  const tied = useAround({ label, hint, error })
  return (
    <Around id={tied.id} label={label} hint={hint} error={error}>
      <input
        autoComplete="off"
        spellCheck={false}
        autoCapitalize="none"
        {...rest}
        {...tied}
        {...(options && { list: `${tied.id}-list` })}
        className="input"
        onChange={(event) => onText(event.target.value)}
      />
      {options && (
        <datalist id={`${tied.id}-list`}>
          {options.map((option) => (
            <option key={option} value={option} />
          ))}
        </datalist>
      )}
    </Around>
  )
}

type SelectProps = Around &
  Omit<SelectHTMLAttributes<HTMLSelectElement>, 'className' | 'style' | 'id' | 'onChange'> & {
    readonly value: string
    readonly onText: (value: string) => void
    readonly choices: readonly (readonly [value: string, label: string])[]
  }

export function SelectField({ label, hint, error, onText, choices, ...rest }: SelectProps): ReactNode {
  const tied = useAround({ label, hint, error })
  return (
    <Around id={tied.id} label={label} hint={hint} error={error}>
      <select {...rest} {...tied} className="input" onChange={(event) => onText(event.target.value)}>
        {choices.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </Around>
  )
}

export function LinesField({
  label,
  hint,
  error,
  value,
  onText,
  rows = 3,
  isReadOnly = false,
}: Around & {
  readonly value: string
  readonly onText?: (value: string) => void
  readonly rows?: number
  readonly isReadOnly?: boolean
}): ReactNode {
  const tied = useAround({ label, hint, error })
  return (
    <Around id={tied.id} label={label} hint={hint} error={error}>
      <textarea
        {...tied}
        className="input"
        rows={rows}
        spellCheck={false}
        value={value}
        readOnly={isReadOnly}
        onChange={(event) => onText?.(event.target.value)}
      />
    </Around>
  )
}

export function CheckField({
  label,
  hint,
  checked,
  onCheck,
}: {
  readonly label: string
  readonly hint?: string
  readonly checked: boolean
  readonly onCheck: (checked: boolean) => void
}): ReactNode {
  const id = useId()
  return (
    <div className="check">
      <input
        id={id}
        type="checkbox"
        checked={checked}
        onChange={(event) => onCheck(event.target.checked)}
        {...(hint && { 'aria-describedby': `${id}-hint` })}
      />
      <div>
        <label htmlFor={id}>{label}</label>
        {hint && (
          <div className="field-hint" id={`${id}-hint`}>
            {hint}
          </div>
        )}
      </div>
    </div>
  )
}

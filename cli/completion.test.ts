// Completion in a real bash: the words that it offers are commands and options that exist.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { commandSections } from './commands.ts'
import { completionOf } from './commands/completion.ts'

const commands = commandSections.flatMap(([, list]) => list)

function scriptOf(shell: string): string {
  const result = spawnSync(process.execPath, ['cli/main.ts', 'completion', shell], { encoding: 'utf8' })
  assert.equal(result.status, 0, result.stderr)
  return result.stdout
}

function completed(script: string, line: readonly string[]): readonly string[] {
  const words = line.map((word) => `'${word}'`).join(' ')
  const probe = `${script}\nCOMP_WORDS=(${words}); COMP_CWORD=${line.length - 1}; _sallyport; printf '%s\\n' "\${COMPREPLY[@]}"`
  const result = spawnSync('bash', ['--noprofile', '--norc', '-c', probe], { encoding: 'utf8', timeout: 20_000 })
  assert.equal(result.status, 0, result.stderr)
  return result.stdout.split('\n').filter((word) => word !== '')
}

test('bash completes first words, second words and options', () => {
  const script = scriptOf('bash')
  assert.ok(completed(script, ['sallyport', 'ag']).includes('agent'))
  assert.deepEqual(completed(script, ['sallyport', 'agent', 'log']), ['login', 'logout'])
  assert.ok(completed(script, ['sallyport', 'apply', '--']).includes('--help'))
  assert.deepEqual(completed(script, ['sallyport', 'no-such-thing', '']), [])
})

test('every command can be reached by completing', () => {
  const script = scriptOf('bash')
  const verbs = commands.map(({ usage }) => (usage.split(/ (?=[A-Z[-])/)[0] ?? '').split(' '))
  for (const verb of [verbs[0], verbs.at(-1)]) {
    assert.ok(verb)
    const before = verb.slice(0, -1)
    assert.ok(completed(script, ['sallyport', ...before, '']).includes(verb.at(-1) ?? ''))
  }
})

test('zsh and fish scripts are printed; another shell is refused with the three that there are', async () => {
  assert.match(scriptOf('zsh'), /bashcompinit/)
  assert.match(scriptOf('fish'), /complete -c sallyport/)
  const command = completionOf(() => commands)
  const input = { words: ['tcsh'] } as unknown as Parameters<typeof command.run>[0]
  await assert.rejects(command.run(input), /bash, zsh or fish/)
})

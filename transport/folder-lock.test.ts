import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { lockFolder } from './folder-lock.ts'

async function folderOf(t: { after: (end: () => Promise<void>) => void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-lock-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

test('a folder is held once, and free again when it is let go', async (t) => {
  const folder = await folderOf(t)
  const lock = await lockFolder(folder)
  await assert.rejects(lockFolder(folder), { code: 'address-in-use' })
  await lock.release()
  await lock.release()
  assert.deepEqual(await readdir(folder), [])
  const [one, other] = await Promise.allSettled([lockFolder(folder), lockFolder(folder)])
  assert.deepEqual([one.status, other.status].toSorted(), ['fulfilled', 'rejected'])
})

test('the folder of a killed process is taken over, that of a running one is not', async (t) => {
  const folder = await folderOf(t)
  const module = fileURLToPath(new URL('folder-lock.ts', import.meta.url))
  const script = `const { lockFolder } = await import(${JSON.stringify(module)})
    await lockFolder(${JSON.stringify(folder)}); console.log('held'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  await assert.rejects(lockFolder(folder), (error: Error) => error.message.includes(`Process ${child.pid} `))
  child.kill('SIGKILL')
  await once(child, 'exit')
  await (await lockFolder(folder)).release()
})

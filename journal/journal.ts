// The writing side of the event journal: one hash chain per tenant for this writer. Must never let `append` return
// before the kernel has the record, and never fsync on the calling thread.
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { Fault, isFault } from '#core/fault.ts'
import { isId, type TenantId } from '#core/ids.ts'
import { defaultCaps, MAX_CONCURRENT_RECOVERIES, MAX_CONFIGURED_EVENT_BYTES, type JournalCaps } from './caps.ts'
import { Chain, releaseDescriptor, type ChainHost, type Receipt, type Segment, type Staged } from './chain.ts'
import { syncFolder, systemDisk } from './disk.ts'
import { GroupSync } from './group-sync.ts'
import { chainPlace, formatWriter, isMissing, listChains, listSegments, listTenants } from './layout.ts'
import { names, parseWriter, segmentPath, type ChainPlace } from './layout.ts'
import { acquireLock, type WriterLock } from './lock.ts'
import { genesisHash } from './record.ts'
import { recoverChain, type Recovered } from './recover.ts'
import type { ChainStand, JournalConfig, JournalDeps, JournalProblem, JournalStatus } from './journal-contract.ts'
import type { JournalKey, JournalSigner } from './statement.ts'
import { removeSegments, type Removal, type RemoveRequest } from './tombstone.ts'

export async function startJournal(config: JournalConfig, deps: JournalDeps): Promise<Journal> {
  const writer = parseWriter(config.writer)
  if (writer === undefined || writer.epoch !== 1 || config.writer.includes('.')) {
    throw new Fault('configuration-invalid', { hint: 'The journal writer is not a valid name.' })
  }
  if (!/^[\w.:-]{1,100}$/.test(deps.signer.keyId)) {
    throw new Fault('configuration-invalid', { hint: 'The journal key id is not valid.' })
  }
  if ((config.caps?.maxEventBytes ?? 0) > MAX_CONFIGURED_EVENT_BYTES) {
    throw new Fault('configuration-invalid', { hint: 'maxEventBytes is larger than a shipped batch can carry.' })
  }
  await mkdir(config.root, { recursive: true, mode: 0o700 })
  const lock = await acquireLock(join(config.root, `${config.writer}.lock`))
  const journal = new Journal(config, deps, lock)
  try {
    await journal.recover()
    if (!(await lock.isHeld())) throw new Fault('address-in-use', { hint: 'Another process writes this journal.' })
    return journal
  } catch (error) {
    await journal.destroy(new Fault('closing'))
    throw error
  }
}

export class Journal {
  readonly root: string
  readonly writer: string
  readonly signer: JournalSigner
  readonly keys: readonly JournalKey[]
  readonly caps: JournalCaps
  readonly #report: JournalDeps['report']
  readonly nowMs: () => number
  readonly #monotonicMs: () => number
  readonly #host: ChainHost
  readonly #sync: GroupSync
  readonly #lock: WriterLock
  readonly #chains = new Map<TenantId, Chain>()
  /** Chains that ended, oldest first. */
  readonly #past = new Map<TenantId, readonly ChainPlace[]>()
  /** Where a tenant's next chain starts, when it is not epoch 1, and when it may. */
  readonly #epochs = new Map<TenantId, { readonly epoch: number; readonly notBeforeMs: number }>()
  readonly #open = new Set<Segment>()
  readonly #listeners = new Set<(tenant: TenantId) => void>()
  readonly #removals = new Map<string, Promise<unknown>>()
  readonly #problems = {
    'torn-cut': 0,
    'chain-corrupt': 0,
    'epoch-ended': 0,
    'checkpoint-failed': 0,
    'shipping-refused': 0,
    'shipping-failed': 0,
    'record-refused': 0,
    'staged-lost': 0,
  }
  readonly #stagedChains = new Set<Chain>()
  #bytes = 0
  #state: 'running' | 'closing' | 'closed' = 'running'
  #closed: Promise<void> | undefined

  /** Use `startJournal`. */
  constructor(config: JournalConfig, deps: JournalDeps, lock: WriterLock) {
    this.root = config.root
    this.writer = config.writer
    this.signer = deps.signer
    this.keys = deps.keys
    this.caps = { ...defaultCaps, ...config.caps }
    this.#report = deps.report
    this.nowMs = deps.nowMs ?? Date.now
    this.#monotonicMs = deps.monotonicMs ?? (() => performance.now())
    this.#lock = lock
    const disk = deps.disk ?? systemDisk
    this.#host = {
      caps: this.caps,
      disk,
      nowMs: this.nowMs,
      monotonicMs: this.#monotonicMs,
      reserve: (bytes) => this.#reserve(bytes),
      wrote: (chain, bytes) => this.#wrote(chain, bytes),
      used: (segment) => this.#used(segment),
      broken: (chain, fault) => this.#endEpoch(chain, fault),
    }
    this.#sync = new GroupSync({
      caps: this.caps,
      signer: deps.signer,
      monotonicMs: this.#monotonicMs,
      release: (segment) => this.#release(segment),
      broken: (chain, fault) => this.#endEpoch(chain, fault),
      unsigned: (chain, error) => this.problem('checkpoint-failed', chain.place, { error: String(error) }),
      durable: (chain) => this.#notify(chain.place.tenant),
    })
  }

  /** The kernel has the record when this returns. Throws `journal-full`, `request-too-large`, `document-invalid`. */
  append(tenant: TenantId, event: object): Receipt {
    const chain = this.#chain(tenant)
    return chain.commit(chain.stage(event))
  }

  /** Queues a record so that several share one `write()`. Nothing may rest on it before `commit()` returned. */
  stage(tenant: TenantId, event: object): Staged {
    const chain = this.#chain(tenant)
    const entry = chain.stage(event)
    if (this.#stagedChains.size === 0) setImmediate(() => this.#flushStaged())
    this.#stagedChains.add(chain)
    return { commit: () => chain.commit(entry) }
  }

  /** Resolves when the record is on the disk. Throws as `append`, and when the disk does not answer in time. */
  async appendDurable(tenant: TenantId, event: object, options: { signal?: AbortSignal } = {}): Promise<Receipt> {
    options.signal?.throwIfAborted()
    const chain = this.#chain(tenant)
    const receipt = chain.commit(chain.stage(event))
    await this.#sync.waitDurable(chain, receipt.sequence, options.signal)
    return receipt
  }

  /** Everything appended so far is on the disk. */
  async sync(): Promise<void> {
    this.#flushStaged()
    await this.#sync.waitAll()
  }

  /** Calls back after records of a tenant were written, and again when they are on the disk; must be quick. */
  subscribe(listener: (tenant: TenantId) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  status(): JournalStatus {
    const { maxTotalBytes: maxBytes } = this.caps
    const [chains, openSegments] = [this.#chains.size, this.#open.size]
    return { chains, openSegments, bytes: this.#bytes, maxBytes, problems: { ...this.#problems } }
  }

  /** All tenants with chains of this writer. */
  tenants(): TenantId[] {
    return [...new Set([...this.#past.keys(), ...this.#chains.keys()])]
  }

  /** A tenant's chains of this writer, oldest first. Asked many times a second: no folder is listed. */
  chainsOf(tenant: TenantId): ChainStand[] {
    const past = this.#past.get(tenant) ?? []
    const current = this.#chains.get(tenant)
    const stands = past.map((place) => ({ ...place, isCurrent: false, durableSequence: Number.MAX_SAFE_INTEGER }))
    if (current === undefined) return stands
    return [...stands, { ...current.place, isCurrent: true, durableSequence: current.durableSequence }]
  }

  async #listOwn(tenant: TenantId): Promise<ChainPlace[]> {
    return (await listChains(this.root, tenant)).filter((one) => parseWriter(one.writer)?.name === this.writer)
  }

  #becamePast(place: ChainPlace): void {
    this.#past.set(place.tenant, [...(this.#past.get(place.tenant) ?? []), place])
  }

  /** Ends a chain's current segment, so that it can be removed. False when there is nothing in it. */
  seal(place: ChainPlace): boolean {
    const chain = this.#chains.get(place.tenant)
    if (chain === undefined || chain.place.writer !== place.writer || !chain.seal()) return false
    this.#sync.markDirty(chain)
    return true
  }

  /** Removes whole sealed segments from the front of one of this writer's chains, leaving a signed tombstone. */
  async removeSegments(place: ChainPlace, request: RemoveRequest): Promise<Removal> {
    const before = this.#removals.get(place.dir)
    const { keys, signer } = this
    const work = (async () => {
      await before?.catch(() => undefined)
      return await removeSegments(place, request, { keys, signer, nowMs: this.nowMs })
    })()
    this.#removals.set(place.dir, work)
    try {
      const removal = await work
      this.#bytes -= removal.bytes
      return removal
    } finally {
      if (this.#removals.get(place.dir) === work) this.#removals.delete(place.dir)
    }
  }

  /** Removes everything this root holds of a tenant. What is appended to it afterwards starts a new chain. */
  async removeTenant(tenant: TenantId): Promise<void> {
    if (!isId('tenant', tenant)) throw new Fault('not-found')
    this.#epochs.set(tenant, { epoch: 1, notBeforeMs: Number.POSITIVE_INFINITY })
    const chain = this.#chains.get(tenant)
    this.#chains.delete(tenant)
    if (chain !== undefined) await this.#dropChain(chain, new Fault('closing'))
    this.#past.delete(tenant)
    for (const place of await this.#listOwn(tenant)) {
      const bytes = await chainBytes(place)
      this.#bytes -= bytes
    }
    // Renamed first: a crash in between leaves no half chain that would look damaged.
    const gone = join(this.root, `removed-${tenant}`)
    await rm(gone, { recursive: true, force: true })
    await rename(join(this.root, tenant), gone).catch((error: unknown) => {
      if (!isMissing(error)) throw error
    })
    await syncFolder(this.root)
    await rm(gone, { recursive: true, force: true })
    this.#epochs.delete(tenant)
  }

  /** Ends a chain that cannot be trusted any more, if it is the current one: the next record starts a new epoch. */
  endEpochOf(place: ChainPlace, reason: string): void {
    const chain = this.#chains.get(place.tenant)
    if (chain === undefined || chain.place.writer !== place.writer) return
    this.#endEpoch(chain, new Fault('journal-corrupt', { detail: { reason } }))
  }

  /** Counts a problem and tells the owner. For this part's own use. */
  problem(kind: JournalProblem['kind'], place: ChainPlace, detail: Readonly<Record<string, unknown>>): void {
    this.#problems[kind]++
    this.#report({ kind, tenant: place.tenant, writer: place.writer, detail })
  }

  /** Takes no more records, brings all to the disk with a final checkpoint, and lets go. Bounded by `closeTimeoutMs`. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  /** Lets go at once; what the kernel has stays there. Idempotent. */
  async destroy(fault: Fault): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#sync.stop(fault)
    for (const segment of this.#open) this.#release(segment)
    this.#listeners.clear()
    // The next owner of the files must not meet a sync of ours that is still at work.
    await Promise.race([this.#sync.idle(), this.#late()])
    await this.#lock.release()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Brings back this writer's chains. Called once, by `startJournal`. */
  async recover(): Promise<void> {
    for (const name of await names(this.root)) {
      if (name.startsWith('removed-')) await rm(join(this.root, name), { recursive: true, force: true })
    }
    const tenants = (await listTenants(this.root)).values()
    const recoverNext = async (): Promise<void> => {
      for (const tenant of tenants) await this.#recoverTenant(tenant)
    }
    await Promise.all(Array.from({ length: MAX_CONCURRENT_RECOVERIES }, recoverNext))
  }

  async #recoverTenant(tenant: TenantId): Promise<void> {
    const own = await this.#listOwn(tenant)
    const place = own.at(-1)
    if (place === undefined) return
    for (const past of own.slice(0, -1)) {
      const bytes = await chainBytes(past)
      this.#bytes += bytes
      this.#becamePast(past)
    }
    try {
      this.#adopt(place, await recoverChain(place, { keys: this.keys, signer: this.signer, nowMs: this.nowMs }))
    } catch (error) {
      if (!isFault(error, 'journal-corrupt')) throw error
      const bytes = await chainBytes(place)
      this.#bytes += bytes
      this.#becamePast(place)
      this.#epochs.set(tenant, { epoch: (parseWriter(place.writer)?.epoch ?? 1) + 1, notBeforeMs: 0 })
      this.problem('chain-corrupt', place, error.detail)
    }
  }

  #adopt(place: ChainPlace, recovered: Recovered): void {
    const chain = new Chain(place, recovered, this.#host, false)
    this.#bytes += recovered.totalBytes
    this.#chains.set(place.tenant, chain)
    this.#sync.watch(chain)
    if (recovered.tornBytes > 0) this.problem('torn-cut', place, { bytes: recovered.tornBytes })
  }

  #chain(tenant: TenantId): Chain {
    if (this.#state !== 'running') throw new Fault('closing')
    return this.#chains.get(tenant) ?? this.#beginChain(tenant)
  }

  #beginChain(tenant: TenantId): Chain {
    const next = this.#epochs.get(tenant) ?? { epoch: 1, notBeforeMs: 0 }
    if (this.#monotonicMs() < next.notBeforeMs) throw new Fault('journal-full', { detail: { reason: 'paused' } })
    if (this.#chains.size >= this.caps.maxChains) throw new Fault('at-capacity')
    const place = chainPlace(this.root, tenant, formatWriter(this.writer, next.epoch))
    const start = { sequence: 0, hash: genesisHash(place), segment: undefined, totalBytes: 0 }
    const chain = new Chain(place, { ...start, checkpointSequence: 0, tornBytes: 0 }, this.#host, true)
    this.#chains.set(tenant, chain)
    return chain
  }

  #flushStaged(): void {
    for (const chain of this.#stagedChains) {
      // Whoever staged it may never ask: a loss must not be silent.
      const fault = chain.flush()
      if (fault !== undefined) this.problem('staged-lost', chain.place, { ...fault.detail, cause: String(fault.cause) })
    }
    this.#stagedChains.clear()
  }

  #reserve(bytes: number): void {
    if (this.#bytes + bytes > this.caps.maxTotalBytes) throw new Fault('journal-full', { detail: { reason: 'spool' } })
  }

  #wrote(chain: Chain, bytes: number): void {
    this.#bytes += bytes
    this.#sync.markDirty(chain)
    this.#notify(chain.place.tenant)
  }

  #notify(tenant: TenantId): void {
    for (const listener of this.#listeners) listener(tenant)
  }

  // Recency matters only when descriptors are scarce; below half the cap order is not kept.
  #used(segment: Segment): void {
    if (this.#open.size * 2 > this.caps.maxOpenSegments) this.#open.delete(segment)
    this.#open.add(segment)
    if (this.#open.size <= this.caps.maxOpenSegments) return
    for (const other of this.#open) {
      if (other === segment || other.users > 0) continue
      this.#release(other)
      return
    }
  }

  #release(segment: Segment): void {
    this.#open.delete(segment)
    releaseDescriptor(segment, this.#host.disk)
  }

  #endEpoch(chain: Chain, fault: Fault): void {
    const { place } = chain
    if (this.#chains.get(place.tenant) !== chain) return
    const notBeforeMs = this.#monotonicMs() + this.caps.failurePauseMs
    this.#chains.delete(place.tenant)
    this.#becamePast(place)
    // A chain that never held a record needs no successor.
    const epoch = (parseWriter(place.writer)?.epoch ?? 1) + 1
    this.#epochs.set(place.tenant, { epoch, notBeforeMs })
    this.problem('epoch-ended', place, { code: fault.code, ...fault.detail, cause: String(fault.cause) })
    void this.#dropChain(chain, fault)
  }

  async #dropChain(chain: Chain, fault: Fault): Promise<void> {
    chain.isBroken = true
    await this.#sync.forget(chain, fault)
    for (const segment of [...chain.sealing, chain.segment]) if (segment !== undefined) this.#release(segment)
  }

  async #close(): Promise<void> {
    if (this.#state !== 'running') return
    this.#state = 'closing'
    this.#flushStaged()
    await Promise.race([this.#sync.finish(), this.#late()])
    await this.destroy(new Fault('closing'))
  }

  async #late(): Promise<void> {
    await new Promise<void>((resolve) => setTimeout(resolve, this.caps.closeTimeoutMs).unref())
  }
}

async function chainBytes(place: ChainPlace): Promise<number> {
  let bytes = 0
  for (const first of await listSegments(place.dir)) bytes += (await stat(segmentPath(place.dir, first))).size
  return bytes
}

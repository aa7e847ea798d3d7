import { setTimeout as sleep } from 'node:timers/promises';
import { SECTION_NAME } from '../shared-mem/shared-mem.js';
import { Clock } from './clock.js';
import { connectTo } from './connection.js';
import type { MirrorEvents } from './events.js';
import { LocalText } from './local-text.js';
import { NO_KEY, type Origin, type Value } from './message.js';
import { MirrorError } from './mirror-error.js';
import { type Opened, openSection, openSectionOnceThere } from './open-section.js';
import type { Section, Settings } from './options.js';
import { Replica, type ReplicaListeners, requireRoom } from './replica.js';
import { Store, type Stored } from './store.js';
import { ELECTION, type Streams } from './streams.js';

/** How often it looks whether it has missed something, in milliseconds. */
const REFRESH = 1000;
const SWEEP = 30_000;

/** A beat is sent so often within the time that it counts for. */
const BEATS = 4;

/** How long the end may take, in milliseconds. */
const PATIENCE_AT_END = 1000;

/** Passes while a server is away, starts, or elects its leader. */
const PASSING =
  /^(TimeoutError|RequestError|NoRespondersError|ConnectionError|ClosedConnectionError|JetStreamNotEnabled)$/;
const isPassing = (error: unknown) => error instanceof Error && PASSING.test(error.name);

/** How often to try again meanwhile, in milliseconds. */
const AGAIN = 100;

/** Tells the mirror's listeners. */
export type Emit = <E extends keyof MirrorEvents>(event: E, ...args: MirrorEvents[E]) => void;

/** All that one mirror has open: the connection, and the sections. */
export class Session {
  readonly #settings: Settings;
  readonly #origin: Origin;
  readonly #emit: Emit;
  readonly #clock = new Clock();
  readonly #replicas: Replica[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #end = new AbortController();
  /** The sequences of values that have ended with their holders, by section. */
  readonly #ended = new Map<string, number>();
  #store: Store | undefined;
  #streams: Streams | undefined;
  isConnected = false;

  constructor(settings: Settings, origin: Origin, emit: Emit) {
    this.#settings = settings;
    this.#origin = origin;
    this.#emit = emit;
  }

  get sections(): string[] {
    return this.#replicas.map(({ section }) => section);
  }

  async open(): Promise<void> {
    const connection = await connectTo(this.#settings, {
      reached: () => this.#reached(true),
      unreachable: () => this.#reached(false),
      warn: (error) => this.#warn(error),
    });
    this.#store = await Store.open(connection, this.#settings);
    if (this.#isEnded) return this.#store.close();
    this.isConnected = true;
    this.#streams = await this.#store.ensure();
    for (const section of this.#settings.sections) {
      if (section === undefined) await this.#join(SECTION_NAME, await this.#openText());
      else await this.#openSection(section);
    }
    this.#every(REFRESH, () => Promise.all(this.#replicas.map((replica) => replica.refresh())));
    this.#every(SWEEP, () => Promise.all(this.#replicas.map((replica) => replica.sweep())));
    this.#every(this.#streams.ttl / BEATS, () => this.#beat());
  }

  /** Ends everything. */
  async close(): Promise<void> {
    if (this.#isEnded) return;
    const isConnected = this.isConnected;
    const goodbyes = async () => {
      await Promise.all(this.#replicas.map((replica) => replica.settle(PATIENCE_AT_END)));
      await Promise.all(this.#replicas.map(({ section }) => this.#store?.goodbye(section, this.#origin)));
    };
    if (isConnected) await within(PATIENCE_AT_END, goodbyes());
    this.#end.abort();
    for (const timer of this.#timers) clearInterval(timer);
    for (const replica of this.#replicas.splice(0)) replica.close();
    this.isConnected = false;
    await this.#store?.close();
  }

  get #isEnded(): boolean {
    return this.#end.signal.aborted;
  }

  async #openText(): Promise<Opened> {
    const stored = await this.#patiently(() => this.#read(SECTION_NAME));
    return { local: new LocalText((error) => this.#warn(error)), stored };
  }

  async #openSection(section: Section): Promise<void> {
    const { interval } = this.#settings;
    const read = () => this.#patiently(() => this.#read(section.name));
    const opened = await openSection(section, interval, read);
    if (opened !== undefined) return this.#join(section.name, opened);
    openSectionOnceThere(section, interval, read, this.#end.signal)
      .then((opened) => this.#join(section.name, opened))
      .then(() => this.#emit('joined', section.name))
      .catch((error) => this.#warn(error));
  }

  /** Does something that fails while a cluster elects the leader of a stream that is new. */
  async #patiently<T>(work: () => Promise<T>): Promise<T> {
    const end = performance.now() + ELECTION;
    while (true) {
      try {
        return await work();
      } catch (error) {
        if (!isPassing(error) || this.#isEnded || performance.now() > end) throw error;
        await sleep(AGAIN);
      }
    }
  }

  /**
   * What the store has of a section. A value whose holders have all ended has ended with them, as the memory of one
   * machine does; who finds that drops it.
   */
  async #read(section: string): Promise<Stored | undefined> {
    const store = this.#store as Store;
    const stored = await store.read(section);
    if (stored === undefined || stored.sequence <= (this.#ended.get(section) ?? 0)) return undefined;
    // Asked after the value was read: who has written it has beaten before.
    const holders = await store.holders(section);
    if (holders.some((origin) => origin !== this.#origin)) return stored;
    this.#ended.set(section, stored.sequence);
    if (this.#settings.readOnly) return undefined;
    await store.drop(section, stored.sequence);
    const keys = (stored.value?.chunks ?? []).map(({ key }) => key);
    await store.deleteChunks(
      section,
      keys.filter((key) => key !== NO_KEY),
    );
    return undefined;
  }

  async #join(section: string, { local, stored }: Opened): Promise<void> {
    const store = this.#store as Store;
    const { readOnly, writeOnly, prefer } = this.#settings;
    try {
      requireRoom(section, local.length, store);
      this.#clock.take(await this.#patiently(() => store.beat(section, this.#origin)));
      if (this.#isEnded) throw new Error('The mirror has ended');
    } catch (error) {
      local[Symbol.dispose]();
      throw error;
    }
    const isWhole = this.#settings.sections.some((one) => one?.name === section && one.versionWords.length > 0);
    const rule = { origin: this.#origin, readOnly, writeOnly, isWhole };
    const created = this.#streams?.created ?? '';
    const replica = new Replica(section, local, store, created, this.#clock, rule, this.#listeners(section));
    this.#replicas.push(replica);
    await replica.start(stored, this.#ended.get(section) ?? 0, prefer === 'local');
  }

  #listeners(section: string): ReplicaListeners {
    const told = ({ time, origin }: Value) => ({ section, time, origin });
    return {
      sent: (value) => this.#emit('sent', told(value)),
      applied: (value) => this.#emit('applied', told(value)),
      conflict: (value, { offset, bytes }) => {
        const text = value.kind === 'text' && { text: Buffer.from(bytes).toString('utf16le') };
        this.#emit('conflict', { ...told(value), offset, loser: bytes, ...text });
      },
      storeLost: () => this.#emit('store-lost', section),
      warn: (error) => this.#warn(error),
    };
  }

  #reached(isConnected: boolean): void {
    if (this.#isEnded || this.isConnected === isConnected) return;
    this.isConnected = isConnected;
    if (isConnected) {
      this.#startBeating().catch((error) => this.#warn(error));
    }
    for (const replica of this.#replicas) replica.connected = isConnected;
    this.#emit(isConnected ? 'reached' : 'unreachable');
  }

  /** A server that was started again has no beats, nor a stream for them; and who joins takes what nobody holds for ended. */
  async #startBeating(): Promise<void> {
    const streams = await (this.#store as Store).ensure();
    // Another store counts from the beginning.
    if (streams.created !== this.#streams?.created) this.#ended.clear();
    this.#streams = streams;
    await this.#beat();
  }

  async #beat(): Promise<void> {
    for (const { section } of this.#replicas) {
      this.#clock.take(await (this.#store as Store).beat(section, this.#origin));
    }
  }

  /** Does something again and again while the server answers, once at a time. */
  #every(milliseconds: number, work: () => Promise<unknown>): void {
    let isAtWork = false;
    const timer = setInterval(async () => {
      if (isAtWork || !this.isConnected) return;
      isAtWork = true;
      try {
        await work();
      } catch (error) {
        this.#failed(error);
      } finally {
        isAtWork = false;
      }
    }, milliseconds);
    this.#timers.push(timer);
  }

  #failed(error: unknown): void {
    // The store may be another one: the check finds out, and creates what is missing.
    for (const replica of this.#replicas) replica.connected = this.isConnected;
    this.#warn(error);
  }

  #warn(error: unknown): void {
    if (this.#isEnded || !(error instanceof Error) || isPassing(error)) return;
    if (error instanceof MirrorError && error.code === 'ERR_MIRROR_NO_SERVER') return;
    this.#emit('warning', error);
  }
}

/** Waits for something for a time, whatever becomes of it. */
async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work.catch(() => {}), late]);
  clearTimeout(timer);
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from './clock.js';
import type { Local } from './local.js';
import { CHUNK, type Chunk, NO_KEY, OVERHEAD, type Value } from './message.js';
import { MirrorError } from './mirror-error.js';
import { Register, type Rule } from './register.js';
import type { Store, Stored } from './store.js';
import { Uploads } from './uploads.js';

/** Something that lost: what had been written here at that place, while another machine wrote later. */
export interface Loser {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** What is heard of a section. */
export interface ReplicaListeners {
  sent(value: Value): void;
  applied(value: Value): void;
  conflict(value: Value, loser: Loser): void;
  storeLost(): void;
  warn(error: unknown): void;
}

/** Until the next try after something has failed, in milliseconds. */
const AFTER_FAILURE = 100;
const AFTER_CONFLICT = 10;

/** So many conflicts in a row without news: the store may be another one. */
const CONFLICTS = 3;

/** Asked for so often, chunks that are gone are taken for lost: what this machine has is sent in their place. */
const GONE = 20;

/** One section of this machine and its value in the store, which follow each other. */
export class Replica {
  readonly section: string;
  readonly local: Local;
  readonly #store: Store;
  readonly #register: Register;
  readonly #rule: Rule;
  readonly #uploads: Uploads;
  readonly #on: ReplicaListeners;
  #news: Stored | undefined;
  #isConnected = true;
  #isClosed = false;
  #created: string;
  #hasToCheck = false;
  #wake = () => {};
  #conflicts = 0;
  #gone = 0;

  /** @param created tells the store from another one */
  constructor(
    section: string,
    local: Local,
    store: Store,
    created: string,
    clock: Clock,
    rule: Rule,
    on: ReplicaListeners,
  ) {
    this.section = section;
    this.local = local;
    this.#store = store;
    this.#created = created;
    this.#rule = rule;
    this.#on = on;
    this.#register = new Register(rule, clock);
    this.#uploads = new Uploads(store, section, rule.origin);
  }

  /**
   * Makes the memory and the store agree, and keeps them so until it is closed.
   *
   * @param stored what the store has, as far as it counts
   * @param ended the sequence of the value that has ended with its holders
   */
  async start(stored: Stored | undefined, ended: number, prefersLocal: boolean): Promise<void> {
    this.#register.ended(ended);
    this.local.look();
    // A section without a value is offered even if nothing is in it, as the others need its size.
    const offersSize = this.local.kind === 'bytes' && stored === undefined;
    if (!this.local.isBlank() || offersSize) {
      if (prefersLocal) this.#register.wrote(this.#all());
      else if (stored?.value !== undefined) this.#register.found(this.#all());
      else this.#register.wrote(this.#all(), Number.NEGATIVE_INFINITY);
    }
    if (stored !== undefined) await this.#receive(stored);
    this.#store.follow(this.section, (news) => this.arrived(news));
    this.local.watch(() => this.#look());
    void this.#run();
  }

  /** A value was seen in the store. */
  arrived(news: Stored): void {
    if (this.#news !== undefined && news.sequence <= this.#news.sequence) return;
    if (!this.#register.isNews(news)) return;
    this.#news = news;
    this.#wake();
  }

  /** The server is there again, or not. */
  set connected(isConnected: boolean) {
    this.#isConnected = isConnected;
    if (isConnected) this.#hasToCheck = true;
    this.#wake();
  }

  /** Looks whether something was missed. */
  async refresh(): Promise<void> {
    const stored = await this.#store.read(this.section);
    if (stored !== undefined && stored.sequence >= this.#register.sequence) return this.arrived(stored);
    if (this.#register.sequence === 0) return;
    // Gone, or older than what was seen: another store, or an answer that was under way.
    this.#hasToCheck = true;
    this.#wake();
  }

  /** Deletes the chunks that mirrors have left which have ended. */
  async sweep(): Promise<void> {
    if (this.local.chunkCount > 1 && !this.#rule.readOnly) {
      await this.#uploads.sweep(this.#register.chunks, await this.#store.holders(this.section));
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#wake();
    this.local[Symbol.dispose]();
  }

  /** Sends what was written, for a moment. */
  async settle(milliseconds: number): Promise<void> {
    const end = performance.now() + milliseconds;
    this.#look();
    while (this.#register.isDirty && this.#isConnected && performance.now() < end) await sleep(5);
  }

  #look(): void {
    const changed = this.local.look();
    if (changed.length === 0) return;
    this.#register.wrote(changed);
    this.#wake();
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        await this.#step();
      } catch (error) {
        if (this.#isClosed) return;
        this.#on.warn(error);
        await sleep(AFTER_FAILURE);
      }
    }
  }

  async #step(): Promise<void> {
    if (this.#isConnected && this.#hasToCheck) return this.#check();
    const news = this.#news;
    this.#news = undefined;
    if (news !== undefined) return this.#receive(news);
    if (this.#isConnected && this.#register.isDirty) return this.#send();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = () => {};
  }

  /** Asks whether the store is the one that it was. */
  async #check(): Promise<void> {
    this.#hasToCheck = false;
    this.#uploads.forget();
    try {
      const { created, lastSequence } = await this.#store.ensure();
      const stored = await this.#store.read(this.section);
      const isOther = created !== this.#created || lastSequence < this.#register.sequence;
      this.#created = created;
      if (isOther || (stored === undefined && this.#register.sequence > 0)) {
        this.#register.storeLost(this.local.kind === 'text' && this.local.isBlank() ? 0 : this.local.chunkCount);
        if (isOther) this.#on.storeLost();
        this.#news = undefined;
      }
      if (stored !== undefined) this.arrived(stored);
    } catch (error) {
      this.#hasToCheck = true;
      throw error;
    }
  }

  async #receive(news: Stored): Promise<void> {
    if (!this.#register.isNews(news)) return;
    const { value } = news;
    const hash = (i: number) => this.local.hash(i);
    if (value === undefined || !this.#fits(value)) {
      this.#register.accept(news, { take: [], lost: [] }, hash);
      return;
    }
    const fetched = new Map<number, Uint8Array>();
    while (true) {
      const wanted = this.#register.decide(value, hash).take.filter((i) => !fetched.has(i));
      const chunks = wanted.length === 0 ? [] : await this.#fetch(value, wanted);
      if (chunks === undefined) return this.#isGone(news, wanted);
      for (const [n, i] of wanted.entries()) fetched.set(i, chunks[n] as Uint8Array);
      if (this.#isClosed) return;
      // A last look at what is about to be overwritten.
      this.#look();
      const decision = this.#register.decide(value, hash);
      if (decision.take.some((i) => !fetched.has(i))) continue;
      const losers = decision.lost.map((i) => ({ offset: i * CHUNK, bytes: new Uint8Array(this.local.chunk(i)) }));
      if (decision.take.length > 0)
        this.local.apply(new Map(decision.take.map((i) => [i, fetched.get(i) as Uint8Array])));
      this.#register.accept(news, decision, hash);
      this.#conflicts = 0;
      this.#gone = 0;
      for (const loser of losers) this.#on.conflict(value, loser);
      if (decision.take.length > 0) this.#on.applied(value);
      return;
    }
  }

  /** Chunks of a value are not in the store. Most often, it was replaced meanwhile, and what replaced it is on its way. */
  async #isGone(news: Stored, wanted: readonly number[]): Promise<void> {
    if (++this.#gone < GONE) {
      await sleep(AFTER_FAILURE);
      return this.refresh();
    }
    this.#gone = 0;
    this.#register.accept(news, { take: [], lost: [] }, (i) => this.local.hash(i));
    this.#register.wrote(wanted);
  }

  async #fetch(value: Value, wanted: readonly number[]): Promise<Uint8Array[] | undefined> {
    if (value.bytes !== undefined) return [value.bytes];
    return this.#uploads.fetch(value, wanted);
  }

  async #send(): Promise<void> {
    const { kind, length, chunkCount } = this.local;
    const { writes, time } = this.#register.batch();
    const expected = this.#register.sequence;
    const old = this.#register.chunks;
    this.#register.sending(time);
    const isList = kind === 'bytes' && chunkCount > 1;
    let chunks: readonly Chunk[];
    if (isList) {
      // Copied before anything is waited for, as the memory goes on.
      const changed = this.#all().filter((i) => writes.has(i) || old[i] === undefined);
      const parts = changed.map((i) => ({ i, hash: this.local.hash(i), bytes: new Uint8Array(this.local.chunk(i)) }));
      chunks = await this.#uploads.put(parts, old);
    } else {
      chunks = [{ hash: this.local.hash(0), key: NO_KEY }];
    }
    const value: Value = {
      kind,
      time,
      origin: this.#rule.origin,
      length,
      chunks,
      ...(!isList && { bytes: this.local.chunk(0) }),
    };
    const sequence = await this.#store.write(this.section, value, expected);
    if (sequence === undefined) {
      await this.#conflict();
      return;
    }
    this.#conflicts = 0;
    this.#register.sent(sequence, chunks, writes);
    this.#on.sent(value);
    if (isList) this.#uploads.replaced(old, chunks);
  }

  /** Another machine was faster. */
  async #conflict(): Promise<void> {
    this.#conflicts++;
    const before = this.#register.sequence;
    const stored = await this.#store.read(this.section);
    if (stored !== undefined) await this.#receive(stored);
    if (this.#register.sequence !== before) return;
    if (this.#conflicts % CONFLICTS === 0) this.#hasToCheck = true;
    await sleep(AFTER_CONFLICT);
  }

  #fits({ kind, length }: Value): boolean {
    if (kind === this.local.kind && (kind === 'text' || length === this.local.length)) return true;
    const has = kind === 'text' ? 'a text' : `${length} bytes`;
    this.#on.warn(
      new MirrorError(
        'ERR_MIRROR_OTHER_SIZE',
        `'${this.section}' is ${has} on another machine and ${this.local.length} bytes here: let every machine create it ` +
          'with the same size',
      ),
    );
    return false;
  }

  #all(): number[] {
    return [...Array(this.local.chunkCount).keys()];
  }
}

/** @throws {@link MirrorError} `ERR_MIRROR_TOO_LARGE` if the server takes no message that large */
export function requireRoom(section: string, length: number, { largestMessage, connection }: Store): void {
  const needed = Math.min(length, CHUNK) + OVERHEAD;
  if (needed <= largestMessage) return;
  throw new MirrorError(
    'ERR_MIRROR_TOO_LARGE',
    `'${section}' needs messages of ${needed} bytes, and the server at ${connection.url} takes ${largestMessage}: ` +
      'raise max_payload in its configuration',
  );
}

// Decides which write wins. A register keeps, for one section, what the engine has and what was written here since then.
//
// 1. The latest write wins, on the engine's clock. A write is always later than what it replaced.
// 2. What a write has changed is known by chunks. Writes of different chunks are merged; a section whose writer has
//    version words is not, as its readers expect the whole of one update.
// 3. The engine stores a value only in the place of the one that is expected. So each conflict is seen by one of the two.
import type { Clock } from './clock.js';
import type { Chunk, Origin } from './message.js';
import type { Stored } from './store.js';

/** A write of this machine that the engine does not have. */
interface Write {
  /** On the clock of `performance.now()`. */
  readonly seen: number;
  /** The time of what it replaced; its own time is later. */
  readonly after: number;
  /** Its own time, if that is known: it was in the engine's store, which was lost. */
  readonly time?: number;
}

/** How a register decides. */
export interface Rule {
  readonly origin: Origin;
  readonly readOnly: boolean;
  readonly writeOnly: boolean;
  /** Never merges. */
  readonly isWhole: boolean;
}

/** What a value of the engine means for this machine. */
export interface Decision {
  /** The chunks to write into the memory. */
  readonly take: number[];
  /** Those of them that were written here, and have lost. */
  readonly lost: number[];
}

/** A write is so much later than what it replaced, at the least, in milliseconds. */
const TICK = 0.001;

/** Loses against everything. */
const BEFORE_ALL = -1;

/** What two machines know of each other's writes of one section. */
export class Register {
  readonly #rule: Rule;
  readonly #clock: Clock;
  readonly #dirty = new Map<number, Write>();
  /** Of the value that the engine has, as far as this mirror knows. */
  sequence = 0;
  chunks: readonly Chunk[] = [];
  /** The time of the value in this machine's memory. */
  #time = 0;
  /** The sequence of the value that has ended with its holders. */
  #ended = 0;

  constructor(rule: Rule, clock: Clock) {
    this.#rule = rule;
    this.#clock = clock;
  }

  /** Whether there is something to send. */
  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  /** Chunks were written here, and seen now. */
  wrote(chunks: Iterable<number>, seen = performance.now()): void {
    if (this.#rule.readOnly) return;
    for (const i of chunks) this.#dirty.set(i, { seen, after: this.#time });
  }

  /** Something was here before the mirror started, and the engine has a value, too. */
  found(chunks: Iterable<number>): void {
    for (const i of chunks) this.#dirty.set(i, { seen: 0, after: 0, time: BEFORE_ALL });
  }

  /** The engine's store is another one: everything is offered to it, with the time that it has. */
  storeLost(chunkCount: number): void {
    // It counts from the beginning.
    this.sequence = 0;
    this.#ended = 0;
    this.chunks = [];
    if (this.#rule.readOnly) return;
    for (let i = 0; i < chunkCount; i++) {
      if (!this.#dirty.has(i)) this.#dirty.set(i, { seen: 0, after: 0, time: this.#time });
    }
  }

  /** The engine had a value that has ended, with all its holders. */
  ended(sequence: number): void {
    this.#ended = sequence;
  }

  /** Whether a value is later in the engine than everything that is known of it. */
  isNews({ sequence }: Stored): boolean {
    return sequence > Math.max(this.sequence, this.#ended);
  }

  /**
   * What a value means for this machine, as things stand now.
   *
   * @param hash of a chunk of the memory
   */
  decide({ time, origin, chunks }: NonNullable<Stored['value']>, hash: (i: number) => string): Decision {
    if (this.#rule.writeOnly) return { take: [], lost: [] };
    const different = [...chunks.keys()].filter((i) => hash(i) !== chunks[i]?.hash);
    const written = different.filter((i) => this.#dirty.has(i));
    const isLater = (write: Write) => {
      const mine = this.#timeOf(write);
      return mine > time || (mine === time && this.#rule.origin > origin);
    };
    if (this.#rule.isWhole) {
      const last = this.#lastWrite();
      const wins = written.length > 0 && last !== undefined && isLater(last);
      return wins ? { take: [], lost: [] } : { take: different, lost: written };
    }
    // Where the others have written nothing since, there is nothing to lose against.
    const wins = (i: number) => this.chunks[i]?.hash === chunks[i]?.hash || isLater(this.#dirty.get(i) as Write);
    const losing = new Set(written.filter((i) => !wins(i)));
    return { take: different.filter((i) => !this.#dirty.has(i) || losing.has(i)), lost: [...losing] };
  }

  /** The engine's value is known now, and the memory has what was decided to be taken. */
  accept({ sequence, value }: Stored, { take }: Decision, hash: (i: number) => string): void {
    this.sequence = sequence;
    if (value === undefined) return;
    this.chunks = value.chunks;
    for (const i of take) this.#dirty.delete(i);
    const last = this.#lastWrite();
    for (const [i, chunk] of value.chunks.entries()) {
      if (hash(i) === chunk.hash) this.#dirty.delete(i);
      // Of a whole update, what the engine has otherwise is sent, too.
      else if (this.#rule.isWhole && last !== undefined) this.#dirty.set(i, last);
    }
    this.#time = Math.max(this.#time, value.time);
  }

  /** What is to be sent: the chunks, and the time. */
  batch(): { readonly writes: ReadonlyMap<number, unknown>; readonly time: number } {
    return {
      writes: new Map(this.#dirty),
      time: Math.max(...[...this.#dirty.values()].map((one) => this.#timeOf(one))),
    };
  }

  /** A batch is about to be sent: what is written from now on is later, whether or not the engine says that it came. */
  sending(time: number): void {
    this.#time = Math.max(this.#time, time);
  }

  /** A batch has been stored. */
  sent(sequence: number, chunks: readonly Chunk[], writes: ReadonlyMap<number, unknown>): void {
    for (const [i, write] of writes) if (this.#dirty.get(i) === write) this.#dirty.delete(i);
    if (sequence <= this.sequence) return;
    this.sequence = sequence;
    this.chunks = chunks;
  }

  #timeOf({ seen, after, time }: Write): number {
    return time ?? Math.max(this.#clock.at(seen), after + TICK);
  }

  #lastWrite(): Write | undefined {
    return [...this.#dirty.values()].sort((one, other) => this.#timeOf(one) - this.#timeOf(other)).at(-1);
  }
}

import type { FileMapping } from '../objects/file-mapping.js';
import type { MappedView } from '../objects/mapped-view.js';
import type { Local } from './local.js';
import { CHUNK, chunksOf, hashOf, isZero } from './message.js';
import { VersionWords } from './version-words.js';

/** While nothing has changed for so long, in milliseconds, it looks less often. */
const IDLE_AFTER = 1000;
const IDLE_FACTOR = 40;

/** Looking takes at most this part of the time, while something changes and while nothing does. */
const BUSY_PART = 10;
const IDLE_PART = 200;

/** A named section, whose writers need to know nothing of being mirrored: it is looked at. */
export class LocalSection implements Local {
  readonly kind = 'bytes';
  readonly length: number;
  readonly chunkCount: number;
  readonly #mapping: FileMapping;
  readonly #view: MappedView;
  readonly #memory: Uint8Array;
  /** What the memory was at the last look. */
  readonly #shadow: Buffer;
  readonly #hashes: (string | undefined)[] = [];
  readonly #interval: number;
  readonly #words: VersionWords;
  #changed = performance.now();
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param mapping becomes this object's
   * @param length how much of it is mirrored, in bytes
   */
  constructor(mapping: FileMapping, length: number, interval: number, versionWords: readonly number[]) {
    this.length = length;
    this.chunkCount = chunksOf(length);
    this.#mapping = mapping;
    this.#interval = interval;
    this.#view = mapping.mapView({ access: mapping.access });
    this.#memory = this.#view.bytes.subarray(0, length);
    this.#shadow = Buffer.alloc(length);
    this.#words = new VersionWords(this.#memory, versionWords);
  }

  look(): number[] {
    const before = this.#words.whole();
    if (before === undefined || this.#shadow.equals(this.#memory)) return [];
    const copies = new Map<number, Buffer>();
    for (let i = 0; i < this.chunkCount; i++) {
      const bytes = this.#part(this.#memory, i);
      if (!this.#part(this.#shadow, i).equals(bytes)) copies.set(i, Buffer.from(bytes));
    }
    if (!this.#isStill(copies, before)) return [];
    for (const [i, bytes] of copies) this.#keep(i, bytes);
    if (copies.size > 0) this.#changed = performance.now();
    return [...copies.keys()];
  }

  chunk(i: number): Uint8Array {
    return this.#part(this.#shadow, i);
  }

  hash(i: number): string {
    this.#hashes[i] ??= hashOf(this.chunk(i));
    return this.#hashes[i];
  }

  apply(chunks: ReadonlyMap<number, Uint8Array>): void {
    for (const [i, bytes] of chunks) this.#keep(i, bytes);
    this.#words.update(this.#shadow, () => {
      for (const i of chunks.keys()) this.#memory.set(this.chunk(i), i * CHUNK);
    });
    this.#changed = performance.now();
  }

  isBlank(): boolean {
    return Array.from({ length: this.chunkCount }, (_, i) => this.chunk(i)).every(isZero);
  }

  watch(changed: () => void): void {
    const start = performance.now();
    changed();
    const now = performance.now();
    const isIdle = now - this.#changed > IDLE_AFTER;
    const pause = Math.max(
      this.#interval * (isIdle ? IDLE_FACTOR : 1),
      (now - start) * (isIdle ? IDLE_PART : BUSY_PART),
    );
    this.#timer = setTimeout(() => this.watch(changed), pause);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#view.close();
    this.#mapping.close();
  }

  /** Whether a second look sees what the first has seen. */
  #isStill(copies: ReadonlyMap<number, Buffer>, before: string): boolean {
    if (this.#words.whole() !== before) return false;
    if (this.#words.areNamed) return true;
    for (let i = 0; i < this.chunkCount; i++) {
      const seen = copies.get(i) ?? this.#part(this.#shadow, i);
      if (!seen.equals(this.#part(this.#memory, i))) return false;
    }
    return true;
  }

  #keep(i: number, bytes: Uint8Array): void {
    this.#shadow.set(bytes, i * CHUNK);
    this.#hashes[i] = undefined;
  }

  #part<T extends Uint8Array>(bytes: T, i: number): T {
    return bytes.subarray(i * CHUNK, Math.min((i + 1) * CHUNK, this.length)) as T;
  }
}

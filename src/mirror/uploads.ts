// The chunks of large sections. Each has a key of its own, which nothing else ever has: 8 bytes of the origin that stored
// it, and a number. So a chunk that is no longer in the list can be deleted, while nobody could have put it into a new one.
import { CHUNK, type Chunk, hashOf, isZero, NO_KEY, type Origin, type Value } from './message.js';
import type { Store } from './store.js';

/** What was stored and is in no list is sent anew after so long, in milliseconds, as it may have been swept. */
const KEPT = 20_000;

/** A part of the memory, to be stored. */
export interface Part {
  readonly i: number;
  readonly hash: string;
  readonly bytes: Uint8Array;
}

/** What one mirror has stored of one section. */
export class Uploads {
  readonly #store: Store;
  readonly #section: string;
  readonly #origin: Origin;
  /** What is stored and in no list yet, by its hash. */
  readonly #stored = new Map<string, { readonly key: string; readonly at: number }>();
  /** What the last sweep found that is in no list. */
  #unused: ReadonlySet<string> = new Set();
  #count = 0;

  constructor(store: Store, section: string, origin: Origin) {
    this.#store = store;
    this.#section = section;
    this.#origin = origin;
  }

  /**
   * Stores what the store does not have.
   *
   * @param old the list that is going to be replaced
   * @returns the list with these parts
   */
  async put(parts: readonly Part[], old: readonly Chunk[]): Promise<Chunk[]> {
    const chunks = [...old];
    const missing: { key: string; bytes: Uint8Array }[] = [];
    const now = performance.now();
    for (const { i, hash, bytes } of parts) {
      if (chunks[i]?.hash === hash) continue;
      const stored = this.#stored.get(hash);
      const isThere = stored !== undefined && now - stored.at < KEPT;
      const key = isZero(bytes) ? NO_KEY : isThere ? stored.key : this.#newKey();
      chunks[i] = { hash, key };
      if (key === NO_KEY || isThere) continue;
      missing.push({ key, bytes });
      this.#stored.set(hash, { key, at: now });
    }
    try {
      await this.#store.putChunks(this.#section, missing);
    } catch (error) {
      // Some of them may be there.
      this.forget();
      throw error;
    }
    return chunks;
  }

  /** The new list is in the place of the old one: what only the old one had is deleted. */
  replaced(old: readonly Chunk[], chunks: readonly Chunk[]): void {
    const used = new Set(chunks.map(({ key }) => key));
    const unused = [...old.map(({ key }) => key), ...[...this.#stored.values()].map(({ key }) => key)];
    this.#stored.clear();
    this.#delete(unused.filter((key) => key !== NO_KEY && !used.has(key)));
  }

  /** Nothing is known of what was stored. */
  forget(): void {
    this.#delete([...this.#stored.values()].map(({ key }) => key));
    this.#stored.clear();
  }

  /** @returns `undefined` if some are gone, or are not what they should be */
  async fetch({ length, chunks }: Value, wanted: readonly number[]): Promise<Uint8Array[] | undefined> {
    const listed = wanted.map((i) => ({ ...(chunks[i] as Chunk), size: Math.min(CHUNK, length - i * CHUNK) }));
    const keys = listed.map(({ key }) => key).filter((key) => key !== NO_KEY);
    const fetched = (await this.#store.getChunks(this.#section, keys)).values();
    const all = listed.map(({ key, size }) => (key === NO_KEY ? new Uint8Array(size) : fetched.next().value));
    const isWhole = all.every(
      (bytes, n) => bytes?.length === listed[n]?.size && hashOf(bytes as Uint8Array) === listed[n]?.hash,
    );
    return isWhole ? (all as Uint8Array[]) : undefined;
  }

  /**
   * Deletes what mirrors have stored that have ended before it was in a list, the second time that it is seen.
   *
   * @param living those who may be about to put theirs into a list
   */
  async sweep(chunks: readonly Chunk[], living: readonly Origin[]): Promise<void> {
    const used = new Set(chunks.map(({ key }) => key));
    const isOfLiving = (key: string) => [this.#origin, ...living].some((origin) => key.startsWith(origin));
    const keys = await this.#store.chunkKeys(this.#section);
    const unused = keys.filter((key) => !used.has(key) && !isOfLiving(key));
    const before = this.#unused;
    this.#unused = new Set(unused);
    await this.#store.deleteChunks(
      this.#section,
      unused.filter((key) => before.has(key)),
    );
  }

  #newKey(): string {
    this.#count++;
    return this.#origin + this.#count.toString(16).padStart(8, '0');
  }

  #delete(keys: readonly string[]): void {
    // What is left is swept later.
    this.#store.deleteChunks(this.#section, keys).catch(() => {});
  }
}

/** What a mirror does with the memory of its own machine. */
export interface Local extends Disposable {
  readonly kind: 'text' | 'bytes';
  /** Of the value, in bytes; that of a text changes. */
  readonly length: number;
  readonly chunkCount: number;
  /**
   * Looks at the memory, and keeps a copy of what is whole.
   *
   * @returns the chunks that have changed since the last look; none, too, if somebody is writing them
   */
  look(): number[];
  /** A chunk as it was at the last look. */
  chunk(i: number): Uint8Array;
  hash(i: number): string;
  /** Writes chunks into the memory, all in one go. */
  apply(chunks: ReadonlyMap<number, Uint8Array>): void;
  /** Whether nobody has written anything, as of the last look. */
  isBlank(): boolean;
  /** Calls each time that there may be something to see. */
  watch(changed: () => void): void;
}

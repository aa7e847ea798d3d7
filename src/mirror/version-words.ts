/**
 * The words by which a writer says when the memory is whole. Two of them: it counts in the first before it writes, and in
 * the second after it has. One: it counts before and after, so that the word is odd meanwhile.
 *
 * The processor has to keep the order of loads and that of stores, as x86-64 does.
 */
export class VersionWords {
  readonly #offsets: readonly number[];
  readonly #words: Int32Array;

  /** @param memory begins where a 32-bit word can */
  constructor(memory: Uint8Array, offsets: readonly number[]) {
    this.#offsets = offsets;
    this.#words = new Int32Array(memory.buffer, memory.byteOffset, memory.length >> 2);
  }

  get areNamed(): boolean {
    return this.#offsets.length > 0;
  }

  /** Which update the memory is the whole of; `undefined` if one is under way. */
  whole(): string | undefined {
    if (!this.areNamed) return '';
    const words = this.#offsets.map((offset) => Atomics.load(this.#words, offset >> 2));
    const isWhole = words.length === 2 ? words[0] === words[1] : ((words[0] as number) & 1) === 0;
    return isWhole ? words.join() : undefined;
  }

  /**
   * Writes an update as the writer does.
   *
   * @param value what the memory is going to be
   * @param write copies it into the memory, or parts of it
   */
  update(value: Buffer, write: () => void): void {
    const [first, last = first] = this.#offsets;
    if (first === undefined || last === undefined) {
      write();
      return;
    }
    // What is copied meanwhile must not say that the memory is whole.
    const ends = [...new Set([first, last])].map((offset) => [offset, value.readInt32LE(offset)] as const);
    const before = Atomics.load(this.#words, last >> 2);
    const underWay = first === last ? before | 1 : (before + 1) | 0;
    Atomics.store(this.#words, first >> 2, underWay);
    value.writeInt32LE(underWay, first);
    if (first !== last) value.writeInt32LE(before, last);
    write();
    for (const [offset, word] of ends) {
      value.writeInt32LE(word, offset);
      Atomics.store(this.#words, offset >> 2, word);
    }
  }
}

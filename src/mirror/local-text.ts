import { loadSharedMem, MAX_CHARACTERS, type SharedMem } from '../shared-mem/shared-mem.js';
import { Slot, waitForText } from '../shared-mem/text-state.js';
import type { Local } from './local.js';
import { hashOf } from './message.js';

/** How often to look for what nobody has announced, in milliseconds: only programs without the DLL write like that. */
const UNANNOUNCED = 100;

/** The shared text, through the functions of the DLL, which keep it whole and wake whoever waits for it. */
export class LocalText implements Local {
  readonly kind = 'text';
  readonly chunkCount = 1;
  readonly #memory: SharedMem = loadSharedMem();
  readonly #end = new AbortController();
  readonly #failed: (error: unknown) => void;
  #text = '';
  #bytes = Buffer.of();
  #hash = hashOf(this.#bytes);

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  get length(): number {
    return this.#bytes.length;
  }

  look(): number[] {
    // Without a terminator there may be one character more.
    const text = this.#memory.get().slice(0, MAX_CHARACTERS);
    if (text === this.#text) return [];
    this.#keep(text);
    return [0];
  }

  chunk(): Uint8Array {
    return this.#bytes;
  }

  hash(): string {
    return this.#hash;
  }

  apply(chunks: ReadonlyMap<number, Uint8Array>): void {
    for (const bytes of chunks.values()) {
      const [all = ''] = Buffer.from(bytes).toString('utf16le').split('\0', 1);
      const text = all.slice(0, MAX_CHARACTERS);
      this.#memory.set(text);
      this.#keep(text);
    }
  }

  isBlank(): boolean {
    return this.#text === '';
  }

  /**
   * As `watchSharedMem`, which would say nothing of a text that was there before, if a program writes that again right
   * after {@link apply}.
   */
  watch(changed: () => void): void {
    const { signal } = this.#end;
    const watching = async () => {
      using slot = Slot.take();
      while (true) {
        changed();
        await waitForText(slot, { interval: UNANNOUNCED, signal });
        if (signal.aborted) return;
      }
    };
    watching().catch((error) => {
      if (!signal.aborted) this.#failed(error);
    });
  }

  [Symbol.dispose](): void {
    this.#end.abort();
    this.#memory.unload();
  }

  #keep(text: string): void {
    this.#text = text;
    this.#bytes = Buffer.from(text, 'utf16le');
    this.#hash = hashOf(this.#bytes);
  }
}

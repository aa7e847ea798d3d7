import { constants } from 'node:buffer';
import koffi from 'koffi';
import { decodeText, readText, writeText } from './buffers.js';
import { kernel32, type Pointer } from './kernel32.js';

/** The first Electron whose V8 keeps all arrays in a part of the address space of its own. */
const FIRST_ELECTRON_WITHOUT = 21;

/** Memory outside of V8's heap. Offsets and lengths are in bytes, and within it. */
export interface Memory {
  /** An array over the memory itself; `undefined` where the runtime allows none. */
  readonly live: Uint8Array<ArrayBuffer> | undefined;
  /** Of that array, which its holder can make to look as if it had another. */
  readonly liveBuffer: ArrayBuffer | undefined;
  copy(offset: number, length: number): Uint8Array<ArrayBuffer>;
  write(bytes: Uint8Array, offset: number): void;
  /** As {@link readText}. */
  readText(offset: number, units: number): string;
  /** As {@link writeText}. */
  writeText(text: string, offset: number): void;
}

let allowed: boolean | undefined;

/**
 * Whether this runtime allows arrays over memory that V8 did not allocate. That is read from what the runtime says of
 * itself, as trying ends the process where it does not allow them.
 */
export function allowsLiveArrays(): boolean {
  allowed ??= isAllowed();
  return allowed;
}

function isAllowed(): boolean {
  const { electron } = process.versions;
  if (electron !== undefined && Number.parseInt(electron, 10) >= FIRST_ELECTRON_WITHOUT) return false;
  const { v8_enable_sandbox } = process.config.variables as { readonly v8_enable_sandbox?: unknown };
  return !Number(v8_enable_sandbox ?? 0);
}

/**
 * The memory at an address.
 *
 * @throws `RangeError` if it is larger than the arrays of a runtime that allows live ones
 */
export function memoryAt(address: Pointer, length: number): Memory {
  if (!allowsLiveArrays()) return new CopiedMemory(address);
  if (length > constants.MAX_LENGTH) {
    throw new RangeError(
      `The view has ${length} bytes, and an array of this runtime at most ${constants.MAX_LENGTH}: map a part`,
    );
  }
  return new LiveMemory(Buffer.from(takeKept(address, length) ?? koffi.view(address, length)));
}

/** The array buffers over memory that is unmapped, by its length and its address; what was used last at the end. */
const kept = new Map<number, Map<Pointer, ArrayBuffer>>();
let keptBuffers = 0;
let keptBytes = 0;

/** So many are kept, and of so many bytes, as V8 counts those as memory that is in use. */
const MOST_KEPT = 4096;
const MOST_KEPT_BYTES = 64 * 2 ** 20;

/**
 * Keeps the array buffer over a view that is unmapped for the next view of that length, which is then mapped there. What
 * Node has of an array buffer over memory from outside of V8 is some 2 KiB that no garbage collection frees before the
 * event loop's turn ends, so that a long loop would run out of memory.
 *
 * @param buffer which nobody else has
 */
export function keepForNextView(address: Pointer, buffer: ArrayBuffer): void {
  const { byteLength } = buffer;
  takeKept(address, byteLength);
  const same = kept.get(byteLength) ?? new Map<Pointer, ArrayBuffer>();
  kept.delete(byteLength);
  kept.set(byteLength, same.set(address, buffer));
  keptBuffers++;
  keptBytes += byteLength;
  while (keptBuffers > 1 && (keptBuffers > MOST_KEPT || keptBytes > MOST_KEPT_BYTES)) dropOldest();
}

/** Where a view of that length is to be mapped instead of there; `undefined` if it is well where it is. */
export function betterPlace(address: Pointer, length: number): Pointer | undefined {
  const same = kept.get(length);
  return same === undefined || same.has(address) ? undefined : same.keys().next().value;
}

export function takeKept(address: Pointer, length: number): ArrayBuffer | undefined {
  const same = kept.get(length);
  const buffer = same?.get(address);
  if (same === undefined || buffer === undefined) return undefined;
  same.delete(address);
  if (same.size === 0) kept.delete(length);
  keptBuffers--;
  keptBytes -= length;
  return buffer;
}

function dropOldest(): void {
  for (const [length, same] of kept) {
    for (const address of same.keys()) {
      takeKept(address, length);
      return;
    }
  }
}

/** Through an array over the memory itself. */
class LiveMemory implements Memory {
  readonly live: Uint8Array<ArrayBuffer>;
  readonly liveBuffer: ArrayBuffer;
  readonly #buffer: Buffer<ArrayBuffer>;

  constructor(buffer: Buffer<ArrayBuffer>) {
    this.#buffer = buffer;
    this.liveBuffer = buffer.buffer;
    this.live = new Uint8Array(this.liveBuffer);
  }

  copy(offset: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer.subarray(offset, offset + length));
  }

  write(bytes: Uint8Array, offset: number): void {
    this.#buffer.set(bytes, offset);
  }

  readText(offset: number, units: number): string {
    return readText(this.#buffer, offset, units);
  }

  writeText(text: string, offset: number): void {
    writeText(this.#buffer, text, offset);
  }
}

/** In copies. */
class CopiedMemory implements Memory {
  readonly live = undefined;
  readonly liveBuffer = undefined;
  readonly #address: Pointer;

  constructor(address: Pointer) {
    this.#address = address;
  }

  copy(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    kernel32().RtlMoveMemory(bytes, this.#address + BigInt(offset), length);
    return bytes;
  }

  write(bytes: Uint8Array, offset: number): void {
    kernel32().RtlMoveMemory(this.#address + BigInt(offset), bytes, bytes.length);
  }

  readText(offset: number, units: number): string {
    // A text is most often much shorter than its memory: copies grow until they have its end.
    for (let piece = 256; ; piece *= 16) {
      const copied = Math.min(piece, units);
      const text = decodeText(Buffer.from(this.copy(offset, copied * 2).buffer), 0, copied);
      if (text.length < copied || copied === units) return text;
    }
  }

  writeText(text: string, offset: number): void {
    const bytes = Buffer.alloc((text.length + 1) * 2);
    bytes.write(text, 'utf16le');
    this.write(bytes, offset);
  }
}

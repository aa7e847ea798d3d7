import { count, describe, requireInteger, requireText, useAfterClose } from '../win32/arguments.js';
import { kernel32, type Pointer } from '../win32/kernel32.js';
import { keepForNextView, type Memory, memoryAt } from '../win32/memory.js';
import { check } from '../win32/win32-error.js';
import type { ViewAccess } from './access.js';
import { isMoved, unmapOnceUnused } from './closed-views.js';
import { encodingOf } from './encodings.js';
import { refuseCloning } from './refuse-cloning.js';
import { Struct, type StructValue } from './struct.js';

/**
 * Lets this package alone construct what trusts the handle or the address that it is given.
 *
 * @internal
 */
export const OWN = Symbol('own');

/**
 * A part of a file mapping object, mapped into this process. It keeps the memory, but not the name, while it is open.
 * Made by {@link FileMapping.mapView}. Close it with {@link MappedView.close} or `using`; garbage collection closes
 * nothing.
 *
 * Readers and writers in other processes are not locked out: use `Atomics`, or a protocol, where that matters.
 *
 * @group Named memory
 * @example
 * ```ts
 * import { FileMapping, type MappedView } from 'dllmemfilemap';
 *
 * function greet(view: MappedView): void {
 *   view.writeString('Grüße', 1024);
 * }
 *
 * using mapping = FileMapping.create('Local\\Scores', 65536);
 * using view = mapping.mapView();
 * greet(view);
 * view.readString(1024); // 'Grüße'
 * ```
 * @see {@link https://learn.microsoft.com/windows/win32/memory/file-mapping | File Mapping}
 */
export class MappedView implements Disposable {
  /** The size of the view in bytes, in whole pages. */
  readonly length: number;
  /** What the view may be used for. */
  readonly access: ViewAccess;
  readonly #address: Pointer;
  #open = true;
  /** The whole view, which stays in this class unless it becomes {@link MappedView.bytes}. */
  #memory: Memory | undefined;
  #isHandedOut = false;

  /** @internal */
  constructor(key: symbol, address: Pointer, length: number, access: ViewAccess) {
    if (key !== OWN) throw new TypeError('MappedView has no public constructor: use FileMapping.mapView');
    this.#address = address;
    this.length = length;
    this.access = access;
    refuseCloning(this, 'close');
    // Another length or access would reach memory that is not the view's, or not writable.
    Object.freeze(this);
  }

  /**
   * The memory itself. Typed arrays, `DataView` and `Atomics` work on its `buffer`. Of length 0 once the view is closed,
   * as is an array that was taken before.
   *
   * Where another process or thread may write at that moment, read elements of it and nothing else: what looks at the
   * memory twice, as `TextDecoder`, `Buffer`'s `toString` and `sort` do, is given a {@link MappedView.snapshot}. They
   * rely on finding the same again, and end the process or worse where they do not, over a `SharedArrayBuffer` too.
   *
   * @throws `TypeError` if the view may only be read: use {@link MappedView.snapshot}
   * @throws `RangeError` if the view is larger than this runtime's arrays (4 GiB before Node 22): map a part of it
   * @throws `Error` `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM` in Electron from 21 on and wherever V8 has its sandbox, which
   *   allows no array over such memory: copy with {@link MappedView.snapshot} and {@link MappedView.writeBytes}
   * @example
   * ```ts
   * import { FileMapping } from 'dllmemfilemap';
   *
   * using mapping = FileMapping.create(null, 65536);
   * using view = mapping.mapView();
   * view.bytes[0] = 255;
   *
   * const counters = new Int32Array(view.bytes.buffer);
   * Atomics.add(counters, 1, 10);
   * Atomics.load(counters, 1); // 10
   * ```
   */
  get bytes(): Uint8Array {
    if (this.access === 'read') {
      throw new TypeError("The view was mapped with access 'read', so there is no live array of it: use snapshot()");
    }
    if (!this.#open) return new Uint8Array(0);
    const { live } = this.#mapped();
    if (live === undefined) throw noLiveArrays();
    this.#isHandedOut = true;
    return live;
  }

  /**
   * Copies a part of the memory, as it is at this moment, byte for byte but not all of them at once.
   *
   * @param offset in bytes
   * @param length in bytes. Default: up to the end of the view
   * @returns an array of the caller's own
   * @throws `TypeError` if an argument is no number
   * @throws `RangeError` if that reaches beyond the view
   * @throws `Error` `ERR_USE_AFTER_CLOSE` if the view is closed
   * @example
   * ```ts
   * import { FileMapping } from 'dllmemfilemap';
   *
   * using mapping = FileMapping.create(null, 65536);
   * using view = mapping.mapView();
   * view.bytes[1] = 7;
   * const copy = view.snapshot(0, 4);
   * view.bytes[1] = 8;
   * [...copy]; // [0, 7, 0, 0]
   * ```
   */
  snapshot(offset = 0, length = this.length - offset): Uint8Array {
    const memory = this.#mapped();
    requireInteger('offset', offset, 0, this.length);
    requireInteger('length', length, 0, this.length - offset);
    return memory.copy(offset, length);
  }

  /**
   * Copies bytes into the memory: the counterpart of {@link MappedView.snapshot}. Not all of them at once.
   *
   * @param bytes from the caller's array, of which nothing is kept
   * @param offset where they go, in bytes
   * @throws `TypeError` if `bytes` is no `Uint8Array`, or if the view may only be read; nothing is written then
   * @throws `RangeError` if that reaches beyond the view; nothing is written then
   * @throws `Error` `ERR_USE_AFTER_CLOSE` if the view is closed
   * @example
   * ```ts
   * import { FileMapping } from 'dllmemfilemap';
   *
   * using mapping = FileMapping.create(null, 65536);
   * using view = mapping.mapView();
   * view.writeBytes(Uint8Array.of(1, 2, 3), 100);
   * [...view.snapshot(100, 4)]; // [1, 2, 3, 0]
   * ```
   */
  writeBytes(bytes: Uint8Array, offset = 0): void {
    const memory = this.#writable();
    if (!(bytes instanceof Uint8Array)) throw new TypeError(`bytes must be a Uint8Array: it is ${describe(bytes)}`);
    requireInteger('offset', offset, 0, this.length);
    if (bytes.length > this.length - offset) {
      throw new RangeError(
        `bytes must have at most ${this.length - offset} bytes at offset ${offset}: it has ${bytes.length}`,
      );
    }
    memory.write(bytes, offset);
  }

  /**
   * Reads a null-terminated string.
   *
   * @param offset where it begins, in bytes
   * @param maxUnits how many units of the encoding it has at most: UTF-16 code units, or bytes. Default: as many as the view has
   * @param encoding `'utf-16le'` (default), `'utf-8'`, `'windows-1252'` or another that `TextDecoder` knows
   * @returns the text up to the terminator, or to `maxUnits` or the end of the view if there is none
   * @throws `TypeError` if an argument is of a wrong type
   * @throws `RangeError` if the offset is not within the view, `maxUnits` is no integer from 0 up, or the encoding is not known
   * @throws `Error` `ERR_USE_AFTER_CLOSE` if the view is closed; `ERR_STRING_TOO_LONG` if the text is longer than a
   *   string of this runtime, of 2^29 characters in most
   * @example
   * ```ts
   * import { FileMapping } from 'dllmemfilemap';
   *
   * using mapping = FileMapping.create(null, 65536);
   * using view = mapping.mapView();
   * view.writeString('Message from first process.');
   * view.readString(); // 'Message from first process.'
   * view.readString(0, 7); // 'Message'
   * view.readString(16); // 'from first process.'
   * view.writeString('Jürg', 128, 'windows-1252');
   * view.readString(128, 64, 'windows-1252'); // 'Jürg'
   * ```
   */
  readString(offset = 0, maxUnits = Number.MAX_SAFE_INTEGER, encoding = 'utf-16le'): string {
    const memory = this.#mapped();
    requireInteger('offset', offset, 0, this.length);
    requireInteger('maxUnits', maxUnits, 0);
    if (encoding === 'utf-16le') {
      return memory.readText(offset, Math.min(maxUnits, Math.floor((this.length - offset) / 2)));
    }
    const { unit, read } = encodingOf(encoding);
    const most = Math.min(maxUnits, Math.floor((this.length - offset) / unit)) * unit;
    return read(most, (length) => this.snapshot(offset, length));
  }

  /**
   * Writes a string and its terminator. UTF-16 keeps lone surrogates.
   *
   * @param text without U+0000
   * @param offset where it begins, in bytes
   * @param encoding `'utf-16le'` (default), `'utf-8'`, `'windows-1252'` or another of single bytes that `TextDecoder` knows
   * @throws `TypeError` if it is no string or has U+0000 in it, or if the view may only be read; nothing is written then
   * @throws `RangeError` if it does not fit together with its terminator, has a character that the encoding has not, or the
   *   encoding is not known or can only be read; nothing is written then
   * @throws `Error` `ERR_USE_AFTER_CLOSE` if the view is closed
   * @example
   * ```ts
   * import { FileMapping } from 'dllmemfilemap';
   *
   * using mapping = FileMapping.create(null, 65536);
   * using view = mapping.mapView();
   * view.writeString('Grüße', 65000);
   * view.readString(65000); // 'Grüße'
   * view.writeString('x'.repeat(32768)); // throws RangeError
   * ```
   */
  writeString(text: string, offset = 0, encoding = 'utf-16le'): void {
    const memory = this.#writable();
    if (encoding === 'utf-16le') {
      requireInteger('offset', offset, 0, this.length - 2);
      requireText('text', text);
      const most = Math.floor((this.length - offset) / 2) - 1;
      if (text.length > most) {
        const room = `${count(most, 'character')}${this.#place(offset)}`;
        throw new RangeError(`text must have at most ${room}: it has ${text.length}`);
      }
      memory.writeText(text, offset);
      return;
    }
    const { unit, encode } = encodingOf(encoding);
    requireInteger('offset', offset, 0, this.length - unit);
    const most = Math.floor((this.length - offset) / unit) - 1;
    const bytes = encode('text', text, most, this.#place(offset));
    const terminated = new Uint8Array(bytes.length + unit);
    terminated.set(bytes);
    memory.write(terminated, offset);
  }

  /**
   * Reads a struct of C out of one copy of its bytes. Another process may be writing meanwhile, so the copy may hold parts of
   * two updates: see the documentation of its writer for how to tell.
   *
   * @param layout made by {@link struct}
   * @param offset where it begins, in bytes
   * @throws `TypeError` if the layout is none, or the offset no number
   * @throws `RangeError` if the struct does not fit into the view at that offset
   * @throws `Error` `ERR_USE_AFTER_CLOSE` if the view is closed
   * @example
   * ```ts
   * import { FileMapping, struct } from 'dllmemfilemap';
   *
   * const Counter = struct({ id: 'uint8_t', count: 'uint32_t' });
   * using mapping = FileMapping.create(null, 4096);
   * using view = mapping.mapView();
   * view.writeStruct(Counter, { id: 1, count: 500 }, 64);
   * view.readStruct(Counter, 64); // { id: 1, count: 500 }
   * view.readStruct(Counter, 4092); // throws RangeError
   * ```
   */
  readStruct<S extends Struct>(layout: S, offset = 0): StructValue<S> {
    this.#requireRoom(layout, offset);
    return layout.decode(this.snapshot(offset, layout.size)) as StructValue<S>;
  }

  /**
   * Reads one field of a struct, without the rest.
   *
   * @param layout made by {@link struct}
   * @param field its name
   * @param offset where the struct begins, in bytes
   * @throws `TypeError` if the layout is none or has no such field, or the offset is no number
   * @throws `RangeError` if the struct does not fit into the view at that offset
   * @throws `Error` `ERR_USE_AFTER_CLOSE` if the view is closed
   * @example
   * ```ts
   * import { FileMapping, struct } from 'dllmemfilemap';
   *
   * const Counter = struct({ id: 'uint8_t', count: 'uint32_t' });
   * using mapping = FileMapping.create(null, 4096);
   * using view = mapping.mapView();
   * view.writeStruct(Counter, { id: 1, count: 500 });
   * view.readField(Counter, 'count'); // 500
   * ```
   */
  readField<S extends Struct, K extends keyof StructValue<S> & string>(
    layout: S,
    field: K,
    offset = 0,
  ): StructValue<S>[K] {
    this.#requireRoom(layout, offset);
    const { offset: start, codec } = Struct.fieldOf(layout, field);
    const bytes = this.snapshot(offset + start, codec.size);
    return codec.read(new DataView(bytes.buffer), 0) as StructValue<S>[K];
  }

  /**
   * Writes a struct of C, all of it or nothing: padding, and what a text leaves of its field, are zero. Readers in other
   * processes are not locked out meanwhile.
   *
   * @param layout made by {@link struct}
   * @param value all of its fields
   * @param offset where it begins, in bytes
   * @throws `TypeError` if the view may only be read, the layout is none, or a value is missing or of a wrong type; the
   *   message names the field
   * @throws `RangeError` if the struct does not fit into the view at that offset, or a value does not fit; the message names
   *   the field
   * @throws `Error` `ERR_USE_AFTER_CLOSE` if the view is closed
   * @example
   * ```ts
   * import { FileMapping, struct, text } from 'dllmemfilemap';
   *
   * const Player = struct({ name: text('utf-8', 8), lives: 'int8_t' });
   * using mapping = FileMapping.create(null, 4096);
   * using view = mapping.mapView();
   * view.writeStruct(Player, { name: 'Ada', lives: 3 });
   * view.writeStruct(Player, { name: 'Grace', lives: 300 }); // throws RangeError
   * view.readStruct(Player); // { name: 'Ada', lives: 3 }
   * ```
   */
  writeStruct<S extends Struct>(layout: S, value: StructValue<S>, offset = 0): void {
    const memory = this.#writable();
    this.#requireRoom(layout, offset);
    memory.write(layout.encode(value), offset);
  }

  /**
   * Ends the view: nothing reaches the memory through it any more. Again does nothing.
   *
   * Its memory is given back at once, but on Windows not if {@link MappedView.bytes} was taken, as an asynchronous call
   * may be at work on that. There the memory, and elsewhere its address space, is given back when the garbage collector
   * has found that nothing has the array any more. If more than 1024 such views, or 16 MiB of them, wait for that,
   * closing one collects garbage itself; so no loop runs out of memory or address space.
   *
   * @example
   * ```ts
   * import { FileMapping } from 'dllmemfilemap';
   *
   * using mapping = FileMapping.create(null, 65536);
   * const view = mapping.mapView();
   * view.close();
   * view.bytes.length; // 0
   * view.readString(); // throws ERR_USE_AFTER_CLOSE
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-unmapviewoffile | UnmapViewOfFile}
   */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    const buffer = this.#memory?.liveBuffer;
    this.#memory = undefined;
    if (buffer === undefined || !this.#isHandedOut) {
      check(kernel32().UnmapViewOfFile(this.#address), 'UnmapViewOfFile');
      if (buffer !== undefined) keepForNextView(this.#address, buffer);
      return;
    }
    // Nothing is known of an array that the caller has moved the memory into: it stays mapped, as if detaching fails.
    if (!isMoved(buffer)) unmapOnceUnused(buffer, this.#address);
  }

  /** The same as {@link MappedView.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Where something is written, for the message of an error. */
  #place(offset: number): string {
    return ` at offset ${offset} of a view of ${this.length} bytes`;
  }

  #requireRoom(layout: Struct, offset: number): void {
    if (!(layout instanceof Struct)) throw new TypeError(`layout must be made by struct(): it is ${describe(layout)}`);
    requireInteger('offset', offset, 0);
    if (offset + layout.size <= this.length) return;
    throw new RangeError(
      `${layout.name} has ${layout.size} bytes, which do not fit at offset ${offset}: the view has ${this.length}`,
    );
  }

  #writable(): Memory {
    const memory = this.#mapped();
    if (this.access === 'read') throw new TypeError("The view was mapped with access 'read', so it cannot be written");
    return memory;
  }

  #mapped(): Memory {
    if (!this.#open) throw useAfterClose('The view');
    this.#memory ??= memoryAt(this.#address, this.length);
    return this.#memory;
  }
}

function noLiveArrays(): Error {
  const message =
    'This runtime (Electron from 21 on, or V8 with its sandbox) allows no array over memory from outside of V8: use ' +
    'snapshot and readString to read the view, writeBytes and writeString to write it';
  return Object.assign(new Error(message), { code: 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM' });
}

import { constants } from 'node:buffer';
import { createRequire } from 'node:module';
import koffi from 'koffi';
import { describe, requireInteger, requireOptions, requireText, requireTextOf, useAfterClose } from './arguments.js';
import {
  FILE_MAP_COPY,
  FILE_MAP_READ,
  FILE_MAP_WRITE,
  INVALID_HANDLE_VALUE,
  kernel32,
  MEM_COMMIT,
  type MemoryBasicInformation,
  PAGE_READWRITE,
  type Pointer,
  SDDL_REVISION_1,
  security,
} from './kernel32.js';
import type { Utf16Buffer } from './utf16-buffer.js';
import { check, Win32Error } from './win32-error.js';

const MAX_PATH = 260;

/** Up to this many UTF-16 code units, a loop costs less than what is made for a search. */
const SHORT = 32;

const ERROR_ALREADY_EXISTS = 183;
const ERROR_INVALID_ADDRESS = 487;

/** Lets this module alone construct what trusts the handle or the address that it is given. */
const OWN = Symbol('own');

/**
 * What a {@link FileMapping} may be used for: `'read'`, or `'write'`, which is both. The one who created it may write.
 *
 * @example
 * ```ts
 * import { FileMapping, type MappingAccess } from 'dllmemfilemap';
 *
 * using writer = FileMapping.create('Local\\Scores', 65536);
 * writer.access; // 'write'
 *
 * const access: MappingAccess = 'read';
 * using reader = FileMapping.open('Local\\Scores', { access });
 * reader.access; // 'read'
 * ```
 * @see {@link https://learn.microsoft.com/windows/win32/memory/file-mapping-security-and-access-rights | File Mapping Security and Access Rights}
 */
export type MappingAccess = 'read' | 'write';

/**
 * What a {@link MappedView} may be used for: `'read'`; `'write'`, which is both; or `'copy'`, which reads the memory and
 * keeps what is written to itself.
 *
 * @example
 * ```ts
 * import { FileMapping, type ViewAccess } from 'dllmemfilemap';
 *
 * using mapping = FileMapping.create(null, 4096);
 * using shared = mapping.mapView();
 *
 * const access: ViewAccess = 'copy';
 * using own = mapping.mapView({ access });
 * own.writeString('seen by nobody else');
 * shared.readString(); // ''
 * ```
 */
export type ViewAccess = MappingAccess | 'copy';

/**
 * Who may open an object that is created: the creating user alone (and the system, and root), everyone for reading,
 * everyone for reading and writing, or, on Windows, whoever a security descriptor string names. Elsewhere they are the
 * file modes 0600, 0644 and 0666.
 *
 * @example
 * ```ts
 * import { FileMapping, type Security } from 'dllmemfilemap';
 *
 * const security: Security = 'everyone-read';
 * using mapping = FileMapping.create('Local\\Scores', 65536, { security });
 * mapping.access; // 'write'
 * ```
 * @see {@link https://learn.microsoft.com/windows/win32/secauthz/security-descriptor-string-format | SDDL}
 */
export type Security =
  | 'user'
  | 'everyone-read'
  | 'everyone-read-write'
  | {
      /** A security descriptor string, such as `'D:(A;;GA;;;WD)'`. Fails with `ERROR_NOT_SUPPORTED` but on Windows. */
      readonly sddl: string;
    };

/**
 * What {@link FileMapping.create} may be told.
 *
 * @example
 * ```ts
 * import { type CreateOptions, FileMapping } from 'dllmemfilemap';
 *
 * const options: CreateOptions = { exclusive: true, security: 'everyone-read' };
 * using mapping = FileMapping.create('Local\\Scores', 65536, options);
 * FileMapping.create('Local\\Scores', 65536, options); // throws ERROR_ALREADY_EXISTS
 * ```
 */
export interface CreateOptions {
  /** Fail with `ERROR_ALREADY_EXISTS` instead of joining an object of that name. Default: `false`. */
  readonly exclusive?: boolean;
  /** Who may open the object, if this call creates it. Default: `'user'`. */
  readonly security?: Security;
}

/**
 * What {@link FileMapping.open} may be told.
 *
 * @example
 * ```ts
 * import { FileMapping, type OpenOptions } from 'dllmemfilemap';
 *
 * using writer = FileMapping.create('Local\\Scores', 65536);
 *
 * const options: OpenOptions = { access: 'read' };
 * using reader = FileMapping.open('Local\\Scores', options);
 * reader.mapView({ access: 'write' }); // throws ERROR_ACCESS_DENIED
 * ```
 */
export interface OpenOptions {
  /** `'write'` reads and writes. Default: `'write'`. */
  readonly access?: MappingAccess;
}

/**
 * What {@link FileMapping.mapView} may be told.
 *
 * @example
 * ```ts
 * import { FileMapping, type ViewOptions } from 'dllmemfilemap';
 *
 * using mapping = FileMapping.create(null, 3 * 65536);
 *
 * const options: ViewOptions = { offset: 65536, length: 65536, access: 'read' };
 * using middle = mapping.mapView(options);
 * middle.length; // 65536
 * middle.writeString('text'); // throws TypeError
 * ```
 */
export interface ViewOptions {
  /** Where in the object the view begins, in bytes: a multiple of 65,536. Default: 0. */
  readonly offset?: number;
  /** How much of the object to map, in bytes. Default, and 0: all from the offset to the end. */
  readonly length?: number;
  /** Default: the mapping's own access. */
  readonly access?: ViewAccess;
}

const FILE_MAP: Readonly<Record<ViewAccess, number>> = {
  read: FILE_MAP_READ,
  write: FILE_MAP_READ | FILE_MAP_WRITE,
  copy: FILE_MAP_COPY,
};

/** Owner, system and administrators do everything; everyone does what is named. */
const SDDL: Readonly<Record<Exclude<Security, 'user' | object>, string>> = {
  'everyone-read': 'D:(A;;GA;;;OW)(A;;GA;;;SY)(A;;GA;;;BA)(A;;GR;;;WD)',
  'everyone-read-write': 'D:(A;;GA;;;OW)(A;;GA;;;SY)(A;;GA;;;BA)(A;;GRGW;;;WD)',
};

/**
 * A handle to a named file mapping object without a file: memory that every process which knows the name shares.
 *
 * The name lives as long as some process has a handle to the object open; a process that ends, in whatever way, has
 * none. Close it with {@link FileMapping.close} or `using`; garbage collection closes nothing.
 *
 * Names: without a prefix, or behind `Local\`, in the session's own namespace (on Linux and macOS: the user's own);
 * behind `Global\`, one for the machine. At most 260 characters, and no other backslash.
 *
 * @example
 * ```ts
 * import { FileMapping } from 'dllmemfilemap';
 *
 * using mapping = FileMapping.create('Local\\Scores', 65536);
 * using view = mapping.mapView();
 * view.bytes[0] = 42;
 *
 * // Another process, or this one again:
 * using other = FileMapping.open('Local\\Scores');
 * using otherView = other.mapView();
 * otherView.bytes[0]; // 42
 * ```
 * @see {@link https://learn.microsoft.com/windows/win32/memory/creating-named-shared-memory | Creating Named Shared Memory}
 */
export class FileMapping implements Disposable {
  /** The name that the object was created or opened by; `null` if it has none. */
  readonly name: string | null;
  /** Whether this call made the object, with zeroed memory, or opened one that was there. */
  readonly created: boolean;
  /** What it may be used for. */
  readonly access: MappingAccess;
  #handle: Pointer | undefined;
  #size: number | undefined;

  private constructor(key: symbol, handle: Pointer, name: string | null, created: boolean, access: MappingAccess) {
    if (key !== OWN) throw new TypeError('FileMapping has no public constructor: use FileMapping.create or open');
    this.#handle = handle;
    this.name = name;
    this.created = created;
    this.access = access;
    Object.freeze(this);
  }

  /**
   * Creates the object of that name, with zeroed memory, or opens it if it exists; {@link FileMapping.created} tells
   * which. An existing object keeps its own size and security.
   *
   * @param name of at most 260 UTF-16 code units; `null`, or none at all, for an object that no other process can open
   * @param size in bytes, from 1 to 2^53-1; the memory is as many whole pages as that takes
   * @returns a handle, which is the caller's to close
   * @throws {TypeError} if an argument is of a wrong type
   * @throws {RangeError} if the name is too long or the size is out of range
   * @throws {Win32Error} `ERROR_ALREADY_EXISTS` if `exclusive` and it exists; `ERROR_ACCESS_DENIED` if it exists and
   *   belongs to somebody who does not share it; `ERROR_INVALID_HANDLE` if another kind of object has the name;
   *   `ERROR_COMMITMENT_LIMIT` or `ERROR_NOT_ENOUGH_MEMORY` if there is no room
   * @example
   * ```ts
   * import { FileMapping } from 'dllmemfilemap';
   *
   * using first = FileMapping.create('Local\\Scores', 65536);
   * first.created; // true
   *
   * using second = FileMapping.create('Local\\Scores', 100);
   * second.created; // false
   * second.size; // 65536
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-createfilemappingw | CreateFileMappingW}
   */
  static create(name: string | null, size: number, options: CreateOptions = {}): FileMapping {
    if (name !== null) requireName(name);
    requireInteger('size', size, 1);
    requireOptions(options);
    const { exclusive = false, security = 'user' } = options;
    if (typeof exclusive !== 'boolean') {
      throw new TypeError(`exclusive must be a boolean: it is ${describe(exclusive)}`);
    }
    using attributes = securityAttributes(security);
    const { CloseHandle, CreateFileMappingW, GetLastError } = kernel32();
    const [high, low] = halves(size);
    const handle = check(
      CreateFileMappingW(INVALID_HANDLE_VALUE, attributes.value, PAGE_READWRITE, high, low, name),
      'CreateFileMappingW',
      name ?? undefined,
      `${size} bytes`,
    );
    const created = GetLastError() !== ERROR_ALREADY_EXISTS;
    if (exclusive && !created) {
      CloseHandle(handle);
      throw new Win32Error(ERROR_ALREADY_EXISTS, 'CreateFileMappingW', name ?? undefined);
    }
    return new FileMapping(OWN, handle, name, created, 'write');
  }

  /**
   * Opens the object of that name.
   *
   * @param name of 1 to 260 UTF-16 code units
   * @returns a handle, which is the caller's to close
   * @throws {TypeError} if an argument is of a wrong type
   * @throws {RangeError} if the name is too long
   * @throws {Win32Error} `ERROR_FILE_NOT_FOUND` if no living process has it open; `ERROR_ACCESS_DENIED` if it belongs
   *   to somebody who does not share it that far; `ERROR_INVALID_HANDLE` if another kind of object has the name
   * @example
   * ```ts
   * import { FileMapping } from 'dllmemfilemap';
   *
   * FileMapping.open('Local\\Scores'); // throws ERROR_FILE_NOT_FOUND
   *
   * using writer = FileMapping.create('Local\\Scores', 65536);
   * using reader = FileMapping.open('Local\\Scores', { access: 'read' });
   * reader.created; // false
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-openfilemappingw | OpenFileMappingW}
   */
  static open(name: string, options: OpenOptions = {}): FileMapping {
    requireName(name);
    requireOptions(options);
    const access = oneOf('access', options.access ?? 'write', ['read', 'write']);
    const handle = check(kernel32().OpenFileMappingW(FILE_MAP[access], 0, name), 'OpenFileMappingW', name);
    return new FileMapping(OWN, handle, name, false, access);
  }

  /**
   * The object's size in bytes, in whole pages (4096 bytes on most machines), as the system knows nothing finer. Asked
   * for the first time, it maps the whole object for a moment.
   *
   * @throws {Win32Error} as {@link FileMapping.mapView}, at the first time
   * @throws {Error} `ERR_USE_AFTER_CLOSE` if the mapping is closed
   * @example
   * ```ts
   * import { FileMapping } from 'dllmemfilemap';
   *
   * using mapping = FileMapping.create(null, 65500);
   * mapping.size; // 65536
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-virtualquery | VirtualQuery}
   */
  get size(): number {
    this.#checkOpen();
    if (this.#size === undefined) {
      using view = this.mapView({ access: 'read' });
      this.#size = view.length;
    }
    return this.#size;
  }

  /**
   * Maps the object, or a part of it, into this process. The view stays when the mapping is closed.
   *
   * @returns a view, which is the caller's to close
   * @throws {TypeError} if an argument is of a wrong type
   * @throws {RangeError} if the offset or the length is out of range
   * @throws {Win32Error} `ERROR_MAPPED_ALIGNMENT` if the offset is no multiple of 65,536; `ERROR_INVALID_PARAMETER` if
   *   it is not within the object; `ERROR_ACCESS_DENIED` if the view would reach beyond its end, or if the object was
   *   not opened for that access; `ERROR_INVALID_ADDRESS` if the object's memory is reserved but not committed
   * @throws {Error} `ERR_USE_AFTER_CLOSE` if the mapping is closed
   * @example
   * ```ts
   * import { FileMapping } from 'dllmemfilemap';
   *
   * using mapping = FileMapping.create(null, 2 * 65536);
   * using whole = mapping.mapView();
   * using secondHalf = mapping.mapView({ offset: 65536 });
   * whole.bytes[65536] = 7;
   * secondHalf.bytes[0]; // 7
   *
   * mapping.mapView({ offset: 100 }); // throws ERROR_MAPPED_ALIGNMENT
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-mapviewoffile | MapViewOfFile}
   */
  mapView(options: ViewOptions = {}): MappedView {
    requireOptions(options);
    const { offset = 0, length = 0 } = options;
    const access = oneOf('access', options.access ?? this.access, ['read', 'write', 'copy']);
    requireInteger('offset', offset, 0);
    requireInteger('length', length, 0);
    const handle = this.#checkOpen();
    const [high, low] = halves(offset);
    const details = `offset ${offset}, length ${length === 0 ? 'to the end' : length}, access ${access}`;
    const address = check(
      kernel32().MapViewOfFile(handle, FILE_MAP[access], high, low, length),
      'MapViewOfFile',
      this.name ?? undefined,
      details,
    );
    const information: MemoryBasicInformation = { RegionSize: 0, State: 0 };
    kernel32().VirtualQuery(address, information, kernel32().sizeOf.MEMORY_BASIC_INFORMATION);
    const { RegionSize, State } = information;
    if (State !== MEM_COMMIT) {
      kernel32().UnmapViewOfFile(address);
      throw new Win32Error(ERROR_INVALID_ADDRESS, 'MapViewOfFile', this.name ?? undefined, details);
    }
    return new MappedView(OWN, address, Number(RegionSize), access);
  }

  #checkOpen(): Pointer {
    if (this.#handle !== undefined) return this.#handle;
    throw useAfterClose(this.name === null ? 'The mapping without a name' : `The mapping '${this.name}'`);
  }

  /**
   * Closes the handle. Views stay mapped; the name ends with its last handle. Again does nothing.
   *
   * @example
   * ```ts
   * import { FileMapping } from 'dllmemfilemap';
   *
   * const mapping = FileMapping.create('Local\\Scores', 65536);
   * using view = mapping.mapView();
   * mapping.close();
   * FileMapping.open('Local\\Scores'); // throws ERROR_FILE_NOT_FOUND
   * view.bytes.length; // 65536
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-closehandle | CloseHandle}
   */
  close(): void {
    if (this.#handle === undefined) return;
    const handle = this.#handle;
    this.#handle = undefined;
    check(kernel32().CloseHandle(handle), 'CloseHandle', this.name ?? undefined);
  }

  /** The same as {@link FileMapping.close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Unmaps views that were closed after an array of them was handed out, once nothing has it any more: it may be in the
 * hands of an asynchronous call at that moment, which does not mind that it is detached.
 */
const abandoned = new FinalizationRegistry<Pointer>((address) => kernel32().UnmapViewOfFile(address));

/** Known before a caller can put another in its place. Node 20 has none. */
const { transfer } = ArrayBuffer.prototype as Partial<ArrayBuffer>;

/** Takes the memory away from all arrays over a buffer. Throws if it is no longer theirs. */
function detach(buffer: ArrayBuffer): void {
  if (transfer) {
    transfer.call(buffer);
    return;
  }
  // What else Node 20 has leaves memory from outside of V8 as it is, but a stream of bytes takes what it is given. The
  // global one may be another: a caller's, which keeps it.
  const { ReadableStream } = createRequire(import.meta.url)('node:stream/web') as typeof import('node:stream/web');
  new ReadableStream({ type: 'bytes', start: (controller) => controller.enqueue(new Uint8Array(buffer)) });
}

/**
 * A part of a file mapping object, mapped into this process. It keeps the memory, but not the name, while it is open.
 * Made by {@link FileMapping.mapView}. Close it with {@link MappedView.close} or `using`; garbage collection closes
 * nothing.
 *
 * Readers and writers in other processes are not locked out: use `Atomics`, or a protocol, where that matters.
 *
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
  #memory: Utf16Buffer | undefined;
  #bytes: Uint8Array | undefined;

  /** @internal */
  constructor(key: symbol, address: Pointer, length: number, access: ViewAccess) {
    if (key !== OWN) throw new TypeError('MappedView has no public constructor: use FileMapping.mapView');
    this.#address = address;
    this.length = length;
    this.access = access;
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
   * @throws {TypeError} if the view may only be read: use {@link MappedView.snapshot}
   * @throws {RangeError} if the view is larger than this runtime's arrays (4 GiB before Node 22): map a part of it
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
    this.#bytes ??= new Uint8Array(this.#mapped().buffer as ArrayBuffer);
    return this.#bytes;
  }

  /**
   * Copies a part of the memory, as it is at this moment, byte for byte but not all of them at once.
   *
   * @param offset in bytes
   * @param length in bytes. Default: up to the end of the view
   * @returns an array of the caller's own
   * @throws {TypeError} if an argument is no number
   * @throws {RangeError} if that reaches beyond the view
   * @throws {Error} `ERR_USE_AFTER_CLOSE` if the view is closed
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
    return new Uint8Array(memory.subarray(offset, offset + length));
  }

  /**
   * Reads a null-terminated UTF-16 string.
   *
   * @param offset where it begins, in bytes
   * @param maxChars how many UTF-16 code units to return at most. Default: as many as the view has
   * @returns the text up to the terminator, or to the end of the view if there is none
   * @throws {TypeError} if an argument is no number
   * @throws {RangeError} if the offset is not within the view, or `maxChars` is no integer from 0 up
   * @throws {Error} `ERR_USE_AFTER_CLOSE` if the view is closed; `ERR_STRING_TOO_LONG` if the text is longer than a
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
   * ```
   */
  readString(offset = 0, maxChars = Number.MAX_SAFE_INTEGER): string {
    const memory = this.#mapped();
    requireInteger('offset', offset, 0, this.length);
    requireInteger('maxChars', maxChars, 0);
    const units = Math.min(maxChars, Math.floor((this.length - offset) / 2));
    const text = memory.ucs2Slice(offset, offset + lengthOfString(memory, offset, units) * 2);
    // Again, in what was copied: who writes meanwhile may put a terminator before the one that was found.
    const end = text.indexOf('\0');
    return end < 0 ? text : text.slice(0, end);
  }

  /**
   * Writes a string as UTF-16, lone surrogates included, and its terminator.
   *
   * @param text without U+0000
   * @param offset where it begins, in bytes
   * @throws {TypeError} if it is no string or has U+0000 in it, or if the view may only be read; nothing is written then
   * @throws {RangeError} if it does not fit together with its terminator; nothing is written then
   * @throws {Error} `ERR_USE_AFTER_CLOSE` if the view is closed
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
  writeString(text: string, offset = 0): void {
    const memory = this.#mapped();
    if (this.access === 'read') throw new TypeError("The view was mapped with access 'read', so it cannot be written");
    requireInteger('offset', offset, 0, this.length - 2);
    requireTextOf('text', text, Math.floor((this.length - offset) / 2) - 1);
    const end = offset + memory.write(text, offset, 'utf16le');
    memory.writeUInt16LE(0, end);
  }

  /**
   * Ends the view: nothing reaches the memory through it any more. Again does nothing.
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
    const memory = this.#memory;
    const isHandedOut = this.#bytes !== undefined;
    this.#memory = undefined;
    this.#bytes = undefined;
    if (!memory || !isHandedOut) {
      check(kernel32().UnmapViewOfFile(this.#address), 'UnmapViewOfFile');
      return;
    }
    const buffer = memory.buffer as ArrayBuffer;
    try {
      detach(buffer);
    } catch {
      // The caller has moved the memory into an array of their own, of which nothing is known: it stays mapped.
      return;
    }
    abandoned.register(buffer, this.#address);
  }

  /** The same as {@link MappedView.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  #mapped(): Utf16Buffer {
    if (!this.#open) throw useAfterClose('The view');
    if (this.#memory === undefined) {
      if (this.length > constants.MAX_LENGTH) {
        throw new RangeError(
          `The view has ${this.length} bytes, and an array of this runtime at most ${constants.MAX_LENGTH}: map a part`,
        );
      }
      this.#memory = Buffer.from(koffi.view(this.#address, this.length)) as Utf16Buffer;
    }
    return this.#memory;
  }
}

function requireName(name: string): void {
  requireText('name', name);
  if (name.length > MAX_PATH) {
    throw new RangeError(`name must have at most ${MAX_PATH} characters: '${name}' has ${name.length}`);
  }
}

function oneOf<T extends string>(parameter: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value;
  throw new TypeError(`${parameter} must be one of '${allowed.join("', '")}': it is ${describe(value)}`);
}

/** The number of UTF-16 code units before the terminator, at most `units`. */
function lengthOfString(memory: Buffer, offset: number, units: number): number {
  let end = 0;
  // No array of 16-bit elements can begin at an odd address. One for a short string costs more than looking at it.
  const near = offset % 2 === 0 ? Math.min(units, SHORT) : units;
  for (let i = offset; end < near; i += 2, end++) {
    if (memory[i] === 0 && memory[i + 1] === 0) return end;
  }
  if (end === units) return units;
  // Not Buffer's own indexOf, which in Node 20 never comes back from a search for U+0000 in UTF-16.
  const rest = new Uint16Array(memory.buffer, memory.byteOffset + offset + end * 2, units - end).indexOf(0);
  return rest < 0 ? units : end + rest;
}

/** The upper and the lower 32 bits. */
function halves(value: number): [number, number] {
  return [Math.floor(value / 2 ** 32), value % 2 ** 32];
}

/** The `SECURITY_ATTRIBUTES` for an option, and the descriptor that they point to, until it is disposed of. */
function securityAttributes(option: Security) {
  const sddl = typeof option === 'object' ? option?.sddl : option === 'user' ? undefined : SDDL[option];
  if (option !== 'user' && typeof sddl !== 'string') {
    throw new TypeError(
      `security must be 'user', 'everyone-read', 'everyone-read-write' or { sddl: string }: it is ${describe(option)}`,
    );
  }
  if (sddl === undefined) return { value: null, [Symbol.dispose]() {} };
  requireText('sddl', sddl);
  const { ConvertStringSecurityDescriptorToSecurityDescriptorW, LocalFree } = security();
  const { sizeOf, offsetOf } = kernel32();
  // Not an object for koffi to convert: it looks for the members of one without asking whether it may, and crashes in a
  // worker thread that is being terminated.
  const value = Buffer.alloc(sizeOf.SECURITY_ATTRIBUTES);
  value.writeUInt32LE(sizeOf.SECURITY_ATTRIBUTES); // nLength
  const lpSecurityDescriptor = value.subarray(offsetOf.lpSecurityDescriptor);
  check(
    ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, lpSecurityDescriptor, null),
    'ConvertStringSecurityDescriptorToSecurityDescriptorW',
    sddl,
  );
  const address: Pointer = koffi.decode(lpSecurityDescriptor, 'void *');
  return {
    value,
    [Symbol.dispose]() {
      LocalFree(address);
    },
  };
}

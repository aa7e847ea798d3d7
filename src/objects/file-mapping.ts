import { setImmediate, setTimeout } from 'node:timers/promises';
import {
  count,
  oneOf,
  requireBoolean,
  requireDelay,
  requireInteger,
  requireName,
  requireOptions,
  signalOption,
  useAfterClose,
} from '../win32/arguments.js';
import {
  INVALID_HANDLE_VALUE,
  kernel32,
  MEM_COMMIT,
  type MemoryBasicInformation,
  PAGE_READWRITE,
  type Pointer,
} from '../win32/kernel32.js';
import { check, Win32Error } from '../win32/win32-error.js';
import { FILE_MAP, type MappingAccess, type ViewOptions } from './access.js';
import { useKeptPlace, withRoom } from './closed-views.js';
import { MappedView, OWN } from './mapped-view.js';
import { refuseCloning } from './refuse-cloning.js';
import { type Security, securityAttributes } from './security.js';

const ERROR_FILE_NOT_FOUND = 2;
const ERROR_BAD_LENGTH = 24;
const ERROR_ALREADY_EXISTS = 183;
const WAIT_TIMEOUT = 258;
const ERROR_INVALID_ADDRESS = 487;

/**
 * What {@link FileMapping.create} may be told.
 *
 * @group Named memory
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
  /** Fail with `ERROR_BAD_LENGTH` instead of joining an object that is smaller. Default: `false`. */
  readonly atLeast?: boolean;
}

/**
 * What {@link FileMapping.open} may be told.
 *
 * @group Named memory
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
 * What {@link FileMapping.waitFor} may be told.
 *
 * @group Named memory
 * @example
 * ```ts
 * import { FileMapping, type WaitForOptions } from 'dllmemfilemap';
 *
 * const options: WaitForOptions = { access: 'read', interval: 10, timeout: 60_000 };
 * const publisher = setTimeout(() => FileMapping.create('Local\\Scores', 65536), 50);
 * using reader = await FileMapping.waitFor('Local\\Scores', options);
 * reader.name; // 'Local\\Scores'
 * ```
 */
export interface WaitForOptions extends OpenOptions {
  /** How long to wait before trying again, in milliseconds, from 1 to 2^31-1. Default: 100. */
  readonly interval?: number;
  /** How long to wait at most, in milliseconds, from 0 to 2^31-1. Default: without an end. */
  readonly timeout?: number;
  /** Ends the waiting: the promise is rejected with an `AbortError`, whose `cause` is the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * A handle to a named file mapping object without a file: memory that every process which knows the name shares.
 *
 * The name lives as long as some process has a handle to the object open; a process that ends, in whatever way, has
 * none. Close it with {@link FileMapping.close} or `using`; garbage collection closes nothing.
 *
 * Names: `Scores` and `Local\Scores` are one name in the session's own namespace (on Linux and macOS: the user's own);
 * `Global\Scores` is in the machine's. At most 260 characters, and no other backslash.
 *
 * @group Named memory
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
    refuseCloning(this, 'close');
    Object.freeze(this);
  }

  /**
   * Creates the object of that name, with zeroed memory, or opens it if it exists; {@link FileMapping.created} tells
   * which. An existing object keeps its own size and security.
   *
   * @param name of at most 260 UTF-16 code units; `null`, or none at all, for an object that no other process can open
   * @param size in bytes, from 1 to 2^53-1; the memory is as many whole pages as that takes
   * @returns a handle, which is the caller's to close
   * @throws `TypeError` if an argument is of a wrong type
   * @throws `RangeError` if the name is too long or the size is out of range
   * @throws `Win32Error` `ERROR_ALREADY_EXISTS` if `exclusive` and it exists; `ERROR_BAD_LENGTH` if `atLeast`
   *   and it is smaller; `ERROR_ACCESS_DENIED` if it exists and
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
    const { exclusive = false, security = 'user', atLeast = false } = options;
    requireBoolean('exclusive', exclusive);
    requireBoolean('atLeast', atLeast);
    using attributes = securityAttributes(security);
    const { CloseHandle, CreateFileMappingW, GetLastError } = kernel32();
    const [high, low] = halves(size);
    const handle = check(
      withRoom(() => CreateFileMappingW(INVALID_HANDLE_VALUE, attributes.value, PAGE_READWRITE, high, low, name)),
      'CreateFileMappingW',
      name ?? undefined,
      count(size, 'byte'),
    );
    const created = GetLastError() !== ERROR_ALREADY_EXISTS;
    if (exclusive && !created) {
      CloseHandle(handle);
      throw new Win32Error(ERROR_ALREADY_EXISTS, 'CreateFileMappingW', name ?? undefined);
    }
    const mapping = new FileMapping(OWN, handle, name, created, 'write');
    if (atLeast && !created) mapping.#requireSize(size);
    return mapping;
  }

  /**
   * Opens the object of that name.
   *
   * @param name of 1 to 260 UTF-16 code units
   * @returns a handle, which is the caller's to close
   * @throws `TypeError` if an argument is of a wrong type
   * @throws `RangeError` if the name is too long
   * @throws `Win32Error` `ERROR_FILE_NOT_FOUND` if no living process has it open; `ERROR_ACCESS_DENIED` if it belongs
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
   * Opens the object of that name as soon as there is one. It creates nothing, and holds nothing meanwhile: it tries to open
   * the object at intervals, which costs some microseconds each time. The process stays alive while it waits.
   *
   * @param name of 1 to 260 UTF-16 code units
   * @returns a handle, which is the caller's to close
   * @throws `TypeError` if an argument is of a wrong type
   * @throws `RangeError` if the name is too long, or a time is out of range
   * @throws `Win32Error` `WAIT_TIMEOUT` if the timeout has passed; for the rest as {@link FileMapping.open}
   * @throws `Error` `AbortError` (`code` is `'ABORT_ERR'`) if the signal is aborted, or already was
   * @example
   * ```ts
   * import { FileMapping } from 'dllmemfilemap';
   *
   * const reader = FileMapping.waitFor('Local\\Scores', { access: 'read' });
   * // Most often, it is another process that creates it.
   * using writer = FileMapping.create('Local\\Scores', 65536);
   * using mapping = await reader;
   * mapping.size; // 65536
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/memoryapi/nf-memoryapi-openfilemappingw | OpenFileMappingW}
   */
  static async waitFor(name: string, options: WaitForOptions = {}): Promise<FileMapping> {
    requireOptions(options);
    const { interval = 100, timeout = Number.POSITIVE_INFINITY } = options;
    requireDelay('interval', interval, 1);
    if (timeout !== Number.POSITIVE_INFINITY) requireDelay('timeout', timeout, 0);
    const signal = signalOption(options.signal);
    const end = performance.now() + timeout;
    // Throws if the signal is already aborted, in the same way as the waiting does.
    await setImmediate(undefined, signal);
    while (true) {
      const mapping = openIfThere(name, options);
      if (mapping !== undefined) return mapping;
      const left = end - performance.now();
      if (left <= 0) throw new Win32Error(WAIT_TIMEOUT, 'OpenFileMappingW', name, `${timeout} ms`);
      await setTimeout(Math.min(interval, left), undefined, signal);
    }
  }

  /**
   * The object's size in bytes, in whole pages (4096 bytes on most machines), as the system knows nothing finer. Asked
   * for the first time, it maps the whole object for a moment.
   *
   * @throws `Win32Error` as {@link FileMapping.mapView}, at the first time
   * @throws `Error` `ERR_USE_AFTER_CLOSE` if the mapping is closed
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
   * @throws `TypeError` if an argument is of a wrong type
   * @throws `RangeError` if the offset or the length is out of range
   * @throws `Win32Error` `ERROR_MAPPED_ALIGNMENT` if the offset is no multiple of 65,536; `ERROR_INVALID_PARAMETER` if
   *   it is not within the object; `ERROR_ACCESS_DENIED` if the view would reach beyond its end, or if the object was
   *   not opened for that access; `ERROR_INVALID_ADDRESS` if the object's memory is reserved but not committed
   * @throws `Error` `ERR_USE_AFTER_CLOSE` if the mapping is closed
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
      withRoom(() => kernel32().MapViewOfFile(handle, FILE_MAP[access], high, low, length)),
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
    const size = Number(RegionSize);
    const mapAt = (to: Pointer) => kernel32().MapViewOfFileEx(handle, FILE_MAP[access], high, low, length, to);
    return new MappedView(OWN, useKeptPlace(address, size, mapAt), size, access);
  }

  /** Closes the mapping if it is smaller. */
  #requireSize(size: number): void {
    try {
      if (this.size < size) {
        const details = `it has ${this.size} bytes, and ${size} were asked for`;
        throw new Win32Error(ERROR_BAD_LENGTH, 'CreateFileMappingW', this.name ?? undefined, details);
      }
    } catch (error) {
      this.close();
      throw error;
    }
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

/** The upper and the lower 32 bits. */
function halves(value: number): [number, number] {
  return [Math.floor(value / 2 ** 32), value % 2 ** 32];
}

/** Opens the mapping of that name, as {@link FileMapping.open}: `undefined` if no process has it. */
export function openIfThere(name: string, options?: OpenOptions): FileMapping | undefined {
  try {
    return FileMapping.open(name, options);
  } catch (error) {
    if (error instanceof Win32Error && error.errno === ERROR_FILE_NOT_FOUND) return undefined;
    throw error;
  }
}

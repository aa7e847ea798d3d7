import { requireBoolean, requireName } from '../win32/arguments.js';
import { kernel32 } from '../win32/kernel32.js';
import { type Handle, synchronization } from '../win32/synchronization.js';
import { check, Win32Error } from '../win32/win32-error.js';
import { OWN } from './mapped-view.js';
import { refuseCloning } from './refuse-cloning.js';
import { type RightsOfEveryone, type Security, securityAttributes } from './security.js';
import type { Waitable } from './waiting/waitable.js';

const ERROR_ACCESS_DENIED = 5;
const ERROR_ALREADY_EXISTS = 183;

/** Waiting needs another right than reading and writing do. */
const RIGHTS: RightsOfEveryone = { 'everyone-read-write': 'GRGWGX' };

/**
 * What {@link NamedMutex.create} may be told, and what each of its kind may be told besides.
 *
 * @group Waiting and locking
 * @example
 * ```ts
 * import { type NamedObjectOptions, NamedMutex } from 'dllmemfilemap';
 *
 * const options: NamedObjectOptions = { exclusive: true, security: 'everyone-read-write' };
 * using mutex = NamedMutex.create('Local\\ScoresLock', options);
 * NamedMutex.create('Local\\ScoresLock', options); // throws ERROR_ALREADY_EXISTS
 * ```
 */
export interface NamedObjectOptions {
  /** Fail with `ERROR_ALREADY_EXISTS` instead of joining an object of that name. Default: `false`. */
  readonly exclusive?: boolean;
  /**
   * The users who may open the object, if this call creates it. Waiting changes most objects, so there is no `'everyone-read'`.
   * Default: `'user'`.
   */
  readonly security?: Exclude<Security, 'everyone-read'>;
}

/** What is waited for, of an object that JavaScript holds; `undefined` for anything else. Set by the class. */
let waitableIn: (object: object) => Waitable | undefined;

/**
 * A handle to a named object that can be waited for: a {@link NamedMutex}, {@link NamedEvent} or {@link NamedSemaphore}.
 *
 * The name lives as long as some process has a handle to the object open; a process that ends, in whatever way, has
 * none. All kinds of objects share one namespace, whose prefixes are those of {@link FileMapping}. Close the handle with
 * {@link NamedObject.close} or `using`; garbage collection closes nothing.
 *
 * @group Waiting and locking
 * @example
 * ```ts
 * import { NamedEvent, NamedMutex, type NamedObject } from 'dllmemfilemap';
 *
 * using mutex = NamedMutex.create('Local\\ScoresLock');
 * using event = NamedEvent.create('Local\\ScoresChanged');
 * const objects: NamedObject[] = [mutex, event];
 * objects.map(({ created }) => created); // [true, true]
 * ```
 * @see {@link https://learn.microsoft.com/windows/win32/sync/object-names | Object Names}
 */
export abstract class NamedObject implements Disposable {
  /** The name that the object was created or opened by; `null` if it has none. */
  readonly name: string | null;
  /** Whether this call made the object, or opened one that was there. */
  readonly created: boolean;
  readonly #waitable: Waitable;

  static {
    waitableIn = (object) => (#waitable in object ? object.#waitable : undefined);
  }

  /** @internal */
  constructor(key: symbol, name: string | null, created: boolean, waitable: Waitable) {
    if (key !== OWN) throw new TypeError(`${new.target.name} has no public constructor: use its create or open`);
    this.name = name;
    this.created = created;
    this.#waitable = waitable;
    refuseCloning(this, 'close');
    Object.freeze(this);
  }

  /**
   * Closes the handle. What waits for the object through it is rejected with `ERR_USE_AFTER_CLOSE`, unless it has taken
   * it at that moment. A lock keeps the handle until it is released. Again does nothing.
   *
   * @example
   * ```ts
   * import { NamedEvent } from 'dllmemfilemap';
   *
   * const event = NamedEvent.create('Local\\ScoresChanged');
   * const waiting = event.wait().catch((error) => error.code);
   * event.close();
   * await waiting; // 'ERR_USE_AFTER_CLOSE'
   * NamedEvent.open('Local\\ScoresChanged'); // throws ERROR_FILE_NOT_FOUND
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-closehandle | CloseHandle}
   */
  close(): void {
    this.#waitable.close();
  }

  /** The same as {@link NamedObject.close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * What is waited for, of an object that JavaScript holds.
 *
 * @throws `TypeError` if it is none of them
 * @internal
 */
export function waitableOf(object: NamedObject, parameter = 'this'): Waitable {
  const waitable = typeof object === 'object' && object !== null ? waitableIn(object) : undefined;
  if (waitable !== undefined) return waitable;
  throw new TypeError(`${parameter} must be a NamedMutex, a NamedEvent or a NamedSemaphore`);
}

/**
 * Creates an object, or opens the one that has the name.
 *
 * @param create calls the function
 * @internal
 */
export function createHandle(
  syscall: string,
  name: string | null,
  { exclusive = false, security = 'user' }: NamedObjectOptions,
  create: (attributes: Uint8Array | null, name: string | null) => Handle,
): { readonly handle: Handle; readonly created: boolean } {
  if (name !== null) requireName(name);
  requireBoolean('exclusive', exclusive);
  using attributes = securityAttributes(security, RIGHTS);
  const handle = check(create(attributes.value, name), syscall, name ?? undefined);
  const created = kernel32().GetLastError() !== ERROR_ALREADY_EXISTS;
  if (exclusive && !created) {
    synchronization().CloseHandle(handle);
    throw new Win32Error(ERROR_ALREADY_EXISTS, syscall, name ?? undefined);
  }
  return { handle, created };
}

/**
 * Opens an object, with the least of the rights if it is not shared any further.
 *
 * @param rights from the most to the least
 * @param open calls the function
 * @internal
 */
export function openHandle(
  syscall: string,
  name: string,
  rights: readonly number[],
  open: (access: number, inherit: 0, name: string) => Handle,
): Handle {
  requireName(name);
  for (const access of rights.slice(0, -1)) {
    const handle = open(access, 0, name);
    if (handle !== 0 || kernel32().GetLastError() !== ERROR_ACCESS_DENIED) return check(handle, syscall, name);
  }
  return check(open(rights.at(-1) as number, 0, name), syscall, name);
}

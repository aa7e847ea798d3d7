import { requireInteger, requireOptions } from '../win32/arguments.js';
import { SEMAPHORE_MODIFY_STATE, SYNCHRONIZE, synchronization } from '../win32/synchronization.js';
import { check } from '../win32/win32-error.js';
import { OWN } from './mapped-view.js';
import { createHandle, NamedObject, type NamedObjectOptions, openHandle, waitableOf } from './named-object.js';
import { waitFor } from './waiting/wait.js';
import { take, waitSync } from './waiting/wait-here.js';
import { limitsOf, type TimeoutOptions, type WaitOptions } from './waiting/wait-options.js';
import { Waitable } from './waiting/waitable.js';

/** The largest count that a semaphore can have. */
const MAX_COUNT = 2 ** 31 - 1;

/**
 * What {@link NamedSemaphore.create} is told.
 *
 * @group Waiting and locking
 * @example
 * ```ts
 * import { NamedSemaphore, type SemaphoreOptions } from 'dllmemfilemap';
 *
 * const options: SemaphoreOptions = { initial: 2, maximum: 2 };
 * using seats = NamedSemaphore.create('Local\\Seats', options);
 * [seats.tryAcquire(), seats.tryAcquire(), seats.tryAcquire()]; // [true, true, false]
 * ```
 */
export interface SemaphoreOptions extends NamedObjectOptions {
  /** The count that it begins with, from 0 to its maximum. */
  readonly initial: number;
  /** The largest count that it can have, from 1 to 2^31-1. */
  readonly maximum: number;
}

/**
 * A handle to a named semaphore: a count that all processes which know the name take from, one at a time, and add to. It
 * is owned by nobody: a process that ends gives nothing back.
 *
 * @group Waiting and locking
 * @example
 * ```ts
 * import { NamedSemaphore } from 'dllmemfilemap';
 *
 * using jobs = NamedSemaphore.create('Local\\Jobs', { initial: 0, maximum: 100 });
 * const waiting = Promise.all([jobs.acquire(), jobs.acquire()]);
 *
 * // Most often, it is another process that releases it.
 * using same = NamedSemaphore.open('Local\\Jobs');
 * same.release(2); // 0
 * (await waiting).length; // 2
 * ```
 * @see {@link https://learn.microsoft.com/windows/win32/sync/semaphore-objects | Semaphore Objects}
 */
export class NamedSemaphore extends NamedObject {
  /**
   * Creates the semaphore of that name, or opens it if it exists; {@link NamedObject.created} tells which. An existing one
   * keeps its count and its maximum.
   *
   * @param name of at most 260 UTF-16 code units; `null` or `''` for a semaphore that no other call opens
   * @returns a handle, which is the caller's to close
   * @throws `TypeError` if an argument is of a wrong type
   * @throws `RangeError` if the name is too long, or a count is out of range
   * @throws `Win32Error` `ERROR_ALREADY_EXISTS` if `exclusive` and it exists; `ERROR_ACCESS_DENIED` if it exists and
   *   belongs to somebody who does not share it; `ERROR_INVALID_HANDLE` if another kind of object has the name
   * @example
   * ```ts
   * import { NamedSemaphore } from 'dllmemfilemap';
   *
   * using seats = NamedSemaphore.create('Local\\Seats', { initial: 1, maximum: 3 });
   * seats.created; // true
   * NamedSemaphore.create('Local\\Seats', { initial: 4, maximum: 3 }); // throws RangeError
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-createsemaphorew | CreateSemaphoreW}
   */
  static create(name: string | null, options: SemaphoreOptions): NamedSemaphore {
    requireOptions(options);
    const { initial, maximum } = options;
    requireInteger('maximum', maximum, 1, MAX_COUNT);
    requireInteger('initial', initial, 0, maximum);
    const { handle, created } = createHandle('CreateSemaphoreW', name, options, (attributes, name) =>
      synchronization().CreateSemaphoreW(attributes, initial, maximum, name),
    );
    return new NamedSemaphore(OWN, name, created, new Waitable('semaphore', handle, name));
  }

  /**
   * Opens the semaphore of that name. If it is shared for waiting alone, it can only be acquired.
   *
   * @param name of 1 to 260 UTF-16 code units
   * @returns a handle, which is the caller's to close
   * @throws `TypeError` if the name is no string
   * @throws `RangeError` if the name is too long
   * @throws `Win32Error` `ERROR_FILE_NOT_FOUND` if no living process has it open; `ERROR_ACCESS_DENIED` if it belongs to
   *   somebody who does not share it; `ERROR_INVALID_HANDLE` if another kind of object has the name
   * @example
   * ```ts
   * import { NamedSemaphore } from 'dllmemfilemap';
   *
   * NamedSemaphore.open('Local\\Seats'); // throws ERROR_FILE_NOT_FOUND
   *
   * using seats = NamedSemaphore.create('Local\\Seats', { initial: 3, maximum: 3 });
   * using same = NamedSemaphore.open('Local\\Seats');
   * same.tryAcquire(); // true
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-opensemaphorew | OpenSemaphoreW}
   */
  static open(name: string): NamedSemaphore {
    const rights = [SYNCHRONIZE | SEMAPHORE_MODIFY_STATE, SYNCHRONIZE];
    const handle = openHandle('OpenSemaphoreW', name, rights, synchronization().OpenSemaphoreW);
    return new NamedSemaphore(OWN, name, false, new Waitable('semaphore', handle, name));
  }

  /**
   * Takes one from the count, as soon as it is above 0, without blocking anything: other code of this process runs
   * meanwhile. The process stays alive. Those of one JavaScript thread take it in the order in which they asked.
   *
   * @throws `TypeError` if an option is of a wrong type
   * @throws `RangeError` if the timeout is out of range
   * @throws `Win32Error` `WAIT_TIMEOUT` if the timeout has passed
   * @throws `Error` `AbortError` (`code` is `'ABORT_ERR'`) if the signal is aborted; `ERR_USE_AFTER_CLOSE` if this handle
   *   is closed
   * @example
   * ```ts
   * import { NamedSemaphore } from 'dllmemfilemap';
   *
   * using seats = NamedSemaphore.create('Local\\Seats', { initial: 1, maximum: 1 });
   * await seats.acquire(); // undefined
   * const late = seats.acquire({ timeout: 10 }).catch((error) => error.code);
   * await late; // 'WAIT_TIMEOUT'
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-waitforsingleobject | WaitForSingleObject}
   */
  async acquire(options: WaitOptions = {}): Promise<void> {
    await waitFor(waitableOf(this), limitsOf(options));
  }

  /**
   * Takes one from the count if it is above 0.
   *
   * @returns whether it was
   * @throws `Error` `ERR_USE_AFTER_CLOSE` if this handle is closed
   * @example
   * ```ts
   * import { NamedSemaphore } from 'dllmemfilemap';
   *
   * using seats = NamedSemaphore.create('Local\\Seats', { initial: 1, maximum: 1 });
   * seats.tryAcquire(); // true
   * seats.tryAcquire(); // false
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-waitforsingleobject | WaitForSingleObject}
   */
  tryAcquire(): boolean {
    return take(waitableOf(this)) !== undefined;
  }

  /**
   * Takes one from the count, and blocks this thread until then: its timers, its promises, all of its code.
   *
   * @throws `TypeError` if the timeout is of a wrong type
   * @throws `RangeError` if the timeout is out of range
   * @throws `Win32Error` `WAIT_TIMEOUT` if the timeout has passed
   * @throws `Error` `ERR_USE_AFTER_CLOSE` if this handle is closed
   * @example
   * ```ts
   * import { NamedSemaphore } from 'dllmemfilemap';
   *
   * using seats = NamedSemaphore.create('Local\\Seats', { initial: 1, maximum: 1 });
   * seats.acquireSync();
   * seats.acquireSync({ timeout: 10 }); // throws WAIT_TIMEOUT
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-waitforsingleobject | WaitForSingleObject}
   */
  acquireSync(options: TimeoutOptions = {}): void {
    waitSync(waitableOf(this), options);
  }

  /**
   * Adds to the count, which ends as many waits.
   *
   * @param count from 1 to 2^31-1
   * @returns the count before
   * @throws `TypeError` if the count is no number
   * @throws `RangeError` if the count is out of range
   * @throws `Win32Error` `ERROR_TOO_MANY_POSTS` if it would exceed the maximum, which leaves it as it is;
   *   `ERROR_ACCESS_DENIED` if it was opened for waiting alone
   * @throws `Error` `ERR_USE_AFTER_CLOSE` if this handle is closed
   * @example
   * ```ts
   * import { NamedSemaphore } from 'dllmemfilemap';
   *
   * using seats = NamedSemaphore.create('Local\\Seats', { initial: 0, maximum: 3 });
   * seats.release(); // 0
   * seats.release(2); // 1
   * seats.release(); // throws ERROR_TOO_MANY_POSTS
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-releasesemaphore | ReleaseSemaphore}
   */
  release(count = 1): number {
    requireInteger('count', count, 1, MAX_COUNT);
    const { handle, name } = waitableOf(this);
    const previous = new Int32Array(1);
    check(synchronization().ReleaseSemaphore(handle, count, previous), 'ReleaseSemaphore', name, `${count}`);
    return previous[0] as number;
  }
}

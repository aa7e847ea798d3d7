import { requireOptions } from '../win32/arguments.js';
import { SYNCHRONIZE, synchronization, WAIT_TIMEOUT } from '../win32/synchronization.js';
import { Win32Error } from '../win32/win32-error.js';
import { OWN } from './mapped-view.js';
import { createHandle, NamedObject, type NamedObjectOptions, openHandle, waitableOf } from './named-object.js';
import type { MutexLock } from './waiting/mutex-lock.js';
import { waitForAny } from './waiting/wait.js';
import { lockAtOnce, take, waitSync } from './waiting/wait-here.js';
import { limitsOf, type TimeoutOptions, timeoutOf, type WaitOptions } from './waiting/wait-options.js';
import { Waitable } from './waiting/waitable.js';

const ERROR_POSSIBLE_DEADLOCK = 1131;

/**
 * A handle to a named mutex: of all threads and processes that know the name, one owns it at a time.
 *
 * A process that ends, in whatever way, owns nothing any more: the next one to acquire the mutex is told so by
 * {@link MutexLock.abandoned}. Acquirers of one JavaScript thread have it in the order in which they asked, whichever
 * handles they use; among threads and processes there is no order. Unlike a thread of C, no acquirer has it twice: who
 * holds a lock and acquires the mutex again waits for that lock to be released.
 *
 * @group Waiting and locking
 * @example
 * ```ts
 * import { FileMapping, NamedMutex } from 'dllmemfilemap';
 *
 * using mapping = FileMapping.create('Local\\Scores', 65536);
 * using view = mapping.mapView();
 * using mutex = NamedMutex.create('Local\\ScoresLock');
 * {
 *   using lock = await mutex.acquire({ timeout: 1000 });
 *   if (lock.abandoned) view.bytes.fill(0);
 *   const [count = 0] = view.bytes;
 *   view.bytes[0] = count + 1;
 * }
 * view.bytes[0]; // 1
 * ```
 * @see {@link https://learn.microsoft.com/windows/win32/sync/mutex-objects | Mutex Objects}
 */
export class NamedMutex extends NamedObject {
  /**
   * Creates the mutex of that name, owned by nobody, or opens it if it exists; {@link NamedObject.created} tells which.
   *
   * @param name of at most 260 UTF-16 code units; `null` or `''` for a mutex that no other call opens
   * @returns a handle, which is the caller's to close
   * @throws `TypeError` if an argument is of a wrong type
   * @throws `RangeError` if the name is too long
   * @throws `Win32Error` `ERROR_ALREADY_EXISTS` if `exclusive` and it exists; `ERROR_ACCESS_DENIED` if it exists and
   *   belongs to somebody who does not share it; `ERROR_INVALID_HANDLE` if another kind of object has the name
   * @example
   * ```ts
   * import { NamedMutex } from 'dllmemfilemap';
   *
   * using mutex = NamedMutex.create('Local\\ScoresLock');
   * mutex.created; // true
   * using same = NamedMutex.create('Local\\ScoresLock');
   * same.created; // false
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-createmutexw | CreateMutexW}
   */
  static create(name: string | null, options: NamedObjectOptions = {}): NamedMutex {
    requireOptions(options);
    const { handle, created } = createHandle('CreateMutexW', name, options, (attributes, name) =>
      synchronization().CreateMutexW(attributes, 0, name),
    );
    return new NamedMutex(OWN, name, created, new Waitable('mutex', handle, name));
  }

  /**
   * Opens the mutex of that name.
   *
   * @param name of 1 to 260 UTF-16 code units
   * @returns a handle, which is the caller's to close
   * @throws `TypeError` if the name is no string
   * @throws `RangeError` if the name is too long
   * @throws `Win32Error` `ERROR_FILE_NOT_FOUND` if no living process has it open; `ERROR_ACCESS_DENIED` if it belongs to
   *   somebody who does not share it; `ERROR_INVALID_HANDLE` if another kind of object has the name
   * @example
   * ```ts
   * import { NamedMutex } from 'dllmemfilemap';
   *
   * NamedMutex.open('Local\\ScoresLock'); // throws ERROR_FILE_NOT_FOUND
   *
   * using mutex = NamedMutex.create('Local\\ScoresLock');
   * using same = NamedMutex.open('Local\\ScoresLock');
   * same.created; // false
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-openmutexw | OpenMutexW}
   */
  static open(name: string): NamedMutex {
    const handle = openHandle('OpenMutexW', name, [SYNCHRONIZE], synchronization().OpenMutexW);
    return new NamedMutex(OWN, name, false, new Waitable('mutex', handle, name));
  }

  /**
   * Acquires the mutex, without blocking anything: other code of this process runs meanwhile. The process stays alive.
   *
   * @returns a lock, which is the caller's to release
   * @throws `TypeError` if an option is of a wrong type
   * @throws `RangeError` if the timeout is out of range
   * @throws `Win32Error` `WAIT_TIMEOUT` if the timeout has passed
   * @throws `Error` `AbortError` (`code` is `'ABORT_ERR'`) if the signal is aborted; `ERR_USE_AFTER_CLOSE` if this handle
   *   is closed
   * @example
   * ```ts
   * import { NamedMutex } from 'dllmemfilemap';
   *
   * using mutex = NamedMutex.create('Local\\ScoresLock');
   * const first = await mutex.acquire();
   * const second = mutex.acquire();
   * first.release();
   * using lock = await second;
   * lock.abandoned; // false
   *
   * const late = mutex.acquire({ timeout: 10 }).catch((error) => error.code);
   * await late; // 'WAIT_TIMEOUT'
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-waitforsingleobject | WaitForSingleObject}
   */
  async acquire(options: WaitOptions = {}): Promise<MutexLock> {
    const limits = limitsOf(options);
    const lock = this.tryAcquire();
    if (lock !== undefined) return lock;
    const taken = await waitForAny([waitableOf(this)], limits, 'WaitForSingleObject');
    return taken.lock as MutexLock;
  }

  /**
   * Acquires the mutex if it needs no waiting.
   *
   * @returns a lock, which is the caller's to release; `undefined` if the mutex is owned, or if this thread waits for it
   * @throws `Error` `ERR_USE_AFTER_CLOSE` if this handle is closed
   * @example
   * ```ts
   * import { NamedMutex } from 'dllmemfilemap';
   *
   * using mutex = NamedMutex.create('Local\\ScoresLock');
   * {
   *   using lock = mutex.tryAcquire();
   *   lock?.abandoned; // false
   *   mutex.tryAcquire(); // undefined
   * }
   * mutex.tryAcquire() !== undefined; // true
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-waitforsingleobject | WaitForSingleObject}
   */
  tryAcquire(): MutexLock | undefined {
    const mutex = waitableOf(this);
    const abandoned = take(mutex);
    return abandoned === undefined ? undefined : lockAtOnce(mutex, abandoned);
  }

  /**
   * Acquires the mutex, and blocks this thread until then: its timers, its promises, all of its code.
   *
   * @returns a lock, which is the caller's to release
   * @throws `TypeError` if the timeout is of a wrong type
   * @throws `RangeError` if the timeout is out of range
   * @throws `Win32Error` `WAIT_TIMEOUT` if the timeout has passed; `ERROR_POSSIBLE_DEADLOCK` if this thread itself has
   *   the mutex or waits for it, as it could not release it while it is blocked
   * @throws `Error` `ERR_USE_AFTER_CLOSE` if this handle is closed
   * @example
   * ```ts
   * import { NamedMutex } from 'dllmemfilemap';
   *
   * using mutex = NamedMutex.create('Local\\ScoresLock');
   * using lock = mutex.acquireSync({ timeout: 1000 });
   * lock.abandoned; // false
   * mutex.acquireSync(); // throws ERROR_POSSIBLE_DEADLOCK
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-waitforsingleobject | WaitForSingleObject}
   */
  acquireSync(options: TimeoutOptions = {}): MutexLock {
    const mutex = waitableOf(this);
    const timeout = timeoutOf(options);
    if (mutex.turn?.isFree === false) {
      const errno = timeout === 0 ? WAIT_TIMEOUT : ERROR_POSSIBLE_DEADLOCK;
      throw new Win32Error(errno, 'WaitForSingleObject', mutex.name);
    }
    return lockAtOnce(mutex, waitSync(mutex, options));
  }
}

import { describe } from '../win32/arguments.js';
import { MAXIMUM_WAIT_OBJECTS } from '../win32/synchronization.js';
import { type NamedObject, waitableOf } from './named-object.js';
import type { MutexLock } from './waiting/mutex-lock.js';
import { takeAny, waitForAny } from './waiting/wait.js';
import { limitsOf, type WaitOptions } from './waiting/wait-options.js';

/** The system waits for 64, and one of them ends a wait before its time. */
const MOST = MAXIMUM_WAIT_OBJECTS - 1;

/**
 * What {@link waitAny} has taken.
 *
 * @group Waiting and locking
 * @example
 * ```ts
 * import { NamedMutex, waitAny, type WaitAnyResult } from 'dllmemfilemap';
 *
 * using mutex = NamedMutex.create('Local\\ScoresLock');
 * const { index, lock }: WaitAnyResult = await waitAny([mutex]);
 * lock?.release();
 * index; // 0
 * ```
 */
export interface WaitAnyResult {
  /** The place of the object in the list. */
  readonly index: number;
  /** If the object is a mutex: its lock, which is the caller's to release. */
  readonly lock?: MutexLock;
}

/**
 * Waits until one of several objects is signalled, and takes that one alone, without blocking anything: other code of this
 * process runs meanwhile. The process stays alive. If several are signalled at first, the one that stands first is taken.
 *
 * @param objects 1 to 63
 * @throws `TypeError` if an argument is of a wrong type
 * @throws `RangeError` if there are more objects or none, or if the timeout is out of range
 * @throws `Win32Error` `WAIT_TIMEOUT` if the timeout has passed
 * @throws `Error` `AbortError` (`code` is `'ABORT_ERR'`) if the signal is aborted; `ERR_USE_AFTER_CLOSE` if one of the
 *   objects is closed
 * @group Waiting and locking
 * @example
 * ```ts
 * import { NamedEvent, NamedMutex, waitAny } from 'dllmemfilemap';
 *
 * using stop = NamedEvent.create('Local\\Stop');
 * using mutex = NamedMutex.create('Local\\ScoresLock');
 * const { index, lock } = await waitAny([stop, mutex], { timeout: 1000 });
 * index; // 1
 * lock?.release();
 * ```
 * @see {@link https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-waitformultipleobjects | WaitForMultipleObjects}
 */
export async function waitAny(objects: readonly NamedObject[], options: WaitOptions = {}): Promise<WaitAnyResult> {
  if (!Array.isArray(objects)) throw new TypeError(`objects must be an array: it is ${describe(objects)}`);
  if (objects.length < 1 || objects.length > MOST) {
    throw new RangeError(`objects must be from 1 to ${MOST}: there are ${objects.length}`);
  }
  const limits = limitsOf(options);
  const waitables = Array.from(objects, (object, index) => waitableOf(object, `objects[${index}]`));
  return takeAny(waitables, limits.timeout > 0) ?? waitForAny(waitables, limits, 'WaitForMultipleObjects');
}

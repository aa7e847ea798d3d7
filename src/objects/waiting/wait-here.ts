import { kernel32 } from '../../win32/kernel32.js';
import { synchronization, WAIT_ABANDONED_0, WAIT_FAILED, WAIT_TIMEOUT } from '../../win32/synchronization.js';
import { check, Win32Error } from '../../win32/win32-error.js';
import { OWN } from '../mapped-view.js';
import { LONGEST_SLEEP_MS } from './helper.js';
import { MutexLock, type Owner } from './mutex-lock.js';
import type { Claim } from './turn.js';
import { type TimeoutOptions, timeoutOf } from './wait-options.js';
import type { Waitable } from './waitable.js';

/** This thread, as the owner of what it has taken itself. */
const THIS_THREAD: Owner = {
  release(handle, name) {
    check(synchronization().ReleaseMutex(handle), 'ReleaseMutex', name);
  },
};

/** What has the turn already need not be told. */
const FIRST: Claim = { onTurn() {} };

/** The error of a timeout that has passed. */
export function timeoutError(syscall: string, name: string | undefined, timeout: number): Win32Error {
  return new Win32Error(WAIT_TIMEOUT, syscall, name, `${timeout} ms`);
}

/**
 * Waits in this thread.
 *
 * @returns whether a mutex was abandoned; `undefined` if the time has passed
 * @throws `Win32Error` if it cannot be waited for
 */
export function waitHere({ handle, name }: Waitable, milliseconds: number): boolean | undefined {
  const result = synchronization().WaitForSingleObject(handle, milliseconds);
  if (result === WAIT_TIMEOUT) return undefined;
  if (result === WAIT_FAILED) throw new Win32Error(kernel32().GetLastError(), 'WaitForSingleObject', name);
  return result === WAIT_ABANDONED_0;
}

/**
 * Takes the object if it is signalled.
 *
 * @returns whether a mutex was abandoned; `undefined` if it is not signalled, or others of this thread want the mutex
 */
export function take(object: Waitable): boolean | undefined {
  return object.turn?.isFree === false ? undefined : waitHere(object, 0);
}

/** The lock of a mutex that this thread has taken. */
export function lockHere(mutex: Waitable, claim: Claim, abandoned: boolean): MutexLock {
  return new MutexLock(OWN, mutex, THIS_THREAD, claim, abandoned);
}

/** The lock of a mutex that this thread has taken at once, before others of it. */
export function lockAtOnce(mutex: Waitable, abandoned: boolean): MutexLock {
  mutex.turn?.enter(FIRST);
  return lockHere(mutex, FIRST, abandoned);
}

/**
 * Takes the object, and blocks this thread until then.
 *
 * @returns whether a mutex was abandoned
 * @throws `Win32Error` if the time has passed, or if it cannot be waited for
 */
export function waitSync(object: Waitable, options: TimeoutOptions): boolean {
  const timeout = timeoutOf(options);
  const end = performance.now() + timeout;
  let left = timeout;
  do {
    const abandoned = waitHere(object, Math.min(Math.ceil(left), LONGEST_SLEEP_MS));
    if (abandoned !== undefined) return abandoned;
    left = end - performance.now();
  } while (left > 0);
  throw timeoutError('WaitForSingleObject', object.name, timeout);
}

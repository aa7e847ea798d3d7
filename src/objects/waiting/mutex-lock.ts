import type { Handle } from '../../win32/synchronization.js';
import { OWN } from '../mapped-view.js';
import type { Claim } from './turn.js';
import type { Waitable } from './waitable.js';

/** The thread that owns a mutex, which alone can release it. */
export interface Owner {
  release(handle: Handle, name: string | undefined): void;
}

/**
 * A mutex that is owned, until it is released. Made by {@link NamedMutex.acquire} and its like. Release it with
 * {@link MutexLock.release} or `using`; garbage collection releases nothing.
 *
 * @group Waiting and locking
 * @example
 * ```ts
 * import { type MutexLock, NamedMutex } from 'dllmemfilemap';
 *
 * function repairIf(lock: MutexLock): string {
 *   return lock.abandoned ? 'look at what it guards' : 'go on';
 * }
 *
 * using mutex = NamedMutex.create('Local\\ScoresLock');
 * using lock = await mutex.acquire();
 * repairIf(lock); // 'go on'
 * ```
 * @see {@link https://learn.microsoft.com/windows/win32/sync/mutex-objects | Mutex Objects}
 */
export class MutexLock implements Disposable {
  /**
   * Whether the thread or process that owned the mutex before has ended without releasing it. What the mutex guards may
   * be half changed then. It is owned now all the same.
   */
  readonly abandoned: boolean;
  readonly #mutex: Waitable;
  readonly #owner: Owner;
  #claim: Claim | undefined;

  /** @internal */
  constructor(key: symbol, mutex: Waitable, owner: Owner, claim: Claim, abandoned: boolean) {
    if (key !== OWN) throw new TypeError('MutexLock has no public constructor: use NamedMutex.acquire');
    mutex.lock();
    this.#mutex = mutex;
    this.#owner = owner;
    this.#claim = claim;
    this.abandoned = abandoned;
  }

  /**
   * Lets go of the mutex, which another has acquired as soon as this returns, if one was waiting for it. Again does
   * nothing.
   *
   * @throws `Win32Error` `ERROR_NOT_OWNER` if other code of this thread has released the mutex
   * @example
   * ```ts
   * import { NamedMutex } from 'dllmemfilemap';
   *
   * using mutex = NamedMutex.create('Local\\ScoresLock');
   * const lock = await mutex.acquire();
   * mutex.tryAcquire(); // undefined
   * lock.release();
   * lock.release();
   * mutex.tryAcquire()?.abandoned; // false
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-releasemutex | ReleaseMutex}
   */
  release(): void {
    const claim = this.#claim;
    if (claim === undefined) return;
    this.#claim = undefined;
    const mutex = this.#mutex;
    try {
      this.#owner.release(mutex.keptHandle, mutex.name);
    } finally {
      mutex.turn?.leave(claim);
      mutex.unlock();
    }
  }

  /** The same as {@link MutexLock.release}. */
  [Symbol.dispose](): void {
    this.release();
  }
}

import { clearTimeout, setInterval, setTimeout } from 'node:timers';
import { Win32Error } from '../../win32/win32-error.js';
import { OWN } from '../mapped-view.js';
import { helperFor, isAwaited, type Waiter } from './helper.js';
import { MutexLock, type Owner } from './mutex-lock.js';
import type { Claim } from './turn.js';
import { lockAtOnce, lockHere, take, timeoutError, waitHere } from './wait-here.js';
import { abortError, type Limits } from './wait-options.js';
import type { Waitable } from './waitable.js';

/** The longest time that a timer can wait, in milliseconds. */
const MAX_DELAY = 2 ** 31 - 1;

/** What a wait has taken: the object's place in the list, and a lock if it is a mutex. */
export interface Taken {
  readonly index: number;
  readonly lock?: MutexLock;
}

/**
 * Takes the first of the objects that is signalled, if one is.
 *
 * @param inOrder leaves alone what others of this thread have waited for longer
 */
export function takeAny(objects: readonly Waitable[], inOrder: boolean): Taken | undefined {
  for (const [index, object] of objects.entries()) {
    if (inOrder && isAwaited(object.key)) continue;
    const abandoned = take(object);
    if (abandoned === undefined) continue;
    return object.turn === undefined ? { index } : { index, lock: lockAtOnce(object, abandoned) };
  }
  return undefined;
}

/**
 * Takes the first of the objects that becomes signalled, without blocking this thread. None could be taken at once.
 *
 * @param syscall the function that a timeout is an error of
 */
export function waitForAny(objects: readonly Waitable[], { timeout, signal }: Limits, syscall: string): Promise<Taken> {
  return new Promise((resolve, reject) => {
    const onTimeout = () => timeoutError(syscall, objects[0]?.name, timeout);
    if (timeout === 0) reject(onTimeout());
    else new Wait(objects, resolve, reject).begin(timeout, signal, onTimeout);
  });
}

/** Takes the object as soon as it is signalled, without blocking this thread, and after those that have waited longer. */
export async function waitFor(object: Waitable, limits: Limits): Promise<void> {
  if (takeAny([object], limits.timeout > 0) === undefined) await waitForAny([object], limits, 'WaitForSingleObject');
}

/** A timer that keeps the process alive while there are waits. Starting one for each wait would take longer. */
let timer: NodeJS.Timeout | undefined;
let pending = 0;

/** There is one wait more, or one less. */
function keepAlive(change: 1 | -1): void {
  pending += change;
  timer ??= setInterval(() => {}, MAX_DELAY);
  if (pending === 0) timer.unref();
  else timer.ref();
}

/** A wait for one of several objects that could not be taken at once. */
class Wait implements Waiter {
  readonly keys: readonly string[];
  readonly #objects: readonly Waitable[];
  readonly #resolve: (taken: Taken) => void;
  readonly #reject: (error: Error) => void;
  /** Of the mutexes, by their places. */
  readonly #claims: (Claim | undefined)[];
  #helper: ReturnType<typeof helperFor> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopListening: (() => void) | undefined;

  constructor(objects: readonly Waitable[], resolve: (taken: Taken) => void, reject: (error: Error) => void) {
    this.#objects = objects;
    this.keys = objects.map(({ key }) => key);
    this.#claims = objects.map(({ turn }, index) => turn && { onTurn: () => this.#onTurn(index) });
    this.#resolve = resolve;
    this.#reject = reject;
  }

  begin(timeout: number, signal: AbortSignal | undefined, timeoutError: () => Error): void {
    const isFree = this.#objects.map(({ turn }) => turn?.isFree !== false);
    for (const [index, object] of this.#objects.entries()) {
      object.waits.add(this);
      object.turn?.enter(this.#claims[index] as Claim);
    }
    keepAlive(+1);
    if (timeout !== Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.cancel(timeoutError()), timeout);
    if (signal !== undefined) {
      const onAbort = () => this.cancel(abortError(signal));
      signal.addEventListener('abort', onAbort);
      this.#stopListening = () => signal.removeEventListener('abort', onAbort);
    }
    this.#askHelper([...isFree.keys()].filter((index) => isFree[index]));
  }

  taken(index: number, abandoned: boolean, owner: Owner): void {
    const claim = this.#claims[index];
    const mutex = this.#objects[index] as Waitable;
    this.#take(index, claim && new MutexLock(OWN, mutex, owner, claim, abandoned));
  }

  failed(index: number, errno: number): void {
    this.#end();
    this.#reject(new Win32Error(errno, 'WaitForMultipleObjects', this.#objects[index]?.name));
  }

  /** Ends it with an error, unless it has taken an object. */
  cancel(error: Error): void {
    if (this.#helper?.cancel(this) === false) return;
    this.#end();
    this.#reject(error);
  }

  /** No other of this thread wants the mutex before this one. */
  #onTurn(index: number): void {
    if (this.#helper !== undefined) {
      // One thread has to wait for all of them, or two would take one each.
      this.#askHelper([index]);
      return;
    }
    const mutex = this.#objects[index] as Waitable;
    try {
      const abandoned = waitHere(mutex, 0);
      if (abandoned === undefined) this.#askHelper([index]);
      else this.#take(index, lockHere(mutex, this.#claims[index] as Claim, abandoned));
    } catch (error) {
      this.cancel(error as Error);
    }
  }

  #askHelper(indexes: readonly number[]): void {
    if (indexes.length === 0) return;
    const items = indexes.map((index) => {
      const { keptHandle: handle, key, isForAll } = this.#objects[index] as Waitable;
      return { index, handle, key, isForAll };
    });
    if (this.#helper !== undefined) {
      this.#helper.add(this, items);
      return;
    }
    try {
      const helper = helperFor(this.keys);
      helper.begin(this, items);
      this.#helper = helper;
    } catch (error) {
      this.cancel(error as Error);
    }
  }

  #take(index: number, lock: MutexLock | undefined): void {
    this.#end(index);
    this.#resolve(lock === undefined ? { index } : { index, lock });
  }

  /** @param kept the place of the mutex whose turn its lock keeps */
  #end(kept?: number): void {
    keepAlive(-1);
    clearTimeout(this.#timer);
    this.#stopListening?.();
    for (const [index, object] of this.#objects.entries()) {
      const claim = this.#claims[index];
      if (claim !== undefined && index !== kept) object.turn?.leave(claim);
      object.endWait(this);
    }
  }
}

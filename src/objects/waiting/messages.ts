import type { MessagePort } from 'node:worker_threads';
import type { Handle } from '../../win32/synchronization.js';

/** What a helper thread is started with. */
export interface HelperData {
  /** An auto-reset event that wakes it. */
  readonly control: Handle;
  /** An auto-reset event by which it says that it has done what it was asked for. */
  readonly done: Handle;
  /** An `Int32Array` of {@link LONGEST_SLEEP}, {@link RESULT} and {@link STATE}. */
  readonly shared: SharedArrayBuffer;
  readonly port: MessagePort;
}

/** Where in the shared array is how long the helper may sleep at a time, in milliseconds; -1 is for ever. */
export const LONGEST_SLEEP = 0;
/** Where in the shared array is what came of a request, before the helper signals that it is done. */
export const RESULT = 1;

/** Where in the shared array is how far the helper is. */
export const STATE = 2;

export const State = {
  New: 0,
  /** It must not be ended meanwhile. */
  Loading: 1,
  Running: 2,
  /** It has failed, or is not to begin. */
  Ended: 3,
} as const;

/** One of the objects of a wait. */
export interface Item {
  /** Its place in the caller's list. */
  readonly index: number;
  readonly handle: Handle;
  /** The same for each handle to the object. */
  readonly key: string;
  readonly isForAll: boolean;
}

export type Request =
  /** Begins a wait. */
  | { readonly type: 'wait'; readonly id: number; readonly items: readonly Item[] }
  /** Adds objects to a wait, unless it has been answered. */
  | { readonly type: 'add'; readonly id: number; readonly items: readonly Item[] }
  /** Ends a wait. The result is 1, or 0 if it has been answered. */
  | { readonly type: 'cancel'; readonly id: number }
  /** Releases a mutex. The result is 0 or the last error. */
  | { readonly type: 'release'; readonly handle: Handle };

/** How a wait has ended. */
export type Answer =
  | { readonly id: number; readonly index: number; readonly abandoned: boolean }
  | { readonly id: number; readonly index: number; readonly errno: number };

/** The first message: the helper has begun. */
export const BEGUN = 'begun';

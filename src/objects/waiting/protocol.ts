/**
 * How a thread and its helper speak. The thread writes into memory that both have what to wait for, and wakes the helper;
 * the helper answers by a message. In order:
 *
 * 1. The thread puts handles into free places, at any time, and wakes the helper by its control event.
 * 2. The helper waits for its control event and for the objects in all places.
 * 3. It takes one object, posts an answer with its place, and takes no other until the thread has received that.
 * 4. The thread receives it, takes out the handles that nobody waits for any more, and has the helper go on.
 * 5. To end a wait otherwise, the thread has the helper pause first. Then nothing is taken, or it knows what was.
 */
import type { MessagePort } from 'node:worker_threads';
// Types alone: a helper thread has this file before it may load koffi.
import type { Handle } from '../../win32/synchronization.js';

/** What a helper thread is started with. */
export interface HelperData {
  /** An auto-reset event that wakes it. */
  readonly control: Handle;
  /** An auto-reset event by which it says that it has done what it was asked for. */
  readonly done: Handle;
  readonly shared: SharedArrayBuffer;
  readonly port: MessagePort;
}

/** How long the helper may sleep at a time, in milliseconds; -1 is for ever. */
export const LONGEST_SLEEP = 0;
/** How far the helper is. */
export const STATE = 1;
/** What the helper is asked for. */
export const REQUEST = 2;
/** What came of a request, before the helper signals that it is done. */
export const RESULT = 3;
/** Whether the helper is to take nothing. */
export const IS_PAUSED = 4;
/** How many answers the thread has received. */
export const RECEIVED = 5;
/** The last place that has ever been used. The first is 1. */
export const LAST_PLACE = 6;

/** One more than there are: what follows them has to begin at a multiple of 8 bytes. */
const WORDS = 8;

/** The handle of the mutex to release is where no place is. */
export const TO_RELEASE = 0;

export const State = {
  New: 0,
  /** It must not be ended meanwhile. */
  Loading: 1,
  Running: 2,
  /** It has failed, or is not to begin. */
  Ended: 3,
} as const;

export const Request = {
  None: 0,
  /** The result is the place of what has been taken and not yet received, or 0. */
  Pause: 1,
  /** The result is 0 or the last error. */
  Release: 2,
} as const;

/** An object has been taken, or cannot be waited for. */
export interface Answer {
  readonly place: number;
  readonly abandoned: boolean;
  /** 0 if it has been taken. */
  readonly errno: number;
}

const ABANDONED = 0x40;

/** As a number, which takes a third of the time of an object to post. */
export function encode({ place, abandoned, errno }: Answer): number {
  return errno * 0x80 + (abandoned ? ABANDONED : 0) + place;
}

export function decode(message: number): Answer {
  return {
    place: message % ABANDONED,
    abandoned: (message & ABANDONED) !== 0,
    errno: Math.floor(message / 0x80),
  };
}

/** Memory for that many handles, that of a mutex to release included. */
export function newMemory(handles: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * WORDS + 8 * handles);
}

/** The words of the memory that both threads have, by the numbers above. */
export function wordsOf(shared: SharedArrayBuffer): Int32Array {
  return new Int32Array(shared, 0, WORDS);
}

/** The handles that are to be waited for, by their places; 0 where there is none. */
export function handlesOf(shared: SharedArrayBuffer): BigInt64Array {
  return new BigInt64Array(shared, 4 * WORDS);
}

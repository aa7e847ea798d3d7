import { setImmediate, setTimeout } from 'node:timers/promises';
import { describe, requireInteger, requireOptions } from './arguments.js';
import { loadSharedMem } from './shared-mem.js';

/** The longest time that a timer can wait, in milliseconds. */
const MAX_DELAY = 2 ** 31 - 1;

/**
 * What {@link watchSharedMem} may be told.
 *
 * @example
 * ```ts
 * import { setSharedMem, type WatchOptions, watchSharedMem } from 'dllmemfilemap';
 *
 * setSharedMem('This is a test string');
 * const options: WatchOptions = { interval: 10, signal: AbortSignal.timeout(60_000) };
 * for await (const text of watchSharedMem(options)) {
 *   text; // 'This is a test string'
 *   break;
 * }
 * ```
 */
export interface WatchOptions {
  /** Ends the watching: the iteration throws an `AbortError`, whose `cause` is the signal's reason. */
  readonly signal?: AbortSignal;
  /** How long to wait before looking again, in milliseconds, from 1 to 2^31-1. Default: 100. */
  readonly interval?: number;
}

/**
 * The text in the shared memory each time that it has changed: first the text that is there, unless that is empty, and
 * then each new one, the empty one too. Whoever writes it needs to know nothing of being watched.
 *
 * That is done by looking at intervals. Of several texts within one interval only the last is seen, and a text that is
 * replaced by an equal one has not changed. Who writes is not locked out, so a look in the middle of a writing can give
 * a part of two texts; the next one gives the whole.
 *
 * Memory: a watcher holds the memory as {@link loadSharedMem} does, from the first step of the iteration to its end,
 * which is `break`, `return()`, an error, or the signal. So the text of a writer that has ended is still there. While a
 * step is being waited for, the process stays alive.
 *
 * @throws {TypeError} if an option is of a wrong type
 * @throws {RangeError} if the interval is out of range
 * @throws {Win32Error} as {@link loadSharedMem}, at the first step
 * @throws {Error} `AbortError` (`code` is `'ABORT_ERR'`) at the step in which the signal is aborted, or already was
 * @example
 * ```ts
 * import { setSharedMem, watchSharedMem } from 'dllmemfilemap';
 *
 * const seen: string[] = [];
 * setSharedMem('the beginning');
 * for await (const text of watchSharedMem()) {
 *   seen.push(text);
 *   if (text === 'the end') break;
 *   // Most often, it is another process that writes.
 *   setSharedMem('the end');
 * }
 * seen; // ['the beginning', 'the end']
 * ```
 */
export function watchSharedMem(options: WatchOptions = {}): AsyncGenerator<string, void, void> {
  requireOptions(options);
  const { signal, interval = 100 } = options;
  requireInteger('interval', interval, 1, MAX_DELAY);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`signal must be an AbortSignal: it is ${describe(signal)}`);
  }
  return watch(interval, signal === undefined ? {} : { signal });
}

async function* watch(interval: number, options: { readonly signal?: AbortSignal }) {
  // Throws if the signal is already aborted, in the same way as the waiting does.
  await setImmediate(undefined, options);
  using sharedMem = loadSharedMem();
  for (let last = ''; ; await setTimeout(interval, undefined, options)) {
    const text = sharedMem.get();
    if (text === last) continue;
    last = text;
    yield text;
  }
}

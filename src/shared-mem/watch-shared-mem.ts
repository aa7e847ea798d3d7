import { setImmediate } from 'node:timers/promises';
import { requireDelay, requireOptions, signalOption } from '../win32/arguments.js';
import { loadSharedMem } from './shared-mem.js';
import { Slot, waitForText } from './text-state.js';

/**
 * What {@link watchSharedMem} may be told.
 *
 * @group Shared text
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
  /**
   * How long to wait before looking again although no text was announced, in milliseconds, from 1 to 2^31-1: programs
   * that write without this package's DLL announce nothing. Default: 100.
   */
  readonly interval?: number;
}

/**
 * The text in the shared memory each time that it has changed: first the text that is there, unless that is empty, and
 * then each new one, the empty one too. Whoever writes it needs to know nothing of being watched.
 *
 * A writer that has this package's DLL wakes the watchers, 64 at a time. It does not wait for them: of several texts
 * that come faster than a watcher wakes only the last is seen, and a text that is replaced by an equal one has not
 * changed. What other programs write, and what more watchers than 64 watch, is seen at intervals.
 *
 * Memory: a watcher holds the memory as {@link loadSharedMem} does, from the first step of the iteration to its end,
 * which is `break`, `return()`, an error, or the signal. So the text of a writer that has ended is still there. While a
 * step is being waited for, the process stays alive.
 *
 * @throws `TypeError` if an option is of a wrong type
 * @throws `RangeError` if the interval is out of range
 * @throws `Win32Error` as {@link loadSharedMem}, at the first step
 * @throws `Error` `AbortError` (`code` is `'ABORT_ERR'`) at the step in which the signal is aborted, or already was
 * @group Shared text
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
  requireDelay('interval', interval, 1);
  return watch(interval, signalOption(signal));
}

async function* watch(interval: number, options: { readonly signal?: AbortSignal }) {
  // Throws if the signal is already aborted, in the same way as the waiting does.
  await setImmediate(undefined, options);
  using sharedMem = loadSharedMem();
  using slot = Slot.take();
  for (let last = ''; ; await waitForText(slot, { interval, ...options })) {
    const text = sharedMem.get();
    if (text === last) continue;
    last = text;
    yield text;
  }
}

import { requireDelay, requireOptions, signalOption } from '../../win32/arguments.js';

/**
 * How long a wait that ends with `Sync` may take.
 *
 * @group Waiting and locking
 * @example
 * ```ts
 * import { NamedEvent, type TimeoutOptions } from 'dllmemfilemap';
 *
 * using event = NamedEvent.create(null);
 * const options: TimeoutOptions = { timeout: 10 };
 * event.waitSync(options); // throws WAIT_TIMEOUT
 * ```
 */
export interface TimeoutOptions {
  /** In milliseconds, from 0 to 2^31-1, or `Infinity`. Default: `Infinity`. */
  readonly timeout?: number;
}

/**
 * How long a wait may take, and what ends it.
 *
 * @group Waiting and locking
 * @example
 * ```ts
 * import { NamedEvent, type WaitOptions } from 'dllmemfilemap';
 *
 * using event = NamedEvent.create(null);
 * const controller = new AbortController();
 * const options: WaitOptions = { timeout: 60_000, signal: controller.signal };
 * const waiting = event.wait(options).catch((error) => error.code);
 * controller.abort();
 * await waiting; // 'ABORT_ERR'
 * ```
 */
export interface WaitOptions extends TimeoutOptions {
  /** Ends the wait: the promise is rejected with an `AbortError`, whose `cause` is the signal's reason. */
  readonly signal?: AbortSignal;
}

/** @throws `TypeError` or `RangeError` if the timeout is none */
export function timeoutOf(options: TimeoutOptions): number {
  requireOptions(options);
  const { timeout = Number.POSITIVE_INFINITY } = options;
  if (timeout !== Number.POSITIVE_INFINITY) requireDelay('timeout', timeout, 0);
  return timeout;
}

/** What {@link WaitOptions} come down to. */
export interface Limits {
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * @throws `TypeError` or `RangeError` if the timeout or the signal is none
 * @throws `Error` `AbortError` if the signal is aborted
 */
export function limitsOf(options: WaitOptions): Limits {
  const timeout = timeoutOf(options);
  const { signal } = options;
  if (signal !== undefined) {
    signalOption(signal);
    if (signal.aborted) throw abortError(signal);
  }
  return { timeout, signal };
}

/** The error with which Node's own functions are aborted. */
export function abortError({ reason }: { readonly reason?: unknown }): Error {
  const error = new Error('The operation was aborted', { cause: reason });
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' });
}

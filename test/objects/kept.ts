import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';

/** A name that nobody else has. */
export const freeName = () => `Local\\${randomUUID()}`;

/** Disposes of it when the test is over. */
export function kept<T extends Disposable>(disposable: T): T {
  onTestFinished(() => disposable[Symbol.dispose]());
  return disposable;
}

/** What is not of the type that the declaration asks for. */
// biome-ignore lint/suspicious/noExplicitAny: it is the point
export const wrong = (value: unknown) => value as any;

/** How an abort and a timeout reject. */
export const ABORTED = { name: 'AbortError', code: 'ABORT_ERR' };
export const TIMED_OUT = { name: 'Win32Error', code: 'WAIT_TIMEOUT', errno: 258 };

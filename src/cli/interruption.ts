import { once } from 'node:events';
import process from 'node:process';

/**
 * A signal that is aborted by Ctrl+C or SIGTERM, for a command that stays until then; a second one ends the process.
 * SIGHUP keeps its own meaning, so that `nohup` works.
 */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort());
  return controller.signal;
}

/** Keeps the process alive until the signal is aborted. */
export async function stay(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const alive = setInterval(() => {}, 2 ** 31 - 1);
  await once(signal, 'abort');
  clearInterval(alive);
}

/** Waits for work that the signal may end. */
export async function endsByInterruption(signal: AbortSignal, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!signal.aborted || !(error instanceof Error && error.name === 'AbortError')) throw error;
  }
}

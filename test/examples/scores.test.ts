import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { FileMapping, NamedEvent, NamedMutex, NamedSemaphore, struct } from 'dllmemfilemap';
import { expect, test } from 'vitest';
import { programPath } from '../../dist/win32/native-library.js';

const POINTS = 1000; // of each program
const script = fileURLToPath(new URL('../../dist/examples/scores.js', import.meta.url));

test('C++ and Node programs share one memory, mutex, semaphore and event, by the documented example', async () => {
  using mapping = FileMapping.create('Local\\Scores', 65536);
  using view = mapping.mapView();
  using mutex = NamedMutex.create('Local\\ScoresLock');
  using seats = NamedSemaphore.create('Local\\ScoresSeats', { initial: 2, maximum: 2 });
  using changed = NamedEvent.create('Local\\ScoresChanged');
  const Scores = struct({ total: 'int32_t' });
  const run = promisify(execFile);
  const cpp = () => run(programPath('scores'));
  const node = () => run(process.execPath, [script]);

  const lock = await mutex.acquire();
  const all = Promise.all([cpp(), node(), cpp(), node()]);
  // Two have a seat, and all wait for the mutex.
  await expect.poll(() => seats.tryAcquire() && seats.release(), { timeout: 50_000 }).toBe(false);
  expect(view.readField(Scores, 'total')).toBe(0);
  lock.release();
  const told = async () => {
    while (view.readField(Scores, 'total') < 4 * POINTS) await changed.wait({ timeout: 50_000 });
  };
  const [printed] = await Promise.all([all, told()]);
  expect(printed.map(({ stdout }) => stdout.trimEnd())).toEqual([
    `C++ added ${POINTS}`,
    `Node added ${POINTS}`,
    `C++ added ${POINTS}`,
    `Node added ${POINTS}`,
  ]);
  expect(view.readField(Scores, 'total')).toBe(4 * POINTS);
  expect([seats.tryAcquire(), seats.tryAcquire(), seats.tryAcquire()]).toEqual([true, true, false]);
  expect(mutex.tryAcquire()?.abandoned).toBe(false);
});

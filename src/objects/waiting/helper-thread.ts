/** Where a helper thread begins: with nothing of koffi, which aborts the process if its thread is ended while it loads. */
import { workerData } from 'node:worker_threads';
import { type HelperData, STATE, State } from './messages.js';

const { shared: buffer }: HelperData = workerData;
const shared = new Int32Array(buffer);

if (Atomics.compareExchange(shared, STATE, State.New, State.Loading) === State.New) {
  try {
    await import('./helper-loop.js');
  } finally {
    Atomics.store(shared, STATE, State.Ended);
  }
}

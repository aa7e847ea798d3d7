/** Where a helper thread begins: with nothing of koffi, which aborts the process if its thread is ended while it loads. */
import { workerData } from 'node:worker_threads';
import { type HelperData, STATE, State, wordsOf } from './protocol.js';

const { shared }: HelperData = workerData;
const words = wordsOf(shared);

if (Atomics.compareExchange(words, STATE, State.New, State.Loading) === State.New) {
  try {
    await import('./helper-loop.js');
  } finally {
    Atomics.store(words, STATE, State.Ended);
  }
}

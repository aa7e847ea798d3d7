/**
 * A thread that sleeps until one of several objects is signalled, for a thread that must not. It owns the mutexes that it
 * has waited for. Nothing but its control event wakes it for a request, and it never returns to its event loop.
 */
import { workerData } from 'node:worker_threads';
import {
  MAXIMUM_WAIT_OBJECTS,
  WAIT_ABANDONED_0,
  WAIT_FAILED,
  WAIT_OBJECT_0,
  WAIT_TIMEOUT,
  waiting,
} from '../../win32/synchronization.js';
import {
  type Answer,
  encode,
  type HelperData,
  handlesOf,
  IS_PAUSED,
  LAST_PLACE,
  LONGEST_SLEEP,
  RECEIVED,
  REQUEST,
  RESULT,
  Request,
  STATE,
  State,
  TO_RELEASE,
  wordsOf,
} from './protocol.js';

const { control, done, port, shared }: HelperData = workerData;
const words = wordsOf(shared);
const handles = handlesOf(shared);
const { GetLastError, ReleaseMutex, SetEvent, WaitForMultipleObjects, WaitForSingleObject } = waiting();

let answers = 0;
/** The place of the last one. */
let answered = 0;

const isReceived = () => Atomics.load(words, RECEIVED) === answers;

function answer(answer: Answer): void {
  answers++;
  answered = answer.place;
  port.postMessage(encode(answer));
}

function serve(): void {
  const request = Atomics.exchange(words, REQUEST, Request.None);
  if (request === Request.None) return;
  let result = isReceived() ? 0 : answered;
  if (request === Request.Release) result = ReleaseMutex(Number(handles[TO_RELEASE])) ? 0 : GetLastError();
  Atomics.store(words, RESULT, result);
  SetEvent(done);
}

/** What it waits for, and the places of that. The first is its control event. */
const objects = new BigInt64Array(MAXIMUM_WAIT_OBJECTS);
const places = new Int32Array(MAXIMUM_WAIT_OBJECTS);
objects[0] = BigInt(control);

/** Begins after what was taken last: of several that are signalled, the system takes the first. */
function collect(): number {
  let count = 1;
  if (!isReceived() || Atomics.load(words, IS_PAUSED) !== 0) return count;
  const last = Atomics.load(words, LAST_PLACE);
  for (let i = 0; i < last; i++) {
    const place = ((answered + i) % last) + 1;
    const handle = Atomics.load(handles, place);
    if (handle === 0n) continue;
    objects[count] = handle;
    places[count] = place;
    count++;
  }
  return count;
}

/** Not all of them can be waited for together: answers for one that cannot. */
function answerForWhatFails(count: number, lastError: number): void {
  for (let i = 1; i < count; i++) {
    const place = places[i] as number;
    const result = WaitForSingleObject(Number(objects[i]), 0);
    if (result === WAIT_TIMEOUT) continue;
    const errno = result === WAIT_FAILED ? GetLastError() : 0;
    answer({ place, abandoned: result === WAIT_ABANDONED_0, errno });
    return;
  }
  // Each alone can.
  if (count > 1) answer({ place: places[count - 1] as number, abandoned: false, errno: lastError });
}

function sleep(): void {
  const count = collect();
  const bound = Atomics.load(words, LONGEST_SLEEP) >>> 0;
  const result = WaitForMultipleObjects(count, objects, 0, bound);
  if (result === WAIT_TIMEOUT || result === WAIT_OBJECT_0) return;
  if (result === WAIT_FAILED) {
    answerForWhatFails(count, GetLastError());
    return;
  }
  const abandoned = result >= WAIT_ABANDONED_0;
  const index = result - (abandoned ? WAIT_ABANDONED_0 : WAIT_OBJECT_0);
  answer({ place: places[index] as number, abandoned, errno: 0 });
}

Atomics.store(words, STATE, State.Running);
// That it has begun. The thread has to receive it as it has what is taken.
answer({ place: 0, abandoned: false, errno: 0 });
while (true) {
  serve();
  sleep();
}

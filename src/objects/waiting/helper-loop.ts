/**
 * A thread that sleeps until one of several objects is signalled, for a thread that must not. It owns the mutexes that it
 * has waited for. Nothing but its control event wakes it for a request, and it never returns to its event loop.
 */
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import {
  type Handle,
  MAXIMUM_WAIT_OBJECTS,
  WAIT_ABANDONED_0,
  WAIT_FAILED,
  WAIT_OBJECT_0,
  WAIT_TIMEOUT,
  waiting,
} from '../../win32/synchronization.js';
import {
  type Answer,
  BEGUN,
  type HelperData,
  type Item,
  LONGEST_SLEEP,
  RESULT,
  type Request,
  STATE,
  State,
} from './messages.js';

const { control, done, port, shared: buffer }: HelperData = workerData;
const shared = new Int32Array(buffer);
const { GetLastError, ReleaseMutex, SetEvent, WaitForMultipleObjects, WaitForSingleObject } = waiting();

/** In the order in which they began. */
const waits = new Map<number, readonly Item[]>();

function reply(result: number): void {
  Atomics.store(shared, RESULT, result);
  SetEvent(done);
}

function serve(request: Request): void {
  if (request.type === 'wait') {
    waits.set(request.id, request.items);
  } else if (request.type === 'add') {
    const items = waits.get(request.id);
    if (items !== undefined) waits.set(request.id, [...items, ...request.items]);
  } else if (request.type === 'cancel') {
    reply(waits.delete(request.id) ? 1 : 0);
  } else {
    reply(ReleaseMutex(request.handle) ? 0 : GetLastError());
  }
}

/** Answers the first wait for the object, or each, if a signal of it is for all. */
function answer(key: string, isForAll: boolean, outcome: (id: number, index: number) => Answer): void {
  for (const [id, items] of waits) {
    const item = items.find((other) => other.key === key);
    if (item === undefined) continue;
    waits.delete(id);
    port.postMessage(outcome(id, item.index));
    if (!isForAll) return;
  }
}

/** One item for each object that is waited for: the system takes no object twice. */
function objects(): Item[] {
  const found = new Map<string, Item>();
  for (const item of [...waits.values()].flat()) {
    if (!found.has(item.key) || item.isForAll) found.set(item.key, item);
  }
  return [...found.values()];
}

function take({ key, isForAll }: Item, abandoned: boolean): void {
  answer(key, isForAll, (id, index) => ({ id, index, abandoned }));
}

/** One of the handles cannot be waited for: ends the waits for it. */
function failThoseThatCannot(items: readonly Item[], errno: number): void {
  let failed = 0;
  for (const item of items) {
    const result = WaitForSingleObject(item.handle, 0);
    if (result === WAIT_TIMEOUT) continue;
    if (result !== WAIT_FAILED) {
      take(item, result === WAIT_ABANDONED_0);
      return;
    }
    const lastError = GetLastError();
    answer(item.key, /*isForAll=*/ true, (id, index) => ({ id, index, errno: lastError }));
    failed++;
  }
  // Each alone can, but not all of them.
  if (failed === 0) for (const { key } of items) answer(key, true, (id, index) => ({ id, index, errno }));
}

const handles = new BigInt64Array(MAXIMUM_WAIT_OBJECTS);

function sleep(): void {
  const items = objects();
  const all: Handle[] = [control, ...items.map(({ handle }) => handle)];
  for (const [i, handle] of all.entries()) handles[i] = BigInt(handle);
  const bound = Atomics.load(shared, LONGEST_SLEEP) >>> 0;
  const result = WaitForMultipleObjects(all.length, handles, 0, bound);
  if (result === WAIT_TIMEOUT || result === WAIT_OBJECT_0) return;
  if (result === WAIT_FAILED) {
    failThoseThatCannot(items, GetLastError());
    return;
  }
  const isAbandoned = result >= WAIT_ABANDONED_0;
  take(items[result - (isAbandoned ? WAIT_ABANDONED_0 : WAIT_OBJECT_0) - 1] as Item, isAbandoned);
}

Atomics.store(shared, STATE, State.Running);
port.postMessage(BEGUN);
while (true) {
  for (let received = receiveMessageOnPort(port); received !== undefined; received = receiveMessageOnPort(port)) {
    serve(received.message);
  }
  sleep();
}

import process from 'node:process';
import { isMainThread, MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { INFINITE } from '../../win32/kernel32.js';
import { type Handle, MAXIMUM_WAIT_OBJECTS, synchronization } from '../../win32/synchronization.js';
import { check, Win32Error } from '../../win32/win32-error.js';
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
import type { Owner } from './mutex-lock.js';

const ERROR_NOT_OWNER = 288;

/**
 * How long a thread may sleep at a time, in milliseconds, as far as it goes by this: one that sleeps in native code
 * cannot be stopped. The main thread wakes its helpers when the process exits, but nothing tells a worker thread that it
 * is being terminated.
 */
export const LONGEST_SLEEP_MS = isMainThread ? INFINITE : 200;

/** The same while the process exits. */
const LAST_SLEEP_MS = 1;

/** How long an exit waits for a helper that is loading koffi. */
const LONGEST_LOADING_MS = 5000;

/** One that a helper waits for. */
export interface Waiter {
  readonly id: number;
  /** Of all objects of which it may wait for one. */
  readonly keys: readonly string[];
  taken(index: number, abandoned: boolean, owner: Owner): void;
  failed(index: number, errno: number): void;
  cancel(error: Error): void;
}

type WaitRequest = Extract<Request, { readonly items: readonly Item[] }>;

const helpers: Helper[] = [];

/** The helper that can wait for one of these objects, beside what it waits for. */
export function helperFor(keys: readonly string[]): Helper {
  const found = helpers.find((helper) => helper.hasRoomFor(keys));
  if (found !== undefined) return found;
  if (helpers.length === 0) process.once('exit', hurry);
  const helper = new Helper();
  helpers.push(helper);
  return helper;
}

function hurry(): void {
  for (const helper of helpers) helper.hurry();
}

/** Whether a helper waits for the object. */
export function isAwaited(key: string): boolean {
  return helpers.some((helper) => helper.waitsFor(key));
}

/**
 * A thread that waits for this one (`helper-thread.js`). It is started when a wait has to sleep, and ends with this
 * thread, which it does not keep alive.
 */
class Helper implements Owner {
  readonly #control: Handle;
  readonly #done: Handle;
  readonly #shared = new Int32Array(new SharedArrayBuffer(12));
  readonly #port: MessagePort;
  readonly #waiters = new Map<number, Waiter>();
  /** How many waiters there are for each object. */
  readonly #counts = new Map<string, number>();
  /** What is to be asked for as soon as the thread runs. Until then, nobody answers. */
  #early: WaitRequest[] | undefined = [];

  constructor() {
    const { CreateEventW } = synchronization();
    this.#control = check(CreateEventW(null, 0, 0, null), 'CreateEventW');
    this.#done = check(CreateEventW(null, 0, 0, null), 'CreateEventW');
    this.#shared[LONGEST_SLEEP] = LONGEST_SLEEP_MS;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const data: HelperData = {
      control: this.#control,
      done: this.#done,
      shared: this.#shared.buffer as SharedArrayBuffer,
      port: port2,
    };
    const worker = new Worker(new URL('./helper-thread.js', import.meta.url), {
      workerData: data,
      transferList: [port2],
      // What the process was told to load at its start is not for this thread.
      execArgv: [],
    });
    worker.unref();
    worker.once('error', (error) => this.#fail(error));
    port1.on('message', (message) => this.#receive(message));
    port1.unref();
  }

  hasRoomFor(keys: readonly string[]): boolean {
    const added = new Set(keys.filter((key) => !this.#counts.has(key)));
    // One is its own control event.
    return this.#counts.size + added.size < MAXIMUM_WAIT_OBJECTS;
  }

  waitsFor(key: string): boolean {
    return this.#counts.has(key);
  }

  /** Waits for some of the waiter's objects, and has room for the others until the waiter is forgotten. */
  begin(waiter: Waiter, items: readonly Item[]): void {
    this.#waiters.set(waiter.id, waiter);
    for (const key of waiter.keys) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    this.#request({ type: 'wait', id: waiter.id, items });
  }

  /** Waits for these of its objects, too. */
  add({ id }: Waiter, items: readonly Item[]): void {
    this.#request({ type: 'add', id, items });
  }

  forget(waiter: Waiter): void {
    if (!this.#waiters.delete(waiter.id)) return;
    for (const key of waiter.keys) {
      const count = (this.#counts.get(key) as number) - 1;
      if (count === 0) this.#counts.delete(key);
      else this.#counts.set(key, count);
    }
  }

  /** Ends a wait, unless it has ended: then, its answer is on its way, and this is `false`. */
  cancel({ id }: Waiter): boolean {
    if (this.#early === undefined) return this.#ask({ type: 'cancel', id }) === 1;
    this.#early = this.#early.filter((request) => request.id !== id);
    return true;
  }

  /** Releases a mutex that the thread owns. It is released when this returns. */
  release(handle: Handle, name: string | undefined): void {
    // If the thread has failed, it owns nothing any more.
    const errno = this.#early ? ERROR_NOT_OWNER : this.#ask({ type: 'release', handle });
    if (errno !== 0) throw new Win32Error(errno, 'ReleaseMutex', name);
  }

  /** Lets the thread be stopped at any moment, as it will be when the process has exited. */
  hurry(): void {
    Atomics.compareExchange(this.#shared, STATE, State.New, State.Ended);
    const end = performance.now() + LONGEST_LOADING_MS;
    while (Atomics.load(this.#shared, STATE) === State.Loading && performance.now() < end) {
      // Nothing signals this yet: it sleeps.
      synchronization().WaitForSingleObject(this.#done, 1);
    }
    Atomics.store(this.#shared, LONGEST_SLEEP, LAST_SLEEP_MS);
    synchronization().SetEvent(this.#control);
  }

  #request(request: WaitRequest): void {
    if (this.#early) this.#early.push(request);
    else this.#send(request);
  }

  #send(request: Request): void {
    this.#port.postMessage(request);
    synchronization().SetEvent(this.#control);
  }

  /** The thread is never busy for longer than it takes to answer. */
  #ask(request: Request): number {
    this.#send(request);
    synchronization().WaitForSingleObject(this.#done, INFINITE);
    return Atomics.load(this.#shared, RESULT);
  }

  #receive(message: Answer | typeof BEGUN): void {
    if (message === BEGUN) {
      const requests = this.#early ?? [];
      this.#early = undefined;
      for (const request of requests) this.#send(request);
      return;
    }
    const waiter = this.#waiters.get(message.id) as Waiter;
    if ('errno' in message) waiter.failed(message.index, message.errno);
    else waiter.taken(message.index, message.abandoned, this);
  }

  /** The thread could not be started, or has ended. */
  #fail(cause: Error): void {
    this.#early = [];
    helpers.splice(helpers.indexOf(this), 1);
    for (const waiter of [...this.#waiters.values()]) {
      waiter.cancel(new Error(`Cannot wait: the thread that waits has failed: ${cause.message}`, { cause }));
    }
  }
}

import { isMainThread, MessageChannel, Worker } from 'node:worker_threads';
import { INFINITE } from '../../win32/kernel32.js';
import { compiledFile } from '../../win32/native-library.js';
import { type Handle, MAXIMUM_WAIT_OBJECTS, synchronization } from '../../win32/synchronization.js';
import { check, Win32Error } from '../../win32/win32-error.js';
import type { Owner } from './mutex-lock.js';
import {
  decode,
  type HelperData,
  handlesOf,
  IS_PAUSED,
  LAST_PLACE,
  LONGEST_SLEEP,
  newMemory,
  RECEIVED,
  REQUEST,
  RESULT,
  Request,
  STATE,
  State,
  TO_RELEASE,
  wordsOf,
} from './protocol.js';

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

/** One of the objects of a wait. */
export interface Item {
  /** Its place in the caller's list. */
  readonly index: number;
  readonly handle: Handle;
  /** The same for each handle to the object. */
  readonly key: string;
  /** Whether a signal of it is for everyone who waits. */
  readonly isForAll: boolean;
}

/** One that a helper waits for. */
export interface Waiter {
  /** Of all objects of which it may wait for one. */
  readonly keys: readonly string[];
  taken(index: number, abandoned: boolean, owner: Owner): void;
  failed(index: number, errno: number): void;
  cancel(error: Error): void;
}

/** An object's place among those that a helper waits for. */
class Place {
  readonly number: number;
  /** How many waiters may wait for it. */
  users = 0;
  /** Those who do, in the order in which they began. */
  readonly waiters = new Map<Waiter, Item>();

  constructor(number: number) {
    this.number = number;
  }

  /** The first, or everyone if a signal is for all. */
  get recipients(): [Waiter, Item][] {
    const all = [...this.waiters];
    return all.some(([, item]) => item.isForAll) ? all : all.slice(0, 1);
  }
}

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
  readonly #words: Int32Array;
  readonly #handles: BigInt64Array;
  /** By the objects' keys. */
  readonly #places = new Map<string, Place>();
  /** By their numbers, the first of which is 1. */
  readonly #numbered: (Place | undefined)[] = [];
  #hasBegun = false;

  constructor() {
    const file = compiledFile('objects/waiting/helper-thread.js');
    if (file === undefined) {
      throw new Error(
        'Cannot wait: that starts a thread with a file of its own, and this package was bundled into another. ' +
          "Mark 'dllmemfilemap' as external, or use the methods whose names end with Sync",
      );
    }
    const { CreateEventW } = synchronization();
    this.#control = check(CreateEventW(null, 0, 0, null), 'CreateEventW');
    this.#done = check(CreateEventW(null, 0, 0, null), 'CreateEventW');
    const shared = newMemory(MAXIMUM_WAIT_OBJECTS);
    this.#words = wordsOf(shared);
    this.#handles = handlesOf(shared);
    this.#words[LONGEST_SLEEP] = LONGEST_SLEEP_MS;
    const { port1, port2 } = new MessageChannel();
    const data: HelperData = { control: this.#control, done: this.#done, shared, port: port2 };
    const worker = new Worker(file, {
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
    const added = new Set(keys.filter((key) => !this.#places.has(key)));
    // One is its own control event.
    return this.#places.size + added.size < MAXIMUM_WAIT_OBJECTS;
  }

  waitsFor(key: string): boolean {
    return this.#places.has(key);
  }

  /** Waits for some of the waiter's objects, and keeps places for the others until it has ended. */
  begin(waiter: Waiter, items: readonly Item[]): void {
    for (const key of waiter.keys) this.#placeOf(key).users++;
    this.add(waiter, items);
  }

  /** Waits for these of its objects, too. */
  add(waiter: Waiter, items: readonly Item[]): void {
    for (const item of items) {
      const place = this.#placeOf(item.key);
      // The first of an object that stands in the caller's list twice.
      if (place.waiters.has(waiter)) continue;
      place.waiters.set(waiter, item);
      if (place.waiters.size === 1) Atomics.store(this.#handles, place.number, BigInt(item.handle));
    }
    this.#wake();
  }

  /** Ends a wait, unless it has ended: then, its answer is on its way, and this is `false`. */
  cancel(waiter: Waiter): boolean {
    if (!this.#hasBegun) {
      this.#remove(waiter);
      return true;
    }
    Atomics.store(this.#words, IS_PAUSED, 1);
    const taken = this.#numbered[this.#ask(Request.Pause)];
    const isTaken = taken?.recipients.some(([recipient]) => recipient === waiter) === true;
    if (!isTaken) this.#remove(waiter);
    Atomics.store(this.#words, IS_PAUSED, 0);
    this.#goOn();
    return !isTaken;
  }

  /** Releases a mutex that the thread owns. It is released when this returns. */
  release(handle: Handle, name: string | undefined): void {
    Atomics.store(this.#handles, TO_RELEASE, BigInt(handle));
    // If the thread has failed, it owns nothing any more.
    const errno = this.#hasBegun ? this.#ask(Request.Release) : ERROR_NOT_OWNER;
    if (errno !== 0) throw new Win32Error(errno, 'ReleaseMutex', name);
  }

  /** Lets the thread be stopped at any moment, as it will be when the process has exited. */
  hurry(): void {
    Atomics.compareExchange(this.#words, STATE, State.New, State.Ended);
    const end = performance.now() + LONGEST_LOADING_MS;
    while (Atomics.load(this.#words, STATE) === State.Loading && performance.now() < end) {
      // Nothing signals this yet: it sleeps.
      synchronization().WaitForSingleObject(this.#done, 1);
    }
    Atomics.store(this.#words, LONGEST_SLEEP, LAST_SLEEP_MS);
    synchronization().SetEvent(this.#control);
  }

  #placeOf(key: string): Place {
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    let number = 1;
    while (this.#numbered[number] !== undefined) number++;
    const place = new Place(number);
    this.#places.set(key, place);
    this.#numbered[number] = place;
    Atomics.store(this.#words, LAST_PLACE, this.#numbered.length - 1);
    return place;
  }

  /** Takes the waiter out of its places, while the thread takes nothing. */
  #remove(waiter: Waiter): void {
    for (const key of waiter.keys) {
      const place = this.#places.get(key) as Place;
      place.waiters.delete(waiter);
      const [next] = place.waiters.values();
      // Each has a handle of its own, and this one may be closed.
      Atomics.store(this.#handles, place.number, BigInt(next?.handle ?? 0));
      if (--place.users > 0) continue;
      this.#places.delete(key);
      this.#numbered[place.number] = undefined;
    }
  }

  #wake(): void {
    if (this.#hasBegun) synchronization().SetEvent(this.#control);
  }

  /** The thread may take what it waits for again. */
  #goOn(): void {
    if (this.#places.size > 0) this.#wake();
  }

  /** The thread is never busy for longer than it takes to answer. */
  #ask(request: number): number {
    Atomics.store(this.#words, REQUEST, request);
    synchronization().SetEvent(this.#control);
    synchronization().WaitForSingleObject(this.#done, INFINITE);
    return Atomics.load(this.#words, RESULT);
  }

  #receive(message: number): void {
    this.#hasBegun = true;
    const { place: number, abandoned, errno } = decode(message);
    const place = this.#numbered[number];
    const ended = errno === 0 ? (place?.recipients ?? []) : [...(place?.waiters ?? [])];
    for (const [waiter] of ended) this.#remove(waiter);
    Atomics.add(this.#words, RECEIVED, 1);
    this.#goOn();
    for (const [waiter, { index }] of ended) {
      if (errno === 0) waiter.taken(index, abandoned, this);
      else waiter.failed(index, errno);
    }
  }

  /** The thread could not be started, or has ended. */
  #fail(cause: Error): void {
    this.#hasBegun = false;
    helpers.splice(helpers.indexOf(this), 1);
    const waiters = new Set([...this.#places.values()].flatMap((place) => [...place.waiters.keys()]));
    for (const waiter of waiters) {
      waiter.cancel(new Error(`Cannot wait: the thread that waits has failed: ${cause.message}`, { cause }));
    }
  }
}

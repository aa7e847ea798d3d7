import { kernel32, MEM_COMMIT, MEM_RESERVE, PAGE_READWRITE, type Pointer } from '../win32/kernel32.js';
import { betterPlace, keepForNextView, takeKept } from '../win32/memory.js';

/** So many closed views wait to be unmapped, and so many bytes of them, before garbage is collected for them. */
const MOST_VIEWS = 1024;
const MOST_BYTES = 16 * 2 ** 20;

const ERROR_NOT_ENOUGH_MEMORY = 8;
const ERROR_COMMITMENT_LIMIT = 1455;

interface ClosedView {
  /** Detached, but an asynchronous call may still be at work on its memory. Such a call keeps the buffer alive. */
  readonly buffer: WeakRef<ArrayBuffer>;
  /** The buffer that the memory was moved to. Only this refers to it. */
  readonly moved: ArrayBuffer;
  readonly address: Pointer;
}

const waiting = new Set<ClosedView>();
let waitingBytes = 0;
let viewsLimit = MOST_VIEWS;
let bytesLimit = MOST_BYTES;

/** Unmaps what becomes garbage between two turns of the event loop. */
const collected = new FinalizationRegistry<ClosedView>(unmap);

/**
 * Takes the memory away from all arrays over a buffer that was handed out, and unmaps it as soon as nothing has that
 * buffer any more. Where the system can, the memory itself is given back at once, and what still writes there writes
 * into memory of its own.
 *
 * Finalizers never run while JavaScript does, so a long loop would keep everything that it closes: after some 65,000
 * mappings Linux gives no more, V8 included, which then ends the process. Therefore what waits has a bound. Where it is
 * reached, garbage is collected at once, and what is left is in use.
 *
 * @throws if the runtime does not let the memory be taken away
 */
export function unmapOnceUnused(buffer: ArrayBuffer, address: Pointer): void {
  const view = { buffer: new WeakRef(buffer), moved: detach(buffer), address };
  const { byteLength } = view.moved;
  // Windows refuses that, as something is mapped there.
  kernel32().VirtualAlloc(address, byteLength, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  waiting.add(view);
  waitingBytes += byteLength;
  collected.register(buffer, view, view);
  if (waiting.size > viewsLimit || waitingBytes > bytesLimit) unmapUnused();
}

/**
 * Does what needs memory or address space. If there is too little, it is done once more without what closed views have
 * of it.
 *
 * @returns what `act` does: a null pointer if it fails
 */
export function withRoom<T>(act: () => T | null): T | null {
  const result = act();
  if (result !== null || waiting.size === 0) return result;
  const error = kernel32().GetLastError();
  if (error !== ERROR_NOT_ENOUGH_MEMORY && error !== ERROR_COMMITMENT_LIMIT) return result;
  unmapUnused();
  return act();
}

/**
 * Moves a view that was mapped a moment ago to where a closed one of its length has left an array buffer, if one has.
 *
 * @param mapAt maps it once more, at an address: a null pointer if something else is there
 * @returns where it is now
 */
export function useKeptPlace(address: Pointer, length: number, mapAt: (place: Pointer) => Pointer | null): Pointer {
  const place = betterPlace(address, length);
  if (place === undefined) return address;
  const moved = mapAt(place);
  if (moved === null) {
    takeKept(place, length);
    return address;
  }
  kernel32().UnmapViewOfFile(address);
  return moved;
}

function unmapUnused(): void {
  collectGarbage();
  for (const view of waiting) if (view.buffer.deref() === undefined) unmap(view);
  // Collecting takes a time that grows with the heap: not again for what is in use and would be found again.
  viewsLimit = waiting.size + MOST_VIEWS;
  bytesLimit = waitingBytes + MOST_BYTES;
}

function unmap(view: ClosedView): void {
  if (!waiting.delete(view)) return;
  // A finalizer that has not run yet would keep what it is for.
  collected.unregister(view);
  waitingBytes -= view.moved.byteLength;
  kernel32().UnmapViewOfFile(view.address);
  keepForNextView(view.address, view.moved);
}

let collect: (() => void) | undefined;

function collectGarbage(): void {
  collect ??= collector();
  collect();
}

/** What collects garbage in the middle of running JavaScript. */
function collector(): () => void {
  const { createContext, runInContext, runInNewContext } = process.getBuiltinModule('node:vm');
  const exposed: (() => void) | undefined = 'gc' in globalThis ? runInNewContext('globalThis.gc') : undefined;
  const gc = exposed ?? fromNewContext<() => void>('--expose-gc', 'globalThis.gc');
  // A WeakRef keeps its target until the microtasks have run, which here are those of an empty context.
  const context = createContext({}, { microtaskMode: 'afterEvaluate' });
  return () => {
    runInContext('0', context);
    gc();
  };
}

/** Known before a caller can put others in their place. Node 20 has no `transfer`. */
const { prototype } = ArrayBuffer;
type Transfer = (this: ArrayBuffer) => ArrayBuffer;
let transfer: Transfer | undefined = (prototype as Partial<ArrayBuffer>).transfer;
const byteLength = Object.getOwnPropertyDescriptor(prototype, 'byteLength')?.get as () => number;

/** Whether the caller has moved the memory into an array of their own. */
export function isMoved(buffer: ArrayBuffer): boolean {
  return byteLength.call(buffer) === 0;
}

/** Takes the memory away from all arrays over a buffer, and returns the buffer that it goes to. */
function detach(buffer: ArrayBuffer): ArrayBuffer {
  transfer ??= fromNewContext<Transfer>('--harmony-rab-gsab-transfer', 'ArrayBuffer.prototype.transfer');
  const moved = transfer.call(buffer);
  // That of Node 20 makes one of the other context.
  if (Object.getPrototypeOf(moved) !== prototype) Object.setPrototypeOf(moved, prototype);
  return moved;
}

/**
 * What a flag of V8's gives to the contexts that are made while it is set. Flags are the process's own: another thread
 * that does the same may take it away before the context is made.
 */
function fromNewContext<T>(flag: string, expression: string): T {
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  const { runInNewContext } = process.getBuiltinModule('node:vm');
  for (let attempt = 0; attempt < 10_000; attempt++) {
    setFlagsFromString(flag);
    const value: T | undefined = runInNewContext(expression);
    setFlagsFromString(flag.replace('--', '--no-'));
    if (value !== undefined) return value;
  }
  throw new Error(`This runtime has no ${expression}, even with ${flag}`);
}

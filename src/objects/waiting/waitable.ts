import { useAfterClose, withoutLocal } from '../../win32/arguments.js';
import { type Handle, SYNCHRONIZE, synchronization } from '../../win32/synchronization.js';
import { check } from '../../win32/win32-error.js';
import { Turn } from './turn.js';

export type Kind = 'event' | 'mutex' | 'semaphore';

/** What ends with an error if an object that it waits for is closed. */
export interface Cancellable {
  cancel(error: Error): void;
}

/** A handle to an object that can be waited for, and what still needs it. */
export class Waitable {
  readonly name: string | undefined;
  /** The same for each handle to the object. */
  readonly key: string;
  /** Whether a signal is for everyone who waits: known of a manual-reset event that this call has created. */
  readonly isForAll: boolean;
  /** A mutex has one. */
  readonly turn: Turn | undefined;
  readonly waits = new Set<Cancellable>();
  readonly #kind: Kind;
  readonly #handle: Handle;
  #locks = 0;
  #isClosed = false;

  constructor(kind: Kind, handle: Handle, name: string | null, isForAll = false) {
    this.#kind = kind;
    this.#handle = handle;
    this.name = name ?? undefined;
    this.key = name === null || name === '' ? `${handle}` : keyOf(name);
    this.isForAll = isForAll;
    this.turn = kind === 'mutex' ? Turn.of(this.key) : undefined;
  }

  /**
   * The handle, for what begins.
   *
   * @throws `Error` `ERR_USE_AFTER_CLOSE`
   */
  get handle(): Handle {
    if (this.#isClosed) throw this.#closed();
    return this.#handle;
  }

  /** The handle, for a wait or a lock that keeps it. */
  get keptHandle(): Handle {
    return this.#handle;
  }

  /** Keeps the handle until as many calls of {@link Waitable.unlock}. */
  lock(): void {
    this.#locks++;
  }

  unlock(): void {
    this.#locks--;
    if (this.#isClosed) this.#closeUnlessNeeded();
  }

  /** A wait has ended. */
  endWait(wait: Cancellable): void {
    if (this.waits.delete(wait) && this.#isClosed) this.#closeUnlessNeeded();
  }

  /** Cancels what waits for it, and closes the handle, or has the last lock close it. */
  close(): void {
    if (this.#isClosed) return;
    const waits = [...this.waits];
    this.#isClosed = true;
    if (waits.length === 0) this.#closeUnlessNeeded();
    for (const wait of waits) wait.cancel(this.#closed());
  }

  #closeUnlessNeeded(): void {
    if (this.#locks > 0 || this.waits.size > 0) return;
    this.turn?.close();
    check(synchronization().CloseHandle(this.#handle), 'CloseHandle', this.name);
  }

  #closed(): Error {
    return useAfterClose(
      this.name === undefined ? `The ${this.#kind} without a name` : `The ${this.#kind} '${this.name}'`,
    );
  }
}

let isOneNamespace: boolean | undefined;

/** What two names of one object have in common. */
function keyOf(name: string): string {
  const own = withoutLocal(name);
  if (!own.startsWith('Global\\')) return `\\${own}`;
  isOneNamespace ??= findsLocalAsGlobal();
  return `\\${isOneNamespace ? own.slice(7) : own}`;
}

/** Whether the two namespaces are one, as in the session of Windows' services. */
function findsLocalAsGlobal(): boolean {
  const { CloseHandle, CreateEventW, OpenEventW } = synchronization();
  const name = `dllmemfilemap.${process.pid}.${process.hrtime.bigint()}`;
  const local = CreateEventW(null, 0, 0, `Local\\${name}`);
  const global = OpenEventW(SYNCHRONIZE, 0, `Global\\${name}`);
  if (local !== 0) CloseHandle(local);
  if (global !== 0) CloseHandle(global);
  return global !== 0;
}

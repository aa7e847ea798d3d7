/**
 * Sections of one machine on others, too.
 *
 * @module dllmemfilemap/mirror
 */
// So that a program compiles, too, whose own settings name no library with AsyncDisposable.
/// <reference lib="esnext.disposable" preserve="true" />
import '../win32/symbol-dispose.js';
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { abortError } from '../objects/waiting/wait-options.js';
import type { MirrorEvents } from './events.js';
import { messageOf } from './mirror-error.js';
import { type MirrorOptions, settingsOf } from './options.js';
import { type Emit, Session } from './session.js';

declare global {
  // So that a program compiles, too, that has neither Node's types nor a browser's.
  interface AbortSignal {}
}

export type { Conflict, MirrorEvents, MirroredValue } from './events.js';
export { MirrorError, type MirrorErrorCode } from './mirror-error.js';
export type { MirrorOptions, SectionOptions } from './options.js';

/** The same warning is told again after so long, in milliseconds. */
const QUIET = 10_000;

/**
 * Sections of this machine that other machines have, too. Made by {@link mirror}. It holds the sections as any process
 * does, until it ends; and it keeps the process alive.
 *
 * @group Mirror
 * @example
 * ```ts
 * import { mirror } from 'dllmemfilemap/mirror';
 *
 * const mirrored = await mirror('nats://127.0.0.1:4222');
 * mirrored.sections; // ['dllmemfilemap']
 * await mirrored.close();
 * mirrored.connected; // false
 * ```
 */
export class Mirror implements AsyncDisposable {
  readonly #events: EventEmitter;
  readonly #session: Session;
  readonly #closed: Promise<void>;
  #closing: Promise<void> | undefined;
  #end = () => {};

  /** @internal */
  constructor(events: EventEmitter, session: Session, signal: AbortSignal | undefined) {
    this.#events = events;
    this.#session = session;
    this.#closed = new Promise((resolve) => {
      this.#end = resolve;
    });
    const abort = () => void this.close();
    signal?.addEventListener('abort', abort, { once: true });
    this.#closed.then(() => signal?.removeEventListener('abort', abort));
  }

  /**
   * Whether the server answers.
   *
   * @example
   * ```ts
   * import { mirror } from 'dllmemfilemap/mirror';
   *
   * await using mirrored = await mirror('nats://127.0.0.1:4222');
   * mirrored.connected; // true
   * ```
   */
  get connected(): boolean {
    return this.#session.isConnected;
  }

  /**
   * The names of the sections that it holds. One that no process here and no other machine has comes later.
   *
   * @example
   * ```ts
   * import { mirror } from 'dllmemfilemap/mirror';
   *
   * await using mirrored = await mirror('nats://127.0.0.1:4222', { sections: ['dllmemfilemap', 'Local\\NoProcessHasThis'] });
   * mirrored.sections; // ['dllmemfilemap']
   * ```
   */
  get sections(): string[] {
    return this.#session.sections;
  }

  /**
   * Fulfilled once it has ended: by {@link Mirror.close}, or by the signal.
   *
   * @example
   * ```ts
   * import { mirror } from 'dllmemfilemap/mirror';
   *
   * const controller = new AbortController();
   * const mirrored = await mirror('nats://127.0.0.1:4222', { signal: controller.signal });
   * controller.abort();
   * await mirrored.closed;
   * mirrored.connected; // false
   * ```
   */
  get closed(): Promise<void> {
    return this.#closed;
  }

  /**
   * Calls a function each time that something has happened.
   *
   * @param event one of {@link MirrorEvents}
   * @returns this mirror
   * @example
   * ```ts
   * import { setSharedMem } from 'dllmemfilemap';
   * import { mirror } from 'dllmemfilemap/mirror';
   *
   * await using mirrored = await mirror('nats://127.0.0.1:4222');
   * const sent = new Promise((resolve) => mirrored.on('sent', ({ section }) => resolve(section)));
   * setSharedMem('This is a test string');
   * await sent; // 'dllmemfilemap'
   * ```
   */
  on<E extends keyof MirrorEvents>(event: E, listener: (...args: MirrorEvents[E]) => void): this {
    this.#events.on(event, listener as (...args: unknown[]) => void);
    return this;
  }

  /**
   * Calls the function no more.
   *
   * @example
   * ```ts
   * import { mirror } from 'dllmemfilemap/mirror';
   *
   * await using mirrored = await mirror('nats://127.0.0.1:4222');
   * const listener = () => {};
   * mirrored.on('applied', listener).off('applied', listener) === mirrored; // true
   * ```
   */
  off<E extends keyof MirrorEvents>(event: E, listener: (...args: MirrorEvents[E]) => void): this {
    this.#events.off(event, listener as (...args: unknown[]) => void);
    return this;
  }

  /**
   * Sends what was written last, says good-bye to the other mirrors, and gives the sections up. That takes a second at
   * most if the server does not answer. Again waits for the same end.
   *
   * @example
   * ```ts
   * import { mirror } from 'dllmemfilemap/mirror';
   *
   * const mirrored = await mirror('nats://127.0.0.1:4222');
   * await mirrored.close();
   * mirrored.sections; // []
   * ```
   */
  close(): Promise<void> {
    this.#closing ??= this.#session.close().finally(() => this.#end());
    return this.#closing;
  }

  /** The same as {@link Mirror.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Mirrors sections of this machine through a server of NATS with JetStream: what is written into them here is on every
 * machine whose mirror is in the same group, and the other way round. The latest write wins. Programs that use the sections
 * need to know nothing of it.
 *
 * It takes `@nats-io/transport-node` and `@nats-io/jetstream`, which are loaded at the first call.
 *
 * @param url `nats://host:4222`, or `tls://host:4222` for a connection that has to be secured; more servers after commas
 * @returns a mirror, which is the caller's to close, once the server has answered and the sections that exist are held
 * @throws `TypeError` or `RangeError` if the URL or an option is none
 * @throws {@link MirrorError} if the client, the server or a section cannot be used; its `code` says which
 * @throws `Win32Error` if a section cannot be opened
 * @throws `Error` `AbortError` (`code` is `'ABORT_ERR'`) if the signal is aborted before it has begun
 * @group Mirror
 * @example
 * ```ts
 * import { setSharedMem } from 'dllmemfilemap';
 * import { mirror } from 'dllmemfilemap/mirror';
 *
 * await using mirrored = await mirror('nats://127.0.0.1:4222', { sections: ['dllmemfilemap'] });
 * // Every process of every machine of the group has it.
 * setSharedMem('This is a test string');
 * mirrored.connected; // true
 * ```
 * @see {@link https://learn.microsoft.com/windows/win32/memory/sharing-files-and-memory | Sharing Files and Memory}
 */
export async function mirror(url: string, options: MirrorOptions = {}): Promise<Mirror> {
  const settings = settingsOf(url, options);
  const { signal } = settings;
  if (signal?.aborted) throw abortError(signal);
  const events = new EventEmitter();
  const warned = new Map<string, number>();
  const tell: Emit = (event, ...args) => {
    if (event === 'warning') {
      const message = messageOf(args[0]);
      if (performance.now() - (warned.get(message) ?? Number.NEGATIVE_INFINITY) < QUIET) return;
      warned.set(message, performance.now());
    }
    events.emit(event, ...args);
  };
  // Until the caller has the mirror, there is no listener.
  let early: (() => void)[] | undefined = [];
  const session = new Session(settings, randomBytes(8).toString('hex'), (event, ...args) => {
    if (early === undefined) tell(event, ...args);
    else early.push(() => tell(event, ...args));
  });
  const abort = () => void session.close();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await session.open();
  } catch (error) {
    await session.close();
    throw signal?.aborted ? abortError(signal) : error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
  if (signal?.aborted) throw abortError(signal);
  setImmediate(() => {
    for (const telling of early?.splice(0) ?? []) telling();
    early = undefined;
  });
  return new Mirror(events, session, signal);
}

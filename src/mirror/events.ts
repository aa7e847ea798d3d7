/**
 * A value that went through a mirror.
 *
 * @group Mirror
 * @example
 * ```ts
 * import { setSharedMem } from 'dllmemfilemap';
 * import { type MirroredValue, mirror } from 'dllmemfilemap/mirror';
 *
 * setSharedMem('This is a test string');
 * await using mirrored = await mirror('nats://127.0.0.1:4222', { group: 'values' });
 * const value = await new Promise<MirroredValue>((resolve) => mirrored.on('sent', resolve));
 * value.section; // 'dllmemfilemap'
 * ```
 */
export interface MirroredValue {
  /** The section's name; `'dllmemfilemap'` for the shared text. */
  readonly section: string;
  /** When it was written, in milliseconds since 1970, on the server's clock. */
  readonly time: number;
  /** Tells the run of the mirror that has sent it: 16 digits in hexadecimal. */
  readonly origin: string;
}

/**
 * Something that was written here and has lost, as another machine wrote later: the memory has that value now.
 *
 * @group Mirror
 * @example
 * ```ts
 * import { type Conflict, mirror } from 'dllmemfilemap/mirror';
 *
 * await using mirrored = await mirror('nats://127.0.0.1:4222', { group: 'conflicts' });
 * const lost: Conflict[] = [];
 * mirrored.on('conflict', (conflict) => lost.push(conflict));
 * lost.length; // 0
 * ```
 */
export interface Conflict extends MirroredValue {
  /** Where it was, in bytes. */
  readonly offset: number;
  /** What has lost: a chunk of at most 65,536 bytes. */
  readonly loser: Uint8Array;
  /** What has lost, for the shared text. */
  readonly text?: string;
}

/**
 * What a {@link Mirror} tells, with the arguments of its listeners.
 *
 * @group Mirror
 * @example
 * ```ts
 * import { type MirrorEvents, mirror } from 'dllmemfilemap/mirror';
 *
 * await using mirrored = await mirror('nats://127.0.0.1:4222', { group: 'events' });
 * const names: (keyof MirrorEvents)[] = ['applied', 'sent'];
 * for (const name of names) mirrored.on(name, () => {});
 * names.length; // 2
 * ```
 */
export interface MirrorEvents {
  /** The server answers again. */
  readonly reached: [];
  /** The server does not answer. The memory of this machine goes on; what is written meanwhile is sent later. */
  readonly unreachable: [];
  /** A section that was nowhere is held and mirrored from now on. */
  readonly joined: [section: string];
  /** A value was stored, so the other machines get it. */
  readonly sent: [value: MirroredValue];
  /** A value of another machine was written into the memory. */
  readonly applied: [value: MirroredValue];
  /** Something that was written here has lost. */
  readonly conflict: [conflict: Conflict];
  /** The server has lost what it had. What this machine has is offered again, with the time that it has. */
  readonly 'store-lost': [section: string];
  /** Something failed, and is tried again. */
  readonly warning: [error: Error];
}

import { requireBoolean, requireOptions } from '../win32/arguments.js';
import { EVENT_MODIFY_STATE, SYNCHRONIZE, synchronization } from '../win32/synchronization.js';
import { check } from '../win32/win32-error.js';
import { OWN } from './mapped-view.js';
import { createHandle, NamedObject, type NamedObjectOptions, openHandle, waitableOf } from './named-object.js';
import { waitFor } from './waiting/wait.js';
import { take, waitSync } from './waiting/wait-here.js';
import { limitsOf, type TimeoutOptions, type WaitOptions } from './waiting/wait-options.js';
import { Waitable } from './waiting/waitable.js';

/**
 * What {@link NamedEvent.create} may be told.
 *
 * @group Waiting and locking
 * @example
 * ```ts
 * import { type EventOptions, NamedEvent } from 'dllmemfilemap';
 *
 * const options: EventOptions = { manualReset: true, initial: true };
 * using event = NamedEvent.create('Local\\ScoresReady', options);
 * event.tryWait(); // true
 * event.tryWait(); // true
 * ```
 */
export interface EventOptions extends NamedObjectOptions {
  /** Whether it stays signalled until it is reset, instead of until one wait has taken the signal. Default: `false`. */
  readonly manualReset?: boolean;
  /** Whether it begins signalled. Default: `false`. */
  readonly initial?: boolean;
}

/**
 * A handle to a named event, by which one process tells others that something has happened.
 *
 * An auto-reset event ends one wait each time that it is set, or the next one if there is none. Setting it while it is
 * signalled changes nothing. All waits of one JavaScript thread count as one there, and end in order. A manual-reset
 * event ends all waits until it is reset.
 *
 * @group Waiting and locking
 * @example
 * ```ts
 * import { NamedEvent } from 'dllmemfilemap';
 *
 * using changed = NamedEvent.create('Local\\ScoresChanged');
 * const waiting = changed.wait({ timeout: 60_000 });
 *
 * // Most often, it is another process that sets it.
 * using same = NamedEvent.open('Local\\ScoresChanged');
 * same.set();
 * await waiting; // undefined
 * ```
 * @see {@link https://learn.microsoft.com/windows/win32/sync/event-objects | Event Objects}
 */
export class NamedEvent extends NamedObject {
  /**
   * Creates the event of that name, or opens it if it exists; {@link NamedObject.created} tells which. An existing one
   * keeps its kind and its state.
   *
   * @param name of at most 260 UTF-16 code units; `null` or `''` for an event that no other call opens
   * @returns a handle, which is the caller's to close
   * @throws `TypeError` if an argument is of a wrong type
   * @throws `RangeError` if the name is too long
   * @throws `Win32Error` `ERROR_ALREADY_EXISTS` if `exclusive` and it exists; `ERROR_ACCESS_DENIED` if it exists and
   *   belongs to somebody who does not share it; `ERROR_INVALID_HANDLE` if another kind of object has the name
   * @example
   * ```ts
   * import { NamedEvent } from 'dllmemfilemap';
   *
   * using event = NamedEvent.create('Local\\ScoresChanged', { initial: true });
   * event.created; // true
   * event.tryWait(); // true
   * event.tryWait(); // false
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-createeventw | CreateEventW}
   */
  static create(name: string | null, options: EventOptions = {}): NamedEvent {
    requireOptions(options);
    const { manualReset = false, initial = false } = options;
    requireBoolean('manualReset', manualReset);
    requireBoolean('initial', initial);
    const { handle, created } = createHandle('CreateEventW', name, options, (attributes, name) =>
      synchronization().CreateEventW(attributes, Number(manualReset), Number(initial), name),
    );
    return new NamedEvent(OWN, name, created, new Waitable('event', handle, name, created && manualReset));
  }

  /**
   * Opens the event of that name. If it is shared for waiting alone, it can only be waited for.
   *
   * @param name of 1 to 260 UTF-16 code units
   * @returns a handle, which is the caller's to close
   * @throws `TypeError` if the name is no string
   * @throws `RangeError` if the name is too long
   * @throws `Win32Error` `ERROR_FILE_NOT_FOUND` if no living process has it open; `ERROR_ACCESS_DENIED` if it belongs to
   *   somebody who does not share it; `ERROR_INVALID_HANDLE` if another kind of object has the name
   * @example
   * ```ts
   * import { NamedEvent } from 'dllmemfilemap';
   *
   * NamedEvent.open('Local\\ScoresChanged'); // throws ERROR_FILE_NOT_FOUND
   *
   * using event = NamedEvent.create('Local\\ScoresChanged');
   * using same = NamedEvent.open('Local\\ScoresChanged');
   * same.created; // false
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-openeventw | OpenEventW}
   */
  static open(name: string): NamedEvent {
    const rights = [SYNCHRONIZE | EVENT_MODIFY_STATE, SYNCHRONIZE];
    const handle = openHandle('OpenEventW', name, rights, synchronization().OpenEventW);
    return new NamedEvent(OWN, name, false, new Waitable('event', handle, name));
  }

  /**
   * Sets the event to signalled.
   *
   * @throws `Win32Error` `ERROR_ACCESS_DENIED` if it was opened for waiting alone
   * @throws `Error` `ERR_USE_AFTER_CLOSE` if this handle is closed
   * @example
   * ```ts
   * import { NamedEvent } from 'dllmemfilemap';
   *
   * using event = NamedEvent.create('Local\\ScoresChanged');
   * event.set();
   * event.tryWait(); // true
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-setevent | SetEvent}
   */
  set(): void {
    const { handle, name } = waitableOf(this);
    check(synchronization().SetEvent(handle), 'SetEvent', name);
  }

  /**
   * Sets the event to not signalled. Setting and resetting it at once may miss a wait that has just begun, and, of those
   * of a thread that has opened the event instead of creating it, all but the first.
   *
   * @throws `Win32Error` `ERROR_ACCESS_DENIED` if it was opened for waiting alone
   * @throws `Error` `ERR_USE_AFTER_CLOSE` if this handle is closed
   * @example
   * ```ts
   * import { NamedEvent } from 'dllmemfilemap';
   *
   * using event = NamedEvent.create('Local\\ScoresReady', { manualReset: true, initial: true });
   * event.reset();
   * event.tryWait(); // false
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-resetevent | ResetEvent}
   */
  reset(): void {
    const { handle, name } = waitableOf(this);
    check(synchronization().ResetEvent(handle), 'ResetEvent', name);
  }

  /**
   * Waits until the event is signalled, without blocking anything: other code of this process runs meanwhile. The process
   * stays alive.
   *
   * @throws `TypeError` if an option is of a wrong type
   * @throws `RangeError` if the timeout is out of range
   * @throws `Win32Error` `WAIT_TIMEOUT` if the timeout has passed
   * @throws `Error` `AbortError` (`code` is `'ABORT_ERR'`) if the signal is aborted; `ERR_USE_AFTER_CLOSE` if this handle
   *   is closed
   * @example
   * ```ts
   * import { NamedEvent } from 'dllmemfilemap';
   *
   * using event = NamedEvent.create('Local\\ScoresChanged');
   * const waiting = event.wait();
   * event.set();
   * await waiting; // undefined
   *
   * const signal = AbortSignal.timeout(10);
   * const aborted = event.wait({ signal }).catch((error) => error.cause.name);
   * await aborted; // 'TimeoutError'
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-waitforsingleobject | WaitForSingleObject}
   */
  async wait(options: WaitOptions = {}): Promise<void> {
    await waitFor(waitableOf(this), limitsOf(options));
  }

  /**
   * Whether the event is signalled. Of an auto-reset event, this takes the signal.
   *
   * @throws `Error` `ERR_USE_AFTER_CLOSE` if this handle is closed
   * @example
   * ```ts
   * import { NamedEvent } from 'dllmemfilemap';
   *
   * using event = NamedEvent.create('Local\\ScoresChanged', { initial: true });
   * event.tryWait(); // true
   * event.tryWait(); // false
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-waitforsingleobject | WaitForSingleObject}
   */
  tryWait(): boolean {
    return take(waitableOf(this)) !== undefined;
  }

  /**
   * Waits until the event is signalled, and blocks this thread until then: its timers, its promises, all of its code.
   *
   * @throws `TypeError` if the timeout is of a wrong type
   * @throws `RangeError` if the timeout is out of range
   * @throws `Win32Error` `WAIT_TIMEOUT` if the timeout has passed
   * @throws `Error` `ERR_USE_AFTER_CLOSE` if this handle is closed
   * @example
   * ```ts
   * import { NamedEvent } from 'dllmemfilemap';
   *
   * using event = NamedEvent.create('Local\\ScoresChanged', { initial: true });
   * event.waitSync();
   * event.waitSync({ timeout: 10 }); // throws WAIT_TIMEOUT
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-waitforsingleobject | WaitForSingleObject}
   */
  waitSync(options: TimeoutOptions = {}): void {
    waitSync(waitableOf(this), options);
  }
}

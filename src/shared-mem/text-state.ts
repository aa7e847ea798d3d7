import { clearTimeout, setTimeout } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileMapping } from '../objects/file-mapping.js';
import type { MappedView } from '../objects/mapped-view.js';
import { NamedEvent } from '../objects/named-event.js';
import { Win32Error } from '../win32/win32-error.js';

/**
 * The section beside the text's, by which the DLL keeps the text whole and announces it. What is in it, and how to watch,
 * is in `dll/shared_text_layout.h`.
 */
export const STATE_NAME = 'dllmemfilemap.state';

/** In bytes. */
export const STATE_SIZE = 36864;
const LAYOUT = 1;
const WATCHING = 64;
const SLOTS = 64;
const IS_WATCHING = 1;

/** How long to wait, in milliseconds, and what ends that with an error. */
interface Limits {
  readonly interval: number;
  readonly signal?: AbortSignal;
}

/**
 * The state, if the DLL of some process has it.
 *
 * @throws `Win32Error` if it cannot be opened, `ERROR_FILE_NOT_FOUND` if there is none
 * @throws `Error` if it is something else
 */
export function openState(): MappedView {
  using mapping = FileMapping.open(STATE_NAME);
  const view = mapping.mapView();
  try {
    const layout = view.length < STATE_SIZE ? undefined : view.snapshot(0, 4)[0];
    if (layout === LAYOUT) return view;
    const found = layout === undefined ? `${view.length} bytes instead of ${STATE_SIZE}` : `the layout ${layout}`;
    throw new Error(`'${STATE_NAME}' has ${found}, so it was made by another program or version`);
  } catch (error) {
    view.close();
    throw error;
  }
}

/** A place among those whom writers wake. */
export class Slot implements Disposable {
  readonly #view: MappedView;
  readonly #number: number;
  /** Its name lives as long as the watcher. */
  readonly #claim: NamedEvent;
  readonly #changed: NamedEvent;
  /** A wait goes on while the watcher looks for what nobody announced. */
  #announced: Promise<void> | undefined;

  private constructor(view: MappedView, number: number, claim: NamedEvent) {
    this.#view = view;
    this.#number = number;
    this.#claim = claim;
    try {
      this.#changed = NamedEvent.create(`dllmemfilemap.changed.${number}`);
      const before = this.#watching;
      this.#watching = before + (before & IS_WATCHING ? 2 : 1);
    } catch (error) {
      claim.close();
      throw error;
    }
  }

  /** A free one; `undefined` if there is none, or if the state cannot be had. */
  static take(): Slot | undefined {
    let view: MappedView | undefined;
    try {
      view = openState();
      for (let i = 0; i < SLOTS; i++) {
        const number = (process.pid + i) % SLOTS;
        const claim = claimOf(number);
        if (claim !== undefined) return new Slot(view, number, claim);
      }
    } catch {
      // A watcher looks at intervals then.
    }
    view?.close();
    return undefined;
  }

  /**
   * Waits until a writer has announced a text, or until the time has passed.
   *
   * @throws `Error` `AbortError` if the signal is aborted
   */
  async wait({ interval, signal }: Limits): Promise<void> {
    if (this.#announced === undefined) {
      const forget = () => {
        this.#announced = undefined;
      };
      this.#announced = this.#changed.wait(signal && { signal }).finally(forget);
      // It may end while nobody waits, or as this is disposed of.
      this.#announced.catch(() => {});
    }
    let timer: NodeJS.Timeout | undefined;
    const passed = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, interval);
    });
    try {
      await Promise.race([this.#announced, passed]);
    } finally {
      clearTimeout(timer);
    }
  }

  [Symbol.dispose](): void {
    this.#watching = this.#watching + 1;
    this.#view.close();
    this.#changed.close();
    this.#claim.close();
  }

  get #watching(): number {
    return this.#view.snapshot(WATCHING + this.#number, 1)[0] as number;
  }

  set #watching(value: number) {
    this.#view.writeBytes(Uint8Array.of(value), WATCHING + this.#number);
  }
}

/** The name of a slot, if nobody has it. */
function claimOf(slot: number): NamedEvent | undefined {
  try {
    return NamedEvent.create(`dllmemfilemap.watcher.${slot}`, { exclusive: true });
  } catch (error) {
    if (error instanceof Win32Error && error.code === 'ERROR_ALREADY_EXISTS') return undefined;
    throw error;
  }
}

/** Waits as a watcher does, with a slot or without one. */
export async function waitForText(slot: Slot | undefined, limits: Limits): Promise<void> {
  if (slot !== undefined) return slot.wait(limits);
  await sleep(limits.interval, undefined, limits);
}

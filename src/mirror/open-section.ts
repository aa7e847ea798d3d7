import { setTimeout as sleep } from 'node:timers/promises';
import { FileMapping, openIfThere } from '../objects/file-mapping.js';
import { Win32Error } from '../win32/win32-error.js';
import type { Local } from './local.js';
import { LocalSection } from './local-section.js';
import { MirrorError } from './mirror-error.js';
import { MAX_SECTION, type Section } from './options.js';
import type { Store, Stored } from './store.js';

/** How often to look whether a section is there by now, in milliseconds. */
const AGAIN = 100;

/** A section that is held from now on, and what the store had when it was opened. */
export interface Opened {
  readonly local: Local;
  readonly stored: Stored | undefined;
}

/**
 * Opens a section, or creates it: with the size that the user has named, or with that of the value in the store.
 *
 * @param read reads what the store has
 * @returns `undefined` if neither side has it
 * @throws {@link MirrorError} `ERR_MIRROR_TOO_LARGE` or `ERR_MIRROR_OTHER_SIZE`
 */
export async function openSection(
  section: Section,
  interval: number,
  read: () => ReturnType<Store['read']>,
): Promise<Opened | undefined> {
  const stored = await read();
  const there = stored?.value?.length;
  const size = section.size ?? there;
  const mapping =
    size === undefined ? openIfThere(section.name) : FileMapping.create(section.name, size, { atLeast: true });
  if (mapping === undefined) return undefined;
  try {
    const length = lengthOf(section, mapping.size, there);
    return { local: new LocalSection(mapping, length, interval, section.versionWords), stored };
  } catch (error) {
    mapping.close();
    throw error;
  }
}

/** The same as {@link openSection}, as soon as some side has it. */
export async function openSectionOnceThere(
  section: Section,
  interval: number,
  read: () => ReturnType<Store['read']>,
  signal: AbortSignal,
): Promise<Opened> {
  for (let n = 0; ; n++) {
    await sleep(AGAIN, undefined, { signal });
    // The store is asked less often than this machine.
    if (n % 5 !== 0 && !isHere(section.name)) continue;
    const opened = await openSection(section, interval, read).catch((error) => {
      if (error instanceof MirrorError || error instanceof Win32Error) throw error;
      return undefined;
    });
    if (opened !== undefined) return opened;
  }
}

function isHere(name: string): boolean {
  using mapping = openIfThere(name);
  return mapping !== undefined;
}

/** How much of the memory is mirrored. The system makes whole pages of a size, and pages may be larger elsewhere. */
function lengthOf({ name, size, versionWords }: Section, here: number, there: number | undefined): number {
  if (there !== undefined && there > here) {
    throw new MirrorError(
      'ERR_MIRROR_OTHER_SIZE',
      `'${name}' has ${there} bytes on another machine and ${here} here: let every machine create it with the same size`,
    );
  }
  const length = there ?? size ?? here;
  if (length > MAX_SECTION) {
    throw new MirrorError(
      'ERR_MIRROR_TOO_LARGE',
      `'${name}' has ${length} bytes, and at most ${MAX_SECTION} are mirrored: name a size, and only as much is`,
    );
  }
  const beyond = versionWords.find((offset) => offset + 4 > length);
  if (beyond === undefined) return length;
  throw new RangeError(
    `versionWords must be within the section: '${name}' has ${length} bytes, and one is at ${beyond}`,
  );
}

import { FileMapping, Win32Error } from '../index.js';
import { SECTION_NAME } from '../shared-mem.js';

/**
 * Opens a section for reading.
 *
 * @returns `undefined` if no process has it open
 */
export function openIfHeld(name: string): FileMapping | undefined {
  try {
    return FileMapping.open(name, { access: 'read' });
  } catch (error) {
    if (error instanceof Win32Error && error.code === 'ERROR_FILE_NOT_FOUND') return undefined;
    throw error;
  }
}

/**
 * Whether some process has the shared memory; to be asked while this one has not. The system counts the holders but
 * tells nobody, so this is the answer of one moment: a holder may come or go in the next, and one that only looks at
 * the memory counts too.
 */
export function isHeldByOthers(): boolean {
  using mapping = openIfHeld(SECTION_NAME);
  return mapping !== undefined;
}

import { type FileMapping, openIfThere } from '../objects/file-mapping.js';
import { SECTION_NAME } from '../shared-mem/shared-mem.js';

/**
 * Opens a section for reading.
 *
 * @returns `undefined` if no process has it open
 */
export function openIfHeld(name: string): FileMapping | undefined {
  return openIfThere(name, { access: 'read' });
}

/**
 * Whether some process holds the shared memory, to be asked while this one does not. The system does not say how many
 * hold it or which. The answer is that of one moment: a holder may come or go in the next. A process that only looks at
 * the memory counts as a holder, too.
 */
export function isHeldByOthers(): boolean {
  using mapping = openIfHeld(SECTION_NAME);
  return mapping !== undefined;
}

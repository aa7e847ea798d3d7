import type { MappedView } from '../index.js';

/** How many copies to compare at most. */
const TRIES = 10;

/**
 * Copies a block that has no version words, but changes seldom, about once a second: two copies that are equal were
 * hardly taken during a change. If no two are, the last one has to do.
 *
 * @param length of the block, in bytes
 */
export function readUnversionedBlock(view: Pick<MappedView, 'snapshot'>, length: number): Buffer {
  let copy = Buffer.from(view.snapshot(0, length));
  for (let i = 0; i < TRIES; i++) {
    const again = Buffer.from(view.snapshot(0, length));
    if (again.equals(copy)) break;
    copy = again;
  }
  return copy;
}

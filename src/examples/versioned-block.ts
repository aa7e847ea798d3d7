import type { MappedView } from '../index.js';

/** How often to try at once, which is far longer than an update takes, but no time to wait for. */
const TRIES = 100;

/**
 * Copies a block that begins with two version words. Its writer counts an update in the first word, then writes, then
 * counts it in the second. So the copy is whole if both words were equal before, and are the same now: no update was
 * under way when the copy began, and none has begun since.
 *
 * The processor has to keep the order of loads, as x86-64 does.
 *
 * @param length of the block with its version words, in bytes
 * @returns `undefined` if an update was under way at every try: try later, or give up
 */
export function readVersionedBlock(view: Pick<MappedView, 'snapshot'>, length: number): Uint8Array | undefined {
  for (let i = 0; i < TRIES; i++) {
    const [begin, end] = readVersions(view);
    if (begin !== end) continue;
    const block = view.snapshot(0, length);
    const [beginAfter, endAfter] = readVersions(view);
    if (beginAfter === begin && endAfter === end) return block;
  }
  return undefined;
}

/** The two version words: how many updates have begun, and how many have ended. */
export function readVersions(view: Pick<MappedView, 'snapshot'>): [begin: number, end: number] {
  const words = new DataView(view.snapshot(0, 8).buffer);
  return [words.getUint32(0, true), words.getUint32(4, true)];
}

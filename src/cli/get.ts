import { loadSharedMem } from '../index.js';
import { forOutput, note, print } from './output.js';
import { isHeldByOthers } from './section.js';

/** Prints the shared text. */
export async function get({ json = false }: { readonly json?: boolean }): Promise<void> {
  const held = isHeldByOthers();
  using sharedMem = loadSharedMem();
  const text = sharedMem.get();
  await print(json ? `${JSON.stringify({ text, held })}\n` : `${forOutput(text)}\n`);
  if (!held && !json) note('No process holds the shared memory, so there is no text.');
}

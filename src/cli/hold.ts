import { pid } from 'node:process';
import { loadSharedMem, SHMEMSIZE, type SharedMem } from '../index.js';
import { SECTION_NAME } from '../shared-mem/shared-mem.js';
import { interruption, stay } from './interruption.js';
import { print, quote } from './output.js';
import { isHeldByOthers } from './section.js';

/** Keeps the shared memory alive until it is interrupted. */
export async function hold({ json = false }: { readonly json?: boolean }): Promise<void> {
  const created = !isHeldByOthers();
  using sharedMem = loadSharedMem();
  await keep(sharedMem, { created, json });
}

/** Says what this process holds, and stays until it is interrupted. */
export async function keep(sharedMem: SharedMem, how: { readonly created: boolean; readonly json: boolean }) {
  const signal = interruption();
  const text = sharedMem.get();
  const { created, json } = how;
  await print(
    json
      ? `${JSON.stringify({ name: SECTION_NAME, size: SHMEMSIZE, pid, created, text })}\n`
      : `Process ${pid} holds '${SECTION_NAME}', ${SHMEMSIZE} bytes${created ? ', which it made' : ''}, ` +
          `with the text ${quote(text)}. Ctrl+C ends it.\n`,
  );
  await stay(signal);
}

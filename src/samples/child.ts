// The TypeScript twin of dll/samples/child.cpp.
import { writeSync } from 'node:fs';
import { getSharedMem } from '../index.js';

const MAX_PATH = 260;

/** Prints the string that the DLL's users share. */
export function child(): void {
  writeSync(1, `Child process read from shared memory: ${getSharedMem(MAX_PATH)}\n`);
}

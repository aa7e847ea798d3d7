import { existsSync } from 'node:fs';
import { FileMapping } from 'dllmemfilemap';
import { sharedFiles } from './shared-files.js';

/** Fails the run if its processes have left files that were not there before. */
export default function setup(): (() => void) | undefined {
  if (process.platform === 'win32' || process.env.NOTHING_LEFT === 'unchecked') return undefined;
  const before = new Set(sharedFiles());
  return () => {
    // What killed processes left, the next process of the namespace removes: this one, for root or the user who ran it.
    for (const scope of ['Local', 'Global']) FileMapping.create(`${scope}\\nothing-left`, 1).close();
    const left = sharedFiles().filter((path) => !before.has(path) && existsSync(path));
    if (left.length === 0) return;
    // Vitest itself prints the error and ends with 0.
    process.exitCode = 1;
    throw new Error(`The tests have left ${left.join(', ')}`);
  };
}

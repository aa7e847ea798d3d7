import { mkdirSync, rmdirSync } from 'node:fs';
import { FileMapping } from 'dllmemfilemap';
import koffi from 'koffi';
import { onTestFinished } from 'vitest';
import { sharedFiles } from './shared-files.js';

/** Takes a name, by default that of the DLL's section, for something else until the test ends. */
export function occupyName(occupied = 'dllmemfilemap'): void {
  if (process.platform === 'win32') {
    const library = koffi.load('kernel32.dll');
    const handle = library.func('CreateMutexW', 'void *', ['void *', 'bool', 'str16'])(null, false, occupied);
    onTestFinished(() => library.func('CloseHandle', 'bool', ['void *'])(handle));
    return;
  }
  FileMapping.create(occupied, 1).close(); // what a killed process left behind is gone now
  const before = sharedFiles();
  const mapping = FileMapping.create(occupied, 1);
  const path = sharedFiles().find((path) => !before.includes(path)) as string;
  mapping.close();
  mkdirSync(path);
  onTestFinished(() => rmdirSync(path));
}

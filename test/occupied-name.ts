import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { FileMapping } from 'dllmemfilemap';
import koffi from 'koffi';
import { onTestFinished } from 'vitest';

/** Takes a name, by default that of the DLL's section, for something else until the test ends. */
export function occupyName(occupied = 'dllmemfilemap'): void {
  if (process.platform === 'win32') {
    const library = koffi.load('kernel32.dll');
    const handle = library.func('CreateMutexW', 'void *', ['void *', 'bool', 'str16'])(null, false, occupied);
    onTestFinished(() => library.func('CloseHandle', 'bool', ['void *'])(handle));
    return;
  }
  const list = () => readdirSync('/dev/shm');
  FileMapping.create(occupied, 1).close(); // what a killed process left behind is gone now
  const before = list();
  const mapping = FileMapping.create(occupied, 1);
  const [file] = list().filter((name) => !before.includes(name));
  mapping.close();
  const path = join('/dev/shm', file as string);
  mkdirSync(path);
  onTestFinished(() => rmdirSync(path));
}

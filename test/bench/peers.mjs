/** The alternatives: packages that are installed here alone, and what Node itself has. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const require = createRequire(import.meta.url);

/** Loads a package, or says why it does not load. */
export function load(name) {
  try {
    return { module: require(name) };
  } catch (error) {
    const missing = error.code === 'MODULE_NOT_FOUND' && error.message.includes(`'${name}'`);
    return { note: missing ? 'not installed' : `does not load here: ${error.message.split('\n')[0]}` };
  }
}

/** A folder for the peers' files, in memory where the system has such a file system. */
export function makeFolder() {
  const prefix = 'dllmemfilemap-bench-';
  try {
    return mkdtempSync(join('/dev/shm', prefix));
  } catch {
    return mkdtempSync(join(tmpdir(), prefix));
  }
}

/** Shared memory of that size from shm-typed-array: `{ buffer, close }`, or `{ note }`. */
export function shmTypedArray(size) {
  const { module, note } = load('shm-typed-array');
  if (note) return { note };
  const buffer = module.create(size);
  return { buffer, close: () => module.detach(buffer.key, true) };
}

/** A mapped file of that size from @riaskov/mmap-io, likewise. */
export function mmapIo(folder, size) {
  const { module, note } = load('@riaskov/mmap-io');
  if (note) return { note };
  const path = join(folder, 'mmap-io');
  writeFileSync(path, Buffer.alloc(size));
  const file = openSync(path, 'r+');
  try {
    const buffer = module.map(size, module.PROT_READ | module.PROT_WRITE, module.MAP_SHARED, file);
    return { buffer, close: () => rmSync(path) };
  } finally {
    closeSync(file);
  }
}

/** A null-terminated UTF-16 text in a peer's memory, written and read with what Node has for that. */
export function textIn(buffer) {
  const units = new Uint16Array(buffer.buffer, buffer.byteOffset, buffer.length / 2);
  return {
    set(text) {
      units[buffer.write(text, 'utf16le') / 2] = 0;
    },
    get: () => buffer.toString('utf16le', 0, units.indexOf(0) * 2),
  };
}

/** The same text in a file. */
export function textInFile(folder) {
  const path = join(folder, 'text');
  return {
    set: (text) => writeFileSync(path, text, 'utf16le'),
    get: () => readFileSync(path, 'utf16le'),
  };
}

/** The same text in an LMDB database: `{ set, get, close }`, or `{ note }`. */
export function lmdb(folder) {
  const { module, note } = load('lmdb');
  if (note) return { note };
  const database = module.open({ path: join(folder, 'lmdb'), encoding: 'string', noSync: true });
  return {
    set: (text) => database.putSync('text', text),
    get: () => database.get('text'),
    close: () => database.close(),
  };
}

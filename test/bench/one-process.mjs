/** Group 1: one process sets and gets a text. Run with a folder, it prints its comparisons. */
import { argv } from 'node:process';
import koffi from 'koffi';
import { FileMapping, getSharedMem, setSharedMem } from '../../dist/index.js';
import { dllPath, kernel32Path } from '../../dist/win32/native-library.js';
import { compare, progress } from './measure.mjs';
import { lmdb, mmapIo, shmTypedArray, textIn, textInFile } from './peers.mjs';

const SIZE = 4096;
const MESSAGE = 'This is a test string';

/** As a program has it: one piece, and one byte a character inside V8. */
const textOf = (length) => Buffer.from(MESSAGE.padEnd(length, MESSAGE)).toString('latin1');

/** @returns {Promise<import('./measure.mjs').Comparison[]>} */
async function setsAndGets(folder) {
  const name = `dllmemfilemap-bench-${process.pid}-text`;
  const mapping = FileMapping.create(name, SIZE);
  const view = mapping.mapView();
  const lstrlenW = koffi.load(kernel32Path()).func('int __stdcall lstrlenW(uintptr_t lpString)');
  const emptyCall = { name: 'an empty koffi call', kind: 'floor', run: () => lstrlenW(0) };
  const getText = koffi.load(dllPath()).func('void GetSharedMem(uintptr_t lpszBuf, uint32_t cchSize)');
  const gotten = Buffer.alloc(SIZE + 2);
  const place = Number(koffi.address(gotten));

  const opened = {
    'shm-typed-array': shmTypedArray(SIZE),
    '@riaskov/mmap-io': mmapIo(folder, SIZE),
    lmdb: lmdb(folder),
  };
  const peers = Object.entries({ ...opened, 'a file in memory': textInFile(folder) }).map(([name, peer]) => ({
    name,
    note: peer.note,
    ...(peer.buffer ? textIn(peer.buffer) : peer),
  }));

  const comparisons = [];
  for (const length of [MESSAGE.length, 2047]) {
    const text = textOf(length);
    const own = Buffer.alloc(SIZE);
    own.write(text, 'utf16le');

    progress(`set of ${length} characters`);
    comparisons.push({
      group: 'One process',
      title: `set of ${length} characters`,
      unit: 'ns',
      chart: true,
      rows: await compare([
        { name: "V8's encoding into a private Buffer", kind: 'floor', run: () => own.write(text, 'utf16le') },
        emptyCall,
        { name: 'setSharedMem', kind: 'ours', run: () => setSharedMem(text) },
        { name: 'view.writeString', kind: 'ours', run: () => view.writeString(text) },
        ...peers.map(({ name, set, note }) => ({ name, kind: 'peer', note, run: set && (() => set(text)) })),
      ]),
    });

    progress(`get of ${length} characters`);
    comparisons.push({
      group: 'One process',
      title: `get of ${length} characters`,
      unit: 'ns',
      chart: true,
      rows: await compare([
        { name: "V8's decoding out of a private Buffer", kind: 'floor', run: () => own.ucs2Slice(0, length * 2) },
        emptyCall,
        { name: 'GetSharedMem by koffi, not decoded', kind: 'floor', run: () => getText(place, SIZE / 2 + 1) },
        { name: 'getSharedMem', kind: 'ours', run: () => getSharedMem(), before: () => setSharedMem(text) },
        { name: 'view.readString', kind: 'ours', run: () => view.readString(), before: () => view.writeString(text) },
        ...peers.map(({ name, get, set, note }) => ({
          name,
          kind: 'peer',
          note,
          run: get && (() => get()),
          before: () => set(text),
        })),
      ]),
    });
  }
  for (const { close } of Object.values(opened)) await close?.();
  view.close();
  mapping.close();
  return comparisons;
}

console.log(JSON.stringify(await setsAndGets(argv[2])));

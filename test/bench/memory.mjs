/** Group 2: writing and reading memory through an array. */
import { FileMapping } from '../../dist/index.js';
import { compare, progress } from './measure.mjs';
import { mmapIo, shmTypedArray } from './peers.mjs';
import { figures } from './programs.mjs';

const MEBIBYTE = 1 << 20;
const ELEMENTS = 4096;

/** Each array gets functions of its own, of different text: V8 would let what it learns from one slow the next down. */
function functionsFor(name, array) {
  const own = new Uint8Array(MEBIBYTE);
  const make = (body) => new Function('array', 'own', `return () => { ${body} }; // ${name}`)(array, own);
  return {
    write: make(`for (let i = 0; i < ${ELEMENTS}; i++) array[i] = i;`),
    read: make(`let sum = 0; for (let i = 0; i < ${ELEMENTS}; i++) sum += array[i]; return sum;`),
    'write 1 MiB': make('array.set(own);'),
    'read 1 MiB': make('own.set(array);'),
  };
}

/** @returns {Promise<import('./measure.mjs').Comparison[]>} */
export async function memory(folder) {
  const mapping = FileMapping.create(`dllmemfilemap-bench-${process.pid}-memory`, MEBIBYTE);
  const view = mapping.mapView();
  const shm = shmTypedArray(MEBIBYTE);
  const mmap = mmapIo(folder, MEBIBYTE);
  const arrays = [
    { name: 'an ordinary Uint8Array', kind: 'floor', buffer: new Uint8Array(MEBIBYTE) },
    { name: 'view.bytes', kind: 'ours', buffer: view.bytes },
    { name: 'shm-typed-array', kind: 'peer', ...shm },
    { name: '@riaskov/mmap-io', kind: 'peer', ...mmap },
  ].map(({ buffer, ...row }) => ({ ...row, functions: buffer && functionsFor(row.name, buffer) }));

  progress('memcpy of 1 MiB');
  const memcpy = (await figures('bench', 'memcpy'))['1 MiB'];
  const comparisons = [];
  for (const [what, title] of [
    ['write', 'write of an element'],
    ['read', 'read of an element'],
    ['write 1 MiB', 'write of 1 MiB'],
    ['read 1 MiB', 'read of 1 MiB'],
  ]) {
    progress(title);
    const rows = await compare(arrays.map(({ functions, ...row }) => ({ ...row, run: functions?.[what] })));
    const whole = what.endsWith('MiB');
    if (whole) rows.splice(1, 0, { name: 'memcpy in C++', kind: 'floor', value: memcpy });
    else for (const row of rows) if (row.value !== undefined) row.value /= ELEMENTS;
    comparisons.push({ group: 'Memory through an array', title, unit: 'ns', rows });
  }
  shm.close?.();
  mmap.close?.();
  view.close();
  mapping.close();
  return comparisons;
}

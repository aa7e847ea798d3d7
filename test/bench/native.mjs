/** Groups 5 and 6: how it scales, and the DLL itself, both measured in C++. */
import { spawnSync } from 'node:child_process';
import { programPath } from '../../dist/win32/native-library.js';
import { lowestMedian, progress, quick, row } from './measure.mjs';
import { figures, figuresOfLinux, stay } from './programs.mjs';

const name = `dllmemfilemap-bench-${process.pid}`;
const NO_ROOM = 'not so many: see ulimit -n, and the room in /dev/shm';

/** @returns {Promise<import('./measure.mjs').Comparison[]>} */
export async function scale() {
  const attach = [];
  for (const count of quick ? [1, 10] : [1, 10, 100, 1000]) {
    progress(`attach and detach with ${count} alive`);
    const value = (await figures('bench', 'handles', name, String(count)))['attach and detach'];
    attach.push(row(`${count} alive`, count === 1 ? 'floor' : 'ours', value, NO_ROOM));
  }
  const calls = await figuresOfLinux('attach');
  attach.push(row('its 14 system calls, and nothing else', 'floor', calls['attach and detach'], 'Linux alone has it'));
  const open = [];
  const first = [];
  for (const count of quick ? [1, 10] : [1, 100, 10_000]) {
    progress(`one of ${count} objects`);
    const kind = count === 1 ? 'floor' : 'ours';
    const holder = await stay(programPath('bench'), ['objects', name, String(count), ...(quick ? ['quick'] : [])]);
    const value = holder.figures['open and close'];
    open.push(row(`one of ${count}`, kind, value, NO_ROOM));
    const times = [];
    for (let i = 0; value !== undefined && i < (quick ? 1 : 9); i++) {
      const start = performance.now();
      spawnSync(programPath('bench'));
      times.push(performance.now() - start);
    }
    first.push(row(`beside ${count}`, kind, value === undefined ? undefined : lowestMedian(times, 3), NO_ROOM));
    await holder.end();
  }
  return [
    { group: 'Scale', title: 'attach and detach, of one object', unit: 'ns', rows: attach },
    { group: 'Scale', title: 'open and close, of one of many objects', unit: 'ns', rows: open },
    { group: 'Scale', title: 'a whole C++ program that attaches', unit: 'ms', rows: first },
  ];
}

/** @returns {Promise<import('./measure.mjs').Comparison[]>} */
export async function cpp() {
  progress('C++');
  const measured = await figures('bench', 'copy');
  return [
    ['21', '42'],
    ['2047', '4096'],
  ].map(([length, bytes]) => ({
    group: 'C++',
    title: `${length} characters`,
    unit: 'ns',
    rows: [
      row(`memcpy of ${bytes} bytes`, 'floor', measured[`memcpy ${bytes}`]),
      row('SetSharedMem', 'ours', measured[`set ${length}`]),
      row('GetSharedMem', 'ours', measured[`get ${length}`]),
    ],
  }));
}

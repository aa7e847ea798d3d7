/** Group 4: what a process that attaches costs. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { getSharedMem } from '../../dist/index.js';
import { programPath } from '../../dist/win32/native-library.js';
import { lowestMedian, median, progress, quick } from './measure.mjs';
import { stay } from './programs.mjs';

const index = new URL('../../dist/index.js', import.meta.url).href;
const koffi = import.meta.resolve('koffi');
const importing = `const { getSharedMem } = await import(${JSON.stringify(index)});`;
const staying = 'console.log("{}"); process.stdin.resume();';
const node = (code) => [process.execPath, ['--input-type=module', '-e', code]];

/** What a process has for itself alone, in KiB, or `undefined` where the system does not say. */
function privateMemory(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
    return [...text.matchAll(/^Private_(?:Clean|Dirty): +(\d+)/gm)].reduce((sum, [, size]) => sum + Number(size), 0);
  } catch {
    return undefined;
  }
}

/** @returns {Promise<import('./measure.mjs').Comparison[]>} */
export async function starting() {
  getSharedMem(); // so that the processes join an object that is there
  const commands = [
    { name: 'an empty Node process', kind: 'floor', command: node('') },
    { name: 'Node that loads koffi alone', kind: 'floor', command: node(`await import(${JSON.stringify(koffi)})`) },
    { name: 'Node that loads the package', kind: 'ours', command: node(importing) },
    { name: 'Node that loads the package and attaches', kind: 'ours', command: node(`${importing} getSharedMem();`) },
    { name: 'a C++ program that attaches', kind: 'ours', command: [programPath('bench'), []] },
  ];
  const times = commands.map(() => []);
  for (let round = 0; round < (quick ? 1 : 25); round++) {
    progress(`starting, round ${round + 1}`);
    commands.forEach(({ command: [file, args] }, i) => {
      const start = performance.now();
      spawnSync(file, args, { stdio: 'ignore' });
      times[i].push(performance.now() - start);
    });
  }

  progress('memory of an attached process');
  const stayers = [
    { name: 'an empty Node process', kind: 'floor', command: node(staying) },
    {
      name: 'Node that loads the package and attaches',
      kind: 'ours',
      command: node(`${importing} getSharedMem(); ${staying}`),
    },
    { name: 'a C++ program that attaches', kind: 'ours', command: [programPath('bench'), ['hold']] },
  ];
  const memory = [];
  for (const { name, kind, command } of stayers) {
    const sizes = [];
    for (let i = 0; i < (quick ? 1 : 5); i++) {
      const process = await stay(...command);
      sizes.push(privateMemory(process.pid));
      await process.end();
    }
    const value = median(sizes);
    memory.push(value === undefined ? { name, kind, note: 'only Linux tells' } : { name, kind, value });
  }
  return [
    {
      group: 'Starting',
      title: 'from start to end of a process',
      unit: 'ms',
      rows: commands.map(({ name, kind }, i) => ({ name, kind, value: lowestMedian(times[i]) })),
    },
    { group: 'Starting', title: 'memory of a process for itself alone', unit: 'KiB', rows: memory },
  ];
}

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';

const FOLDER = '/dev/shm';

/** The names of all files behind named objects, where Linux keeps them. */
export function files() {
  return existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => name.startsWith('dllmemfilemap.')) : [];
}

/** How many locks there are on files in their folder, whoever holds them. */
export function locks() {
  if (!existsSync('/proc/locks')) return 0;
  const { dev } = statSync(FOLDER);
  const hex = (id) => id.toString(16).padStart(2, '0');
  // As Linux' 32-bit st_dev has them.
  const device = ` ${hex((dev >> 8) & 0xfff)}:${hex((dev & 0xff) | ((dev >> 12) & 0xfff00))}:`;
  return readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .filter((line) => line.includes(device)).length;
}

/** What a process has: descriptors, views of named objects, and resident memory in KiB. `undefined` but on Linux. */
export function holdings(pid) {
  const folder = `/proc/${pid}`;
  if (!existsSync(`${folder}/maps`)) return undefined;
  return {
    descriptors: readdirSync(`${folder}/fd`).length,
    views: readFileSync(`${folder}/maps`, 'utf8').split(`${FOLDER}/dllmemfilemap.`).length - 1,
    resident: Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`${folder}/status`, 'utf8'))[1]),
  };
}

/**
 * Maps, touches and closes views in loops that end no turn of the event loop, and says what the process has after a
 * tenth of the rounds and after all of them:
 *
 *     npm run stress:closing                   a million rounds of each kind
 *     npm run stress:closing -- --rounds N     of another number
 *
 * Ends with 1 if resident memory, memory in /dev/shm or mappings have grown.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { FileMapping } from '../../dist/index.js';

const MEBIBYTE = 2 ** 20;

/** What each may grow by: V8's heap breathes, and up to 1024 closed views wait to be unmapped. */
const TOLERANCE = { resident: 16 * MEBIBYTE, shared: 0, mappings: 1100 };

const options = { rounds: { type: 'string', default: '1000000' }, kind: { type: 'string' } };
const { rounds, kind } = parseArgs({ options }).values;

const one = FileMapping.create(null, 65_536);

/** What a round is, and in how many of the rounds that are asked for it is one. */
const kinds = {
  'bytes of one page': [1, () => touch(one.mapView({ length: 4096 }))],
  'bytes of 1 to 16 pages': [1, (round) => touch(one.mapView({ length: 4096 * (1 + (round % 16)) }))],
  'a snapshot': [1, snapshot],
  'bytes of one page, and await null': [1, () => touch(one.mapView({ length: 4096 })), null],
  'a mapping of 8 MiB': [100, create],
};

function touch(view) {
  view.bytes[0] = 1;
  view.close();
}

function snapshot() {
  const view = one.mapView();
  view.snapshot(0, 4);
  view.close();
}

function create() {
  const mapping = FileMapping.create(null, 8 * MEBIBYTE);
  touch(mapping.mapView());
  mapping.close();
}

/** On Windows nothing tells the mappings, nor what is shared. */
function holdings() {
  const onLinux = process.platform === 'linux';
  const shared = onLinux ? /RssShmem:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))[1] * 1024 : 0;
  const mappings = onLinux ? readFileSync('/proc/self/maps', 'latin1').split('\n').length - 1 : 0;
  return { resident: process.memoryUsage.rss(), shared, mappings };
}

function mebibytes(bytes) {
  return `${(bytes / MEBIBYTE).toFixed(1)} MiB`;
}

async function run(name) {
  const [share, round, ...pause] = kinds[name];
  const count = Math.ceil(rounds / share);
  let warm;
  for (let i = 0; i < count; i++) {
    if (i === Math.floor(count / 10)) warm = holdings();
    round(i);
    if (pause.length > 0) await pause[0];
  }
  const now = holdings();
  console.log(
    `${name}: ${count} rounds, resident ${mebibytes(warm.resident)} -> ${mebibytes(now.resident)}, shared ` +
      `${mebibytes(warm.shared)} -> ${mebibytes(now.shared)}, mappings ${warm.mappings} -> ${now.mappings}`,
  );
  for (const [what, most] of Object.entries(TOLERANCE)) {
    if (now[what] <= warm[what] + most) continue;
    console.error(`${what} has grown by more than ${most}`);
    process.exitCode = 1;
  }
}

if (kind !== undefined) {
  await run(kind);
} else {
  // Each in a process of its own, so that none is judged by what another has left.
  for (const name of Object.keys(kinds)) {
    const { status } = spawnSync(process.execPath, [process.argv[1], '--rounds', rounds, '--kind', name], {
      stdio: 'inherit',
    });
    if (status !== 0) process.exitCode = 1;
  }
}

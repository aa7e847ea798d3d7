/**
 * Puts processes in C++ and in Node under as much disorder as fits into a time: they create, open, map, write, read and
 * close named mappings, load and free the DLL, and are killed at any moment. After that, others write, read and watch the
 * shared text, and are killed and stopped.
 *
 *     npm run stress                     for a minute
 *     npm run stress -- --seconds N      for another time
 *     npm run stress -- --text N         with so many seconds for the shared text, instead of a quarter of the time more
 *     npm run stress -- --seed N         the same schedule again; when exactly the system runs whom is not repeated
 *     npm run stress -- --build FOLDER   with the C++ programs and libraries from there, whose memory is not judged
 *
 * Ends with a table of what was done, and 0; or at the first promise that was not kept, with 1, what was seen, and the
 * seed.
 */
import { randomInt } from 'node:crypto';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { FileMapping } from '../../dist/index.js';
import { files, locks } from './leftovers.mjs';
import { Mappings } from './mappings.mjs';
import { runNative } from './native.mjs';
import { Broken, Crew, hexFromText } from './process.mjs';
import { Progress, table } from './report.mjs';
import { Segment } from './segment.mjs';
import { Steady } from './steady.mjs';

function usage(message) {
  console.error(message);
  process.exit(2);
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: Object.fromEntries(['seconds', 'text', 'seed', 'build'].map((name) => [name, { type: 'string' }])),
    });
    const { seconds = '60', seed = String(randomInt(1_000_000)), build } = values;
    if (!(Number(seconds) > 0)) usage(`--seconds takes a number above 0, not ${seconds}`);
    const { text = String(Number(seconds) / 4) } = values;
    if (!(Number(text) > 0)) usage(`--text takes a number above 0, not ${text}`);
    return { seconds: Number(seconds), textSeconds: Number(text), seed, build: build && resolve(build) };
  } catch (error) {
    return usage(error.message);
  }
}

/** Whether a process has the DLL's section open, whose text this would overwrite. */
function isInUse() {
  try {
    FileMapping.open('dllmemfilemap').close();
    return true;
  } catch (error) {
    if (error.code === 'ERROR_FILE_NOT_FOUND') return false;
    throw error;
  }
}

const { seconds, textSeconds, seed, build } = readOptions();
if (isInUse())
  usage('A process has the section dllmemfilemap open, and this would overwrite its text: end that process.');

const crew = new Crew(seed, build);
const progress = new Progress(crew);

/** Has one more process use both namespaces, with a name of its own, which sweeps what the dead have left. */
async function sweep(ownName) {
  const worker = crew.start('C++', 0);
  for (const prefix of ['Local\\', 'Global\\']) {
    await worker.ask(`race ${hexFromText(`${prefix}stress ${process.pid} ${ownName} `)} 1 1`);
    await worker.ask('drop');
  }
  await worker.end();
}

/** Lets a group work until the time is over, with steady workers of these languages. */
async function run(group, languages) {
  group.steady = languages.map((language) => group.start(language));
  const steady = group.steady.map((worker) => new Steady(worker, !(build && worker.language === 'C++')));
  for (let episode = 0; progress.seconds < seconds; episode++) {
    try {
      await group.episode(episode);
      for (const each of steady) await each.look(progress.seconds > Math.min(seconds / 4, 30));
    } catch (error) {
      if (error instanceof Broken) error.message = `${group}, episode ${episode}: ${error.message}`;
      throw error;
    }
    crew.counts.episodes++;
  }
  return steady.map((each) => [`steady ${each.worker.language}, ${group}`, each.toString()]);
}

/** Windows has no signals, which the programs that are in C++ alone use. */
async function native(what, time) {
  return process.platform === 'win32' ? 'not on this system' : runNative(crew, what, time, seed);
}

async function runAll() {
  await sweep('before all');
  const before = { files: files(), locks: locks() };
  const [turns, ...steady] = await Promise.all([
    native('waiting', seconds),
    run(new Mappings(crew, seed, 'Local\\'), ['C++', 'Node']),
    run(new Mappings(crew, seed, 'Global\\'), ['C++']),
    run(new Segment(crew, seed), ['C++', 'Node']),
  ]);
  await crew.killAll();
  progress.end();
  const text = await native('text', textSeconds);
  await sweep('after all');
  const left = {
    files: files().filter((name) => !before.files.includes(name)),
    locks: locks() - before.locks,
    processes: crew.living,
  };
  if (left.files.length > 0 || left.locks > 0 || left.processes > 0) {
    throw new Broken(`Left at the end: ${JSON.stringify(left)}`);
  }
  progress.end();
  console.log(
    table([
      ['seed', seed],
      ...progress.rows(),
      ...steady.flat(),
      ['turns and sleepers', turns],
      ['the shared text', text],
    ]),
  );
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => crew.stop().then(() => process.exit(130)));
}
// Somebody waits for everything. This is what else fails after the first thing that did.
process.on('unhandledRejection', () => {});
try {
  await runAll();
} catch (error) {
  progress.end();
  const after = `after ${progress.seconds.toFixed(1)} s`;
  console.error(error instanceof Broken ? `Broken ${after}: ${error.message}` : error);
  console.error(`The same schedule again: npm run stress -- --seed ${seed} --seconds ${seconds}`);
  await crew.stop();
  process.exitCode = 1;
}
process.exit();

/**
 * Measures this package beside its alternatives and beside what nothing can beat:
 *
 *     npm run bench                     installs the alternatives, if they are not, and prints the tables
 *     npm run bench -- --json FILE      writes the figures, too
 *     npm run bench -- --readme         writes the tables and the chart into the README, too
 *     npm run bench -- --quick          everything once, without installing, to see that it runs
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FileMapping } from '../../dist/index.js';
import { progressEnds } from './measure.mjs';
import { memory } from './memory.mjs';
import { cpp, scale } from './native.mjs';
import { oneProcess } from './one-process.mjs';
import { makeFolder } from './peers.mjs';
import { chart, machine, report } from './report.mjs';
import { starting } from './starting.mjs';
import { twoProcesses } from './two-processes.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const readme = fileURLToPath(new URL('../../README.md', import.meta.url));
const { values: options } = parseArgs({
  options: { json: { type: 'string' }, readme: { type: 'boolean' }, quick: { type: 'boolean' } },
});

function fail(message) {
  console.error(message);
  process.exit(1);
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

function installPeers() {
  if (existsSync(`${here}node_modules/.package-lock.json`)) return;
  console.error(
    'Installing what to compare with into test/bench/node_modules: some of it is compiled, give it a minute.',
  );
  const { status, stdout, stderr } = spawnSync('npm install --no-package-lock --no-audit --no-fund', {
    cwd: here,
    encoding: 'utf8',
    shell: true,
  });
  if (status !== 0) console.error(`${stdout}${stderr}\nThat failed, so their rows will be missing.`);
}

/** Puts a text between two marks of the README. */
function writeReadme(text) {
  const [begin, end] = ['<!-- npm run bench -- --readme -->\n', '\n<!-- end -->'];
  const old = readFileSync(readme, 'utf8');
  const from = old.indexOf(begin) + begin.length;
  const to = old.indexOf(end, from);
  if (from < begin.length || to < 0) fail('README.md has no marks for the tables');
  writeFileSync(readme, `${old.slice(0, from)}${text}${old.slice(to)}`);
}

if (isInUse())
  fail('A process has the section dllmemfilemap open, and this would overwrite its text: end that process.');
if (!options.quick) installPeers();

const folder = makeFolder();
const comparisons = [];
try {
  for (const group of [oneProcess, memory, twoProcesses, scale, cpp, starting])
    comparisons.push(...(await group(folder)));
} finally {
  progressEnds();
  rmSync(folder, { recursive: true, force: true });
}
const on = machine();
console.log(report(comparisons, on));
if (options.json) writeFileSync(options.json, `${JSON.stringify({ ...on, comparisons }, null, 2)}\n`);
if (options.readme) {
  writeReadme(report(comparisons, on));
  writeFileSync(`${here}chart.svg`, chart(comparisons, on));
}
process.exit();
